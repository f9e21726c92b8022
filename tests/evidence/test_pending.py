"""Batches that are open: noted before anything is made, found after any crash."""

import errno
import os
import stat
import subprocess
import sys
import time

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.layout import PENDING
from o365lib.evidence.pending import (
    PendingBatch,
    left_behind,
    open_runs,
    run_note,
    under_way,
)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


def test_a_run_is_noted_with_who_runs_it(archive):
    batch = PendingBatch.begin(archive.root)
    batch.add_run(archive.run("alpine-books", "one"), "create_service_account")
    [note] = batch.notes().values()
    assert (note.client, note.run_id, note.runbook) == (
        "alpine-books",
        "one",
        "create_service_account",
    )
    assert note.host_name
    batch.let_go()


def test_while_its_process_lives_a_batch_is_nobody_elses(archive):
    batch = PendingBatch.begin(archive.root)
    batch.add_run(archive.run("alpine-books", "one"), "create")
    assert [*left_behind(archive.root)] == []
    assert open_runs(archive.root) == {("alpine-books", "one"): True}
    batch.let_go()
    assert open_runs(archive.root) == {("alpine-books", "one"): False}
    [found] = left_behind(archive.root)
    assert found.batch_id == batch.batch_id
    # Of two who look at once, one has it.
    assert [*left_behind(archive.root)] == []
    found.let_go()


def test_what_a_living_process_has_begun_is_under_way_until_it_lets_go(archive):
    batch = PendingBatch.begin(archive.root)
    batch.add_run(archive.run("alpine-books", "run-1"), "create_service_account")
    batch.add_file("_approvals/a-1.json")
    assert under_way(archive.root) == {"alpine-books/run-1", "_approvals/a-1.json"}
    batch.let_go()
    assert under_way(archive.root) == frozenset()


def test_a_batch_in_which_nothing_is_left_is_removed(archive):
    batch = PendingBatch.begin(archive.root)
    run = archive.run("alpine-books", "one")
    batch.add_run(run, "create")
    file = batch.add_file("_approvals/a.json")
    batch.forget([run_note(run), file])
    assert batch.notes() == {}
    batch.let_go()
    assert [*(archive.root / PENDING).iterdir()] == []


def test_runs_of_one_id_of_two_clients_are_two_notes(archive):
    batch = PendingBatch.begin(archive.root)
    for client in ("alpine-books", "bayside-legal"):
        batch.add_run(archive.run(client, "one"), "create")
    assert {note.client for note in batch.notes().values()} == {"alpine-books", "bayside-legal"}
    batch.let_go()


def test_an_empty_batch_is_left_alone_while_it_may_just_be_opening(archive):
    folder = archive.root / PENDING / "20261123T104500123Z-batch-7f3a9c"
    folder.mkdir(parents=True)
    assert [*left_behind(archive.root)] == []
    long_ago = time.time() - 7200
    os.utime(folder, (long_ago, long_ago))
    [found] = left_behind(archive.root)
    found.let_go()
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_note_that_is_none_of_ours_is_passed_by(archive, content):
    batch = PendingBatch.begin(archive.root)
    (archive.root / PENDING / batch.batch_id / "x.json").write_bytes(content)
    assert batch.notes() == {}
    assert open_runs(archive.root) == {}
    batch.let_go()


_HOLDS = """
import sys, time
from pathlib import Path
from o365lib.evidence.archive import Archive
from o365lib.evidence.pending import PendingBatch
archive = Archive(Path(sys.argv[1]))
batch = PendingBatch.begin(archive.root)
batch.add_run(archive.run("alpine-books", "one"), "create")
print("held", flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_had_open_is_left_behind(archive):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, archive.root], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        assert open_runs(archive.root) == {("alpine-books", "one"): True}
        assert [*left_behind(archive.root)] == []
        process.kill()
    [found] = left_behind(archive.root)
    assert [note.run_id for note in found.notes().values()] == ["one"]
    found.let_go()


def test_a_place_that_cannot_be_written_is_told_before_anything_begins(tmp_path):
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(EvidenceError, match="cannot be written"):
        PendingBatch.begin(tmp_path / "evidence")


def test_an_archive_that_is_not_there_has_nothing_left_behind(tmp_path):
    assert [*left_behind(tmp_path / "none")] == []
    assert open_runs(tmp_path / "none") == {}


def test_the_seal_of_a_run_is_noted_and_goes_with_its_note(archive):
    batch = PendingBatch.begin(archive.root)
    run = archive.run("alpine-books", "one")
    name = batch.add_run(run, "create")
    batch.add_seal(run, "alpine-books/_seals/00000001.json", "a" * 64)
    [note] = batch.notes().values()
    assert (note.seal, note.sha256) == ("alpine-books/_seals/00000001.json", "a" * 64)
    batch.forget([name])
    batch.let_go()
    assert [*(archive.root / PENDING).iterdir()] == []


@pytest.mark.parametrize(
    "content", ["", "a" * 64, f"{'a' * 64} ../outside.json\n", f"short {'a/_seals/1.json'}\n"]
)
def test_half_a_note_of_a_seal_is_no_note(archive, content):
    """A power cut may leave it so; the run's own note is whole."""
    batch = PendingBatch.begin(archive.root)
    run = archive.run("alpine-books", "one")
    name = batch.add_run(run, "create")
    (archive.root / PENDING / batch.batch_id / name).with_suffix(".seal").write_text(content)
    [note] = batch.notes().values()
    assert (note.run_id, note.seal, note.sha256) == ("one", "", "")
    batch.let_go()


@pytest.mark.skipif(os.name == "nt", reason="files have no mode here")
class TestSharedArchives:
    def test_in_a_shared_archive_the_lock_is_the_groups_too(self, archive):
        archive.root.mkdir()
        archive.root.chmod(0o2770)
        batch = PendingBatch.begin(archive.root)
        [lock] = (archive.root / PENDING / batch.batch_id).glob(".lock")
        assert stat.S_IMODE(lock.stat().st_mode) == 0o660
        batch.let_go()

    def test_what_another_account_has_closed_is_passed_by_and_told(
        self, archive, monkeypatch, caplog
    ):
        closed, own = (PendingBatch.begin(archive.root) for _ in range(2))
        for batch, run_id in ((closed, "one"), (own, "two")):
            batch.add_run(archive.run("alpine-books", run_id), "create")
            batch.let_go()
        opens = os.open

        def refuse(path, *given, **named):
            if closed.batch_id in str(path):  # root may open everything
                raise PermissionError(errno.EACCES, "Permission denied")
            return opens(path, *given, **named)

        monkeypatch.setattr(os, "open", refuse)
        [found] = left_behind(archive.root)
        found.let_go()
        assert found.batch_id == own.batch_id
        assert closed.batch_id in caplog.text
