import base64
import hashlib
import json
from dataclasses import replace

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import envelope, statement, trust
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.statement import Statement, Subject
from tests.evidence.signers import ed25519, es256


@pytest.fixture
def root(tmp_path):
    return tmp_path / "evidence"


def ids(*signers):
    return {each.key.key_id for each in signers}


def signed(by, new, /, *, about=None, kind=statement.KEY_ENDORSEMENT, **predicate):
    """An endorsement of which any part may be other than it should be."""
    subject = about or Subject(trust.pem_name(new.key_id), hashlib.sha256(new.pem).hexdigest())
    content = {
        "schema_version": 1,
        "endorsed_key_id": new.key_id,
        "since": "2026-11-23T10:00:00.000Z",
        "signer": statement.signer_of(by),
        **predicate,
    }
    payload = Statement((subject,), kind, content).to_bytes()
    return envelope.sign(payload, by).to_json()


def test_a_key_is_published_under_its_id_once(root):
    key = ed25519().key
    file = trust.publish(root, key)
    assert file == root / "_keys" / f"{key.key_id}.pem"
    assert file.read_bytes() == key.pem
    assert trust.publish(root, key) == file
    assert trust.trusted_keys(root) == {key.key_id: key}


def test_what_is_in_its_place_is_not_written_over(root):
    key = ed25519().key
    trust.publish(root, key).write_bytes(b"something else")
    with pytest.raises(EvidenceError, match="says something else"):
        trust.publish(root, key)
    assert (root / trust.pem_name(key.key_id)).read_bytes() == b"something else"


def test_an_archive_that_cannot_be_written_is_told(root):
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file")
    with pytest.raises(EvidenceError, match="cannot be published"):
        trust.publish(root, ed25519().key)


def test_an_endorsement_says_which_key_by_whom_and_since_when(root):
    old, new = ed25519("Ada"), es256("Vault")
    file = trust.endorse(root, old, new.key)
    assert file == root / "_keys" / f"{new.key.key_id}.json"
    said = trust.read_endorsement(file.read_bytes())
    assert (said.key_id, said.by) == (new.key.key_id, old.key.key_id)
    assert said.pem_sha256 == hashlib.sha256(new.key.pem).hexdigest()
    assert said.since.tzinfo is not None
    content = Statement.from_bytes(Envelope.from_json(file.read_bytes()).payload)
    assert content.predicate["signer"]["name"] == "Ada"
    assert content.predicate["schema_version"] == 1
    with pytest.raises(EvidenceError, match="says something else"):
        trust.endorse(root, ed25519(), new.key)


def test_without_a_given_key_all_that_are_published_count(root):
    one, other = ed25519(), es256()
    for each in (one, other):
        trust.publish(root, each.key)
    assert set(trust.trusted_keys(root)) == ids(one, other)


def test_a_given_key_counts_alone_with_those_it_vouches_for(root):
    first, second, third, stranger = ed25519(), es256(), ed25519(), ed25519()
    trust.endorse(root, second, third.key)
    trust.endorse(root, first, second.key)
    trust.endorse(root, stranger, ed25519().key)
    assert set(trust.trusted_keys(root, [first.key])) == ids(first, second, third)
    assert set(trust.trusted_keys(root, [second.key])) == ids(second, third)
    assert set(trust.trusted_keys(root, [third.key, stranger.key])) > ids(third, stranger)


def test_a_given_key_counts_though_it_is_not_published(tmp_path):
    key = ed25519().key
    assert trust.trusted_keys(tmp_path / "none", [key]) == {key.key_id: key}
    assert trust.trusted_keys(tmp_path / "none") == {}


def test_keys_that_vouch_for_each_other_come_to_an_end(root):
    one, other = ed25519(), ed25519()
    trust.endorse(root, one, other.key)
    trust.endorse(root, other, one.key)
    assert set(trust.trusted_keys(root, [one.key])) == ids(one, other)


