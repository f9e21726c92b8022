import hashlib

import pytest

from o365lib.errors import UsageError
from o365lib.evidence.verification.heads import Head, current
from tests.evidence.memory_store import MemoryStore

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("head", "line", "file"),
    [
        (Head("", 12, SHA), f"o365-head 1 12 {SHA}", "_digests/00000012.json"),
        (
            Head("alpine-books", 3, SHA),
            f"o365-head 1 alpine-books 3 {SHA}",
            "alpine-books/_seals/00000003.json",
        ),
        # A client whose name is a number.
        (Head("365", 3, SHA), f"o365-head 1 365 3 {SHA}", "365/_seals/00000003.json"),
    ],
)
def test_a_head_is_one_line_and_names_one_file(head, line, file):
    assert (head.line, head.file) == (line, file)
    assert Head.from_line(line) == head
    assert Head.from_line(f"  {line.replace(' ', '   ')}\n") == head


@pytest.mark.parametrize(
    "line",
    [
        "",
        "o365-head",
        f"o365-head 2 12 {SHA}",
        f"o365-head 1 0 {SHA}",
        f"o365-head 1 -1 {SHA}",
        f"o365-head 1 12 {SHA[:-1]}",
        f"o365-head 1 12 {SHA}0",
        f"o365-head 1 12 {SHA.upper()}",
        f"o365-head 1 Alpine 12 {SHA}",
        f"o365-head 1 a b 12 {SHA}",
        f"o365-head 1 ../x 12 {SHA}",
        f"o365-head 1 {'9' * 9} {SHA}",
        f"o365-head 1 ١٢ {SHA}",
    ],
)
def test_a_typing_error_in_a_head_is_wrong_usage(line):
    with pytest.raises(UsageError, match="no head"):
        Head.from_line(line)


def test_the_head_is_the_file_with_the_highest_number():
    store = MemoryStore(
        {
            "_digests/00000009.json": b"nine",
            "_digests/00000010.json": b"ten",
            "_digests/00000011.tsr": b"a stamp",
            "_digests/none.json": b"no digest",
            "alpine-books/_seals/00000002.json": b"two",
        }
    )
    digest = hashlib.sha256(b"ten").hexdigest()
    assert current(store) == Head("", 10, digest)
    assert current(store, "alpine-books").number == 2


def test_where_nothing_is_sealed_there_is_no_head():
    assert current(MemoryStore({})) is None
    assert current(MemoryStore({"alpine-books/run/record.json": b"{}"}), "alpine-books") is None
