import contextlib
import os
import sys
import threading

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.stores import Retention, open_store
from o365lib.evidence.stores.s3 import S3Store
from tests.store_behaviour import LARGE, StoreBehaviour, is_about_days_away, sha256


class TestBucket(StoreBehaviour):
    @pytest.fixture
    def place(self, bucket):
        return bucket

    @pytest.fixture
    def write_behind(self, s3, bucket):
        name = bucket.removeprefix("s3://")
        return lambda key, content: s3.put_object(Bucket=name, Key=key, Body=content)


@pytest.fixture
def source(tmp_path):
    """Make a local file; returns its path and digest."""

    def make(content):
        path = tmp_path / "source"
        path.write_bytes(content)
        return path, {"sha256": sha256(content)}

    return make


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_an_object_is_locked_as_it_is_created_and_the_lock_read_back(locked_bucket, source, mode):
    # Only a small one: moto forgets the lock of what is uploaded in parts.
    store = open_store(locked_bucket, retention=Retention(30, mode))
    path, digest = source(b"evidence")
    assert store.create("a", path, **digest)
    protection = store.protection("a")
    assert protection.kind == mode
    assert protection.is_protected
    assert protection.until.utcoffset().total_seconds() == 0
    assert is_about_days_away(protection.until, 30)


def test_a_legal_hold_is_read_back(s3, locked_bucket, source):
    store = open_store(locked_bucket)
    path, digest = source(b"x")
    store.create("a", path, **digest)
    s3.put_object_legal_hold(
        Bucket=locked_bucket.removeprefix("s3://"), Key="a", LegalHold={"Status": "ON"}
    )
    assert store.protection("a").kind == "legal hold"
    assert store.protection("a").is_protected


def test_the_digest_goes_along_and_is_kept_by_the_store(s3, bucket, source):
    import base64

    path, digest = source(b"evidence")
    open_store(bucket).create("a", path, **digest)
    told = s3.head_object(Bucket=bucket.removeprefix("s3://"), Key="a", ChecksumMode="ENABLED")
    assert base64.b64decode(told["ChecksumSHA256"]).hex() == digest["sha256"]


@pytest.mark.parametrize("size", [200_000, LARGE])
def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_done_again(
    monkeypatch, bucket, line, source, size
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{line.port}")
    store = open_store(bucket)
    path, digest = source(os.urandom(size))
    line.cut_after(size // 2)
    with pytest.raises(EvidenceError, match="cannot be written") as caught:
        store.create("a", path, **digest)
    assert "only what is missing" in caught.value.remedy
    line.mend()
    assert list(store.entries()) == []
    assert store.create("a", path, **digest)
    assert [each.size for each in store.entries()] == [size]


def test_an_upload_in_parts_that_fails_leaves_no_parts(s3, bucket, source):
    path, _ = source(bytes(LARGE))
    store = open_store(bucket)
    with pytest.raises(EvidenceError, match="not what was signed"):
        store.create("a", path, sha256=sha256(b"another"))
    uploads = s3.list_multipart_uploads(Bucket=bucket.removeprefix("s3://"))
    assert uploads.get("Uploads", []) == []


def test_an_answer_that_is_cut_off_is_told(monkeypatch, bucket, line, source):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{line.port}")
    store = open_store(bucket)
    path, digest = source(bytes(LARGE))
    store.create("a", path, **digest)
    reading = store.read("a")
    next(reading)
    line.close()
    with pytest.raises(EvidenceError, match=r"a in .* cannot be read"):
        list(reading)


def test_a_server_that_is_not_there_is_told(monkeypatch, bucket, line):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{line.port}")
    line.close()
    with pytest.raises(EvidenceError, match=r"cannot be listed \(EndpointConnectionError\)"):
        list(open_store(bucket).entries())


def test_no_certificate_but_that_of_a_trusted_authority_is_accepted(monkeypatch, bucket):
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(
        EvidenceError, match=r"cannot be listed \(CertificateNotTrusted\)"
    ) as caught:
        list(open_store(bucket).entries())
    assert "AWS_CA_BUNDLE" in caught.value.remedy


def test_without_credentials_one_is_told_to_sign_in(monkeypatch, bucket):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EvidenceError, match="NoCredentialsError") as caught:
        list(open_store(bucket).entries())
    assert "aws sso login" in caught.value.remedy


def test_an_endpoint_without_tls_is_refused(monkeypatch, bucket):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UsageError, match="not https"):
        open_store(bucket)


def test_settings_that_boto_cannot_use_are_told(monkeypatch, bucket):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match="ProfileNotFound"):
        open_store(bucket)


@pytest.mark.parametrize("url", ["s3://", "s3://UPPER/x", "s3://a", "s3://a_b", "s3://a:1"])
def test_what_is_no_buckets_name_is_refused(url):
    with pytest.raises(UsageError, match="is not the name of a bucket"):
        open_store(url)


def test_a_missing_library_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError) as caught:
        open_store("s3://evidence")
    assert caught.value.remedy == "pip install 'o365-runbooks[s3]'"


def test_several_threads_may_use_one_store(bucket, tmp_path):
    store = open_store(bucket)
    content = b"x" * 1000
    path = tmp_path / "x"
    path.write_bytes(content)
    done = []

    def write(number):
        with contextlib.suppress(EvidenceError):
            done.append(store.create(f"n/{number:02}", path, sha256=sha256(content)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 12
    assert len(list(store.entries())) == 12


@pytest.fixture
def conflicting(s3_client):
    """Let an operation be answered 409 so many times, as S3 does while another writer is at it."""
    from botocore.awsrequest import AWSResponse

    registered = []

    def conflict(operation, times):
        left = [times]

        class Body:
            def stream(self, *_, **__):
                yield b"<Error><Code>ConditionalRequestConflict</Code></Error>"

        def answer(**_):
            left[0] -= 1
            return AWSResponse("https://x", 409, {}, Body()) if left[0] >= 0 else None

        event = f"before-send.s3.{operation}"
        s3_client.meta.events.register_first(event, answer)
        registered.append((event, answer))
        return left

    yield conflict
    for event, answer in registered:
        s3_client.meta.events.unregister(event, answer)


@pytest.mark.parametrize(
    ("operation", "size"), [("PutObject", 10), ("CompleteMultipartUpload", LARGE)]
)
def test_a_conflict_with_another_writer_is_tried_again(
    s3, bucket, source, conflicting, operation, size
):
    name = bucket.removeprefix("s3://")
    store = S3Store(s3, name, "", retention=None)
    path, digest = source(os.urandom(size))
    left = conflicting(operation, 2)
    assert store.create("a", path, **digest)
    assert left == [-1]
    assert s3.list_multipart_uploads(Bucket=name).get("Uploads", []) == []
    conflicting(operation, 1000)
    with pytest.raises(EvidenceError, match="ConditionalRequestConflict"):
        store.create("b", path, **digest)
    assert [each.name for each in store.entries()] == ["a"]
