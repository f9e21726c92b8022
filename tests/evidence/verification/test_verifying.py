"""Whole archives: what lies in them besides, what happens meanwhile, and how much it takes."""

import hashlib
import os
import shutil
import tracemalloc

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import pending
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.evidence.stores import FolderStore, open_store
from o365lib.evidence.verification import Head, current, verify
from tests.evidence.eventful_archive import EventfulArchive
from tests.evidence.memory_store import MemoryStore


def test_what_was_found_is_counted_and_the_signers_are_named(archive):
    report = archive.verified()
    assert report.is_sound
    assert report.counts == {
        "runs": 5,
        "files": 32,
        "seals": 5,
        "digests": 4,
        "approvals": 1,
        "reconciliations": 1,
        "endorsements": 1,
        "batches": 1,
        "time stamps": 2,
    }
    assert report.size_bytes == sum(
        len(content)
        for name, content in MemoryStore.of(archive.root).files.items()
        if not name.startswith(".")
    )
    assert (report.first.isoformat(), report.last.isoformat()) == (
        "2026-11-23T12:01:00+00:00",
        "2026-11-23T12:05:30+00:00",
    )
    assert [(each.names, each.files) for each in report.signings] == [(("Kim",), 8), (("Kim",), 6)]
    assert {each.trusted_by for each in report.signings} == {"given", "endorsed"}


@pytest.mark.parametrize(
    "name",
    [
        "readme.txt",
        "alpine-books/note.txt",
        "alpine-books/_seals/note.txt",
        "_digests/00000001.json~",
        "_elsewhere/00000001.json",
        ".hidden",
        ".hidden/00000001.json",
        "Alpine-Books/run/record.json",
        "alpine-books/line\nbreak",
    ],
)
def test_a_foreign_file_anywhere_is_inserted(archive, name):
    file = archive.root / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("nothing")
    assert archive.told() == [("inserted", name.replace("\n", "\\n"))]


def test_a_name_that_is_no_text_is_inserted(archive):
    with open(os.fsencode(archive.root) + b"/\xff\xfe", "wb"):  # noqa: PTH123 -- no Path of bytes
        pass
    [(kind, file)] = archive.told()
    assert (kind, file) == ("inserted", "\\udcff\\udcfe")


def test_such_names_in_a_runs_folder_crash_nothing(archive):
    run = archive.runs("alpine-books")[0]
    for name in (b"\xff", b"a\nb", b"\x1b[31m"):
        with open(os.fsencode(run) + b"/" + name, "wb"):  # noqa: PTH123 -- as above
            pass
    told = archive.told()
    assert {kind for kind, _ in told} == {"inserted"}
    assert {file.rpartition("/")[2] for _, file in told} == {"\\udcff", "a\\nb", "\\x1b[31m"}


def test_locks_and_marks_of_ours_are_passed_by(archive):
    for name in (".index.sqlite", ".published", "alpine-books/.lock", "alpine-books/.lock.json"):
        (archive.root / name).write_text("nothing")
    assert archive.told() == []


def test_an_empty_folder_in_the_place_of_a_run_is_noted(archive):
    folder = "alpine-books/20261124T000000000Z-create-ffffff"
    (archive.root / folder).mkdir()
    report = archive.verified()
    assert report.problems == ()
    assert f"Empty folders in the place of runs: {folder}." in report.notes
    assert not any("Empty" in note for note in archive.verified(under_way=lambda: {folder}).notes)
    assert not any("Empty" in note for note in archive.verified(clients=["cedar-dental"]).notes)


def test_links_are_told_and_never_followed(archive, tmp_path):
    outside = tmp_path / "outside"
    run = archive.runs("alpine-books")[0]
    shutil.move(run, outside)
    run.symlink_to(outside)
    record = archive.runs("bayside-legal")[0] / "record.json"
    record.rename(outside / "theirs.json")
    record.symlink_to(outside / "theirs.json")
    (archive.root / "loop").symlink_to(archive.root)
    told = archive.told()
    assert ("inserted", "loop") in told
    assert ("inserted", f"alpine-books/{run.name}") in told
    assert ("missing", f"alpine-books/{run.name}") in told
    name = record.relative_to(archive.root).as_posix()
    assert ("inserted", name) in told


def test_a_pipe_in_place_of_a_file_is_told_and_waits_for_nobody(archive):
    record = archive.runs("alpine-books")[0] / "record.json"
    record.unlink()
    os.mkfifo(record)
    assert archive.told() == [("inserted", record.relative_to(archive.root).as_posix())]


