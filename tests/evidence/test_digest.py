"""Digests: one a batch, over what was signed in it."""

import hashlib

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, trust
from o365lib.evidence.digest import covered, write_digest
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.statement import DIGEST, Statement
from tests.evidence.signers import ed25519
from tests.evidence.small_records import NOW

SIGNER = ed25519()


@pytest.fixture
def signed_files(tmp_path):
    names = [f"{client}/_seals/00000001.json" for client in ("alpine-books", "bayside-legal")]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    return names


def test_a_digest_covers_each_file_once_and_is_signed(tmp_path, signed_files):
    link = write_digest(tmp_path, signed_files * 2, SIGNER, batch_id="b1", started=NOW)
    envelope = Envelope.from_json(link.path.read_bytes())
    assert verified_by(envelope, {SIGNER.key.key_id: SIGNER.key})
    said = Statement.from_bytes(envelope.payload)
    assert said.predicate_type == DIGEST
    assert [(each.name, each.sha256) for each in said.subjects] == [
        (name, hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()) for name in signed_files
    ]
    assert said.predicate["batch_id"] == "b1"


def test_each_names_the_digest_before(tmp_path, signed_files):
    trust.publish(tmp_path, SIGNER.key)
    first = write_digest(tmp_path, signed_files[:1], SIGNER, batch_id="b1", started=NOW)
    second = write_digest(tmp_path, signed_files[1:], SIGNER, batch_id="b2", started=NOW)
    said = Statement.from_bytes(Envelope.from_json(second.path.read_bytes()).payload)
    assert said.predicate["previous"] == {"number": 1, "sha256": first.sha256}
    assert said.predicate["number"] == 2


def test_what_digests_cover_is_found_again(tmp_path, signed_files):
    trust.publish(tmp_path, SIGNER.key)
    for name, batch_id in zip(signed_files, ("b1", "b2"), strict=True):
        write_digest(tmp_path, [name], SIGNER, batch_id=batch_id, started=NOW)
    assert covered(tmp_path) == set(signed_files)
    (tmp_path / "_digests" / "00000002.json").write_text("spoilt")
    assert covered(tmp_path) == {signed_files[0]}
    assert covered(tmp_path / "none") == set()


def test_a_file_is_named_as_it_was_signed_whatever_became_of_it(tmp_path, signed_files):
    (tmp_path / signed_files[0]).unlink()
    known = {signed_files[0]: "a" * 64}
    link = write_digest(tmp_path, signed_files, SIGNER, batch_id="b1", started=NOW, known=known)
    said = Statement.from_bytes(Envelope.from_json(link.path.read_bytes()).payload)
    assert said.subjects[0].sha256 == "a" * 64


def test_a_file_that_is_gone_is_told_and_no_digest_is_written(tmp_path, signed_files):
    (tmp_path / signed_files[0]).unlink()
    with pytest.raises(EvidenceError, match="cannot be read"):
        write_digest(tmp_path, signed_files, SIGNER, batch_id="b1", started=NOW)
    assert chain.last(tmp_path / "_digests") is None