class TestWhatCountsForNothing:
    OLD, NEW, STRANGER = ed25519(), ed25519(), ed25519()

    def trusted(self, said, pem=None):
        key_id = self.NEW.key.key_id
        found = trust.trust({key_id: pem or self.NEW.key.pem}, {key_id: said}, [self.OLD.key])
        return set(found) - ids(self.OLD)

    def test_a_true_endorsement_does_count(self):
        assert self.trusted(signed(self.OLD, self.NEW.key)) == ids(self.NEW)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"schema_version": 2},
            {"endorsed_key_id": STRANGER.key.key_id},
            {"endorsed_key_id": 7},
            {"since": "2026-11-23T10:00:00"},
            {"since": "yesterday"},
            {"signer": {}},
            {"signer": {"key_id": ["x"]}},
            {"signer": statement.signer_of(STRANGER)},
            {"kind": statement.SEAL},
            {"about": Subject(trust.pem_name(NEW.key.key_id), "0" * 64)},
            {"about": Subject("_keys/x.pem", hashlib.sha256(NEW.key.pem).hexdigest())},
            {
                "endorsed_key_id": STRANGER.key.key_id,
                "about": Subject(
                    trust.pem_name(STRANGER.key.key_id), hashlib.sha256(NEW.key.pem).hexdigest()
                ),
            },
        ],
    )
    def test_one_that_says_something_else(self, wrong):
        assert self.trusted(signed(self.OLD, self.NEW.key, **wrong)) == set()

    def test_one_by_a_stranger(self):
        assert self.trusted(signed(self.STRANGER, self.NEW.key)) == set()

    def test_one_by_a_stranger_in_the_name_of_a_trusted_key(self):
        forged = signed(self.STRANGER, self.NEW.key, signer=statement.signer_of(self.OLD))
        assert self.trusted(forged) == set()
        parts = json.loads(forged)
        parts["signatures"][0]["keyid"] = self.OLD.key.key_id
        assert self.trusted(json.dumps(parts).encode()) == set()

    def test_one_whose_words_were_changed_after_it_was_signed(self):
        parts = json.loads(signed(self.OLD, self.NEW.key))
        payload = base64.b64decode(parts["payload"]).replace(b"2026", b"2025")
        parts["payload"] = base64.b64encode(payload).decode()
        assert self.trusted(json.dumps(parts).encode()) == set()

    def test_one_of_another_key_under_this_ones_name(self):
        assert self.trusted(signed(self.OLD, self.STRANGER.key)) == set()

    @pytest.mark.parametrize("garbage", [b"", b"{}", b"\xff", b"[" * 50_000])
    def test_garbage(self, garbage):
        assert self.trusted(garbage) == set()
        assert self.trusted(signed(self.OLD, self.NEW.key), pem=garbage or b"-") == set()

    def test_another_key_in_the_file_of_this_one(self):
        said = signed(
            self.OLD,
            self.NEW.key,
            about=Subject(
                trust.pem_name(self.NEW.key.key_id),
                hashlib.sha256(self.STRANGER.key.pem).hexdigest(),
            ),
        )
        assert self.trusted(said, pem=self.STRANGER.key.pem) == set()


def test_a_file_that_is_not_of_the_key_in_its_name_is_no_key(root):
    key, other = ed25519().key, ed25519().key
    trust.publish(root, key).write_bytes(other.pem)
    trust.publish(root, other)
    assert set(trust.trusted_keys(root)) == {other.key_id}


def test_links_and_foreign_names_among_the_keys_are_not_read(root, tmp_path):
    key, outside = ed25519().key, ed25519().key
    trust.publish(root, key)
    (tmp_path / "outside.pem").write_bytes(outside.pem)
    (root / trust.pem_name(outside.key_id)).symlink_to(tmp_path / "outside.pem")
    (root / "_keys" / "notes.txt").write_text("mine")
    (root / "_keys" / ("0" * 64 + ".pem")).mkdir()
    assert set(trust.trusted_keys(root)) == {key.key_id}


def test_a_later_versions_endorsement_is_told_as_such():
    with pytest.raises(EvidenceError, match="later version"):
        trust.read_endorsement(signed(ed25519(), ed25519().key, schema_version=2))
    with pytest.raises(EvidenceError, match="no endorsement"):
        trust.read_endorsement(signed(ed25519(), ed25519().key, kind=statement.SEAL))


def test_a_vaults_key_signs_and_is_verified_by_the_same_envelope():
    vault = es256()
    made = Envelope.from_json(envelope.sign(b"{}", vault).to_json())
    assert envelope.verified_by(made, {vault.key.key_id: vault.key}) == vault.key
    assert statement.signer_of(vault)["algorithm"] == "ES256"
    stranger = es256()
    assert envelope.verified_by(made, {vault.key.key_id: stranger.key}) is None


class TestKeysOfOnePerson:
    """Endorsements join keys: who approves with one may not operate with another."""

    @staticmethod
    def joined(of, *said, known=()):
        files = {}
        for by, new in said:
            files.setdefault(new.key.key_id, []).append(trust.endorsement(by, new.key))
        return trust.joined(ids(of), files, {each.key.key_id: each.key for each in known})

    def test_they_are_joined_whichever_came_first_over_any_number(self):
        first, second, third, stranger = (ed25519() for _ in range(4))
        said = ((first, second), (second, third))
        for each in (first, second, third):
            assert self.joined(each, *said, known=(first, second, third)) == ids(
                first, second, third
            )
        assert self.joined(stranger, *said, known=(first,)) == ids(stranger)

    def test_that_a_key_between_was_taken_away_parts_nobody(self):
        first, second, third = (ed25519() for _ in range(3))
        said = ((first, second), (second, third))
        assert self.joined(third, *said, known=(first, third)) == ids(first, second, third)

    def test_nobody_is_joined_by_what_another_key_signed_or_under_another_name(self):
        kim, ana, mallory = ed25519("Kim"), ed25519("Ana"), ed25519()
        [good] = Envelope.from_json(trust.endorsement(mallory, kim.key)).signatures
        forged = signed(ana, kim.key)
        loose = envelope.Envelope.from_json(forged)
        forged = replace(loose, signatures=(replace(good, key_id=ana.key.key_id),)).to_json()
        known = {each.key.key_id: each.key for each in (kim, ana)}
        for name in (kim.key.key_id, "0" * 64):
            assert trust.joined(ids(kim), {name: [forged]}, known) == ids(kim)
        elsewhere = {mallory.key.key_id: [signed(ana, kim.key)]}
        assert trust.joined(ids(kim), elsewhere, known) == ids(kim)
        assert trust.joined(ids(kim), {kim.key.key_id: [b"{}"]}, known) == ids(kim)
