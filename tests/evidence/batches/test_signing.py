import json

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import trust
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches import signing
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import is_signed_file
from o365lib.evidence.sealing import OpenBatch
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


class TestWhoMaySign:
    """What a batch began with is executed with the secrets of whoever takes it up."""

    @pytest.fixture
    def own(self, tmp_path):
        return KeyStore(tmp_path / "keys")

    @pytest.fixture
    def stranger(self, tmp_path):
        return KeyStore(tmp_path / "stranger")

    def taken_up(self, batch, keys, signed_by=""):
        """What somebody with these keys would execute."""
        believed = signing.believed_keys(batch.root, keys, signed_by=signed_by)
        return signing.checked_inputs(batch.root, batch.batch_id, believed=believed)

    def of(self, keys, batch):
        """Another batch in the same archive, begun with these keys."""
        evidence = OpenBatch.begin(Archive(batch.root), keys)
        folder = BatchFolder.begin(evidence, inputs("cedar"))
        evidence.close()
        return folder

    def test_ones_own_batch_is_taken_up(self, batch, own):
        assert self.taken_up(batch, own) == batch.inputs()

    def test_one_that_another_published_key_signed_is_refused(self, batch, own, stranger):
        theirs = self.of(stranger, batch)
        assert theirs.inputs() == signing.checked_inputs(batch.root, theirs.batch_id)
        with pytest.raises(EvidenceError) as caught:
            self.taken_up(theirs, own)
        told = str(caught.value)
        assert stranger.name in told
        assert stranger.public_key().fingerprint in told
        assert "Nothing was started." in told
        named = "".join(stranger.public_key().fingerprint.split())
        assert f"--signed-by {named}" in told
        assert self.taken_up(theirs, own, signed_by=named) == theirs.inputs()

    @pytest.mark.parametrize("form", ["fingerprint", "key_id"])
    def test_the_key_that_is_named_is_believed_however_it_is_written(
        self, batch, own, stranger, form
    ):
        theirs = self.of(stranger, batch)
        named = getattr(stranger.public_key(), form)
        assert self.taken_up(theirs, own, signed_by=named) == theirs.inputs()

    def test_no_other_key_is_believed_with_the_one_that_is_named(self, batch, own, stranger):
        theirs = self.of(stranger, batch)
        named = own.public_key().fingerprint
        with pytest.raises(EvidenceError, match="not signed with a key of yours"):
            self.taken_up(theirs, own, signed_by=named)

    @pytest.mark.parametrize("text", ["SHA256:12ab", "Kim", "*", "SHA256:"])
    def test_what_is_no_fingerprint_names_no_key(self, batch, own, text):
        with pytest.raises(UsageError, match="is not a key's fingerprint"):
            self.taken_up(batch, own, signed_by=text)

    def test_a_fingerprint_that_the_archive_does_not_have_is_told(self, batch, own):
        with pytest.raises(UsageError, match="has no key with this fingerprint"):
            self.taken_up(batch, own, signed_by="SHA256:" + "0" * 32)

    def test_whoever_has_no_key_yet_has_no_batch(self, batch, stranger):
        assert signing.believed_keys(batch.root, stranger) == {}
        with pytest.raises(EvidenceError, match="not signed with a key of yours"):
            self.taken_up(batch, stranger)

    @pytest.mark.parametrize("is_endorsed", [True, False])
    def test_a_batch_of_ones_earlier_key_is_taken_up(self, batch, own, is_endorsed):
        own.new(endorser=own.signer() if is_endorsed else None)
        assert self.taken_up(batch, own) == batch.inputs()

    def test_a_batch_of_a_key_that_ones_own_has_endorsed_is_taken_up(self, batch, own, stranger):
        trust.endorse(batch.root, own.signer(), stranger.signer().key)
        theirs = self.of(stranger, batch)
        assert self.taken_up(theirs, own) == theirs.inputs()

    def test_a_key_that_endorses_ones_own_is_not_believed_for_that(self, batch, own, stranger):
        trust.endorse(batch.root, stranger.signer(), own.public_key())
        theirs = self.of(stranger, batch)
        with pytest.raises(EvidenceError, match="not signed with a key of yours"):
            self.taken_up(theirs, own)
