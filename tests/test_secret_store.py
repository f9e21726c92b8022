import hashlib
import os
from datetime import UTC, datetime, timedelta

import keyring
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from keyring.errors import KeyringLocked

from o365lib import clock
from o365lib.errors import SecretUnavailable
from o365lib.parameters import KeyringEntry, SecretSource
from o365lib.secret import Secret
from o365lib.secret_store import (
    keep_in_keyring,
    read_certificate,
    read_private_file,
    read_secret,
)
from tests.shelf import Shelf

WHAT = "the client secret of alpine"
VALUE = "zq7~hunter22.and-more"
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no mode here")


def read(**source):
    return read_secret(SecretSource(**source), what=WHAT)


def refusal(call, *args, **kwargs):
    with pytest.raises(SecretUnavailable) as caught:
        call(*args, **kwargs)
    error = caught.value
    assert error.remedy
    assert VALUE not in str(error)
    # A parser's error could carry what it read.
    assert error.__suppress_context__ or error.__context__ is None
    return str(error)


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "alpine.secret"

    def write(content, mode=0o600):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    return write


class TestEnvironment:
    def test_a_variable_gives_its_secret(self, monkeypatch):
        monkeypatch.setenv("ALPINE_SECRET", VALUE)
        assert read(environment="ALPINE_SECRET") == Secret(VALUE)

    def test_a_variable_that_is_not_set_is_named(self, monkeypatch):
        monkeypatch.delenv("ALPINE_SECRET", raising=False)
        said = refusal(read, environment="ALPINE_SECRET")
        assert "ALPINE_SECRET" in said
        assert WHAT in said
        assert "is not set" in said

    @pytest.mark.parametrize("empty", ["", "  ", "\n"])
    def test_an_empty_variable_is_no_secret(self, monkeypatch, empty):
        monkeypatch.setenv("ALPINE_SECRET", empty)
        assert "is empty" in refusal(read, environment="ALPINE_SECRET")

    @posix
    def test_a_variable_that_is_no_text_is_refused(self, monkeypatch):
        monkeypatch.setenv("ALPINE_SECRET", VALUE + "\udcff")
        assert "cannot be printed" in refusal(read, environment="ALPINE_SECRET")