def test_a_huge_file_in_place_of_a_seal_is_not_read_into_memory(archive):
    seal = archive.root / "alpine-books" / "_seals" / "00000002.json"
    with seal.open("ab") as stream:
        stream.truncate(200_000_000)
    tracemalloc.start()
    try:
        told = archive.told()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ("edited", "alpine-books/_seals/00000002.json") in told
    assert peak < 150_000_000


class Troubled(FolderStore):
    """A folder of which some files cannot be read, or change while it is verified."""

    refused = ""
    before_read: dict = {}  # noqa: RUF012 -- replaced, never changed

    def read(self, name):
        if name == self.refused:
            raise EvidenceError("It cannot be read.") from PermissionError(13, "no")
        hook = self.before_read.pop(name, None)
        if hook:
            hook()
        return super().read(name)


@pytest.fixture
def troubled(archive):
    return Troubled(archive.root)


def test_an_unreadable_file_is_told_and_the_rest_is_verified(archive, troubled):
    record, other = archive.runs("alpine-books")
    name = f"alpine-books/{record.name}/record.json"
    object.__setattr__(troubled, "refused", name)
    (other / "runbook.ipynb").write_text("{}")
    report = verify(troubled, keys=[archive.key])
    assert [(each.kind, each.file) for each in report.problems] == [
        ("unreadable", name),
        ("edited", f"alpine-books/{other.name}/runbook.ipynb"),
    ]


def test_a_file_that_vanishes_meanwhile_is_missing(archive, troubled):
    run = archive.runs("alpine-books")[0]
    file = run / "runbook.ipynb"
    name = file.relative_to(archive.root).as_posix()
    object.__setattr__(troubled, "before_read", {name: file.unlink})
    report = verify(troubled, keys=[archive.key])
    assert [(each.kind, each.file) for each in report.problems] == [("missing", name)]


def test_what_is_written_meanwhile_is_looked_at_a_second_time(archive, troubled):
    """A run that begins, ends, is sealed and gets its digest while other files are read."""
    keys = KeyStore(archive.root.parent / "keys")  # of somebody who was never here before
    begun = []

    def begin() -> None:
        batch = OpenBatch.begin(Archive(archive.root), keys)
        run = batch.begin_run("cedar-dental", "20261124T000000000Z-create-ffffff", "create")
        run.write_notebook("{}")
        begun.extend((batch, run))

    def under_way():
        if begun:  # all was read once: the digests before the run began, the notebook after
            batch, run = begun
            begun.clear()
            run.write_notebook('{"cells": []}')
            batch.seal(run)
            batch.close()
        return pending.under_way(archive.root)

    before = next((archive.root / "bayside-legal" / "_reconciliations").iterdir())
    name = before.relative_to(archive.root).as_posix()
    object.__setattr__(troubled, "before_read", {name: begin})
    report = verify(troubled, under_way=under_way)
    assert report.problems == ()
    assert (report.counts["runs"], report.counts["seals"]) == (6, 6)


@pytest.mark.parametrize("when", ["alpine-books/_seals/00000001.json", "bayside-legal/_seals"])
def test_whole_batches_that_end_meanwhile_are_found_to_their_last_file(archive, troubled, when):
    """A late digest leads to seals, those to runs, in folders that were read long before."""
    keys = KeyStore(archive.root.parent / "keys")  # of somebody who was never here before

    def one_batch(number: int) -> None:
        batch = OpenBatch.begin(Archive(archive.root), keys)
        for client in ("alpine-books", "cedar-dental"):
            run = batch.begin_run(client, f"20261124T00000{number}000Z-create-ffffff", "create")
            run.write_notebook("{}")
            batch.seal(run)
        batch.close()

    name = next(each.name for each in troubled.entries(when))
    hooks = {name: lambda: one_batch(1), "_digests/00000005.json": lambda: one_batch(2)}
    object.__setattr__(troubled, "before_read", hooks)
    report = verify(troubled, keys=[archive.key, keys.signer().key])
    assert report.problems == ()
    assert report.counts["runs"] == 9


def test_a_file_of_a_run_that_went_away_before_the_seal_is_not_inserted(archive, troubled):
    run = archive.runs("cedar-dental")[0]
    stray = run / "quarantined.json"
    stray.write_text("{}")
    seal = "cedar-dental/_seals/00000001.json"  # read after the run's files
    object.__setattr__(troubled, "before_read", {seal: stray.unlink})
    assert verify(troubled, keys=[archive.key]).problems == ()


