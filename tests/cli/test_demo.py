import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from o365lib.cli.demo import PROMISED
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Outcome

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def real_runbooks(project):
    shutil.rmtree(project / "notebooks")
    shutil.copytree(ROOT / "notebooks", project / "notebooks")


@pytest.mark.usefixtures("real_runbooks")
def test_the_demonstration_does_the_main_job_and_leaves_its_evidence(o365, project):
    result = o365("demo", "--json")
    told = json.loads(result.stdout)
    assert told["otherwise"] == []
    assert told["as_promised"] is True
    assert result.exit_code == 0
    assert [each["client"] for each in told["clients"]] == sorted(PROMISED)
    runs = {each["client"]: each for each in told["clients"]}
    assert runs["bayside-legal"]["remove"]["guard"] == "federated-with-vendor"
    assert runs["dunes-surveying"]["remove"] is None
    archive = Archive(project / "evidence")
    assert len(archive.runs()) == 10
    for run in archive.runs():
        record = run.read_record()
        assert record.closed_by == "runbook"
        assert record.ticket == "DEMO-1"
        assert run.notebook_file.is_file()
        if record.outcome == Outcome.DONE:
            assert record.approval.approved_by == "Demo Approver"
            assert all(check.passed for check in record.verification)
    assert not (project / ".sandbox").exists()


def test_what_comes_out_otherwise_than_promised_fails_the_demonstration(o365, project):
    """With runbooks that do nothing and call it done."""
    result = o365("demo")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Not as the demonstration promises: bayside-legal, dunes-surveying, gumtree-vets."
    )
    table = {
        line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.split()
    }
    assert table["alpine-books"][:2] == ["done", "done"]
    assert table["cedar-dental"][:2] == ["done", "-"]
    assert str(project / "evidence") in result.stdout


def test_only_clients_of_the_sandbox_are_touched(o365, project):
    clients = project / "parameters" / "clients"
    for name in PROMISED:
        file = clients / f"{name}.yaml"
        if name == "alpine-books":
            file.write_text(
                file.read_text("utf-8").replace("cloud: sandbox", "cloud: global"), "utf-8"
            )
        elif name != "cedar-dental":
            file.unlink()
    result = o365("demo", "--json")
    assert [each["client"] for each in json.loads(result.stdout)["clients"]] == ["cedar-dental"]
    assert [run.client for run in Archive(project / "evidence").runs()] == ["cedar-dental"]
    assert result.exit_code == 1


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_an_interruption_ends_the_whole_demonstration(project):
    process = subprocess.Popen(
        [sys.executable, "-m", "o365lib", "demo", "--json", "--jobs", "1"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stderr:
            if "alpine-books: started" in line:
                process.send_signal(signal.SIGINT)
                break
        output, _ = process.communicate()
    assert process.returncode == 1
    runs = [each[word] for each in json.loads(output)["clients"] for word in ("create", "remove")]
    outcomes = [run["outcome"] for run in runs if run]
    assert outcomes.count("done") == 1
    assert outcomes.count("not started") == 9
    assert len(Archive(project / "evidence").runs()) == 1
    assert not (project / ".sandbox").exists()


def test_without_a_client_in_the_sandbox_there_is_nothing_to_show(error_line, project):
    for file in (project / "parameters" / "clients").glob("*.yaml"):
        file.write_text(file.read_text("utf-8").replace("cloud: sandbox", "cloud: global"), "utf-8")
    status, line = error_line("demo")
    assert (status, "is in the sandbox" in line) == (2, True)
