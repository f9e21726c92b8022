"""in-toto statements: written, read, and refused."""

import json

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.statement import SEAL, TYPE, Statement, Subject, signer_of
from tests.evidence.signers import ed25519

FILE = Subject("alpine-books/run-1/record.json", "a" * 64)
GOOD = Statement((FILE,), SEAL, {"client": "alpine-books", "note": "Übergabe"})


def test_a_statement_is_the_same_after_it_was_written_and_read():
    assert Statement.from_bytes(GOOD.to_bytes()) == GOOD


def test_it_has_the_parts_that_in_toto_asks_for():
    parts = json.loads(GOOD.to_bytes())
    assert parts["_type"] == TYPE
    assert parts["subject"] == [{"name": FILE.name, "digest": {"sha256": FILE.sha256}}]
    assert parts["predicateType"] == SEAL
    assert parts["predicate"] == GOOD.predicate


def test_who_signs_is_said_with_the_algorithm():
    signer = ed25519("Kim")
    assert signer_of(signer) == {
        "name": "Kim",
        "key_id": signer.key.key_id,
        "algorithm": "Ed25519",
    }


def with_other(**changes):
    return json.dumps(json.loads(GOOD.to_bytes()) | changes).encode()


BAD = {
    "nothing": b"",
    "a list": b"[]",
    "another type": with_other(_type="https://in-toto.io/Statement/v0.1"),
    "a part more": with_other(more=1),
    "no subject list": with_other(subject={}),
    "a subject that is no object": with_other(subject=["a"]),
    "a subject without digest": with_other(subject=[{"name": "a"}]),
    "a digest of another kind": with_other(subject=[{"name": "a", "digest": {"md5": "0"}}]),
    "two digests": with_other(
        subject=[{"name": "a", "digest": {"sha256": "a" * 64, "md5": "0" * 32}}]
    ),
    "a short digest": with_other(subject=[{"name": "a", "digest": {"sha256": "a"}}]),
    "capital letters": with_other(subject=[{"name": "a", "digest": {"sha256": "A" * 64}}]),
    "a name that is no text": with_other(subject=[{"name": 1, "digest": {"sha256": "a" * 64}}]),
    "no predicate": with_other(predicate=None),
    "a predicate type that is no text": with_other(predicateType=1),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_exactly_a_statement_is_refused(name):
    with pytest.raises(EvidenceError, match="no in-toto statement"):
        Statement.from_bytes(BAD[name])
