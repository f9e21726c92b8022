"""The archive's own names."""

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import layout
from o365lib.evidence.archive import Archive


@pytest.mark.parametrize("number", [1, 17, 99_999_999])
def test_a_number_is_read_from_the_name_that_it_gives(number):
    assert layout.number_of(layout.numbered(number)) == number


def test_names_sort_as_their_numbers():
    names = [layout.numbered(number) for number in (1, 9, 10, 11, 100, 99_999)]
    assert sorted(names) == names


@pytest.mark.parametrize(
    "name", ["1.json", "00000000.json", "00000001.tsr", "000000001.json", "00000001.json.part", ""]
)
def test_no_other_name_is_a_number(name):
    assert layout.number_of(name) is None


@pytest.mark.parametrize(
    "name", [layout.DIGESTS, layout.APPROVALS, layout.KEYS, layout.PENDING, layout.BATCHES]
)
def test_no_client_can_have_one_of_these_names(tmp_path, name):
    with pytest.raises(EvidenceError):
        Archive(tmp_path).run(name, "20261123T104500123Z-create-7f3a9c")


@pytest.mark.parametrize("name", [layout.SEALS, layout.RECONCILIATIONS])
def test_no_run_can_have_one_of_these_names(tmp_path, name):
    with pytest.raises(EvidenceError):
        Archive(tmp_path).run("alpine-books", name)


@pytest.mark.parametrize("name", ["a", "alpine-books", "9-lives", "a" * 63])
def test_a_clients_name_is_known_by_its_form(name):
    assert layout.is_client(name)


@pytest.mark.parametrize("name", ["", "_seals", ".pending", "-a", "Alpine", "a b", "a" * 64, "a\n"])
def test_what_is_no_clients_name_is_none(name):
    assert not layout.is_client(name)


@pytest.mark.parametrize("name", ["20261123T104500123Z-create-7f3a9c", "one", "A" * 96])
def test_a_runs_id_is_known_by_its_form(name):
    assert layout.is_run_id(name)


@pytest.mark.parametrize("name", ["", "_seals", ".lock", "a_b", "a.json", "a" * 97, "a\n"])
def test_what_is_no_runs_id_is_none(name):
    assert not layout.is_run_id(name)


@pytest.mark.parametrize(
    ("client", "attempt"), [("a", 1), ("alpine-books", 12), ("a" * 63, 999_999)]
)
def test_client_and_attempt_are_read_from_the_name_of_the_claim_that_they_give(client, attempt):
    assert layout.claim_in(layout.claim_file(client, attempt)) == (client, attempt)


@pytest.mark.parametrize(("client", "attempt"), [("../a", 1), ("a.b", 1), ("A", 1), ("a", 0)])
def test_what_is_no_client_or_no_attempt_has_no_claim(client, attempt):
    with pytest.raises(EvidenceError):
        layout.claim_file(client, attempt)


@pytest.mark.parametrize(
    "name", ["a.json", "a.01.json", "a.1.json.part", ".a.1.json", "a.1.json\n"]
)
def test_no_other_name_is_a_claims(name):
    assert layout.claim_in(name) is None
