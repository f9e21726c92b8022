import functools
import hashlib
import inspect
import os
import socket
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence.stores import FolderStore, sha256_of

PARTS = st.text(st.sampled_from("ab-./_Z0"), min_size=1, max_size=8).filter(
    lambda text: all(part not in {"", ".", ".."} for part in text.split("/"))
)


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "archive"
    root.mkdir()
    return FolderStore(root)


def given_file(tmp_path, content):
    path = tmp_path / f"source-{hashlib.sha256(content).hexdigest()[:8]}"
    path.write_bytes(content)
    return path


def put(store, tmp_path, name, content):
    return store.create(
        name, given_file(tmp_path, content), sha256=hashlib.sha256(content).hexdigest()
    )


def names(store, prefix=""):
    return [entry.name for entry in store.entries(prefix)]


def test_folders_of_the_second_level_in_which_nothing_is_are_found(store, tmp_path):
    put(store, tmp_path, "a/full/x", b"x")
    (store.root / "a" / "empty").mkdir()
    (store.root / "b" / "more" / "empty").mkdir(parents=True)
    (store.root / "c").mkdir()
    (store.root / "a" / "link").symlink_to(store.root / "c")
    (store.root / "d").symlink_to(store.root / "a")
    assert list(store.empty_folders()) == ["a/empty"]


@given(st.sets(PARTS, max_size=12), PARTS)
def test_entries_come_in_the_order_of_whole_names_and_by_prefix(tmp_path_factory, wanted, prefix):
    root = tmp_path_factory.mktemp("order")
    made = []
    for name in sorted(wanted):
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except OSError:  # a file where a folder would be
            continue
        made.append(name)
    store = FolderStore(root)
    assert names(store) == sorted(made)
    assert names(store, prefix) == [name for name in sorted(made) if name.startswith(prefix)]


def test_entries_tell_sizes(store, tmp_path):
    put(store, tmp_path, "a/b", b"four")
    put(store, tmp_path, "a/empty", b"")
    assert [tuple(entry) for entry in store.entries()] == [
        ("a/b", 4, False, False),
        ("a/empty", 0, False, False),
    ]


