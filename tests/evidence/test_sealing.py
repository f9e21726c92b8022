"""From the beginning of a run to its seal, and from seals to the batch's digest."""

import json
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, sealing
from o365lib.evidence.archive import Archive, new_run_id
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, KEYS, PENDING, SEALS
from o365lib.evidence.record import Operator, Outcome
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.seal import seal_of
from o365lib.evidence.sealing import Elsewhere, finish_left_behind
from o365lib.evidence.statement import Statement
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from o365lib.secret import Secret
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs
from tests.evidence.small_records import NOW
from tests.standing_clock import StandingClock


def finish(folder):
    """What a next command does."""
    signer = KeyStore(folder / "keys").signer()
    return [*finish_left_behind(Archive(folder / "evidence"), signer)]


def digests(folder):
    return chain.numbers(folder / "evidence" / DIGESTS)


def subjects(path):
    found = Statement.from_bytes(Envelope.from_json(path.read_bytes()).payload)
    return {subject.name for subject in found.subjects}


def test_a_batch_ends_in_one_digest_over_all_its_seals(tmp_path):
    batch = open_batch(tmp_path)
    for client, run_id in (("alpine-books", "a1"), ("alpine-books", "a2"), ("bayside-legal", "b1")):
        batch.seal(make_run(batch, client, run_id)[0])
    link = batch.close()
    assert link.number == 1
    assert subjects(link.path) == {
        f"alpine-books/{SEALS}/00000001.json",
        f"alpine-books/{SEALS}/00000002.json",
        f"bayside-legal/{SEALS}/00000001.json",
    }
    key = batch.signer.key
    assert verified_by(Envelope.from_json(link.path.read_bytes()), {key.key_id: key}) == key
    assert [*(tmp_path / "evidence" / PENDING).iterdir()] == []
    assert finish(tmp_path) == []


def test_the_public_key_is_published_with_the_archive(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "one"))
    key = KeyStore(tmp_path / "keys").public_key()
    published = tmp_path / "evidence" / KEYS / f"{key.key_id}.pem"
    assert published.read_bytes() == key.pem


def test_a_key_that_takes_another_ones_place_is_endorsed_and_the_digest_covers_that(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "one"))
    store = KeyStore(tmp_path / "keys")
    new = store.new(name="Kim", endorser=store.signer())
    seal_runs(tmp_path, ("alpine-books", "two"))
    last = chain.last(tmp_path / "evidence" / DIGESTS)
    assert f"{KEYS}/{new.key.key_id}.json" in subjects(last.path)


def test_an_endorsement_is_noted_before_it_is_published(tmp_path, monkeypatch):
    seal_runs(tmp_path, ("alpine-books", "one"))
    store = KeyStore(tmp_path / "keys")
    new = store.new(name="Kim", endorser=store.signer())

    def die(*_):
        raise KeyboardInterrupt

    publish = KeyStore.publish
    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "publish", lambda *given: (publish(*given), die()))
        with pytest.raises(KeyboardInterrupt):
            open_batch(tmp_path)
    finish(tmp_path)
    last = chain.last(tmp_path / "evidence" / DIGESTS)
    assert subjects(last.path) == {f"{KEYS}/{new.key.key_id}.json"}


def test_a_batch_without_runs_leaves_nothing(tmp_path):
    batch = open_batch(tmp_path)
    assert batch.close() is None
    assert digests(tmp_path) == []
    assert [*(tmp_path / "evidence" / PENDING).iterdir()] == []


def test_a_signed_file_is_covered_by_the_digest(tmp_path):
    batch = open_batch(tmp_path)
    batch.add_file("_approvals/a1.json")
    (tmp_path / "evidence" / "_approvals").mkdir()
    (tmp_path / "evidence" / "_approvals" / "a1.json").write_text("{}")
    assert subjects(batch.close().path) == {"_approvals/a1.json"}


