import hashlib
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from o365lib.parameters.public_key import read_public_key


def fault_of(path):
    try:
        read_public_key(path)
    except ValueError as error:
        return str(error)
    return None


@pytest.fixture
def fault(tmp_path):
    file = tmp_path / "key.pem"

    def of(content):
        file.write_bytes(content)
        return fault_of(file)

    return of


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_an_rsa_key_of_2048_bits_will_do(fault, public_key_pem):
    assert fault(public_key_pem) is None


@pytest.fixture(scope="module")
def certified():
    """A certificate in PEM, and its key's public part."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([])
    now = datetime(2026, 8, 20, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), public(key)


def test_a_certificate_of_such_a_key_will_do(fault, certified):
    assert fault(certified[0]) is None


def test_key_and_certificate_have_the_fingerprint_that_openssl_tells(tmp_path, certified):
    for name, pem in zip(("certificate.pem", "key.pem"), certified, strict=True):
        (tmp_path / name).write_bytes(pem)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", tmp_path / "key.pem", "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    wanted = hashlib.sha256(der).hexdigest()
    assert read_public_key(tmp_path / "key.pem").sha256 == wanted
    assert read_public_key(tmp_path / "certificate.pem").sha256 == wanted


def test_a_shorter_key_is_told_its_length(fault):
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- weak on purpose
    assert fault(public(weak)) == "the file's key has 1024 bits; it needs 2048 at least"


def test_a_key_that_cannot_encrypt_is_refused(fault):
    assert "is not RSA" in fault(public(ec.generate_private_key(ec.SECP256R1())))


def test_a_private_key_does_not_belong_there(fault):
    assert "holds a private key" in fault(private(ec.generate_private_key(ec.SECP256R1())))


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_key_is_refused(fault, content):
    assert fault(content) == "the file is no public key or X.509 certificate in PEM"


def test_a_missing_file_and_a_folder_are_told_where_paths_start(tmp_path):
    assert "there is no such file" in fault_of(tmp_path / "none.pem")
    assert "there is no such file" in fault_of(tmp_path)
