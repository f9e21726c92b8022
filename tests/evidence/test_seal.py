"""Seals of runs: what they cover, and what they say."""

import hashlib
import os

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, trust
from o365lib.evidence.archive import Archive
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.record import Outcome
from o365lib.evidence.seal import UNREADABLE, read_seal, seal_of, seal_run
from o365lib.evidence.statement import SEAL, Statement
from tests.evidence import small_records
from tests.evidence.signers import ed25519, es256

SEARCH = {"known_secrets": "searched", "patterns": "searched", "findings": 0}


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


@pytest.fixture
def finished(archive):
    """Return a maker of runs that have ended: folder and record."""

    def make(run_id="one", client="alpine-books", **fields):
        run = archive.new_run(client, run_id)
        record = small_records.make(
            run_id, **{"outcome": Outcome.DONE, "ended": small_records.NOW, **fields}
        )
        record.client = client
        run.write_record(record)
        run.write_notebook("{}")
        return run, record

    return make


def statement_at(path):
    return Statement.from_bytes(Envelope.from_json(path.read_bytes()).payload)


@pytest.mark.parametrize("make", [ed25519, es256])
def test_a_seal_is_signed_and_covers_the_exact_bytes_of_each_file(finished, make):
    run, record = finished()
    signer = make()
    seal = seal_run(run, record, signer, search=SEARCH)
    envelope = Envelope.from_json(seal.link.path.read_bytes())
    assert verified_by(envelope, {signer.key.key_id: signer.key})
    said = Statement.from_bytes(envelope.payload)
    assert said.predicate_type == SEAL
    assert {subject.name: subject.sha256 for subject in said.subjects} == {
        f"alpine-books/one/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (run.record_file, run.notebook_file)
    }
    assert said.predicate["signer"]["algorithm"] == signer.key.algorithm


def test_it_says_who_did_what_for_whom(finished):
    run, record = finished(tenant_id="tenant", ticket="4711", plan={"digest": "d" * 64})
    said = seal_run(run, record, ed25519(), search=SEARCH).predicate
    assert said["client"] == "alpine-books"
    assert said["run_id"] == "one"
    assert said["tenant_id"] == "tenant"
    assert said["runbook"] == record.runbook
    assert said["outcome"] == "done"
    assert said["ticket"] == "4711"
    assert said["plan_digest"] == "d" * 64
    assert said["operator"]["user_name"] == "kim"
    assert said["approval"] is None
    assert said["search"] == SEARCH
    assert said["previous"] is None
    assert said["number"] == 1


def test_each_names_the_seal_before_of_the_same_client(archive, finished):
    signer = ed25519()
    trust.publish(archive.root, signer.key)
    first = seal_run(*finished("one"), signer, search=SEARCH)
    other = seal_run(*finished("two", client="bayside-legal"), signer, search=SEARCH)
    second = seal_run(*finished("three"), signer, search=SEARCH)
    assert second.predicate["previous"] == {"number": 1, "sha256": first.link.sha256}
    assert other.predicate["previous"] is None
    assert second.name == "alpine-books/_seals/00000002.json"


def test_a_record_that_cannot_be_read_is_sealed_as_it_is(finished):
    run, _ = finished()
    run.record_file.write_text("{")
    seal = seal_run(run, None, ed25519(), search=SEARCH)
    assert seal.predicate["outcome"] == UNREADABLE
    assert len(statement_at(seal.link.path).subjects) == 2


def test_only_regular_files_are_covered_and_broken_writes_are_swept(finished, tmp_path):
    run, record = finished()
    (tmp_path / "outside").write_text("secret of somebody else")
    (run.path / ".record.json.0a1b2c3d.part").write_text("half")
    (run.path / "folder").mkdir()
    if os.name != "nt":
        (run.path / "link").symlink_to(tmp_path / "outside")
    seal = seal_run(run, record, ed25519(), search=SEARCH)
    names = {subject.name.rpartition("/")[2] for subject in statement_at(seal.link.path).subjects}
    assert names == {"record.json", "runbook.ipynb"}
    assert not [file for file in run.path.iterdir() if file.suffix == ".part"]


def test_the_seal_of_a_run_is_found_again(archive, finished):
    signer = ed25519()
    trust.publish(archive.root, signer.key)
    runs = [finished(name) for name in ("one", "two", "three")]
    seals = [seal_run(run, record, signer, search=SEARCH) for run, record in runs[:2]]
    assert [seal_of(run) for run, _ in runs] == [*seals, None]


def test_a_seal_that_cannot_be_read_hides_no_other(archive, finished):
    signer = ed25519()
    trust.publish(archive.root, signer.key)
    runs = [finished(name) for name in ("one", "two")]
    first, second = (seal_run(run, record, signer, search=SEARCH) for run, record in runs)
    second.link.path.write_text("spoilt")
    assert seal_of(runs[0][0]) == first
    assert seal_of(runs[1][0]) is None
    with pytest.raises(EvidenceError, match="no signed envelope"):
        read_seal(second.link.path)


def test_a_folder_that_is_gone_is_told_and_nothing_is_sealed(archive):
    run = archive.run("alpine-books", "gone")
    with pytest.raises(EvidenceError, match="cannot be read"):
        seal_run(run, None, ed25519(), search=SEARCH)
    assert chain.numbers(run.path.parent / "_seals") == []