def test_a_run_whose_folder_could_not_be_made_is_nobodys_to_seal(tmp_path):
    """As where an archived notebook, which names its run, is executed again."""
    seal_runs(tmp_path, ("alpine-books", "one"))
    batch = open_batch(tmp_path)
    with pytest.raises(EvidenceError, match="is in the archive already"):
        batch.begin_run("alpine-books", "one", "create")
    batch._pending.let_go()
    assert finish(tmp_path) == []
    assert chain.numbers(tmp_path / "evidence" / "alpine-books" / SEALS) == [1]
    assert digests(tmp_path) == [1]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_run_that_is_taken_out_with_its_seal_before_the_digest_is_named_all_the_same(
    tmp_path, is_killed
):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    taken = batch.seal(run).seal
    batch.seal(make_run(batch, "bayside-legal", "two")[0])
    shutil.rmtree(run.path.parent)
    if is_killed:
        batch._pending.let_go()
        [finished] = finish(tmp_path)
        problems, link = finished.problem, finished.digest
    else:
        link = batch.close()
        [problems] = batch.problems
    assert "was removed or edited after it was signed" in problems
    assert taken.name in subjects(link.path)


def test_an_edited_seal_is_named_as_it_was_signed(tmp_path):
    batch = open_batch(tmp_path)
    seal = batch.seal(make_run(batch, "alpine-books", "one")[0]).seal
    seal.link.path.write_text("edited")
    link = batch.close()
    found = Statement.from_bytes(Envelope.from_json(link.path.read_bytes()).payload)
    assert [subject.sha256 for subject in found.subjects] == [seal.link.sha256]
    assert len(batch.problems) == 1