def test_links_and_special_files_are_told_and_not_followed(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("not of this archive")
    (store.root / "folder").symlink_to(outside)
    (store.root / "file").symlink_to(outside / "secret")
    (store.root / "broken").symlink_to("nowhere")
    os.mkfifo(store.root / "pipe")
    found = {entry.name: (entry.is_link, entry.is_special) for entry in store.entries()}
    assert found == {
        "folder": (True, False),
        "file": (True, False),
        "broken": (True, False),
        "pipe": (False, True),
    }
    for name in ("folder", "folder/secret", "file", "broken", "pipe"):
        with pytest.raises(EvidenceError, match="is not a file of the archive"):
            b"".join(store.read(name))


@pytest.mark.parametrize(
    "name", ["", "/", "/etc/passwd", "../a", "a/../b", "a//b", "./a", "a/", "a\\b", "c:x", "a\0b"]
)
def test_names_that_lead_outside_are_refused(store, tmp_path, name):
    with pytest.raises(EvidenceError, match="is not the name of a file"):
        b"".join(store.read(name))
    with pytest.raises(EvidenceError, match="is not the name of a file"):
        put(store, tmp_path, name, b"x")
    assert names(store) == []


def test_a_file_is_read_in_pieces_as_it_was_written(store, tmp_path):
    content = os.urandom(9 * 1024 * 1024 + 1)
    assert put(store, tmp_path, "client/run/large", content)
    pieces = list(store.read("client/run/large"))
    assert b"".join(pieces) == content
    assert max(len(piece) for piece in pieces) <= 1024 * 1024
    assert sha256_of(store, "client/run/large") == hashlib.sha256(content).hexdigest()


def test_reading_may_stop_early_and_leaves_nothing_open(store, tmp_path):
    put(store, tmp_path, "large", bytes(9 * 1024 * 1024))
    before = len(list(Path("/proc/self/fd").iterdir()))
    reading = store.read("large")
    next(reading)
    reading.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_not_there_cannot_be_read(store):
    with pytest.raises(EvidenceError, match=r"a/b in .* cannot be read \(No such file"):
        b"".join(store.read("a/b"))
    with pytest.raises(EvidenceError, match="cannot be read"):
        store.protection("a/b")


def test_an_archive_that_is_not_there_is_told(tmp_path):
    with pytest.raises(EvidenceError, match="There is no folder") as caught:
        list(FolderStore(tmp_path / "no one").entries())
    assert caught.value.remedy.endswith(f"make it first: mkdir '{tmp_path / 'no one'}'")


def test_the_archive_itself_may_be_reached_by_a_link(store, tmp_path):
    put(store, tmp_path, "a/b", b"x")
    (tmp_path / "link").symlink_to(store.root)
    assert sha256_of(FolderStore(tmp_path / "link"), "a/b") == hashlib.sha256(b"x").hexdigest()


def test_folders_nested_without_end_are_listed(store, request):
    # Fewer than would stop those who delete the test's folder, in a Python that stops earlier.
    depth = 200
    for each in range(1, depth + 1):
        (store.root / ("d/" * each)).mkdir()
    (store.root / ("d/" * depth + "f")).touch()
    request.addfinalizer(functools.partial(sys.setrecursionlimit, sys.getrecursionlimit()))
    sys.setrecursionlimit(len(inspect.stack(0)) + depth // 2)
    assert names(store) == ["d/" * depth + "f"]


def test_the_same_bytes_twice_are_one_file(store, tmp_path):
    assert put(store, tmp_path, "a/b", b"one")
    assert not put(store, tmp_path, "a/b", b"one")
    assert b"".join(store.read("a/b")) == b"one"


@pytest.mark.parametrize("other", [b"two", b"longer than one", b""])
def test_nothing_is_overwritten(store, tmp_path, other):
    put(store, tmp_path, "a/b", b"one")
    with pytest.raises(NameTaken, match="with other content") as caught:
        put(store, tmp_path, "a/b", other)
    assert caught.value.name == "a/b"
    assert b"".join(store.read("a/b")) == b"one"


def test_a_link_takes_a_name_and_is_not_written_through(store, tmp_path):
    outside = given_file(tmp_path, b"outside")
    (store.root / "a").symlink_to(outside)
    (store.root / "dangling").symlink_to(tmp_path / "made")
    for name in ("a", "dangling"):
        with pytest.raises(NameTaken):
            put(store, tmp_path, name, b"outside")
    assert not (tmp_path / "made").exists()


def test_nothing_is_written_below_a_link(store, tmp_path):
    (tmp_path / "outside").mkdir()
    (store.root / "client").symlink_to(tmp_path / "outside")
    with pytest.raises(EvidenceError, match="a link or a file in place of a folder"):
        put(store, tmp_path, "client/x", b"x")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_source_that_changed_is_not_written(store, tmp_path):
    source = given_file(tmp_path, b"one")
    with pytest.raises(EvidenceError, match="not what was signed"):
        store.create("a/b", source, sha256=hashlib.sha256(b"two").hexdigest())
    assert names(store) == []


def test_a_source_that_is_not_there_is_told(store, tmp_path):
    with pytest.raises(EvidenceError, match=r"gone cannot be read \(No such file"):
        store.create("a", tmp_path / "gone", sha256="0" * 64)
    assert names(store) == []


def test_a_full_disk_leaves_nothing_under_the_name(store):
    def blocks():
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(EvidenceError, match=r"a/b cannot be written .*\(No space left on device\)"):
        store.create_from("a/b", blocks())
    assert names(store) == []


def test_of_two_writers_at_once_one_wins_and_no_half_file_is_seen(store, tmp_path):
    contents = [bytes([number]) * 300_000 for number in range(8)]
    results = []
    start = threading.Barrier(len(contents))

    def write(content):
        start.wait()
        try:
            results.append((put(store, tmp_path, "seal", content), content))
        except NameTaken:
            results.append((None, content))

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [content for result, content in results if result]
    assert len(results) == len(contents)
    assert [b"".join(store.read("seal"))] == winners
    assert names(store) == ["seal"]


def test_what_is_written_is_for_the_owner_only(store, tmp_path):
    put(store, tmp_path, "client/run/file", b"x")
    for path, mode in (("client", 0o700), ("client/run", 0o700), ("client/run/file", 0o600)):
        assert (store.root / path).stat().st_mode & 0o777 == mode


def test_a_folder_says_that_it_protects_nothing(store, tmp_path):
    put(store, tmp_path, "a", b"x")
    protection = store.protection("a")
    assert protection.kind == "not supported by this store"
    assert not protection.is_protected
    assert protection.until is None


def test_a_socket_in_the_archive_is_special(store, tmp_path, monkeypatch):
    monkeypatch.chdir(store.root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        assert [entry.is_special for entry in store.entries()] == [True]
