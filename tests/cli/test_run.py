import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from o365lib.cli.run import DEFAULT_TIMEOUT_SECONDS, run
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Outcome
from o365lib.evidence.run_lock import RunLock
from tests.demo_project import ROOT
from tests.tiny_runbooks import CHANGE, CLOSE, OPEN, PARAMETERS, notebook

REFUSE = """\
record.outcome, record.reason, record.closed_by = Outcome.REFUSED, "The vendor's [red]domain[/]", ""
record.closed_by = "runbook"
record.error = ErrorRecord(
    type="Refused", message="no", remedy="End it [b]first[/b].", guard="federated-with-vendor")
if client == "bayside-legal":
    folder.write_record(record)
    raise SystemExit("refused")
"""


def test_clients_run_in_the_order_given_and_the_table_says_what_came_of_each(o365, put):
    put("create_service_account", OPEN, REFUSE, CLOSE)
    result = o365("run", "create", "cedar-dental", "bayside-legal", "--approved-by", "Kim")
    assert result.exit_code == 3
    table = result.stdout.partition("What to do:")[0]
    lines = [line.split() for line in table.splitlines() if "-create-" in line]
    assert [line[0] for line in lines] == ["cedar-dental", "bayside-legal"]
    assert "The vendor's [red]domain[/]" in result.stdout
    assert "2 clients: 1 done, 1 refused. Records are in" in result.stdout
    whole = "".join(result.stdout.partition("What to do:")[1:])
    assert whole.splitlines()[1:3] == ["  End it [b]first[/b].", "    for bayside-legal"]
    [run_id] = [line[-1] for line in lines if line[0] == "bayside-legal"]
    assert f"evidence show {run_id}\n" in whole
    progress = result.stderr.splitlines()
    assert any(line.endswith("Z cedar-dental: started") for line in progress)
    assert any("bayside-legal: refused: The vendor's [red]domain[/]" in line for line in progress)


def test_for_machines_standard_output_is_one_json_document(o365, put, project):
    put("create_service_account", OPEN, "1/0")
    result = o365(
        "run", "create", "alpine-books", "--approved-by", " Kim ", "--ticket", "T-1", "--json"
    )
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["counts"] == {"failed": 1}
    assert told["exit_status"] == 1
    [run] = told["runs"]
    assert run["reason"] == "division by zero (step step-2)"
    assert run["remedy"].startswith("Run the runbook again")
    assert told["evidence"] == str(project / "evidence")
    record = Archive(project / "evidence").find(run["run_id"]).read_record()
    assert record.error.type == "ZeroDivisionError"


def test_the_notebook_gets_what_the_command_was_told(o365, put, project):
    look = "record.parameters = dict(a=approved_by, p=approved_plan, t=ticket, d=dry_run)\n"
    put("create_service_account", OPEN, look + CLOSE)
    result = o365(
        "run",
        "create",
        "alpine-books",
        "--approved-by",
        "Kim",
        "--approved-plan",
        "3b34",
        "--ticket",
        "T-1",
        "--json",
    )
    [run] = json.loads(result.stdout)["runs"]
    record = Archive(project / "evidence").find(run["run_id"]).read_record()
    assert record.parameters == {"a": "Kim", "p": "3b34", "t": "T-1", "d": False}


def test_what_is_to_be_done_about_an_unused_password_is_told_to_the_create_notebook(
    o365, project, error_line
):
    file = project / "notebooks" / "create_service_account.ipynb"
    tell = "record.parameters = dict(u=if_unused)\n"
    content = notebook(OPEN, tell + CLOSE, parameters=PARAMETERS + 'if_unused = ""\n')
    file.write_text(json.dumps(content), "utf-8")
    for words, told in (((), ""), (("--unused-password", "replace"), "replace")):
        result = o365("run", "create", "alpine-books", "--approved-by", "Kim", "--json", *words)
        [run] = json.loads(result.stdout)["runs"]
        record = Archive(project / "evidence").find(run["run_id"]).read_record()
        assert record.parameters == {"u": told}
    words = ("run", "remove", "alpine-books", "--approved-by", "Kim", "--unused-password")
    status, line = error_line(*words, "disable")
    assert (status, "is for the create runbook" in line) == (2, True)
    assert error_line(*words, "delete")[0] == 2


def test_without_an_approval_nothing_is_started(error_line, project):
    status, line = error_line("run", "create", "--all")
    assert status == 2
    assert line.startswith("o365: Nobody has approved the changes.")
    assert "--approved-by" in line
    assert "--dry-run" in line
    assert not (project / "evidence").exists()
    assert error_line("run", "create", "--all", "--approved-by", "  ")[0] == 2