def test_a_run_that_was_begun_and_is_not_there_is_told(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one", outcome=Outcome.UNFINISHED)
    batch._pending.let_go()
    shutil.rmtree(run.path)
    [finished] = finish(tmp_path)
    assert "The run one of alpine-books" in finished.problem
    assert finish(tmp_path) == []


def test_a_seal_that_a_later_command_made_says_for_whom(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    own = batch.seal(make_run(batch, "alpine-books", "two")[0])
    batch._pending.let_go()
    [finished] = finish(tmp_path)
    assert "finished" not in own.seal.predicate
    assert finished.sealed[0].run == run
    assert finished.sealed[0].seal.predicate["finished"] == {
        "user_name": Operator.here().user_name,
        "host_name": Operator.here().host_name,
    }


@pytest.mark.parametrize(
    "name", ["../outside.json", "/etc/passwd", "alpine-books/one/record.json", "_digests/x.json"]
)
def test_a_note_of_a_file_that_is_none_of_ours_is_passed_by(tmp_path, name):
    seal_runs(tmp_path, ("alpine-books", "one"))
    (tmp_path / "outside.json").write_text("{}")
    folder = tmp_path / "evidence" / PENDING / "20261123T104500123Z-batch-7f3a9c"
    folder.mkdir()
    note = {"begun": "2026-11-23T10:45:00Z", "file": name}
    (folder / "x.json").write_text(json.dumps(note))
    assert finish(tmp_path) == []
    assert digests(tmp_path) == [1]


def test_what_a_process_left_unsealed_is_sealed_once_and_told(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    batch._pending.let_go()  # as the end of its process does
    [finished] = finish(tmp_path)
    assert [each.run.run_id for each in finished.sealed] == ["one"]
    assert finished.digest.number == 1
    assert seal_of(run).predicate["outcome"] == "done"
    assert finish(tmp_path) == []
    assert chain.numbers(run.path.parent / SEALS) == [1]
    assert digests(tmp_path) == [1]


def test_what_was_sealed_and_is_in_no_digest_gets_only_that(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    batch.seal(run)
    batch._pending.let_go()
    [finished] = finish(tmp_path)
    assert finished.sealed == ()
    assert subjects(finished.digest.path) == {f"alpine-books/{SEALS}/00000001.json"}


def test_what_is_in_a_digest_already_is_not_covered_again(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    batch.seal(run)
    pending = batch._pending
    forget, type(pending).forget = type(pending).forget, lambda *_: None
    try:
        batch.close()  # killed before the last note was removed
    finally:
        type(pending).forget = forget
    assert finish(tmp_path) == []
    assert digests(tmp_path) == [1]
    assert [*(tmp_path / "evidence" / PENDING).iterdir()] == []


@pytest.mark.parametrize("wrote_a_record", [True, False])
def test_a_record_that_nobody_closed_is_closed_before_it_is_sealed(tmp_path, wrote_a_record):
    batch = open_batch(tmp_path)
    if wrote_a_record:
        run, _ = make_run(batch, "alpine-books", "one", outcome=Outcome.UNFINISHED)
    else:
        run = batch.begin_run("alpine-books", "one", "create_service_account")
    batch._pending.let_go()
    [finished] = finish(tmp_path)
    record = run.read_record()
    assert record.outcome is Outcome.FAILED
    assert record.closed_by == "driver"
    assert record.runbook == "create_service_account"
    assert finished.sealed[0].seal.predicate["outcome"] == "failed"


def test_a_run_whose_kernel_is_still_ending_is_left_to_the_next_command(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one", outcome=Outcome.UNFINISHED)
    batch._pending.let_go()
    kernel = RunLock(run)
    assert kernel.take()
    assert finish(tmp_path) == []
    assert run.read_record().outcome is Outcome.UNFINISHED
    kernel.remove()
    [finished] = finish(tmp_path)
    assert [each.run.run_id for each in finished.sealed] == ["one"]


def test_one_run_that_cannot_be_finished_keeps_no_other_from_its_seal(tmp_path, monkeypatch):
    batch = open_batch(tmp_path)
    make_run(batch, "alpine-books", "one")
    make_run(batch, "bayside-legal", "two")
    batch._pending.let_go()
    search = sealing.gate.search

    def fail(run, **options):
        if run.client == "alpine-books":
            raise EvidenceError("It cannot be read.")
        return search(run, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sealing.gate, "search", fail)
        [finished] = finish(tmp_path)
    assert [each.run.client for each in finished.sealed] == ["bayside-legal"]
    assert "one of alpine-books: It cannot be read." in finished.problem
    [finished] = finish(tmp_path)
    assert [each.run.client for each in finished.sealed] == ["alpine-books"]
    assert digests(tmp_path) == [1, 2]


def test_a_record_that_cannot_be_read_is_sealed_as_it_is(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    run.record_file.write_text("{")
    sealed = batch.seal(run)
    batch.close()
    assert sealed.record is None
    assert sealed.seal.predicate["outcome"] == "unreadable"
    assert run.record_file.read_text() == "{"


def test_the_seal_says_whether_the_runs_own_secrets_were_looked_for(tmp_path):
    batch = open_batch(tmp_path)
    said = []
    for number, elsewhere in enumerate((None, Elsewhere({}), Elsewhere(None))):
        run, _ = make_run(batch, "alpine-books", f"run-{number}")
        said.append(batch.seal(run, elsewhere=elsewhere).seal.predicate["search"])
    batch.close()
    assert [each["known_secrets"] for each in said] == ["searched", "searched", "not searched"]
    assert [each["findings"] for each in said] == [0, 0, 0]


def test_a_run_in_whose_files_a_secret_stands_is_sealed_without_it(tmp_path):
    value = Secret("correct horse battery staple 4711").reveal()
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")
    run.write_notebook(f'{{"cells": ["{value}"]}}')
    sealed = batch.seal(run)
    batch.close()
    assert sealed.record.outcome is Outcome.FAILED
    assert sealed.seal.predicate["outcome"] == "failed"
    assert sealed.seal.predicate["search"]["findings"] == 1
    for file in (tmp_path / "evidence").rglob("*"):
        if file.is_file():
            assert value not in file.read_text("utf-8", "replace"), file


def test_a_disk_that_is_full_leaves_the_run_for_the_next_command(tmp_path, monkeypatch):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, "alpine-books", "one")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "create_atomically", full)
        with pytest.raises(EvidenceError, match="No space left") as caught:
            batch.seal(run)
    assert "o365 evidence seal" in caught.value.remedy
    assert batch.close() is None
    [finished] = finish(tmp_path)
    assert [each.run.run_id for each in finished.sealed] == ["one"]


def test_a_key_that_cannot_be_used_is_told_before_anything_begins(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "one"))
    KeyStore(tmp_path / "keys").file.write_text("spoilt")
    with pytest.raises(EvidenceError):
        open_batch(tmp_path)
    assert [*(tmp_path / "evidence" / PENDING).iterdir()] == []


_SEALS = """
import os, sys
from pathlib import Path
from tests.evidence.sealed_archive import make_run, open_batch

batch = open_batch(Path(sys.argv[1]))
for number in range(10):
    run, _ = make_run(batch, "alpine-books", f"{sys.argv[2]}-{number}")
    batch.seal(run)
assert batch.close()
"""


def test_two_processes_that_seal_runs_of_one_client_make_one_chain(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "first"))
    processes = [
        subprocess.Popen([sys.executable, "-c", _SEALS, tmp_path, name]) for name in ("a", "b")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    folder = tmp_path / "evidence" / "alpine-books" / SEALS
    assert chain.numbers(folder) == [*range(1, 22)]
    previous, sealed = None, set()
    for number in chain.numbers(folder):
        link = chain.link(folder, number)
        said = Statement.from_bytes(Envelope.from_json(link.path.read_bytes()).payload).predicate
        assert said["previous"] == (previous and previous.as_previous())
        previous = link
        sealed.add(said["run_id"])
    assert len(sealed) == 21
    assert digests(tmp_path) == [1, 2, 3]


_DIES = """
import os, signal, sys
from pathlib import Path
from o365lib.evidence import gate, secret_patterns  # all that is imported late, once
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs
from tests.evidence.small_records import NOW
from tests.standing_clock import StandingClock

root = Path(sys.argv[1])
os.fsync = lambda descriptor: None  # nobody cuts the power
TOUCHES = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}

def work(folder):
    batch = open_batch(folder)
    for client, run_id in (("alpine-books", "one"), ("bayside-legal", "two")):
        run, _ = make_run(batch, client, run_id)
        batch.seal(run)
    batch.close()

def die_at(moment, folder):
    left = moment

    def count(event, arguments):
        nonlocal left
        if event in TOUCHES and str(folder) in str(arguments[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    work(folder)
    os._exit(0)

(root / "warm").mkdir()
work(root / "warm")
moment, status = 0, 1
while status:
    folder = root / f"{moment:04}"
    folder.mkdir()
    if not (child := os.fork()):
        die_at(moment, folder)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    moment += 1
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a POSIX signal")
def test_a_kill_at_any_moment_loses_nothing_and_seals_nothing_twice(tmp_path):
    """Each moment at which a file or folder is touched, from the first to the end."""
    subprocess.run([sys.executable, "-c", _DIES, tmp_path], check=True)
    folders = sorted(path for path in tmp_path.iterdir() if path.name != "warm")
    assert len(folders) > 50
    for folder in folders:
        finish(folder)
        assert finish(folder) == []
        runs = Archive(folder / "evidence").runs()
        for run in runs:
            assert seal_of(run) is not None
            assert chain.numbers(run.path.parent / SEALS) == [1]
            assert run.read_record().outcome in {Outcome.DONE, Outcome.FAILED}
        names = [subjects(chain.path_of(folder / "evidence" / DIGESTS, n)) for n in digests(folder)]
        assert sorted(name for each in names for name in each) == sorted(
            f"{run.client}/{SEALS}/00000001.json" for run in runs
        )
    assert len(runs) == 2


def test_a_clock_that_runs_backwards_breaks_no_chain(tmp_path):
    """Each batch an hour before the last, its runs' ids too."""
    for hours in range(4):
        with clock.use(StandingClock(NOW - timedelta(hours=hours))):
            batch = open_batch(tmp_path)
            batch.seal(make_run(batch, "alpine-books", new_run_id("create"))[0])
            left = open_batch(tmp_path)
            make_run(left, "alpine-books", new_run_id("create"))
            batch.close()
            left._pending.let_go()
            finish(tmp_path)
    report = verify(FolderStore(tmp_path / "evidence"))
    assert [*report.problems] == []
    assert report.counts["runs"] == 8
    assert finish(tmp_path) == []
