import pytest

from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification.findings import Findings
from o365lib.evidence.verification.inventory import Place, What
from o365lib.evidence.verification.keyring import check_key_file, keyring_of
from o365lib.evidence.verification.reading import Found
from tests.evidence.signers import ed25519, es256


def test_a_given_key_brings_those_that_it_vouches_for(archive, sound_archive):
    made = sound_archive[0]
    ring = keyring_of(FolderStore(archive.root), [archive.key])
    assert {*ring.keys} == {archive.key.key_id, made.signer.key.key_id}
    assert ring.trust_in(archive.key.key_id) == "given"
    assert ring.trust_in(made.signer.key.key_id) == "endorsed"


def test_the_new_key_does_not_bring_the_old_one(archive, sound_archive):
    made = sound_archive[0]
    ring = keyring_of(FolderStore(archive.root), [made.signer.key])
    assert {*ring.keys} == {made.signer.key.key_id}
    told = archive.told(keys=[made.signer.key])
    assert ("wrong key", "alpine-books/_seals/00000001.json") in told


def test_without_a_given_key_those_in_the_archive_are_believed_and_said_to_be(archive):
    ring = keyring_of(FolderStore(archive.root), [])
    assert (len(ring.keys), ring.given) == (2, frozenset())
    report = archive.verified(keys=[])
    assert report.problems == ()
    assert not report.keys_given
    assert {each.trusted_by for each in report.signings} == {"archive"}


def test_a_key_that_is_gone_or_another_leaves_signatures_of_nobody(archive, sound_archive):
    made = sound_archive[0]
    second = archive.root / "_keys" / f"{made.signer.key.key_id}.pem"
    pem = second.read_bytes()
    second.unlink()
    assert ("wrong key", "alpine-books/_seals/00000002.json") in archive.told()
    assert ("missing", f"_keys/{second.name}") in archive.told()
    second.write_bytes(ed25519().key.pem)
    assert ("swapped", f"_keys/{second.name}") in archive.told()
    second.write_bytes(pem)
    assert archive.told() == []


def test_the_given_keys_own_file_is_missed_too(archive):
    """Whoever gets the archive next may have no other copy of it."""
    (archive.root / "_keys" / f"{archive.key.key_id}.pem").unlink()
    assert archive.told() == [("missing", f"_keys/{archive.key.key_id}.pem")]


def test_a_strangers_key_in_the_archive_is_trusted_for_nothing_and_noted(archive):
    stranger = ed25519("Mallory").key
    (archive.root / "_keys" / f"{stranger.key_id}.pem").write_bytes(stranger.pem)
    report = archive.verified()
    assert report.problems == ()
    assert any(stranger.key_id in note for note in report.notes)


@pytest.mark.parametrize(
    ("pem", "kind"),
    [
        (lambda key: key.pem, None),
        (lambda key: key.pem + b"\n", "edited"),
        (lambda key: b"no key", "edited"),
        (lambda key: b"", "edited"),
        (lambda key: None, "edited"),
        (lambda key: es256().key.pem, "swapped"),
    ],
)
def test_a_keys_file_is_its_key_and_nothing_else(pem, kind):
    key, findings = ed25519().key, Findings()
    content = pem(key)
    place = Place(What.KEY, "", key.key_id)
    check_key_file(Found("", 0, content), place, findings, file="it")
    assert [each.kind for each in findings.problems()] == ([kind] if kind else [])