@pytest.mark.parametrize("clients", [[], ["alpine-books", "--all"]])
def test_one_says_which_clients_or_all_but_not_both(error_line, clients):
    status, line = error_line("run", "create", *clients, "--dry-run")
    assert (status, "For which clients?" in line) == (2, True)


def test_a_runbook_or_client_that_is_not_there_is_wrong_usage(error_line, project):
    status, line = error_line("run", "audit", "--all", "--dry-run")
    assert (status, "There is no runbook named 'audit'" in line) == (2, True)
    assert error_line("run", "create", "alpine-book", "--dry-run")[0] == 2
    assert not (project / "evidence").exists()


def test_the_notebook_that_sums_up_batches_is_run_for_nobody(o365, put, project):
    put("summarize_batch", OPEN, CLOSE)
    refused = o365("run", "summarize", "alpine-books", "--approved-by", "Kim")
    assert refused.exit_code == 2
    assert "run for no client" in refused.stderr
    refused = o365("run", "create", "o365-batches", "--approved-by", "Kim")
    assert refused.exit_code == 2
    assert "cannot be a client's name" in " ".join(refused.stderr.split())
    assert not (project / "evidence").exists()


def test_parameters_elsewhere_do_with_the_runbooks_of_the_package(error_line, project):
    moved = project / "elsewhere" / "p"
    moved.parent.mkdir()
    (project / "parameters").rename(moved)
    status, line = error_line("--parameters", str(moved), "run", "dance", "--all", "--dry-run")
    assert status == 2
    assert f"Those in {ROOT / 'notebooks'}: create_service_account, remove_" in line


def test_a_wrong_file_of_one_client_stops_all_before_any_is_touched(error_line, project):
    (project / "parameters" / "clients" / "gumtree-vets.yaml").write_text("client: 1\n", "utf-8")
    assert error_line("run", "create", "--all", "--dry-run")[0] == 2
    assert not (project / "evidence").exists()


def test_removing_from_all_takes_only_clients_whose_onboarding_is_over(o365):
    result = o365("run", "remove", "--all", "--approved-by", "Kim", "--json")
    told = json.loads(result.stdout)
    assert [run["client"] for run in told["runs"]] == [
        "alpine-books",
        "bayside-legal",
        "gumtree-vets",
    ]
    assert told["left_out"] == [
        "cedar-dental",
        "dunes-surveying",
        "eastgate-physio",
        "fernhill-motors",
    ]
    assert result.exit_code == 0


def test_a_client_named_twice_runs_once_and_a_named_one_is_not_left_out(o365):
    result = o365("run", "remove", "cedar-dental", "cedar-dental", "--approved-by", "Kim")
    assert "1 client: 1 done." in result.stdout
    assert "Left out" not in result.stdout


def test_where_nobodys_onboarding_is_over_removing_from_all_does_nothing(o365, project):
    for file in (project / "parameters" / "clients").glob("*.yaml"):
        text = file.read_text("utf-8")
        file.write_text(text.replace("onboarding: completed", "onboarding: in-progress"), "utf-8")
    result = o365("run", "remove", "--all", "--approved-by", "Kim")
    assert result.exit_code == 0
    assert "0 clients." in result.stdout
    assert "Left out, since their onboarding is not over: alpine-books, " in result.stdout


STOPS = """
import sys, time
mark = Path(os.environ["O365_EVIDENCE"]).parent / f"{client}.stopped"
if client == "bayside-legal" and not mark.exists():
    mark.touch()
    raise RuntimeError("only the first time")
"""


