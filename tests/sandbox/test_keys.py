from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from o365lib.sandbox.keys import certificate_pem, private_key_pem, rsa_key, self_signed_certificate


def test_one_process_has_one_key_for_each_purpose():
    assert rsa_key("tokens") is rsa_key("tokens")
    assert rsa_key("tokens") is not rsa_key("applications")


def test_a_certificate_belongs_to_its_key_and_names_its_owner():
    key = rsa_key("applications")
    certificate = self_signed_certificate("Ann", key)
    read = x509.load_pem_x509_certificate(certificate_pem(certificate).encode())
    assert read.public_key() == key.public_key()
    assert read.subject.rfc4514_string() == "CN=Ann"
    read.verify_directly_issued_by(read)


def test_a_key_survives_being_written_and_read():
    key = rsa_key("applications")
    read = load_pem_private_key(private_key_pem(key).encode(), None)
    assert read.public_key() == key.public_key()
