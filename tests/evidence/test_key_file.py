import base64
import copy
import json
import pickle

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from o365lib import secret
from o365lib.errors import EvidenceError
from o365lib.evidence.envelope import Envelope, sign, verified_by
from o365lib.evidence.key_file import KeyFile, KeySigner, new_key
from o365lib.secret import Secret
from tests.evidence.signers import es256
from tests.shelf import Shelf

WORDS = "correct horse battery"


def opened(file, passphrase=None):
    return KeyFile.from_json(file.to_json().encode(), where="signing.json").signer(passphrase)


def altered(file, **changed):
    return json.dumps({**json.loads(file.to_json()), **changed}).encode()


@pytest.fixture
def use_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_key_signs_before_and_after_it_was_in_a_file():
    file, signer = new_key("Ada")
    for each in (signer, opened(file)):
        assert each.name == "Ada"
        assert each.key.algorithm == "Ed25519"
        assert signer.key.verify(b"message", each.sign(b"message"))
        signed = Envelope.from_json(sign(b"{}", each).to_json())
        assert verified_by(signed, {each.key.key_id: each.key}) == signer.key


def test_two_keys_are_never_the_same():
    assert new_key("Ada")[1].key != new_key("Ada")[1].key


def test_a_passphrase_is_asked_only_for_a_key_that_has_one():
    asked = []

    def ask():
        asked.append(1)
        return Secret(WORDS)

    plain, _ = new_key("Ada")
    opened(plain, ask)
    assert asked == []
    file, signer = new_key("Ada", passphrase=Secret(WORDS))
    assert opened(file, ask).key == signer.key
    assert asked == [1]


def test_where_nobody_can_be_asked_one_is_told_what_to_do():
    file, _ = new_key("Ada", passphrase=Secret(WORDS))
    with pytest.raises(EvidenceError, match="has a passphrase") as caught:
        opened(file)
    assert "--passphrase-file" in caught.value.remedy
    assert "O365_PASSPHRASE_FILE" in caught.value.remedy


def test_the_keyring_keeps_the_private_part_and_the_file_has_none(use_keyring):
    shelf = Shelf()
    use_keyring(shelf)
    file, signer = new_key("Ada", in_keyring=True)
    [(entry, value)] = shelf.entries.items()
    assert entry == ("o365-runbooks signing key", signer.key.key_id)
    assert value not in file.to_json()
    assert opened(file).key == signer.key


def test_a_keyring_that_is_missing_locked_or_forgetful_is_told(use_keyring):
    use_keyring(NoKeyring())
    with pytest.raises(EvidenceError, match="no keyring") as caught:
        new_key("Ada", in_keyring=True)
    assert "passphrase" in caught.value.remedy
    use_keyring(Shelf(forgets=True))
    with pytest.raises(EvidenceError, match="did not keep"):
        new_key("Ada", in_keyring=True)
    use_keyring(Shelf(refuses=KeyringLocked("locked")))
    with pytest.raises(EvidenceError, match="KeyringLocked"):
        new_key("Ada", in_keyring=True)
    shelf = Shelf()
    use_keyring(shelf)
    file, _ = new_key("Ada", in_keyring=True)
    use_keyring(NoKeyring())
    with pytest.raises(EvidenceError, match="no keyring") as caught:
        opened(file)
    assert "desktop" in caught.value.remedy
    use_keyring(Shelf())
    with pytest.raises(EvidenceError, match="is not there"):
        opened(file)


@pytest.mark.parametrize("entry", ["garbage", base64.b64encode(b"short").decode()])
def test_a_keyring_with_something_else_in_its_entry_is_told(use_keyring, entry):
    shelf = Shelf()
    use_keyring(shelf)
    file, _ = new_key("Ada", in_keyring=True)
    shelf.entries = dict.fromkeys(shelf.entries, entry)
    with pytest.raises(EvidenceError, match="not the signing key") as caught:
        opened(file)
    assert entry not in str(caught.value)


def test_a_private_part_of_another_key_is_refused(use_keyring):
    one, other = new_key("Ada")[0], new_key("Ada")[0]
    mixed = KeyFile.from_json(altered(one, public_key=other.public_key), where="x")
    with pytest.raises(EvidenceError, match="do not belong together"):
        mixed.signer(None)


def test_a_key_that_was_opened_is_known_as_a_secret():
    """So that it is masked in every text, and found in every file, before that is sealed."""
    file, _ = new_key("Ada")
    raw = json.loads(file.to_json())["private_key"]["raw"]
    assert secret.find(f"the key is {raw}") == 1
    wrapped, _ = new_key("Ada", passphrase=Secret(WORDS))
    opened(wrapped, lambda: Secret(WORDS))
    assert secret.mask(raw) != raw


def test_neither_file_nor_signer_shows_the_private_part():
    file, signer = new_key("Ada")
    raw = json.loads(file.to_json())["private_key"]["raw"]
    for shown in (repr(file), str(file), repr(signer), str(vars(KeySigner))):
        assert raw not in shown
        assert repr(base64.b64decode(raw)) not in shown
    assert signer.key.fingerprint in repr(signer)


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_signer_does_not_travel(travel):
    with pytest.raises(TypeError, match="pickled or copied"):
        travel(new_key("Ada")[1])


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101, "\x1b[31mred"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(EvidenceError, match="no name for a key"):
        new_key(name)
    with pytest.raises(EvidenceError, match="damaged"):
        KeyFile.from_json(altered(new_key("Ada")[0], name=name), where="x")


@pytest.mark.parametrize("version", [2, 99])
def test_a_later_versions_file_is_told_as_such(version):
    raw = altered(new_key("Ada")[0], schema_version=version, private_key={"protection": "chip"})
    with pytest.raises(EvidenceError, match="later version"):
        KeyFile.from_json(raw, where="x")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema_version": 2, "schema_version": 1}',
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIG\n-----END PRIVATE KEY-----\n",
    ],
)
def test_something_else_is_no_key(raw):
    with pytest.raises(EvidenceError, match=r"x/signing\.json.* damaged or is something else"):
        KeyFile.from_json(raw, where="x/signing.json")


@pytest.mark.parametrize(
    "changed",
    [
        {"algorithm": "ES256"},
        {"algorithm": "none"},
        {"public_key": "x"},
        {"public_key": es256().key.pem.decode()},
        {"created": "2026-11-23T10:00:00"},
        {"private_key": {"protection": "none", "raw": "AAAA"}},
        {"private_key": {"protection": "none"}},
        {"private_key": {"protection": "keyring", "service": "", "user_name": ""}},
        {"surprise": 1},
        {"schema_version": "1"},
    ],
)
def test_a_field_that_is_wrong_makes_it_no_key(changed):
    file = new_key("Ada")[0]
    KeyFile.from_json(altered(file), where="x")
    with pytest.raises(EvidenceError, match="damaged"):
        KeyFile.from_json(altered(file, **changed), where="x")


@given(st.data())
def test_no_damage_crashes_or_shows_a_part_of_the_file(data):
    file, signer = new_key("Ada")
    whole = file.to_json().encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    raw = data.draw(
        st.sampled_from([whole[:at], whole[:at] + b"?" + whole[at + 1 :], whole[:at] + whole])
    )
    hidden = json.loads(whole)["private_key"]["raw"]
    try:
        found = KeyFile.from_json(raw, where="x").signer(None)
    except EvidenceError as raised:
        error = raised
    else:
        assert found.key == signer.key
        return
    assert error.remedy
    assert hidden[:8] not in str(error)
    assert error.__suppress_context__ or error.__context__ is None