def test_a_key_that_is_published_meanwhile_is_believed_like_any_other(archive, troubled):
    """Without a given key: its seals come before anything else makes one look again."""
    keys = KeyStore(archive.root.parent / "keys")

    def begin() -> None:
        batch = OpenBatch.begin(Archive(archive.root), keys)
        run = batch.begin_run("cedar-dental", "20261124T000001000Z-create-ffffff", "create")
        run.write_notebook("{}")
        batch.seal(run)
        batch.close()

    object.__setattr__(troubled, "before_read", {"alpine-books/_seals/00000001.json": begin})
    assert verify(troubled).problems == ()


def test_a_folder_that_cannot_be_listed_is_told_and_nothing_is_said_of_the_rest(archive):
    class Unlistable(FolderStore):
        def entries(self, prefix=""):
            for entry in super().entries(prefix):
                if entry.name.startswith("bayside"):
                    raise EvidenceError("A folder cannot be listed.")
                yield entry

    [problem] = verify(Unlistable(archive.root), keys=[archive.key]).problems
    assert (problem.kind, "cannot be listed" in problem.sentence) == ("unreadable", True)


def test_only_the_clients_asked_for_are_looked_at(archive):
    (archive.runs("alpine-books")[0] / "record.json").write_text("{}")
    shutil.rmtree(archive.root / "cedar-dental")
    report = archive.verified(clients=["bayside-legal"])
    assert (report.problems, report.counts["runs"]) == ((), 2)
    assert len(archive.verified(clients=["alpine-books", "bayside-legal"]).problems) == 1
    assert archive.told(clients=["cedar-dental"]) != []


def test_a_head_demands_what_was_there(archive):
    head, of_client = current(FolderStore(archive.root)), Head("bayside-legal", 2, "")
    assert archive.told(heads=[head, current(FolderStore(archive.root), "bayside-legal")]) == []
    assert archive.told(heads=[Head("", 5, "ab" * 32)]) == [("missing", "_digests/00000005.json")]
    assert archive.told(heads=[of_client]) == [
        ("broken chain", "bayside-legal/_seals/00000002.json")
    ]
    # Of a client who is not looked at, too.
    assert archive.told(heads=[of_client], clients=["cedar-dental"]) != []


def test_progress_is_told_and_ends_with_all_of_it(archive):
    seen = []
    report = archive.verified(on_progress=seen.append)
    assert (seen[0].files, seen[-1].files) == (0, report.counts["files"])
    assert (seen[-1].runs, seen[-1].size_bytes) == (5, report.size_bytes)


def test_a_newer_archive_is_said_to_be_newer_and_crashes_nothing(archive, sound_archive):
    from tests.evidence.verification.test_chains import resigned

    made = sound_archive[0]
    resigned(archive.root / "cedar-dental/_seals/00000001.json", made.signer, schema_version=2)
    problems = archive.verified().problems
    assert [(each.kind, each.file) for each in problems] == [
        ("newer", "cedar-dental/_seals/00000001.json")
    ]
    assert "newer o365-runbooks" in problems[0].sentence


def test_memory_does_not_grow_with_the_number_of_runs(tmp_path):
    """What grows lies in a temporary file; a cache of fixed size is all that is kept."""
    made = EventfulArchive(tmp_path)
    run = made.sealed_run("alpine-books")
    made.digest()
    made.close()
    files = MemoryStore.of(made.root).files
    content = files[f"alpine-books/{run.run_id}/record.json"]

    def peak(runs: int) -> int:
        class Many(MemoryStore):
            def entries(self, prefix=""):
                yield from super().entries(prefix)
                for number in range(runs if not prefix else 0):
                    name = f"client-{number}/run-{number}/record.json"
                    yield type(next(super().entries("_keys/")))(name, len(content))

            def read(self, name):
                return iter([content]) if name.startswith("client-") else super().read(name)

        tracemalloc.start()
        try:
            verify(Many(files), under_way=lambda: ())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Each run has no seal, so each is a problem: as many as are kept.
    assert peak(4000) < peak(2000) + 4_000_000


def test_an_archive_in_a_bucket_is_verified_like_one_in_a_folder(archive, s3_client, bucket):
    store = open_store(bucket)
    for name in MemoryStore.of(archive.root).files:
        file = archive.root / name
        store.create(name, file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    found, local = verify(store, keys=[archive.key]), archive.verified()
    assert (found.problems, found.counts) == ((), local.counts)
    run = archive.runs("alpine-books")[0].name
    name = f"alpine-books/{run}/record.json"
    s3_client.delete_object(Bucket=bucket.removeprefix("s3://"), Key=name)
    s3_client.put_object(Bucket=bucket.removeprefix("s3://"), Key="../outside", Body=b"x")
    problems = verify(store, keys=[archive.key]).problems
    assert {(each.kind.value, each.file) for each in problems} == {
        ("missing", name),
        ("inserted", "../outside"),
    }
