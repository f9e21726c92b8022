import errno
import os
import stat
import sys
from datetime import UTC, datetime

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.archive import (
    Archive,
    RunFolder,
    new_run_id,
    opening_of,
)
from o365lib.evidence.record import Operator, Record

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX modes")


def make_record(run: RunFolder, **fields) -> Record:
    return Record(
        run_id=run.run_id,
        client=run.client,
        runbook="create_service_account",
        package_version="0",
        operator=Operator(user_name="kim", host_name="desk"),
        started=datetime(2026, 11, 23, tzinfo=UTC),
        **fields,
    )


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


def test_run_ids_sort_by_time_and_name_the_runbook():
    class Still(clock.SystemClock):
        def now(self):
            return datetime(2026, 11, 23, 10, 45, 0, 123999, tzinfo=UTC)

    earlier = "20261123T104500122Z-remove-ffffff"
    with clock.use(Still()):
        run_id = new_run_id("create_service_account")
    assert run_id.startswith("20261123T104500123Z-create-")
    assert len(run_id.rpartition("-")[2]) == 6
    assert sorted([run_id, earlier]) == [earlier, run_id]
    opened = datetime(2026, 11, 23, 10, 45, 0, 123000, tzinfo=UTC)
    assert opening_of(run_id) == (opened, "create")


@pytest.mark.parametrize(
    "run_id", ["20261123", "20269923T104500122Z-remove-ffffff", "20261123T104500122Z-remove-fffff"]
)
def test_an_id_that_is_not_of_our_form_does_not_tell_when_its_run_was_opened(run_id):
    assert opening_of(run_id) is None


def test_run_ids_made_in_the_same_millisecond_differ():
    assert len({new_run_id("create") for _ in range(200)}) == 200


def test_a_runbook_with_an_odd_name_still_gives_an_id_that_is_a_file_name(archive):
    run = archive.new_run("alpine-books", new_run_id("../Überprüfung"))
    assert run.exists()


def test_a_new_run_has_a_folder_for_its_owner_alone(archive):
    run = archive.new_run("alpine-books", "20261123T104500123Z-create-7f3a9c")
    assert run.path == archive.root / "alpine-books" / "20261123T104500123Z-create-7f3a9c"
    assert (run.client, run.run_id) == ("alpine-books", "20261123T104500123Z-create-7f3a9c")
    if os.name != "nt":
        for folder in (archive.root, run.path.parent, run.path):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
def test_a_new_runs_folders_outlast_a_power_cut(tmp_path, monkeypatch):
    """Each folder that a new name was put into is flushed, and one that has it already is not."""
    flushed = []
    flush = os.fsync

    def note(descriptor):
        flushed.append(os.fstat(descriptor).st_ino)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    root = tmp_path / "deep" / "evidence"
    Archive(root).new_run("alpine-books", "one")
    above = (tmp_path, tmp_path / "deep", root, root / "alpine-books")
    assert flushed == [folder.stat().st_ino for folder in above]
    flushed.clear()
    Archive(root).new_run("alpine-books", "two")
    assert flushed == [(root / "alpine-books").stat().st_ino]


@posix
def test_folders_above_the_archive_are_as_the_system_makes_them(tmp_path):
    before = os.umask(0o022)
    try:
        Archive(tmp_path / "deep" / "evidence").new_run("alpine-books", "one")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("deep", "deep/evidence")]
    assert modes == [0o755, 0o700]


def test_a_run_is_never_taken_over_by_another(archive):
    archive.new_run("alpine-books", "one")
    with pytest.raises(EvidenceError, match="in the archive already"):
        archive.new_run("alpine-books", "one")


def test_a_folder_that_cannot_be_made_is_said_before_anything_starts(archive):
    archive.root.parent.mkdir(exist_ok=True)
    archive.root.write_text("a file where the archive should be")
    with pytest.raises(EvidenceError) as caught:
        archive.new_run("alpine-books", "one")
    assert "cannot be made" in caught.value.message
    assert caught.value.state == "Nothing was started."


@pytest.mark.parametrize(
    "client",
    ["../alpine", "a/b", "a\\b", "", ".", "..", "CON", "con", "lpt1", "a b", "A", "a" * 64],
)
def test_client_names_that_lead_elsewhere_are_refused(archive, client):
    with pytest.raises(EvidenceError, match="not a client's name"):
        archive.run(client, "one")
    with pytest.raises(EvidenceError, match="not a client's name"):
        archive.runs(client)


@pytest.mark.parametrize(
    "run_id", ["../x", "a/b", "a\\b", "", "..", ".hidden", "nul", "x\n", "a:b"]
)
def test_run_ids_that_lead_elsewhere_are_refused(archive, run_id):
    with pytest.raises(EvidenceError, match="not a run's id"):
        archive.new_run("alpine-books", run_id)


def test_a_record_comes_back_as_it_was_written(archive):
    run = archive.new_run("alpine-books", "one")
    record = make_record(run, reason="ü ✓")
    run.write_record(record)
    assert run.read_record() == record


