import contextlib
import json
import shutil
import stat
import subprocess
import sys
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import (
    EvidenceError,
    HandOverFailed,
    Refused,
    SecretFound,
    StepTooLate,
    UsageError,
)
from o365lib.evidence import chain
from o365lib.evidence.client_lock import ClientLock
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, SEALS
from o365lib.evidence.record import Change, HandOverRecord, Outcome, Step
from o365lib.evidence.seal import read_seal, seal_of
from o365lib.evidence.sealing import finish_left_behind
from o365lib.runbook import standing
from o365lib.sandbox import Fault
from o365lib.secret import Secret
from tests.evidence import planted
from tests.jupyter_desk import CellFailed, Desk


def test_opening_writes_the_first_record_and_contacts_nobody(open_run, demo_project):
    run = open_run("create", "alpine-books", ticket="T-9").run
    (kept,) = demo_project.records("alpine-books")
    assert kept == run.record
    assert (kept.outcome, kept.closed_by, kept.requests) == (Outcome.UNFINISHED, "", [])
    assert (kept.client, kept.runbook) == ("alpine-books", "create_service_account")
    assert (kept.ticket, kept.dry_run, kept.cloud) == ("T-9", False, "sandbox")
    assert kept.purpose == "mail-redirection"
    assert len(kept.runbook_digest) == len(kept.parameters_digest) == 64
    assert kept.parameters == {
        "client": "alpine-books",
        "dry_run": False,
        "ticket": "T-9",
        "run_id": "",
        "if_unused": "",
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


def test_under_the_driver_a_run_that_is_asked_to_wait_has_told_it_before_it_waits(demo_project):
    demo_project.archive.new_run("alpine-books", "r1")
    folder, driver = demo_project.folder / "notebooks", {"O365_DRIVER": "1"}
    with Desk(folder, is_interactive=False, **driver) as desk:
        desk.run("from o365lib import runbook")
        desk.run("run = runbook.open('create_service_account', 'alpine-books', run_id='r1')")
        desk.run("run.sign_in()")
        demo_project.sandbox.faults.add(Fault(effect="429", retry_after="2", times=1))
        before = len(desk.transients)
        begun = desk.start("run.look()")
        desk.pump_until(lambda: any("throttled" in each for each in desk.transients[before + 1 :]))
        asked = [seen.status for seen in demo_project.sandbox.journal if seen.host == "graph"]
        assert asked[-1] == 429
        desk.finish(begun)
        desk.run("run.plan()")
    step, waits, after = desk.transients[before:]
    signing_in = step["requests"]
    assert step == {"step": "look", "requests": signing_in, "throttled": 0}
    assert waits["throttled"] == 1
    assert signing_in > 0
    assert after["requests"] > waits["requests"] > signing_in


def test_under_the_driver_a_run_that_ends_tells_what_it_requested_in_all(demo_project):
    demo_project.archive.new_run("alpine-books", "r1")
    demo_project.sandbox.faults.add(Fault(effect="403", times=None))
    folder, driver = demo_project.folder / "notebooks", {"O365_DRIVER": "1"}
    with Desk(folder, is_interactive=False, **driver) as desk:
        desk.run("from o365lib import runbook")
        desk.run("run = runbook.open('create_service_account', 'alpine-books', run_id='r1')")
        desk.run("run.sign_in()")
        with pytest.raises(CellFailed):
            desk.run("run.look()")
    (record,) = demo_project.records("alpine-books")
    assert desk.transients[-1] == {"requests": len(record.requests), "throttled": 0}


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


def test_a_kernel_that_ends_in_mid_step_leaves_nothing_under_way(open_run):
    run = open_run("create", "alpine-books").run
    then = run.record.started
    run.record.steps = [Step(name="hand-over", started=then)]
    run.record.changes = [Change(action="hand-over", target="x", started=then)]
    run.record.hand_over = HandOverRecord(
        method="mail", recipient="a@example.com", user_id="x", date_time=then
    )
    run._abandon()
    kept = run.folder.read_record()
    assert kept.steps[0].status == "failed"
    assert (kept.changes[0].status, kept.hand_over.status) == ("unknown", "unknown")
    assert (kept.closed_by, bool(kept.ended)) == ("runbook", True)


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


@pytest.mark.parametrize("client", ["alpine-books", "gumtree-vets"])
def test_a_run_with_changes_is_closed_when_its_kernel_opens_another(open_run, demo_project, client):
    left = open_run("create", "alpine-books")
    left.to("create_user")
    new = open_run("create", client)
    kept = left.run.folder.read_record()
    assert (kept.outcome, kept.closed_by) == (Outcome.UNVERIFIED, "runbook")
    assert kept.approval.approved_by == "Kim"
    assert not is_locked(demo_project)
    before = left.run.folder.record_file.read_bytes()
    for name in ("look", "hand_over", "close"):
        with pytest.raises(StepTooLate, match=r"closed.*left for another one"):
            getattr(left.run, name)()
    left.run._abandon()
    assert left.run.folder.record_file.read_bytes() == before
    assert new.run.folder.read_record().outcome == Outcome.UNFINISHED


def test_a_run_that_failed_after_a_change_keeps_its_verdict_when_another_is_opened(
    open_run, demo_project
):
    demo_project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/users/*/sendMail", effect="403")
    )
    left = open_run("create", "alpine-books")
    with pytest.raises(HandOverFailed):
        left.to("close")
    before = left.run.folder.record_file.read_bytes()
    open_run("create", "alpine-books")
    with pytest.raises(StepTooLate):
        left.run.hand_over()
    assert left.run.folder.record_file.read_bytes() == before
    assert left.run.folder.read_record().outcome == Outcome.FAILED


def test_a_run_that_has_changed_nothing_stays_open_beside_another(open_run):
    first = open_run("create", "gumtree-vets")
    first.to("plan")
    open_run("create", "gumtree-vets")
    first.to("close", after="plan")
    assert first.run.folder.read_record().outcome == Outcome.NOTHING_TO_DO


def test_an_end_that_could_not_be_written_is_written_when_the_kernel_ends(open_run):
    run = open_run("create", "alpine-books").run
    away = run.folder.path.with_name("away")
    run.folder.path.rename(away)
    with pytest.raises(EvidenceError):
        run.finish(Outcome.NOTHING_TO_DO, "as wanted")
    away.rename(run.folder.path)
    assert run.folder.read_record().outcome == Outcome.UNFINISHED
    run._abandon()
    assert run.folder.read_record().outcome == Outcome.NOTHING_TO_DO


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


# ---- one run at a time -------------------------------------------------------------------------


@pytest.fixture
def another(demo_project):
    """Another process in which a run of the client is under way."""
    hold = """
import sys
from pathlib import Path
from o365lib.evidence.archive import Archive
from o365lib.evidence.client_lock import ClientLock
lock = ClientLock(Archive(Path(sys.argv[1])).new_run("alpine-books", "theirs"))
print(lock.take(), flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(demo_project.archive.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def is_locked(demo_project, client="alpine-books"):
    probe = ClientLock(demo_project.archive.run(client, "probe"))
    taken = probe.take()
    probe.release()
    return not taken


def test_a_run_changes_nothing_while_another_process_changes_the_tenant(
    open_run, demo_project, another
):
    opened = open_run("create", "alpine-books")
    with pytest.raises(
        Refused, match=r"changing the tenant: theirs, by .+ on .+ since 2"
    ) as caught:
        opened.to("create_user")
    assert (caught.value.code, caught.value.state) == ("run-under-way", "Nothing was changed.")
    assert opened.run.folder.read_record().outcome == Outcome.REFUSED
    assert demo_project.writes() == []
    another.kill()
    another.wait()
    opened.to("close", after="confirm")
    assert opened.run.folder.read_record().outcome == Outcome.DONE


def test_who_looks_only_is_locked_out_by_nobody(open_run, another):
    opened = open_run("create", "alpine-books", dry_run=True)
    opened.to("close")
    assert opened.run.folder.read_record().outcome == Outcome.PLANNED


def test_a_run_holds_the_lock_from_its_first_change_to_its_close(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    seen = {}
    for before, name in (("", "confirm"), ("confirm", "create_user"), ("create_user", "verify")):
        opened.to(name, after=before)
        seen[name] = is_locked(demo_project)
    opened.to("close", after="verify")
    assert seen == {"confirm": False, "create_user": True, "verify": True}
    assert not is_locked(demo_project)


def test_a_run_that_was_refused_or_has_failed_lets_go_of_the_lock(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    opened.run.finish(Outcome.FAILED, "the mail was refused")
    assert not is_locked(demo_project)


def test_a_record_that_cannot_be_written_keeps_nobody_locked_out(open_run, demo_project):
    run = open_run("create", "alpine-books").run
    run.lock(read=clock.now())
    shutil.rmtree(run.folder.path)
    with pytest.raises(EvidenceError):
        run.finish(Outcome.DONE, "as planned")
    assert not is_locked(demo_project)


def test_a_kernel_that_ends_lets_go_of_the_lock(open_run, demo_project, monkeypatch):
    for driven in (False, True):
        if driven:
            monkeypatch.setenv("O365_DRIVER", "1")
        run = open_run("create", "alpine-books").run
        run.lock(read=clock.now())
        assert is_locked(demo_project)
        run._abandon()
        assert not is_locked(demo_project)


def test_a_run_that_was_left_for_another_in_the_same_kernel_is_closed(open_run, demo_project):
    left = open_run("create", "alpine-books")
    opened = open_run("create", "alpine-books")
    # The other one was opened before the change: only the lock shows that this one was left.
    left.to("create_user")
    # Graph tells the time of a change of password in whole seconds.
    demo_project.sandbox.clock.advance(seconds=2)
    opened.to("confirm")
    opened.run.lock(read=clock.now())
    kept = left.run.folder.read_record()
    assert (kept.outcome, kept.closed_by) == (Outcome.UNVERIFIED, "runbook")
    assert "left for another one" in kept.reason
    opened.to("close", after="confirm")
    assert opened.run.folder.read_record().outcome == Outcome.DONE
    assert not is_locked(demo_project)


def test_a_tenant_that_another_run_has_changed_since_it_was_read_is_read_again(
    open_run, demo_project
):
    late = open_run("create", "alpine-books")
    late.to("confirm")
    early = open_run("create", "alpine-books")
    early.to("close")
    before = demo_project.writes()
    with pytest.raises(
        Refused, match=f"{early.run.folder.run_id} has changed the tenant"
    ) as caught:
        late.to("create_user", after="confirm")
    assert caught.value.code == "plan-changed"
    assert "'look' and 'plan'" in caught.value.remedy
    assert demo_project.writes() == before
    assert not is_locked(demo_project)
    late.to("close", after="sign_in")
    assert late.run.folder.read_record().outcome == Outcome.NOTHING_TO_DO


def test_a_run_that_has_begun_is_sent_to_a_new_one_where_another_has_changed_the_tenant(
    open_run, demo_project
):
    other = open_run("create", "alpine-books").run
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    opened.run.finish(Outcome.FAILED, "the mail was refused")
    other.record.changes = [
        Change(action="assign-role", target="x", started=clock.now(), status="accepted")
    ]
    other.save()
    with pytest.raises(Refused, match="has changed the tenant") as caught:
        opened.run.hand_over()
    assert (caught.value.state, caught.value.remedy) == (standing.SO_FAR, standing.NEW_RUN)
    assert opened.run.folder.read_record().approval.approved_by == "Kim"


@pytest.mark.parametrize(
    ("status", "seconds", "is_refused"),
    [("unknown", 1, True), ("started", 1, True), ("failed", 1, False), ("accepted", -1, False)],
)
def test_only_what_may_have_changed_the_tenant_since_counts(
    open_run, demo_project, status, seconds, is_refused
):
    other = open_run("create", "alpine-books").run
    run = open_run("create", "alpine-books").run
    read = clock.now()
    other.record.changes = [
        Change(
            action="assign-role",
            target="x",
            started=read + timedelta(seconds=seconds),
            status=status,
        )
    ]
    other.save()
    with pytest.raises(Refused) if is_refused else contextlib.nullcontext():
        run.lock(read=read)


def test_a_run_that_has_begun_to_change_the_tenant_says_so_when_it_is_locked_out(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    opened.run.finish(Outcome.FAILED, "the mail was refused")
    probe = ClientLock(demo_project.archive.run("alpine-books", "theirs"))
    assert probe.take()
    with pytest.raises(Refused) as caught:
        opened.to("hand_over", after="create_user")
    probe.release()
    assert caught.value.state == "What this run has changed so far stands in its record."
    assert opened.run.folder.read_record().outcome == Outcome.FAILED
    opened.to("close", after="create_user")


def seals(demo_project, client):
    """What the client's seals say of outcomes, oldest first."""
    folder = demo_project.archive.root / client / SEALS
    return [
        read_seal(chain.path_of(folder, number)).predicate["outcome"]
        for number in chain.numbers(folder)
    ]


def test_a_run_without_a_driver_is_sealed_after_its_last_cell(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("verify")
    assert seals(demo_project, "alpine-books") == []
    opened.to("close", after="verify")
    assert seals(demo_project, "alpine-books") == ["done"]
    assert chain.numbers(demo_project.archive.root / DIGESTS) == [1]
    sealed = seal_of(opened.run.folder)
    assert sealed.predicate["search"]["known_secrets"] == "searched"
    opened.run._abandon()
    assert seals(demo_project, "alpine-books") == ["done"]


def test_whoever_closes_a_run_with_a_secret_in_its_files_is_told(open_run, demo_project):
    token = planted.json_web_token()
    opened = open_run("create", "alpine-books", dry_run=True, ticket=token)
    with pytest.raises(SecretFound, match="come to: planned"):
        opened.to("close")
    with pytest.raises(StepTooLate, match="must never be written"):
        opened.run.plan()
    assert seals(demo_project, "alpine-books") == ["failed"]
    (kept,) = demo_project.records("alpine-books")
    assert kept == opened.run.record
    assert [each.name for each in kept.quarantined] == ["record.json", "runbook.ipynb"]
    assert token not in kept.to_json()


def test_a_refused_run_can_be_gone_on_with_and_is_sealed_when_it_is_left(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    with pytest.raises(Refused, match="Nobody has approved"):
        opened.to("confirm", approved_by="")
    assert seals(demo_project, "alpine-books") == []
    opened.to("confirm", after="plan")
    with pytest.raises(Refused, match="Nobody has approved"):
        opened.to("confirm", after="plan", approved_by="")
    opened.run._abandon()
    assert seals(demo_project, "alpine-books") == ["refused"]


def test_a_run_that_nobody_closed_is_sealed_when_its_kernel_ends(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    opened.run._abandon()
    assert seals(demo_project, "alpine-books") == ["failed"]
    assert [*finish_left_behind(demo_project.archive, opened_signer(demo_project))] == []


def opened_signer(demo_project):
    return KeyStore(demo_project.places.keys).signer()


def test_while_its_kernel_lives_a_run_is_nobody_elses_to_finish(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    assert [*finish_left_behind(demo_project.archive, opened_signer(demo_project))] == []
    assert opened.run.record.outcome is Outcome.UNFINISHED
