import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from o365lib.sandbox.application import Application, RegisteredCertificate
from o365lib.sandbox.keys import certificate_pem, rsa_key, self_signed_certificate


@pytest.fixture
def application():
    return Application(app_id="a", object_id="o", display_name="App")


def test_a_public_client_has_no_secret_to_give(application):
    with pytest.raises(LookupError, match="has no client secret"):
        _ = application.client_secret


def test_secrets_are_random_and_the_first_one_is_the_secret(application):
    first = application.add_client_secret()
    second = application.add_client_secret(datetime(2030, 1, 1, tzinfo=UTC))
    assert first != second
    assert application.client_secret == first


def test_no_secret_shows_in_a_repr(application):
    assert application.add_client_secret() not in repr(application)


def test_a_created_certificate_is_registered_and_comes_with_its_key(application):
    pem = application.create_certificate()
    key = serialization.load_pem_private_key(pem.encode(), None)
    [registered] = application.certificates
    assert registered.public_key() == key.public_key()
    assert registered.pem in pem
    assert "PRIVATE" not in registered.pem


def test_a_certificate_is_found_by_either_thumbprint_with_or_without_padding():
    certificate = RegisteredCertificate(
        certificate_pem(self_signed_certificate("x", rsa_key("applications")))
    )
    sha1 = base64.urlsafe_b64encode(bytes.fromhex(certificate.thumbprint)).decode()
    sha256 = base64.urlsafe_b64encode(bytes.fromhex(certificate.thumbprint_sha256)).decode()
    assert certificate.has_thumbprint(x5t=sha1, x5t_s256=None)
    assert certificate.has_thumbprint(x5t=None, x5t_s256=sha256.rstrip("="))
    assert not certificate.has_thumbprint(x5t=sha256, x5t_s256=None)
    assert not certificate.has_thumbprint(x5t=None, x5t_s256=None)


def test_only_certificates_with_rsa_keys_are_registered(application):
    with pytest.raises(ValueError, match="PEM"):
        application.register_certificate("nothing")
    certificate = self_signed_certificate("x", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValueError, match="RSA"):
        application.register_certificate(certificate_pem(certificate))
    assert application.certificates == []


def test_it_survives_being_written_and_read(application):
    application.add_client_secret(datetime(2030, 1, 1, tzinfo=UTC))
    application.add_client_secret()
    application.create_certificate()
    application.roles, application.scopes = {"Mail.Send"}, {"User.Read"}
    application.forced_error, application.enabled = 53003, False
    assert Application.from_json(application.to_json()) == application
