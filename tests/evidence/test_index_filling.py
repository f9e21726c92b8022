"""How the index follows the archive: each kind of change shows, and nothing else is read again."""

import os
import sqlite3
import time
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import trust
from o365lib.evidence.archive import Archive
from o365lib.evidence.index import Index, Wanted
from o365lib.evidence.layout import INDEX, SEALS
from o365lib.evidence.seal import seal_run
from tests.evidence.signers import ed25519
from tests.evidence.small_records import make

CLIENT = "alpine-books"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


def put(archive, run_id="1", client=CLIENT, **fields):
    run = archive.run(client, run_id)
    if not run.exists():
        archive.new_run(client, run_id)
    run.write_record(make(run_id, **fields))
    return run


def told(archive, name="reason"):
    with Index(archive) as index:
        return {run.run_id: getattr(run, name) for run in index.runs(Wanted())}


class NextHour(clock.SystemClock):
    """By which every file is old enough for its instants to be believed."""

    def now(self):
        return super().now() + timedelta(hours=1)


class Reads:
    """Counts the records that are read into the index."""

    def __init__(self, archive):
        self.archive, self.count = archive, 0

    def __call__(self, count):
        self.count = count

    def of_a_look(self) -> int:
        self.count = 0
        with Index(self.archive, on_progress=self) as index:
            index.refresh()
        return self.count


def test_a_record_that_was_read_is_not_read_again(archive):
    for number in range(5):
        put(archive, str(number))
    put(archive, "9", "bayside-legal")
    reads = Reads(archive)
    assert reads.of_a_look() == 6
    assert reads.of_a_look() == 6  # they are too new: another change could have the same instant
    with clock.use(NextHour()):
        assert reads.of_a_look() == 6
        assert reads.of_a_look() == 0
        put(archive, "2")
        put(archive, "8")
        assert reads.of_a_look() == 2
        assert reads.of_a_look() == 0


