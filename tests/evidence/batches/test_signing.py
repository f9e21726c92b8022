import json

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import trust
from o365lib.evidence.batches import signing
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.layout import is_signed_file
from o365lib.evidence.statement import Statement
from tests.evidence.batches.batches_made import batch_file, begun, inputs, result
from tests.evidence.signers import ed25519


@pytest.fixture
def batch(tmp_path):
    evidence, folder = begun(tmp_path)
    yield folder
    evidence.close()


def statement_of(folder):
    return folder.root / signing.statement_name(folder.batch_id)


def inputs_of(folder):
    return folder.root / signing.inputs_name(folder.batch_id)


def test_a_digest_may_cover_the_signed_files_and_no_other():
    assert is_signed_file(signing.statement_name("batch-1"))
    assert is_signed_file(signing.result_name("batch-1", 1))
    assert not is_signed_file(signing.inputs_name("batch-1"))
    assert not is_signed_file("_batches/batch-1/batch.json")
    assert not is_signed_file("_batches/batch-1/claims/a.1.json")


def test_the_statement_says_what_began_and_is_signed_with_a_published_key(batch):
    envelope = Envelope.from_json(statement_of(batch).read_bytes())
    assert verified_by(envelope, trust.trusted_keys(batch.root))
    said = Statement.from_bytes(envelope.payload).predicate
    assert said["batch_id"] == batch.batch_id
    assert (said["clients"], said["runbook"]["name"]) == (3, "create_service_account")


def test_inputs_that_are_as_they_were_signed_are_returned(batch):
    assert signing.checked_inputs(batch.root, batch.batch_id) == batch.inputs()


def refusal(folder):
    with pytest.raises(EvidenceError) as caught:
        signing.checked_inputs(folder.root, folder.batch_id)
    return str(caught.value)


def test_edited_inputs_are_refused(batch):
    path = inputs_of(batch)
    path.write_bytes(path.read_bytes().replace(b"alpine.example", b"mallory.example"))
    told = refusal(batch)
    assert "was edited after it was signed" in told
    assert "Nothing was started." in told
    assert batch.batch_id in told


def test_inputs_that_are_gone_are_refused(batch):
    inputs_of(batch).unlink()
    assert "cannot be read (No such file" in refusal(batch)


def test_inputs_without_their_statement_are_refused(batch):
    statement_of(batch).unlink()
    assert "cannot be read" in refusal(batch)


def test_inputs_that_a_stranger_signed_are_refused(batch):
    forged = inputs("alpine").model_copy(update={"batch_id": batch.batch_id})
    inputs_of(batch).write_bytes(forged.to_bytes())
    signature = signing.signed_inputs(forged, forged.to_bytes(), ed25519("Mallory"))
    statement_of(batch).write_bytes(signature)
    assert "signature of its inputs is not sound" in refusal(batch)


def test_another_batchs_inputs_in_their_place_are_refused(batch, tmp_path):
    evidence, other = begun(tmp_path)
    for name in ("inputs.json", "inputs.statement.json"):
        (batch.path / name).write_bytes((other.path / name).read_bytes())
    evidence.close()
    assert "another's place" in refusal(batch)


def test_a_statement_whose_payload_was_edited_is_refused(batch):
    document = json.loads(statement_of(batch).read_bytes())
    envelope = Envelope.from_json(statement_of(batch).read_bytes())
    edited = Envelope(
        envelope.payload.replace(b'"clients": 3', b'"clients": 4'),
        document["payloadType"],
        envelope.signatures,
    )
    statement_of(batch).write_bytes(edited.to_json())
    assert "not sound" in refusal(batch)


def test_a_result_carries_all_that_it_says_and_names_the_inputs(batch):
    result_file = batch_file(
        batch.inputs(), *(result(each, "done") for each in batch.inputs().clients)
    )
    signer = ed25519()
    raw = signing.signed_result(result_file, 3, inputs_sha256="ab" * 32, signer=signer)
    envelope = Envelope.from_json(raw)
    assert verified_by(envelope, {signer.key.key_id: signer.key})
    said = Statement.from_bytes(envelope.payload)
    assert said.predicate["number"] == 3
    assert said.predicate["result"] == json.loads(result_file.to_bytes())
    assert [(each.name, each.sha256) for each in said.subjects] == [
        (signing.inputs_name(batch.batch_id), "ab" * 32)
    ]
