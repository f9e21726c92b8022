"""The archive while a command runs runbooks."""

import contextlib

import pytest

from o365lib.cli.open_evidence import lines_of, open_evidence
from o365lib.errors import EvidenceError
from o365lib.evidence import chain
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS
from o365lib.evidence.sealing import Finished
from tests.evidence.sealed_archive import make_run, open_batch


@pytest.fixture
def opened(tmp_path):
    return lambda: open_evidence(
        Archive(tmp_path / "evidence"), KeyStore(tmp_path / "keys"), passphrase=None
    )


def test_the_digest_is_signed_at_the_end_and_told_with_the_keys_fingerprint(opened):
    with opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        assert evidence.digest is None
    key = evidence.batch.signer.key
    assert key.fingerprint in evidence.sentence()
    assert "number 1" in evidence.sentence()
    assert evidence.exit_status == 0
    told = evidence.to_json()
    assert told["key_id"] == key.key_id
    assert told["digest"]["sha256"] == evidence.digest.sha256
    assert told["problems"] == []


def test_nothing_sealed_is_nothing_told(opened):
    with opened() as evidence:
        pass
    assert evidence.sentence() == ""
    assert evidence.to_json()["digest"] is None


def test_what_an_earlier_command_left_is_finished_first_and_told(opened, tmp_path, capsys):
    left = open_batch(tmp_path)
    make_run(left, "alpine-books", "one")
    left._pending.let_go()
    with opened():
        told = capsys.readouterr().err
    assert "Sealed now, since an earlier command ended before it could: one of alpine-books" in told
    assert f"The batch {left._pending.batch_id}" in told
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_an_error_in_between_still_signs_the_digest(opened, tmp_path):
    with contextlib.suppress(KeyboardInterrupt), opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        raise KeyboardInterrupt
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_a_digest_that_cannot_be_written_is_told_and_fails_the_command(opened, tmp_path, capsys):
    with opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        (tmp_path / "evidence" / DIGESTS).write_text("no folder")
    assert evidence.exit_status == 1
    assert "has no digest yet" in capsys.readouterr().err
    (tmp_path / "evidence" / DIGESTS).unlink()
    with opened():
        assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_a_key_that_cannot_be_used_starts_nothing(opened, tmp_path):
    store = KeyStore(tmp_path / "keys")
    store.signer()
    store.file.write_text("spoilt")
    with pytest.raises(EvidenceError), opened():
        pytest.fail("it was begun")


def test_what_stays_unfinished_is_told(tmp_path):
    lines = [*lines_of(Finished("batch-1", (), None, "one of alpine-books:\nno\x1b[1m room"))]
    assert len(lines) == 1
    assert "Still unfinished of the batch batch-1" in lines[0]
    assert "\x1b" not in lines[0]
