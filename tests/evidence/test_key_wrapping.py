import unicodedata

import pytest
from pydantic import ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.key_wrapping import Wrapped, unwrap, wrap
from o365lib.secret import Secret
from tests.evidence.signers import ed25519

RAW = bytes(range(32))
WORDS = "three wörds or four"
KEY = ed25519().key


@pytest.fixture(scope="module")
def wrapped():
    return wrap(RAW, KEY, Secret(WORDS))


def fields(wrapped, **changed):
    return Wrapped.model_validate({**wrapped.model_dump(mode="json"), **changed})


def test_the_passphrase_gives_the_private_part_back(wrapped):
    assert unwrap(wrapped, KEY, Secret(WORDS)) == RAW


def test_an_umlaut_is_the_same_however_the_system_composes_it(wrapped):
    assert unwrap(wrapped, KEY, Secret(unicodedata.normalize("NFD", WORDS))) == RAW


def test_the_file_shows_nothing_of_the_private_part(wrapped):
    assert RAW not in wrapped.ciphertext
    assert len({wrap(RAW, KEY, Secret(WORDS)).ciphertext for _ in range(2)}) == 2
    assert wrapped.kdf == "Argon2id"
    assert (wrapped.memory_kib, wrapped.iterations) == (65536, 3)


def test_another_passphrase_is_told_so_without_either(wrapped):
    with pytest.raises(EvidenceError, match="does not open") as caught:
        unwrap(wrapped, KEY, Secret("another passphrase"))
    assert "another passphrase" not in str(caught.value)
    assert "--lost" in caught.value.remedy
    assert caught.value.__suppress_context__


def test_a_private_part_fits_beside_its_own_public_part_only(wrapped):
    with pytest.raises(EvidenceError, match="does not open"):
        unwrap(wrapped, ed25519().key, Secret(WORDS))


@pytest.mark.parametrize("name", ["salt", "nonce", "ciphertext"])
def test_a_file_that_was_altered_opens_nothing(wrapped, name):
    value = getattr(wrapped, name)
    altered = wrapped.model_copy(update={name: bytes([value[0] ^ 1]) + value[1:]})
    with pytest.raises(EvidenceError, match="altered"):
        unwrap(altered, KEY, Secret(WORDS))


def test_a_short_passphrase_is_refused():
    with pytest.raises(EvidenceError, match="too short") as caught:
        wrap(RAW, KEY, Secret("hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_kib", 1 << 30),
        ("memory_kib", 8),
        ("iterations", 1_000_000),
        ("lanes", 0),
        ("kdf", "PBKDF2"),
        ("cipher", "AES-128-CBC"),
        ("salt", "AAAA"),
        ("nonce", "not base64!!"),
        ("surprise", 1),
    ],
)
def test_a_file_that_asks_for_the_impossible_is_no_key(wrapped, name, value):
    with pytest.raises(ValidationError):
        fields(wrapped, **{name: value})
    assert fields(wrapped) == wrapped