@pytest.mark.skipif(os.name == "nt", reason="there, whoever sets all instants back is not seen")
def test_a_change_shows_though_length_and_instant_are_as_they_were(archive):
    runs = [put(archive, str(number)) for number in range(3)]
    with clock.use(NextHour()):
        assert set(told(archive, "user_name").values()) == {"kim"}
        before = runs[0].record_file.stat()
        text = runs[0].record_file.read_text("utf-8")

        # Another file in its place.
        (runs[0].path / "new").write_text(text.replace('"kim"', '"lee"'), "utf-8")
        (runs[0].path / "new").replace(runs[0].record_file)
        os.utime(runs[0].record_file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert told(archive, "user_name") == {"0": "lee", "1": "kim", "2": "kim"}

        # The same file, written over.
        time.sleep(0.05)  # so that its instants differ at all
        before = runs[1].record_file.stat()
        text = runs[1].record_file.read_text("utf-8")
        with runs[1].record_file.open("r+b") as stream:
            stream.write(text.replace('"kim"', '"max"').encode())
        os.utime(runs[1].record_file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert told(archive, "user_name") == {"0": "lee", "1": "max", "2": "kim"}


def test_runs_that_are_new_gone_or_moved_show(archive):
    runs = [put(archive, str(number)) for number in range(4)]
    put(archive, "9", "bayside-legal")
    with clock.use(NextHour()):
        assert len(told(archive)) == 5
        time.sleep(0.05)  # so that the folders' instants differ
        put(archive, "7")
        runs[2].record_file.unlink()
        runs[2].path.rmdir()
        runs[3].path.rename(archive.root / "bayside-legal" / "3")
        with Index(archive) as index:
            found = {(run.run_id, run.client) for run in index.runs(Wanted())}
    of_alpine = {(run_id, CLIENT) for run_id in "017"}
    assert found == {*of_alpine, ("3", "bayside-legal"), ("9", "bayside-legal")}


def test_a_record_that_is_lost_and_found_again_shows(archive):
    run = put(archive)
    with clock.use(NextHour()):
        assert told(archive, "outcome") == {"1": "unfinished"}
        run.record_file.rename(run.path / "aside")
        assert told(archive, "outcome") == {"1": "unreadable"}
        (run.path / "aside").rename(run.record_file)
        assert told(archive, "outcome") == {"1": "unfinished"}


def test_an_edited_record_is_told_as_it_reads_now(archive):
    run = put(archive, reason="before")
    assert told(archive) == {"1": "before"}
    for reason in ("behind", "after!"):  # of one length, within one instant of a coarse clock
        run.record_file.write_text(run.record_file.read_text().replace("before", reason))
        run.record_file.write_text(run.record_file.read_text().replace("behind", reason))
        assert told(archive) == {"1": reason}
    with Index(archive) as index:
        assert index.count(Wanted(words=("before",))) == 0
        assert index.count(Wanted(words=("after",))) == 1


def test_what_went_away_is_forgotten_with_its_words(archive):
    run = put(archive, reason="needle")
    put(archive, "2")
    other = put(archive, "3", "bayside-legal", reason="needle")
    assert set(told(archive)) == {"1", "2", "3"}
    for gone in (run, other):
        gone.record_file.unlink()
        gone.path.rmdir()
    (archive.root / "bayside-legal").rmdir()
    with Index(archive) as index:
        assert [each.run_id for each in index.runs(Wanted())] == ["2"]
        assert index.clients() == {CLIENT}
        assert index.count(Wanted(words=("needle",))) == 0


def test_nothing_is_left_of_a_run_that_could_be_taken_for_a_later_ones(archive):
    run = put(archive, "1", reason="needle")
    assert set(told(archive)) == {"1"}
    database = sqlite3.connect(archive.root / INDEX)
    database.execute("PRAGMA user_version = 7")
    database.close()
    run.record_file.unlink()
    run.path.rmdir()
    assert set(told(archive)) == set()
    put(archive, "2")
    assert set(told(archive)) == {"2"}
    database = sqlite3.connect(archive.root / INDEX)
    assert database.execute("PRAGMA user_version").fetchall() == [(7,)]  # it was not made anew
    database.close()


def test_names_that_are_no_clients_or_runs_are_left_alone(archive):
    put(archive)
    for name in ("_seals", ".pending", "Not-A-Client", "_digests"):
        (archive.root / name / "2").mkdir(parents=True)
    for name in ("_seals", ".tmp", "a_b"):
        (archive.root / CLIENT / name).mkdir()
    (archive.root / "file").write_text("no folder")
    assert set(told(archive)) == {"1"}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema_version": 99}'])
def test_a_record_that_cannot_be_read_is_a_run_all_the_same(archive, content):
    run = put(archive)
    run.record_file.write_bytes(content)
    assert told(archive, "outcome") == {"1": "unreadable"}
    assert "cannot be read" in told(archive)["1"]
    assert run.record_file.read_bytes() == content


def test_where_an_unreadable_record_is_is_told_as_the_archive_lies_now(archive):
    put(archive).record_file.write_bytes(b"{")
    with clock.use(NextHour()):
        assert str(archive.root) in told(archive)["1"]
        moved = Archive(archive.root.rename(archive.root.with_name("moved")))
        assert str(moved.root) in told(moved)["1"]


def test_a_run_without_a_record_is_told_and_read_as_soon_as_it_has_one(archive):
    archive.new_run(CLIENT, "1")
    assert "has no record" in told(archive)["1"]
    put(archive, reason="now it has")
    assert told(archive) == {"1": "now it has"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(archive):
    run = archive.new_run(CLIENT, "1")
    os.mkfifo(run.record_file)
    assert told(archive, "outcome") == {"1": "unreadable"}


def test_an_interruption_loses_nothing(archive):
    for number in range(20):
        put(archive, str(number))

    def interrupt(count):
        if count == 7:
            raise KeyboardInterrupt

    with Index(archive, on_progress=interrupt) as index, pytest.raises(KeyboardInterrupt):
        index.refresh()
    assert len(told(archive)) == 20


def test_an_interruption_after_a_portion_keeps_that_portion(archive):
    text = put(archive, "0").record_file.read_text("utf-8")
    for number in range(1, 400):
        folder = archive.root / CLIENT / f"{number}"
        folder.mkdir()
        (folder / "record.json").write_text(text, "utf-8")

    def interrupt(count):
        if count == 399:
            raise KeyboardInterrupt

    with Index(archive, on_progress=interrupt) as index, pytest.raises(KeyboardInterrupt):
        index.refresh()
    with Index(archive) as index:
        index._file._fill = lambda _database: None
        assert 200 < index.count(Wanted()) < 399
    assert len(told(archive)) == 400


def test_a_seal_is_known_by_its_number_as_soon_as_it_is_there(archive):
    runs = [put(archive, str(number)) for number in range(3)]
    assert told(archive, "seal") == {"0": None, "1": None, "2": None}
    signer = ed25519()
    trust.publish(archive.root, signer.key)
    for run in (runs[1], runs[0]):
        seal_run(run, run.read_record(), signer, search={})
    assert told(archive, "seal") == {"0": 2, "1": 1, "2": None}
    (archive.root / CLIENT / SEALS / "00000001.json").unlink()
    assert told(archive, "seal") == {"0": 2, "1": None, "2": None}


def test_seals_that_are_none_are_left_to_verifying(archive):
    put(archive)
    seals = archive.root / CLIENT / SEALS
    seals.mkdir()
    for name, content in {
        "00000001.json": b"{",
        "00000002.json": b"\xff" * 10,
        "00000003.json": b'{"payload": "e30=", "payloadType": "x", "signatures": []}',
        "note.txt": b"",
    }.items():
        (seals / name).write_bytes(content)
    (seals / "00000004.json").mkdir()
    assert told(archive, "seal") == {"1": None}
    with Index(archive) as index:
        assert index.size().seals == 0


def test_an_archive_that_cannot_be_listed_is_an_error_that_says_so(archive):
    archive.root.write_text("a file where the archive should be")
    with Index(archive) as index, pytest.raises(EvidenceError, match="cannot be listed"):
        index.refresh()
