"""The credentials as a file that only the holder of the private key can read."""

import base64
import hashlib
import json
import shlex
import stat
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from o365lib.errors import HandOverFailed, Refused
from o365lib.parameters.fields import Surroundings
from o365lib.service_account.hand_over import CREDENTIALS_FILE
from tests.service_account.job import failed


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _certificate_pem(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kim")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _by_file(make_job, path, *, loaded=True):
    """A job whose client file names the key; loaded: as from the folder, where the key is read."""
    return make_job(
        client={"hand_over": {"method": "file", "public_key": str(path)}},
        around=Surroundings(path.parent) if loaded else None,
    )


def _fingerprint(key):
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def _credentials(job):
    return json.loads((job.folder.path / CREDENTIALS_FILE).read_text("utf-8"))


def _decrypted(content, private_file):
    """Decrypt with the very command that the file names."""
    command = content["decrypt_with"].replace("private.pem", shlex.quote(str(private_file)))
    done = subprocess.run(
        ["sh", "-c", command],
        input=content["encrypted_password"].encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


@pytest.mark.parametrize("pem_of", [_public_pem, _certificate_pem])
def test_the_file_is_read_with_openssl_and_the_private_key(make_job, tmp_path, private_key, pem_of):
    (tmp_path / "public.pem").write_bytes(pem_of(private_key))
    (tmp_path / "private.pem").write_bytes(_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    created, sentence = job.create_and_hand_over()
    content = _credentials(job)
    assert _decrypted(content, tmp_path / "private.pem") == created.password.reveal()
    assert created.password.reveal() == job.password
    assert content["user_principal_name"] == job.upn
    assert CREDENTIALS_FILE in sentence
    assert job.tenant.outbox == []


def test_the_key_is_named_by_its_fingerprint_in_file_and_record(make_job, tmp_path, private_key):
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    job.create_and_hand_over()
    fingerprint = _fingerprint(private_key)
    assert _credentials(job)["public_key_sha256"] == fingerprint
    entry = job.record.hand_over
    assert (entry.recipient, entry.status) == (f"public key {fingerprint[:16]}", "accepted")


def test_the_file_is_the_owners_alone_and_nothing_holds_the_password(
    make_job, tmp_path, private_key
):
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    created, _ = job.create_and_hand_over()
    mode = (job.folder.path / CREDENTIALS_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    password = created.password.reveal().encode()
    for spelling in (password, base64.b64encode(password), password.hex().encode()):
        assert spelling not in job.archived


def test_the_same_password_is_never_encrypted_to_the_same_bytes(make_job, tmp_path, private_key):
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    facts = job.look()
    plan = job.plan("create", facts)
    created = job.create_user(facts, plan)
    seen = set()
    for _ in range(2):
        job.hand_over(facts, plan, created)
        seen.add(_credentials(job)["encrypted_password"])
    assert len(seen) == 2


UNUSABLE = {
    "elliptic curve": lambda key: _public_pem(ec.generate_private_key(ec.SECP256R1())),
    "private key": _pem,
    "no key": lambda key: b"hello",
    "broken": lambda key: _public_pem(key).replace(b"A", b"!", 3),
    "broken certificate": lambda key: (
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_key_that_cannot_be_used_fails_and_leaves_no_file(make_job, tmp_path, private_key, kind):
    (tmp_path / "public.pem").write_bytes(UNUSABLE[kind](private_key))
    job = _by_file(make_job, tmp_path / "public.pem", loaded=False)
    with pytest.raises(HandOverFailed, match=r"public\.pem") as caught:
        job.create_and_hand_over()
    assert "RSA public key or a certificate" in caught.value.remedy
    assert (job.record.hand_over.status, job.statuses[-1]) == ("failed", ("hand-over", "failed"))
    assert not (job.folder.path / CREDENTIALS_FILE).exists()


def test_a_key_that_has_gone_fails_and_the_next_run_hands_a_new_password_over(
    make_job, tmp_path, private_key
):
    job = _by_file(make_job, tmp_path / "public.pem", loaded=False)
    with pytest.raises(HandOverFailed):
        job.create()
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job.around = Surroundings(tmp_path)
    (tmp_path / "private.pem").write_bytes(_pem(private_key))
    _, checks = job.begin().create()
    assert failed(checks) == []
    assert _decrypted(_credentials(job), tmp_path / "private.pem") == job.password


@pytest.mark.parametrize("pem_of", [_public_pem, _certificate_pem])
def test_the_plan_names_the_key_by_its_fingerprint(make_job, tmp_path, private_key, pem_of):
    (tmp_path / "public.pem").write_bytes(pem_of(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    (change,) = job.plan("create", job.look()).of("hand-over")
    assert change.after.endswith(f"encrypted to the key SHA256:{_fingerprint(private_key)}")


def test_another_key_makes_another_plan(make_job, tmp_path, private_key):
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    facts = job.look()
    before = job.plan("create", facts).digest
    # The same key in another form is the same key.
    (tmp_path / "public.pem").write_bytes(_certificate_pem(private_key))
    assert job.plan("create", facts).digest == before
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "public.pem").write_bytes(_public_pem(other))
    assert job.plan("create", facts).digest != before


def test_a_key_that_was_replaced_since_the_plan_gets_no_password(make_job, tmp_path, private_key):
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    job = _by_file(make_job, tmp_path / "public.pem")
    facts, plan = job.plan_creation()
    created = job.create_user(facts, plan)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "public.pem").write_bytes(_public_pem(other))
    with pytest.raises(Refused) as caught:
        job.hand_over(facts, plan, created)
    assert caught.value.code == "plan-changed"
    assert _fingerprint(other) in caught.value.message
    assert _fingerprint(private_key) in caught.value.message
    assert not (job.folder.path / CREDENTIALS_FILE).exists()
    assert (job.record.hand_over.status, job.statuses[-1]) == ("failed", ("hand-over", "failed"))
    # The right key again: the step may be repeated.
    (tmp_path / "public.pem").write_bytes(_public_pem(private_key))
    (tmp_path / "private.pem").write_bytes(_pem(private_key))
    job.hand_over(facts, plan, created)
    assert _decrypted(_credentials(job), tmp_path / "private.pem") == job.password
