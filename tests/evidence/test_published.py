import sqlite3
import threading

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.published import FILE, published_names
from o365lib.evidence.stores import Entry

URL = "s3://evidence"


def test_what_was_noted_is_known_to_the_next_process(tmp_path):
    with published_names(tmp_path, URL) as known:
        assert not known.has("a")
        known.add([("a", 1), ("b", 2)])
    with published_names(tmp_path, URL) as known:
        assert known.has("a")
        assert known.listed_size("b") == 2
        assert not known.has("c")


def test_each_store_has_names_of_its_own(tmp_path):
    with published_names(tmp_path, URL) as known:
        known.add([("a", 1)])
        known.list_names([])
    with published_names(tmp_path, "s3://other") as known:
        assert not known.has("a")
        assert not known.was_listed


def test_what_is_listed_is_not_yet_known_to_be_the_same(tmp_path):
    with published_names(tmp_path, URL) as known:
        known.add([("same", 3)])
        known.list_names(Entry(name, 3) for name in ("same", "seen"))
        assert known.was_listed
        assert known.has("same")
        assert not known.has("seen")
        assert known.listed_size("seen") == 3
        assert known.listed_size("never") is None


def test_a_listing_that_broke_off_is_done_again(tmp_path):
    def entries():
        yield from (Entry(f"{number:05}", 1) for number in range(1500))
        raise EvidenceError("the line is cut")

    with published_names(tmp_path, URL) as known:
        with pytest.raises(EvidenceError):
            known.list_names(entries())
        assert not known.was_listed


def test_all_of_a_store_can_be_forgotten(tmp_path):
    with published_names(tmp_path, "s3://other") as known:
        known.add([("a", 1)])
    with published_names(tmp_path, URL) as known:
        known.add([("a", 1)])
        known.list_names([])
        known.forget()
        assert not known.has("a")
        assert not known.was_listed
    with published_names(tmp_path, "s3://other") as known:
        assert known.has("a")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0garbage" * 99])
def test_a_damaged_file_is_made_anew(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with published_names(tmp_path, URL) as known:
        known.add([("a", 1)])
    with published_names(tmp_path, URL) as known:
        assert known.has("a")


def test_where_nothing_can_be_written_it_is_kept_in_memory(tmp_path):
    (tmp_path / FILE).mkdir()
    with published_names(tmp_path, URL) as known:
        known.add([("a", 1)])
        assert known.has("a")
    with published_names(tmp_path, URL) as known:
        assert not known.has("a")


def test_it_is_the_owners_alone(tmp_path):
    with published_names(tmp_path, URL):
        pass
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_nobody_waits_for_another_process_that_waits_for_a_store(tmp_path):
    done = threading.Event()

    def slowly():
        yield from (Entry(f"{number:05}", 1) for number in range(1500))
        other = threading.Thread(target=write)
        other.start()
        other.join()
        yield Entry("last", 1)

    def write():
        with published_names(tmp_path, "s3://other") as known:
            known.add([("a", 1)])
        done.set()

    with published_names(tmp_path, URL) as known:
        known.list_names(slowly())
        assert done.is_set()
        assert known.listed_size("last") == 1
    with published_names(tmp_path, "s3://other") as known:
        assert known.has("a")


def test_it_is_a_plain_database(tmp_path):
    with published_names(tmp_path, URL) as known:
        known.add([("a", 1)])
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