class TestFile:
    @pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
    def test_a_file_gives_its_line_without_the_end_of_line(self, secret_file, ending):
        assert read(file=secret_file(VALUE + ending)) == Secret(VALUE)

    def test_only_one_end_of_line_goes_and_blanks_stay(self, secret_file):
        assert read(file=secret_file(f" {VALUE} \n")).reveal() == f" {VALUE} "
        assert "more than one line" in refusal(read, file=secret_file(f"{VALUE}\n\n"))

    def test_a_byte_order_mark_is_no_part_of_the_secret(self, secret_file):
        assert read(file=secret_file(b"\xef\xbb\xbf" + VALUE.encode())) == Secret(VALUE)

    def test_several_lines_are_no_secret(self, secret_file):
        assert "more than one line" in refusal(read, file=secret_file(f"# mine\n{VALUE}\n"))

    @pytest.mark.parametrize("content", ["", "\n", "   "])
    def test_an_empty_file_is_no_secret(self, secret_file, content):
        assert "is empty" in refusal(read, file=secret_file(content))

    def test_a_missing_file_is_named_with_what_it_should_hold(self, tmp_path):
        said = refusal(read, file=tmp_path / "none.secret")
        assert "none.secret" in said
        assert WHAT in said

    def test_a_file_that_is_no_text_is_refused(self, secret_file):
        assert "is not UTF-8" in refusal(read, file=secret_file(VALUE.encode() + b"\xff"))
        assert "is not UTF-8" in refusal(read, file=secret_file(VALUE.encode("utf-16")))

    def test_a_folder_is_no_secret(self, tmp_path):
        assert "is not a regular file" in refusal(read, file=tmp_path)

    def test_a_file_too_large_for_a_secret_is_not_kept(self, secret_file):
        assert "larger than 64 KiB" in refusal(read, file=secret_file("x" * 70_000))

    @posix
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601, 0o610, 0o620])
    def test_a_file_that_others_can_open_is_refused_with_the_command_that_helps(
        self, secret_file, mode
    ):
        file = secret_file(VALUE, mode)
        said = refusal(read, file=file)
        assert "can be opened by other users" in said
        assert f"chmod 600 {file}" in said

    @posix
    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
    def test_a_file_of_ones_own_is_fine_however_strict(self, secret_file, mode):
        assert read(file=secret_file(VALUE, mode)) == Secret(VALUE)

    @posix
    @pytest.mark.skipif(
        not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away"
    )
    def test_a_file_of_somebody_else_is_refused(self, secret_file):
        file = secret_file(VALUE)
        os.chown(file, 12345, -1)
        assert "belongs to another user" in refusal(read, file=file)

    @posix
    def test_the_command_that_helps_quotes_the_path(self, tmp_path):
        file = tmp_path / "my secret"
        file.write_text(VALUE)
        file.chmod(0o644)
        assert f"chmod 600 '{file}'" in refusal(read, file=file)

    @posix
    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe", 0o600)
        assert "is not a regular file" in refusal(read, file=tmp_path / "pipe")

    @posix
    def test_what_counts_of_a_link_is_the_file(self, secret_file, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(secret_file(VALUE))
        assert read(file=link) == Secret(VALUE)
        secret_file(VALUE, 0o644)
        assert "can be opened by other users" in refusal(read, file=link)


@pytest.fixture
def use_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@posix
def test_a_private_file_gives_its_bytes_and_only_to_its_owner(secret_file):
    assert read_private_file(secret_file(b"\x00\xff"), what=WHAT) == b"\x00\xff"
    file = secret_file(VALUE, 0o640)
    assert "can be opened by other users" in refusal(read_private_file, file, what=WHAT)


class TestKeyring:
    ENTRY = KeyringEntry(service="o365 runbooks", user_name="alpine")

    def test_an_entry_gives_its_secret(self, use_keyring):
        use_keyring(Shelf({("o365 runbooks", "alpine"): VALUE}))
        assert read(keyring=self.ENTRY) == Secret(VALUE)

    def test_a_missing_entry_is_answered_with_the_command_that_makes_it(self, use_keyring):
        use_keyring(Shelf())
        said = refusal(read, keyring=self.ENTRY)
        assert "is not there" in said
        assert "keyring set 'o365 runbooks' alpine" in said

    def test_an_empty_entry_is_no_secret(self, use_keyring):
        use_keyring(Shelf({("o365 runbooks", "alpine"): ""}))
        assert "is empty" in refusal(read, keyring=self.ENTRY)

    def test_a_locked_keyring_is_said_to_be_locked(self, use_keyring):
        use_keyring(Shelf(refuses=KeyringLocked(f"locked while {VALUE} was asked for")))
        assert "KeyringLocked" in refusal(read, keyring=self.ENTRY)

    def test_a_system_without_keyring_is_answered_with_the_other_ways(self, use_keyring):
        from keyring.backends.fail import Keyring

        use_keyring(Keyring())
        said = refusal(read, keyring=self.ENTRY)
        assert "has no keyring" in said
        assert "`environment` or `file`" in said

    def test_what_is_kept_can_be_read_again(self, use_keyring):
        use_keyring(Shelf())
        keep_in_keyring(self.ENTRY, Secret(VALUE), what=WHAT)
        assert read(keyring=self.ENTRY) == Secret(VALUE)

    def test_a_keyring_that_does_not_keep_what_it_is_given_is_told(self, use_keyring):
        use_keyring(Shelf(forgets=True))
        assert "did not keep" in refusal(keep_in_keyring, self.ENTRY, Secret(VALUE), what=WHAT)
        use_keyring(Shelf(refuses=KeyringLocked(f"locked while {VALUE} was given")))
        assert "KeyringLocked" in refusal(keep_in_keyring, self.ENTRY, Secret(VALUE), what=WHAT)

    def test_what_should_go_into_a_missing_keyring_can_go_into_a_file(self, use_keyring):
        from keyring.backends.fail import Keyring

        use_keyring(Keyring())
        said = refusal(keep_in_keyring, self.ENTRY, Secret(VALUE), what=WHAT)
        assert "no keyring" in said
        assert "passphrase" in said


NOW = datetime(2026, 8, 20, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alpine")])


class StandingStill:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        pass


@pytest.fixture(autouse=True)
def _today():
    with clock.use(StandingStill()):
        yield


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def other_key():
    return rsa.generate_private_key(65537, 2048)


def certificate_for(key, begins=NOW - timedelta(days=1), ends=NOW + timedelta(days=30)):
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    return builder.sign(key, hashes.SHA256())


def pem(key, passphrase=None, form=serialization.PrivateFormat.PKCS8):
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def public_pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class TestCertificate:
    @pytest.mark.parametrize("key_first", [True, False])
    def test_a_pem_file_gives_key_and_certificate_in_either_order(
        self, secret_file, key, key_first
    ):
        made = certificate_for(key)
        parts = [pem(key), public_pem(made)]
        found = read_certificate(secret_file(b"".join(parts if key_first else parts[::-1])))
        der = made.public_bytes(serialization.Encoding.DER)
        assert found.private_key == Secret(pem(key).decode())
        assert found.public_certificate == public_pem(made).decode()
        assert found.thumbprint_sha1 == hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
        assert found.thumbprint_sha256 == hashlib.sha256(der).hexdigest().upper()
        assert found.not_valid_after == NOW + timedelta(days=30)

    def test_the_older_form_of_a_key_is_read_and_comes_out_as_pkcs_8(self, secret_file, key):
        old = pem(key, form=serialization.PrivateFormat.TraditionalOpenSSL)
        found = read_certificate(secret_file(old + public_pem(certificate_for(key))))
        assert found.private_key == Secret(pem(key).decode())

    def test_a_chain_gives_the_certificate_that_belongs_to_the_key(
        self, secret_file, key, other_key
    ):
        mine = certificate_for(key)
        chain = public_pem(certificate_for(other_key)) + public_pem(mine)
        found = read_certificate(secret_file(pem(key) + chain))
        assert found.public_certificate == public_pem(mine).decode()

    def test_an_encrypted_key_wants_its_passphrase(self, secret_file, key):
        file = secret_file(pem(key, VALUE.encode()) + public_pem(certificate_for(key)))
        assert read_certificate(file, Secret(VALUE)).private_key == Secret(pem(key).decode())
        assert "may want a passphrase" in refusal(read_certificate, file)
        assert "was not opened" in refusal(read_certificate, file, Secret("another-word"))

    def test_an_encrypted_key_of_the_older_form_wants_its_passphrase(self, secret_file, key):
        old = pem(key, VALUE.encode(), serialization.PrivateFormat.TraditionalOpenSSL)
        file = secret_file(old + public_pem(certificate_for(key)))
        assert read_certificate(file, Secret(VALUE)).private_key == Secret(pem(key).decode())
        assert "may want a passphrase" in refusal(read_certificate, file)

    def test_a_needless_passphrase_does_no_harm(self, secret_file, key):
        file = secret_file(pem(key) + public_pem(certificate_for(key)))
        assert read_certificate(file, Secret(VALUE)).thumbprint_sha1

    def test_a_pfx_file_gives_key_and_certificate(self, secret_file, key):
        made = certificate_for(key)
        encryption = serialization.BestAvailableEncryption(VALUE.encode())
        file = secret_file(pkcs12.serialize_key_and_certificates(b"a", key, made, None, encryption))
        found = read_certificate(file, Secret(VALUE))
        assert found.public_certificate == public_pem(made).decode()
        assert found.private_key == Secret(pem(key).decode())
        assert "may want a passphrase" in refusal(read_certificate, file)
        assert "was not opened" in refusal(read_certificate, file, Secret("another-word"))

    def test_a_pfx_file_without_passphrase_is_read(self, secret_file, key):
        raw = pkcs12.serialize_key_and_certificates(
            b"a", key, certificate_for(key), None, serialization.NoEncryption()
        )
        assert read_certificate(secret_file(raw)).thumbprint_sha1

    def test_an_expired_certificate_says_since_when(self, secret_file, key):
        made = certificate_for(key, NOW - timedelta(days=9), NOW)
        said = refusal(read_certificate, secret_file(pem(key) + public_pem(made)))
        assert "was valid until 2026-08-20" in said

    def test_a_certificate_of_the_future_says_from_when(self, secret_file, key):
        made = certificate_for(key, NOW + timedelta(days=2), NOW + timedelta(days=9))
        said = refusal(read_certificate, secret_file(pem(key) + public_pem(made)))
        assert "valid only from 2026-08-22 on" in said

    def test_a_certificate_of_another_key_is_refused(self, secret_file, key, other_key):
        file = secret_file(pem(key) + public_pem(certificate_for(other_key)))
        assert "no certificate that belongs to its private key" in refusal(read_certificate, file)

    def test_a_key_without_certificate_is_refused(self, secret_file, key):
        assert "no certificate that belongs" in refusal(read_certificate, secret_file(pem(key)))

    def test_a_certificate_without_key_is_refused(self, secret_file, key):
        file = secret_file(public_pem(certificate_for(key)))
        assert "no RSA private key" in refusal(read_certificate, file)

    def test_a_key_that_entra_does_not_take_is_refused(self, secret_file):
        curve = ec.generate_private_key(ec.SECP256R1())
        file = secret_file(pem(curve) + public_pem(certificate_for(curve)))
        assert "no RSA private key" in refusal(read_certificate, file)

    @pytest.mark.parametrize("content", [b"nonsense", b"-----BEGIN nonsense", b"\x30\x03\x01\x01"])
    def test_what_is_no_certificate_is_refused(self, secret_file, content):
        assert refusal(read_certificate, secret_file(content))

    @posix
    def test_a_file_that_others_can_open_is_refused(self, secret_file, key):
        file = secret_file(pem(key) + public_pem(certificate_for(key)), 0o640)
        assert "chmod 600" in refusal(read_certificate, file)

    def test_its_key_is_in_no_representation(self, secret_file, key):
        found = read_certificate(secret_file(pem(key) + public_pem(certificate_for(key))))
        assert "PRIVATE KEY" not in repr(found)
