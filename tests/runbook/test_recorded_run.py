import json
import shutil
import stat
import sys

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.record import Change, Outcome
from o365lib.secret import Secret


def test_opening_writes_the_first_record_and_contacts_nobody(open_run, demo_project):
    run = open_run("create", "alpine-books", ticket="T-9").run
    (kept,) = demo_project.records("alpine-books")
    assert kept == run.record
    assert (kept.outcome, kept.closed_by, kept.requests) == (Outcome.UNFINISHED, "", [])
    assert (kept.client, kept.runbook) == ("alpine-books", "create_service_account")
    assert (kept.ticket, kept.dry_run, kept.cloud) == ("T-9", False, "sandbox")
    assert len(kept.runbook_digest) == len(kept.parameters_digest) == 64
    assert kept.parameters == {
        "client": "alpine-books",
        "dry_run": False,
        "ticket": "T-9",
        "run_id": "",
    }
    assert kept.operator.user_name
    assert demo_project.sandbox.journal == []


def test_a_run_says_what_it_is(open_run):
    run = open_run("create", "dunes-surveying").run
    assert (
        repr(run)
        == f"create_service_account for dunes-surveying, dry run (run {run.folder.run_id})"
    )


@pytest.mark.parametrize(("given", "is_dry"), [(True, True), (False, False)])
def test_a_dry_run_is_asked_for_by_parameter(open_run, given, is_dry):
    run = open_run("create", "alpine-books", dry_run=given).run
    assert run.is_dry_run is is_dry
    assert run.record.dry_run is is_dry


def test_a_client_that_has_agreed_to_a_look_only_gets_no_more(open_run):
    run = open_run("create", "dunes-surveying", dry_run=False).run
    assert run.record.dry_run


def test_two_runs_never_share_a_folder(open_run, demo_project):
    runs = [open_run("create", "alpine-books").run for _ in range(3)]
    assert len({run.folder.path for run in runs}) == 3
    with pytest.raises(EvidenceError):
        open_run("create", "alpine-books", run_id=runs[0].folder.run_id)


def test_under_the_driver_the_folder_is_the_one_that_the_driver_made(
    open_run, demo_project, monkeypatch
):
    folder = demo_project.archive.new_run("alpine-books", "r1")
    monkeypatch.setenv("O365_DRIVER", "1")
    run = open_run("create", "alpine-books", run_id="r1").run
    assert run.folder == folder
    assert not folder.notebook_file.exists()


def test_a_sandbox_that_does_not_run_is_told_before_a_folder_is_made(open_run, demo_project):
    (demo_project.folder / ".sandbox" / "sandbox.json").unlink()
    with pytest.raises(UsageError, match="sandbox is not running"):
        open_run("create", "alpine-books")
    assert demo_project.archive.runs() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_record_and_notebook_are_the_owners_alone(open_run):
    opened = open_run("create", "alpine-books", dry_run=True)
    opened.to("close")
    for file in (opened.run.folder.record_file, opened.run.folder.notebook_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_known_secrets_are_masked_in_the_record(open_run):
    Secret("canary-2211-dd")
    run = open_run("create", "alpine-books", ticket="canary-2211-dd").run
    run.finish(Outcome.FAILED, "canary-2211-dd")
    assert "canary" not in run.folder.record_file.read_text("utf-8")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(None, Outcome.FAILED), ("failed", Outcome.FAILED), ("started", Outcome.UNVERIFIED)],
)
def test_a_kernel_that_ends_before_the_run_is_closed_says_so(open_run, status, outcome):
    run = open_run("create", "alpine-books").run
    if status:
        run.record.changes = [
            Change(action="create-user", target="x", started=run.record.started, status=status)
        ]
    run._abandon()
    kept = run.folder.read_record()
    assert kept.outcome == outcome
    assert "kernel was stopped" in kept.reason


def test_a_closed_run_is_left_as_it_is_when_the_kernel_ends(open_run):
    run = open_run("create", "alpine-books").run
    run.finish(Outcome.DONE, "as planned")
    run._abandon()
    assert run.folder.read_record().reason == "as planned"


def test_a_kernel_that_ends_after_its_archive_has_gone_ends_in_silence(open_run):
    run = open_run("create", "alpine-books").run
    shutil.rmtree(run.folder.path)
    run._abandon()
    assert not run.folder.path.exists()


def test_under_the_driver_closing_what_the_kernel_left_open_is_the_drivers(
    open_run, demo_project, monkeypatch
):
    demo_project.archive.new_run("alpine-books", "r1")
    monkeypatch.setenv("O365_DRIVER", "1")
    run = open_run("create", "alpine-books", run_id="r1").run
    run._abandon()
    assert run.folder.read_record().outcome == Outcome.UNFINISHED


def test_the_record_is_of_the_published_schema(open_run):
    jsonschema = pytest.importorskip("jsonschema")
    from o365lib.evidence.record import schema

    opened = open_run("create", "alpine-books")
    opened.to("close")
    content = json.loads(opened.run.folder.record_file.read_text("utf-8"))
    jsonschema.validate(content, schema())