@posix
def test_files_are_for_their_owner_alone_whatever_the_umask(archive):
    run = archive.new_run("alpine-books", "one")
    before = os.umask(0)
    try:
        run.write_record(make_record(run))
        run.write_notebook("{}")
    finally:
        os.umask(before)
    for file in (run.record_file, run.notebook_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_writing_leaves_no_other_file_behind(archive):
    run = archive.new_run("alpine-books", "one")
    for number in range(3):
        run.write_notebook(str(number))
    assert [path.name for path in run.path.iterdir()] == ["runbook.ipynb"]
    assert run.notebook_file.read_bytes() == b"2"


@pytest.mark.skipif(sys.platform != "linux", reason="a file size limit of the process")
def test_a_full_disk_leaves_the_version_before_and_says_what_is_lost(archive):
    """Told by the system itself: a child process that may not write more than 4 KiB a file."""
    import resource
    import signal

    run = archive.new_run("alpine-books", "one")
    run.write_record(make_record(run, reason="before"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(EvidenceError) as caught:
            run.write_record(make_record(run, reason="x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert os.strerror(errno.EFBIG) in caught.value.message
    assert "archived before is intact" in caught.value.state
    assert run.read_record().reason == "before"
    assert [path.name for path in run.path.iterdir()] == ["record.json"]


def test_a_record_that_could_not_be_read_again_does_not_replace_the_last_one(archive):
    run = archive.new_run("alpine-books", "one")
    run.write_record(make_record(run, reason="before"))
    spoilt = make_record(run)
    spoilt.steps.append("no step")
    with (
        pytest.warns(UserWarning, match="serialized value"),
        pytest.raises(EvidenceError, match="could not be read again") as caught,
    ):
        run.write_record(spoilt)
    assert "archived before is intact" in caught.value.state
    assert run.read_record().reason == "before"


def test_half_a_character_in_a_text_does_not_replace_the_last_record_either(archive):
    run = archive.new_run("alpine-books", "one")
    run.write_record(make_record(run, reason="before"))
    with pytest.raises(EvidenceError, match="could not be read again"):
        run.write_record(make_record(run, reason="\ud83d"))
    assert run.read_record().reason == "before"


def test_a_folder_that_vanished_is_an_evidence_error(archive):
    run = archive.run("alpine-books", "one")
    with pytest.raises(EvidenceError, match="cannot be written"):
        run.write_notebook("{}")
    with pytest.raises(EvidenceError, match="has no record"):
        run.read_record()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema_version": 99}'])
def test_a_spoilt_record_is_told_and_left_as_it_is(archive, content):
    run = archive.new_run("alpine-books", "one")
    run.record_file.write_bytes(content)
    with pytest.raises(EvidenceError, match=r"cannot be read \(it is not of the schema"):
        run.read_record()
    assert run.record_file.read_bytes() == content


def test_runs_are_listed_oldest_first_over_all_clients(archive):
    for client, run_id in [
        ("bayside-legal", "20261123T10-b"),
        ("alpine-books", "20261124T10-a"),
        ("alpine-books", "20261122T10-a"),
    ]:
        archive.new_run(client, run_id)
    (archive.root / "README.txt").write_text("not a run")
    (archive.root / "alpine-books" / ".part").mkdir()
    assert [run.run_id for run in archive.runs()] == [
        "20261122T10-a",
        "20261123T10-b",
        "20261124T10-a",
    ]
    assert [run.client for run in archive.runs("alpine-books")] == ["alpine-books"] * 2


def test_an_archive_that_is_not_there_yet_has_no_runs(archive):
    assert archive.runs() == []
    assert archive.records("alpine-books") == []


def test_a_run_is_found_by_its_id_its_beginning_or_its_end(archive):
    archive.new_run("alpine-books", "20261122T10-create-aaaaaa")
    archive.new_run("alpine-books", "20261122T10-create-aaaaaa-more")
    other = archive.new_run("bayside-legal", "20261123T10-create-bbbbbb")
    assert archive.find("20261123") == other
    assert archive.find("bbbbbb") == other
    assert archive.find("20261122T10-create-aaaaaa").run_id == "20261122T10-create-aaaaaa"


def test_a_text_that_fits_no_run_or_several_is_an_error_that_says_so(archive):
    with pytest.raises(UsageError, match="no run '2027'"):
        archive.find("2027")
    for number in range(7):
        archive.new_run("alpine-books", f"2026112{number}-create")
    with pytest.raises(UsageError, match=r"7 runs fit '2026': 20261120-create \(alpine-books\)"):
        archive.find("2026")
    with pytest.raises(UsageError, match="no run ''"):
        archive.find("")


def test_records_are_read_oldest_first_and_a_spoilt_one_hides_no_other(archive, caplog):
    for run_id in ("2026-3", "2026-1", "2026-2", "2026-4"):
        run = archive.new_run("alpine-books", run_id)
        run.write_record(make_record(run))
    archive.run("alpine-books", "2026-2").record_file.write_text("{")
    archive.run("alpine-books", "2026-4").record_file.unlink()
    assert [record.run_id for record in archive.records("alpine-books")] == ["2026-1", "2026-3"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "2026-2" in caplog.text
    assert "has no record" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"schema_version": 99}'])
def test_records_that_hide_what_was_done_are_named(archive, content):
    for run_id in ("2026-3", "2026-1", "2026-2", "2026-4"):
        run = archive.new_run("alpine-books", run_id)
        run.write_record(make_record(run))
    spoilt = [archive.run("alpine-books", run_id) for run_id in ("2026-1", "2026-3")]
    for run in spoilt:
        run.record_file.write_bytes(content)
    archive.new_run("bayside-legal", "2026-5").record_file.write_bytes(content)
    assert archive.read("alpine-books")[1] == spoilt
    assert archive.read("cedar-dental")[1] == []


def test_a_record_that_may_not_be_read_is_named_too(archive):
    run = archive.new_run("alpine-books", "2026-1")
    run.record_file.mkdir()
    assert archive.read("alpine-books")[1] == [run]


def test_a_run_that_ended_before_its_first_record_hides_nothing(archive):
    archive.new_run("alpine-books", "2026-1")
    assert archive.read("alpine-books")[1] == []


def test_what_a_summary_was_made_of_is_kept_byte_for_byte(archive):
    run = archive.new_run("o365-batches", "one")
    run.write_batch('{"batch_id": "ü"}\n'.encode())
    assert (run.path / "batch.json").read_bytes() == '{"batch_id": "ü"}\n'.encode()
