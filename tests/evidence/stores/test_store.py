import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.stores import Protection, Retention, checked_name
from o365lib.evidence.stores.store import BLOCK_BYTES, blocks_of, blocks_to_send

PLAIN = st.text("abcXYZ019-_. ", min_size=1, max_size=12).filter(lambda part: part.strip(". "))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_names_of_plain_parts_are_fit(parts):
    assert checked_name("/".join(parts)) == "/".join(parts)


@given(
    st.lists(PLAIN, max_size=3),
    st.sampled_from(["", ".", "..", "a\\b", "c:", "a\x00", "a\nb", "\x7f"]),
    st.lists(PLAIN, max_size=3),
)
def test_one_unfit_part_makes_a_name_unfit(before, unfit, after):
    with pytest.raises(EvidenceError, match="is not the name of a file"):
        checked_name("/".join([*before, unfit, *after]))


@pytest.mark.parametrize(
    ("size", "count"),
    [(0, 1), (1, 1), (BLOCK_BYTES, 1), (BLOCK_BYTES + 1, 2), (2 * BLOCK_BYTES, 2)],
)
def test_a_file_is_sent_in_blocks(tmp_path, size, count):
    content = bytes(size)
    (tmp_path / "x").write_bytes(content)
    blocks = list(blocks_of(tmp_path / "x", sha256=sha256(content)))
    assert len(blocks) == count
    assert b"".join(blocks) == content
    first, all_blocks = blocks_to_send(tmp_path / "x", sha256=sha256(content))
    assert first == blocks[0]
    assert (list(all_blocks) if all_blocks else [first]) == blocks


@pytest.mark.parametrize("size", [0, BLOCK_BYTES, BLOCK_BYTES + 1])
def test_a_file_of_another_digest_is_told_after_its_last_block(tmp_path, size):
    (tmp_path / "x").write_bytes(bytes(size))
    taken = []
    with pytest.raises(EvidenceError, match="is not what was signed"):
        taken.extend(blocks_of(tmp_path / "x", sha256=sha256(b"another")))
    assert sum(map(len, taken)) == size


def test_a_file_of_one_block_is_compared_before_anything_is_sent(tmp_path):
    (tmp_path / "x").write_bytes(b"one")
    with pytest.raises(EvidenceError, match="is not what was signed"):
        blocks_to_send(tmp_path / "x", sha256=sha256(b"two"))


def test_retention_counts_from_now(monkeypatch):
    instant = datetime(2026, 11, 23, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: instant)
    assert Retention(30, "compliance").until() == datetime(2026, 12, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("compliance", True),
        ("governance", True),
        ("legal hold", True),
        ("container policy", True),
        ("none", False),
        ("not supported by this store", False),
    ],
)
def test_what_is_protected_is_told_from_what_is_not(kind, expected):
    assert Protection(kind, None, "").is_protected is expected