def test_what_a_batch_left_is_done_by_resuming_it_with_what_it_started_with(o365, put, project):
    put("create_service_account", OPEN, STOPS, CLOSE)
    clients = ("alpine-books", "bayside-legal")
    first = o365("run", "create", *clients, "--approved-by", "Kim")
    assert first.exit_code == 1
    [batch_id] = re.findall(r"o365 run --resume (\S+)`", first.stdout)
    put("create_service_account", "1/0")

    second = o365("run", "--resume", "last", "--json")
    assert second.exit_code == 0, second.stderr
    told = json.loads(second.stdout)
    assert told["batch"]["batch_id"] == batch_id
    assert told["batch"]["counts"] == {"done": 2}
    assert told["batch"]["left"] == 0
    assert [run["client"] for run in told["runs"]] == ["bayside-legal"]
    assert told["batch"]["summary"]["outcome"] == "done"

    third = o365("run", "--resume", batch_id[-6:])
    assert third.exit_code == 0
    assert "0 clients." in third.stdout
    assert "Finished by earlier drives of this batch: 2." in third.stdout
    assert len(Archive(project / "evidence").runs("alpine-books")) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("create",), "runbook"),
        (("create", "alpine-books"), "clients"),
        (("--dry-run",), "--dry-run"),
        (("--approved-by", "Kim"), "--approved-by"),
        (("--all",), "--all"),
        (("--timeout", "60"), "--timeout"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_batch_that_is_resumed_has_its_own_parameters(error_line, arguments, named):
    status, line = error_line("run", *arguments, "--resume", "last")
    assert status == 2
    assert "A batch that is resumed has its own" in line
    assert named in line


def test_a_batch_that_is_not_there_cannot_be_resumed(error_line):
    assert "has anything left to do" in error_line("run", "--resume", "last")[1]
    assert "There is no batch 'nonsense'" in error_line("run", "--resume", "nonsense")[1]


def test_a_line_that_is_stopped_is_told_with_what_the_failures_have_in_common(o365, put):
    put("create_service_account", OPEN, "1/0")
    clients = ("alpine-books", "bayside-legal", "cedar-dental")
    result = o365(
        "run", "create", *clients, "--approved-by", "Kim", "--stop-after", "2", "--jobs", "1"
    )
    assert result.exit_code == 1
    assert "3 clients: 2 failed, 1 not started." in result.stdout
    assert "division by zero" in result.stderr


WAIT = """\
import time
from IPython import get_ipython
get_ipython().display_pub.publish(
    data={"text/plain": ""}, metadata={}, transient={"o365": {"step": "waiting"}})
while not Path(os.environ["GO_FILE"]).exists():
    time.sleep(0.05)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
class TestCtrlC:
    """On a real process; lines of its standard error say when to press."""

    @pytest.fixture
    def start(self, project, put, tmp_path):
        put("create_service_account", OPEN, CHANGE, WAIT, CLOSE)
        go = tmp_path / "go"
        started = []

        def begin():
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "o365lib",
                    "run",
                    "create",
                    "alpine-books",
                    "bayside-legal",
                    "--approved-by",
                    "Kim",
                    "--jobs",
                    "1",
                    "--json",
                ],
                cwd=project,
                env={**os.environ, "GO_FILE": str(go)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(process)
            self.until(process, "alpine-books: waiting")
            return process, go

        yield begin
        for process in started:
            process.kill()
            process.communicate()

    @staticmethod
    def until(process, text):
        for line in process.stderr:
            if text in line:
                return
        raise AssertionError(f"ended without {text!r}")

    def test_once_lets_the_run_under_way_finish_and_starts_no_other(self, start, project):
        process, go = start()
        process.send_signal(signal.SIGINT)
        self.until(process, "Ctrl-C again interrupts them")
        go.touch()
        output, _ = process.communicate()
        assert process.returncode == 1
        told = json.loads(output)
        assert [run["outcome"] for run in told["runs"]] == ["done", "not started"]
        assert [run.client for run in Archive(project / "evidence").runs()] == ["alpine-books"]

    @pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
    def test_twice_or_a_termination_interrupts_it_and_closes_its_record(
        self, start, project, first
    ):
        process, _ = start()
        process.send_signal(first)
        if first == signal.SIGINT:
            self.until(process, "Ctrl-C again interrupts them")
            process.send_signal(signal.SIGINT)
        self.until(process, "Interrupting the runs under way")
        output, _ = process.communicate()
        assert process.returncode == 1
        told = json.loads(output)
        assert [run["outcome"] for run in told["runs"]] == ["unverified", "not started"]
        record = Archive(project / "evidence").find(told["runs"][0]["run_id"]).read_record()
        assert record.closed_by == "driver"
        assert record.reason.startswith("The run was stopped: it was interrupted.")
        assert [change.status for change in record.changes] == ["unknown"]

    def test_a_command_that_is_killed_leaves_no_kernel_and_a_readable_record(self, start, project):
        process, _ = start()
        process.kill()
        [run] = Archive(project / "evidence").runs()
        # Whichever process forked it: the kernel holds the run's lock until it has ended.
        end = time.monotonic() + 60
        while not (is_gone := RunLock(run).take()) and time.monotonic() < end:
            time.sleep(0.1)
        assert is_gone
        record = run.read_record()
        assert record.outcome == Outcome.UNFINISHED
        assert [change.status for change in record.changes] == ["started"]
        assert json.loads(run.notebook_file.read_text("utf-8"))["cells"]


def test_a_batch_that_is_resumed_waits_for_a_clusters_workers_as_long_as_a_new_one():
    scheduler = ["--scheduler", "tcp://127.0.0.1:8786"]
    new = run.make_context("run", ["create", "--all", *scheduler])
    resumed = run.make_context("run", ["--resume", "last", *scheduler])
    assert resumed.params["timeout"] == new.params["timeout"] == DEFAULT_TIMEOUT_SECONDS
