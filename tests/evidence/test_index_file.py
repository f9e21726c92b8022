"""The index's file: whatever happens to it, there is an answer, and it is the archive's."""

import os
import sqlite3
import stat

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import index_file
from o365lib.evidence.archive import Archive
from o365lib.evidence.index import Index, Wanted
from o365lib.evidence.index_file import IndexFile
from o365lib.evidence.layout import INDEX
from tests.evidence.small_records import make

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path / "evidence")
    for run_id in ("1", "2"):
        archive.new_run("alpine-books", run_id).write_record(make(run_id, reason=f"word{run_id}"))
    return archive


@pytest.fixture
def file(archive):
    """The index's file, as a first question made it."""
    assert answers(archive)
    return archive.root / INDEX


def answers(archive) -> bool:
    """Whether the index answers as it should, from a new start."""
    with Index(archive) as index:
        runs = [run.run_id for run in index.runs(Wanted())]
        return runs == ["1", "2"] and index.count(Wanted(words=("word2",))) == 1


def mark(file) -> None:
    """Make a file known again: the number of its inode may be another's later."""
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 7")
    database.close()


def is_marked(file) -> bool:
    database = sqlite3.connect(file)
    found = database.execute("PRAGMA user_version").fetchall()
    database.close()
    return found == [(7,)]


@posix
def test_it_is_for_its_owner_alone_whatever_the_umask(archive):
    before = os.umask(0)
    try:
        assert answers(archive)
    finally:
        os.umask(before)
    assert stat.S_IMODE((archive.root / INDEX).stat().st_mode) == 0o600
    assert [path.name for path in archive.root.iterdir() if path.is_file()] == [INDEX]


def test_it_is_kept_for_the_next_question(archive, file):
    mark(file)
    assert answers(archive)
    assert is_marked(file)


def test_without_it_there_is_an_answer_and_a_new_one(archive, file):
    file.unlink()
    assert answers(archive)
    assert file.is_file()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0", os.urandom(9000)])
def test_what_is_no_index_is_replaced(archive, file, content):
    file.write_bytes(content)
    assert answers(archive)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchall() == [(2,)]
    database.close()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("damage", ["cut", "zeros", "noise"])
def test_a_damaged_one_is_replaced(archive, file, share, damage):
    content = file.read_bytes()
    at = int(len(content) * share)
    if damage == "cut":
        file.write_bytes(content[:at])
    else:
        filling = bytes(len(content) - at) if damage == "zeros" else os.urandom(len(content) - at)
        file.write_bytes(content[:at] + filling)
    assert answers(archive)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE about SET made_by = '2 99.0'",
        "DELETE FROM about",
        "DROP TABLE about",
        "DROP TABLE texts",
        "DROP TABLE runs",
        "DROP TABLE seals",
        "ALTER TABLE runs RENAME COLUMN reason TO cause",
        "DROP TABLE texts_data",
    ],
)
def test_another_versions_is_replaced(archive, file, change):
    mark(file)
    database = sqlite3.connect(file)
    with database:
        database.execute(change)
    database.close()
    assert answers(archive)
    assert not is_marked(file)


def test_a_folder_in_its_place_is_left_alone(archive):
    (archive.root / INDEX).mkdir()
    assert answers(archive)
    assert (archive.root / INDEX).is_dir()


@posix
@pytest.mark.parametrize("content", [b"somebody's", b""])
def test_a_link_in_its_place_is_not_followed(archive, tmp_path, content):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(content)
    (archive.root / INDEX).symlink_to(elsewhere)
    assert answers(archive)
    assert elsewhere.read_bytes() == content
    assert not (archive.root / INDEX).is_symlink()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_while_another_process_holds_it_the_answer_comes_from_a_copy(
    archive, file, lock, monkeypatch
):
    monkeypatch.setattr(index_file, "_PATIENCE_SECONDS", 0.05)
    mark(file)
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute(f"BEGIN {lock}")
        archive.run("alpine-books", "2").write_record(make("2", reason="word2 and more"))
        assert answers(archive)
        with Index(archive) as index:
            assert index.count(Wanted(words=("more",))) == 1
    finally:
        other.close()
    assert answers(archive)
    assert is_marked(file)  # the other one's file was left alone


@posix
def test_in_an_archive_that_cannot_be_written_there_is_an_answer(archive, file):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    file.chmod(0o400)
    archive.root.chmod(0o500)
    try:
        archive.run("alpine-books", "2").write_record(make("2", reason="word2 and more"))
        assert answers(archive)
    finally:
        archive.root.chmod(0o700)


def test_a_question_that_cannot_be_answered_at_all_is_an_error_that_says_so(tmp_path):
    def fill(_database):
        raise sqlite3.OperationalError("disk I/O error")

    file = IndexFile(tmp_path / INDEX, fill)
    with pytest.raises(EvidenceError, match=r"No index .* can be made \(disk I/O error\)"):
        file.ask(lambda _database: None)
    file.close()


def test_it_is_filled_once_and_again_where_it_was_made_anew(tmp_path):
    filled = []
    file = IndexFile(tmp_path / INDEX, filled.append)
    for _ in range(3):
        file.ask(lambda database: database.execute("SELECT 1").fetchall())
    assert len(filled) == 1
    answers = iter([sqlite3.DatabaseError("database disk image is malformed")])

    def question(_database):
        for error in answers:
            raise error
        return "answered"

    assert file.ask(question) == "answered"
    assert len(filled) == 2
    file.discard()
    assert list(tmp_path.iterdir()) == []
    file.close()
