"""Public keys: their names, and whose signature it is."""

import hashlib
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from o365lib.errors import EvidenceError
from o365lib.evidence.public_keys import PublicKey, fingerprint_of, in_one_form
from tests.evidence.signers import ed25519, es256

MAKERS = pytest.mark.parametrize("make", [ed25519, es256])


@MAKERS
def test_a_signature_is_verified_by_its_own_key_only(make):
    signer = make()
    signature = signer.sign(b"message")
    assert signer.key.verify(b"message", signature)
    assert not signer.key.verify(b"another message", signature)
    assert not make().key.verify(b"message", signature)
    assert not signer.key.verify(b"message", signature[:-1])
    assert not signer.key.verify(b"message", b"")


def test_a_signature_on_p256_has_no_second_form():
    signer = es256()
    signature = signer.sign(b"message")
    r, s = decode_dss_signature(signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = encode_dss_signature(r, order - s)
    signer.private_key.public_key().verify(
        other, b"message", ECDSA(SHA256())
    )  # to others it is as good
    assert not signer.key.verify(b"message", other)
    assert in_one_form(other) == in_one_form(signature) == signature


@MAKERS
def test_a_key_is_the_same_after_it_was_written_and_read(make):
    key = make().key
    again = PublicKey.from_pem(key.pem)
    assert again == key
    assert (again.algorithm, again.key_id) == (key.algorithm, key.key_id)


@MAKERS
def test_openssl_finds_the_same_id(make, tmp_path):
    key = make().key
    (tmp_path / "key.pem").write_bytes(key.pem)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", tmp_path / "key.pem", "-outform", "DER"],
        check=True,
        capture_output=True,
    ).stdout
    assert hashlib.sha256(der).hexdigest() == key.key_id


def test_a_fingerprint_is_the_beginning_of_the_id_in_groups():
    key = ed25519().key
    assert key.fingerprint == fingerprint_of(key.key_id)
    label, _, digits = key.fingerprint.partition(":")
    assert label == "SHA256"
    assert key.key_id.startswith(digits.replace(" ", ""))
    assert [len(group) for group in digits.split()] == [4] * 8


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"\xff\x00",
        b"x" * 10**6,
    ],
    ids=["empty", "no key", "no text", "long"],
)
def test_what_is_no_key_is_refused(pem):
    with pytest.raises(EvidenceError, match="PEM"):
        PublicKey.from_pem(pem)


def test_a_private_key_is_not_taken_for_a_public_one():
    from cryptography.hazmat.primitives import serialization

    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(EvidenceError):
        PublicKey.from_pem(private)


def test_a_key_on_another_curve_is_refused():
    with pytest.raises(EvidenceError, match="P-256"):
        PublicKey.of(generate_private_key(SECP384R1()).public_key())
