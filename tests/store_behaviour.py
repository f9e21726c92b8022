"""What every store in the cloud does, whoever runs it: tests to inherit."""

import hashlib
import os
import threading
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence.stores import Retention, open_store, sha256_of

LARGE = 8 * 1024 * 1024 + 1  # two blocks


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class StoreBehaviour:
    """Inherit, and give fixtures `place` (a URL) and `write_behind` (name, bytes)."""

    @pytest.fixture
    def store(self, place):
        return open_store(place)

    @pytest.fixture
    def put(self, store, tmp_path):
        def put(name, content, *, into=store, claimed=None):
            source = tmp_path / f"source-{sha256(content)[:8]}-{threading.get_ident()}"
            source.write_bytes(content)
            return into.create(name, source, sha256=claimed or sha256(content))

        return put

    @pytest.mark.parametrize("size", [0, 1, 100_000, LARGE])
    def test_what_is_created_is_read_back_whole_and_in_pieces(self, store, put, size):
        content = os.urandom(size)
        assert put("client/run/file", content)
        pieces = list(store.read("client/run/file"))
        assert b"".join(pieces) == content
        assert all(len(piece) <= 4 * 1024 * 1024 for piece in pieces)
        assert [tuple(each)[:2] for each in store.entries()] == [("client/run/file", size)]

    def test_names_come_in_order_and_by_prefix_and_without_the_urls_own(self, place, put, store):
        below = open_store(f"{place}/below/here")
        wanted = ["a-b/x", "a.b", "a/x", "a/y z", "ab", "_a", "é/ü"]
        for name in wanted:
            put(name, name.encode(), into=below)
        put("elsewhere", b"")
        assert [each.name for each in below.entries()] == sorted(wanted)
        assert [each.name for each in below.entries("a/")] == ["a/x", "a/y z"]
        assert b"".join(below.read("é/ü")) == "é/ü".encode()
        assert "below/here/a.b" in {each.name for each in store.entries()}
        assert below.url == f"{place}/below/here"

    def test_markers_of_folders_are_no_files(self, store, put, write_behind):
        put("a/b", b"x")
        write_behind("a/", b"")
        assert [each.name for each in store.entries()] == ["a/b"]

    @pytest.mark.parametrize("size", [0, 10, LARGE])
    def test_the_same_bytes_twice_are_one_object(self, store, put, size):
        content = os.urandom(size)
        assert put("a", content)
        assert not put("a", content)
        assert sha256_of(store, "a") == sha256(content)

    @pytest.mark.parametrize("first", [b"one", bytes(LARGE)])
    @pytest.mark.parametrize("second", [b"two", b"", bytes(LARGE + 1)])
    def test_nothing_is_overwritten(self, store, put, first, second):
        put("a", first)
        with pytest.raises(NameTaken, match="with other content") as caught:
            put("a", second)
        assert caught.value.name == "a"
        assert sha256_of(store, "a") == sha256(first)

    def test_what_was_changed_behind_our_back_is_told_and_left(self, store, put, write_behind):
        put("a", b"one")
        write_behind("a", b"eno")
        with pytest.raises(NameTaken):
            put("a", b"one")
        assert b"".join(store.read("a")) == b"eno"

    @pytest.mark.parametrize("content", [b"x", bytes(LARGE)])
    def test_a_source_that_changed_is_not_sent(self, store, put, content):
        with pytest.raises(EvidenceError, match="not what was signed"):
            put("a", content, claimed=sha256(b"another"))
        assert list(store.entries()) == []

    @pytest.mark.parametrize("size", [1000, LARGE])
    def test_of_several_writers_at_once_one_wins(self, store, put, size):
        contents = [bytes([number]) * size for number in range(3)]
        results = []
        start = threading.Barrier(len(contents))

        def write(content):
            start.wait()
            try:
                results.append((put("seal", content), content))
            except NameTaken:
                results.append((None, content))

        threads = [threading.Thread(target=write, args=(each,)) for each in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == len(contents)
        assert [sha256_of(store, "seal")] == [sha256(each) for won, each in results if won]

    def test_what_is_not_there_is_told(self, store):
        for ask in (
            lambda: b"".join(store.read("a/b")),
            lambda: store.protection("a/b"),
        ):
            with pytest.raises(EvidenceError, match="a/b in") as caught:
                ask()
            assert caught.value.__suppress_context__

    def test_a_place_that_is_not_there_is_told(self, place):
        with pytest.raises(EvidenceError, match=r"cannot be listed \((NoSuch|Container)") as caught:
            list(open_store(f"{place}-no").entries())
        assert "docs/archive-in-the-cloud.md" in caught.value.remedy

    @pytest.mark.parametrize("name", ["", "../a", "a//b", "/a", "a\\b", "a/../../b"])
    def test_names_that_lead_outside_are_refused(self, store, put, name):
        for ask in (lambda: put(name, b"x"), lambda: list(store.read(name))):
            with pytest.raises(EvidenceError, match="is not the name of a file"):
                ask()

    def test_without_a_policy_the_store_says_that_there_is_none(self, store, put):
        put("a", b"x")
        assert store.protection("a").kind == "none"
        assert not store.protection("a").is_protected
        assert store.retention is None

    @pytest.mark.parametrize("size", [3, LARGE])
    def test_a_place_that_cannot_protect_takes_the_object_and_says_so(self, place, put, size):
        store = open_store(place, retention=Retention(7, "compliance"))
        assert put("a", os.urandom(size), into=store)
        assert store.retention == Retention(7, "compliance")
        assert not store.protection("a").is_protected

    def test_an_object_that_is_read_may_be_left_early(self, store, put):
        put("a", bytes(LARGE))
        reading = store.read("a")
        assert next(reading)
        reading.close()
        assert sha256_of(store, "a") == sha256(bytes(LARGE))


def is_about_days_away(instant, days):
    """Whether an instant is so many days from now, give or take an hour of a slow machine."""
    return abs(instant - clock.now() - timedelta(days=days)) < timedelta(hours=1)
