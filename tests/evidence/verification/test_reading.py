import hashlib
import tracemalloc

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification.reading import read


def test_a_file_is_digested_and_returned_where_it_is_short_enough(tmp_path):
    (tmp_path / "short").write_bytes(b"12345")
    store = FolderStore(tmp_path)
    sha256 = hashlib.sha256(b"12345").hexdigest()
    assert read(store, "short", keep=5) == (sha256, 5, b"12345")
    assert read(store, "short", keep=4) == (sha256, 5, None)
    assert read(store, "short") == (sha256, 5, None)


def test_a_file_that_went_away_is_none_and_no_error(tmp_path):
    assert read(FolderStore(tmp_path), "gone") is None


def test_what_is_no_file_is_not_read(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    for name in ("folder", "link", "../outside"):
        with pytest.raises(EvidenceError):
            read(FolderStore(tmp_path), name)


def test_a_huge_notebook_takes_no_more_memory_than_a_small_one(tmp_path):
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(200_000_000)
    tracemalloc.start()
    try:
        found = read(FolderStore(tmp_path), "huge", keep=1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.size, found.content) == (200_000_000, None)
    assert peak < 20_000_000
