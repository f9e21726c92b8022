import json

import pytest

from o365lib.cli.batch_output import MOST_ROWS
from tests.tiny_runbooks import CLOSE, OPEN

EDITS = """
from pathlib import Path
for name in ("alpine-books", "bayside-legal"):
    file = Path(os.environ["O365_PROJECT"], "parameters", "clients", f"{name}.yaml")
    file.write_text(file.read_text() + "# edited meanwhile\\n")
"""
RUN = ("run", "create", "alpine-books", "bayside-legal", "--approved-by", "Kim")


def test_what_was_edited_meanwhile_and_what_is_left_is_told(o365, put):
    put("create_service_account", OPEN, EDITS, CLOSE, "1/0")
    result = o365(*RUN, "--jobs", "1")
    assert "Edited while the batch was under way" in result.stdout
    assert "clients/alpine-books.yaml, clients/bayside-legal.yaml." in result.stdout
    assert "The batch's summary:" in result.stdout


def test_machines_are_told_the_batch(o365, put):
    put("create_service_account", OPEN, "1/0")
    told = json.loads(o365(*RUN, "--json", "--progress", "none").stdout)["batch"]
    assert told["counts"] == {"failed": 2}
    assert told["left"] == 2
    assert told["clients"] == 2
    assert told["file"].endswith(f"_batches/{told['batch_id']}/batch.json")
    assert told["summary"]["outcome"] == "done"


def test_where_there_is_nobody_to_run_for_no_batch_is_made(o365, project):
    for file in (project / "parameters" / "clients").glob("*.yaml"):
        text = file.read_text("utf-8")
        file.write_text(text.replace("onboarding: completed", "onboarding: in-progress"), "utf-8")
    result = o365("run", "remove", "--all", "--approved-by", "Kim", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["batch"] is None
    assert "alpine-books" in told["left_out"]
    assert not (project / "evidence").exists()


@pytest.mark.parametrize("clients", [MOST_ROWS + 1])
def test_of_a_large_batch_only_those_are_listed_that_need_a_person(capsys, clients):
    from o365lib.cli.batch_output import _show_table
    from o365lib.cli.options import Options
    from o365lib.runs.summary import RunResult

    results = [
        RunResult(client=f"client-{n}", runbook="r", run_id=f"run-{n}", outcome="done")
        for n in range(clients)
    ]
    failed = RunResult(client="wrong", runbook="r", run_id="x", outcome="failed", reason="so")
    _show_table(Options(), [*results, failed])
    shown = capsys.readouterr().out
    assert "wrong" in shown
    assert "client-1" not in shown
