import pytest

from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.inventory import What, place_of

SEAL, DIGEST = "a/_seals/00000001.json", "_digests/00000001.json"
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def book():
    with Book() as made:
        yield made


def put(book, name, sha256=ONE, *, is_bad=False):
    book.put_file(name, place_of(name), sha256, is_bad=is_bad)


def claim(book, name, sha256=ONE, *, by=SEAL):
    book.put_claim(name, sha256, by=by, what=place_of(by).what)


def test_what_is_claimed_and_there_is_neither_unlike_nor_unclaimed(book):
    put(book, SEAL)
    put(book, DIGEST)
    put(book, "a/run/x")
    claim(book, "a/run/x")
    claim(book, SEAL, by=DIGEST)
    assert (list(book.unlike()), list(book.unclaimed())) == ([], [])
    assert list(book.claimed_twice(What.SEAL)) == []


def test_what_is_missing_or_other_than_claimed_is_unlike(book):
    put(book, SEAL)
    for name in ("other", "unreadable"):
        put(book, f"a/run/{name}", TWO if name == "other" else None, is_bad=name == "unreadable")
        claim(book, f"a/run/{name}")
    claim(book, "a/run/gone")
    assert list(book.unlike()) == [
        ("a/run/gone", ONE, SEAL, None, None),
        ("a/run/other", ONE, SEAL, TWO, 0),
        ("a/run/unreadable", ONE, SEAL, None, 1),
    ]


def test_what_a_bad_file_claims_counts_only_for_what_is_missing(book):
    put(book, SEAL, is_bad=True)
    put(book, "a/run/x", TWO)
    claim(book, "a/run/x")
    claim(book, "a/run/gone")
    assert [row[0] for row in book.unlike()] == ["a/run/gone"]
    # And it is enough that nothing of this run is called unsigned as well.
    assert [row[0] for row in book.unclaimed()] == [SEAL]


def test_a_seal_does_not_stand_in_for_a_digest_nor_a_digest_for_a_seal(book):
    put(book, SEAL)
    put(book, "a/run/x")
    claim(book, SEAL, by=SEAL)
    claim(book, "a/run/x", by=DIGEST)
    assert [row[0] for row in book.unclaimed()] == [SEAL, "a/run/x"]


def test_what_two_of_one_kind_claim_is_told_with_both(book):
    second = "a/_seals/00000002.json"
    put(book, SEAL)
    put(book, second)
    claim(book, "a/run/x")
    claim(book, "a/run/x", by=second)
    claim(book, "a/run/x", by=DIGEST)
    assert list(book.claimed_twice(What.SEAL)) == [("a/run/x", SEAL, second, 1)]
    claim(book, "a/run/x", TWO, by=second)
    assert list(book.claimed_twice(What.SEAL)) == [("a/run/x", SEAL, second, 0)]
    put(book, second, is_bad=True)
    assert list(book.claimed_twice(What.SEAL)) == []


def test_files_are_found_by_what_they_hold(book):
    put(book, "a/run/x", ONE)
    put(book, "b/run/x", TWO)
    claim(book, "a/run/x", ONE)
    assert book.claimed_as(ONE, but="b/run/x") == "a/run/x"
    assert book.claimed_as(ONE, but="a/run/x") == ""
    assert book.found_as(TWO, but="a/run/x") == "b/run/x"
    assert book.found_as(ONE, but="b/run/x") == ""  # it lies where it should
    assert book.digest_of("b/run/x") == TWO
    assert book.digest_of("c/run/x") is None


def test_runs_whose_names_begin_alike_are_kept_apart(book):
    put(book, "a/run/x")
    put(book, "a/run-2/x")
    put(book, "a/run-2/y")
    claim(book, "a/run-2/x")
    assert (book.files_of("a/run"), book.files_of("a/run-2")) == (1, 2)
    assert (book.is_sealed("a", "run"), book.is_sealed("a", "run-2")) == (False, True)
    book.put_link(place_of(SEAL), before=None, run_id="run")  # a seal of a run without any file
    assert (book.is_sealed("a", "run"), book.is_sealed("b", "run")) == (True, False)
    assert book.count_runs() == 2


def test_chains_come_in_the_order_of_their_numbers(book):
    for name, before in (
        ("b/_seals/00000001.json", None),
        ("a/_seals/00000010.json", ONE),
        ("a/_seals/00000009.json", TWO),
    ):
        put(book, name)
        book.put_link(place_of(name), before=before, run_id=f"of {name[0]}")
    put(book, "a/_seals/00000011.json", is_bad=True)  # nothing could be read in it
    assert list(book.links(What.SEAL)) == [
        ("a", 9, TWO, ONE, 0),
        ("a", 10, ONE, ONE, 0),
        ("a", 11, None, ONE, 1),
        ("b", 1, None, ONE, 0),
    ]
    assert book.run_of(place_of("b/_seals/00000001.json")) == "of b"
    assert book.run_of(place_of("b/_seals/00000002.json")) == ""
    assert book.count(What.SEAL) == 4


def test_a_file_that_is_gone_can_be_taken_out_again(book):
    put(book, "a/run/x", None, is_bad=True)
    assert book.has_file("a/run/x")
    book.forget_file("a/run/x")
    assert not book.has_file("a/run/x")
    assert list(book.unclaimed()) == []
