"""Reconciliations in the archive, and the records that they may rest on."""

import json

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.reconciliations import sealed_records, write_reconciliation
from o365lib.evidence.statement import Statement, Subject
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs

CLIENT, ITEM = "alpine-books", "20261123T130000000Z-reconcile-aaaaaa"
FIRST, SECOND = "20261123T100000000Z-create-aaaaaa", "20261123T110000000Z-create-bbbbbb"


def read(tmp_path):
    return sealed_records(Archive(tmp_path / "evidence"), CLIENT)


def test_records_that_are_as_they_were_sealed_count(tmp_path):
    seal_runs(tmp_path, (CLIENT, FIRST), ("bayside-legal", FIRST), (CLIENT, SECOND))
    found = read(tmp_path)
    assert [each.run_id for each in found.records] == [FIRST, SECOND]
    assert (found.unsealed, found.altered, found.unreadable) == ((), (), ())
    assert [each.name for each in found.seals] == [
        f"{CLIENT}/_seals/00000001.json",
        f"{CLIENT}/_seals/00000002.json",
    ]


def test_a_record_that_was_edited_since_does_not_count(tmp_path):
    edited, _ = seal_runs(tmp_path, (CLIENT, FIRST), (CLIENT, SECOND))
    content = json.loads(edited.record_file.read_text())
    edited.record_file.write_text(json.dumps({**content, "ticket": "another"}))
    found = read(tmp_path)
    assert ([each.run_id for each in found.records], found.altered) == ([SECOND], (FIRST,))


def test_a_record_under_a_borrowed_seal_does_not_count(tmp_path):
    """That of another run, whose seal it fits; it would count twice."""
    first, second = seal_runs(tmp_path, (CLIENT, FIRST), (CLIENT, SECOND))
    second.record_file.write_bytes(first.record_file.read_bytes())
    found = read(tmp_path)
    assert ([each.run_id for each in found.records], found.altered) == ([FIRST], (SECOND,))


def test_a_sealed_record_that_is_gone_is_named(tmp_path):
    (run,) = seal_runs(tmp_path, (CLIENT, FIRST))
    run.record_file.unlink()
    assert read(tmp_path).unreadable == (FIRST,)


def test_runs_that_are_not_sealed_yet_or_cannot_be_read_are_named(tmp_path):
    batch = open_batch(tmp_path)
    run, _ = make_run(batch, CLIENT, FIRST)
    broken, _ = make_run(batch, CLIENT, SECOND)
    broken.record_file.write_text("{")
    found = read(tmp_path)
    assert (found.unsealed, found.unreadable) == ((FIRST,), (SECOND,))
    assert [each.run_id for each in found.records] == [run.run_id]
    batch.close()


def test_a_seal_that_cannot_be_read_is_an_error(tmp_path):
    seal_runs(tmp_path, (CLIENT, FIRST))
    (tmp_path / "evidence" / CLIENT / "_seals" / "00000001.json").write_text("{}")
    with pytest.raises(EvidenceError):
        read(tmp_path)


def test_a_client_without_runs_has_nothing(tmp_path):
    found = read(tmp_path)
    assert (found.records, found.seals) == ((), ())


def test_a_reconciliation_is_signed_and_made_once(tmp_path):
    batch = open_batch(tmp_path)
    subject = Subject(f"{CLIENT}/_seals/00000001.json", "ab" * 32)

    def write():
        return write_reconciliation(batch, CLIENT, ITEM, predicate={"matched": []}, seals=[subject])

    file = write()
    before = file.read_bytes()
    envelope = Envelope.from_json(before)
    assert verified_by(envelope, {batch.signer.key.key_id: batch.signer.key})
    told = Statement.from_bytes(envelope.payload)
    assert told.subjects == (subject,)
    assert told.predicate["reconciliation_id"] == ITEM
    assert told.predicate["schema_version"] == 1
    assert told.predicate["signer"]["key_id"] == batch.signer.key.key_id
    with pytest.raises(EvidenceError):
        write()
    assert file.read_bytes() == before
    assert batch.close() is not None


def test_where_nothing_can_be_written_that_is_said(tmp_path):
    batch = open_batch(tmp_path)
    (tmp_path / "evidence" / CLIENT).write_text("no folder")
    with pytest.raises(EvidenceError) as refused:
        write_reconciliation(batch, CLIENT, ITEM, predicate={}, seals=[])
    assert "only read" in refused.value.state
    batch.close()
