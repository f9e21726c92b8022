"""An archive in an S3 bucket, or what speaks the same protocol.

- Create-only by `If-None-Match: *`; the bytes' SHA-256 goes along and S3 compares it.
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
- Object lock is part of the creation, so that no moment is without it. Where the bucket has none,
  the object is created without; `protection` tells.
- Credentials, region, endpoint and certificates are boto3's own affair (`AWS_...`, profiles);
  an endpoint without TLS is refused.
- Errors of the SDK are not chained: their texts may repeat what a request had in it.
"""

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.stores.store import (
    PIECE_BYTES,
    Entry,
    Protection,
    Retention,
    blocks_to_send,
    checked_name,
    is_same,
    name_taken,
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

# A writer at the same moment; AWS says: send all of it again, and see who won.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_CONFLICTS = 5

_MISSING = {"NoSuchKey", "404", "NotFound"}
_NO_LOCK = {"NotImplemented", "ObjectLockConfigurationNotFoundError"}
_LOST = "`o365 evidence verify` with the archive's URL tells what else is missing."
_REMEDIES = {
    "NoSuchKey": _LOST,
    "404": _LOST,
    "NoSuchBucket": "Make the bucket first: docs/archive-in-the-cloud.md shows how.",
    "AccessDenied": "Your identity lacks a right on this bucket; docs/archive-in-the-cloud.md lists"
    " those that are needed.",
    "403": "Your identity lacks a right on this bucket; docs/archive-in-the-cloud.md lists those"
    " that are needed.",
    "InvalidAccessKeyId": "The access key is not known: check AWS_ACCESS_KEY_ID or AWS_PROFILE.",
    "SignatureDoesNotMatch": "The secret access key is wrong: check your AWS credentials.",
    "ExpiredToken": "Your sign-in has expired: `aws sso login`, then do the same again.",
    "NoCredentialsError": "Sign in first: `aws sso login`, or set AWS_PROFILE, or"
    " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "CertificateNotTrusted": "The server's certificate is not one of an authority that is trusted"
    " here. A private authority's file goes into AWS_CA_BUNDLE.",
}
_ANY_REMEDY = "Do the same again later: only what is missing is sent."


def open_bucket(bucket: str, prefix: str, *, retention: Retention | None) -> "S3Store":
    """Return the archive in a bucket; nothing is asked of it yet.

    Raises:
        UsageError: boto3 is not installed or its settings are wrong, or the endpoint has no TLS.
    """
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{bucket!r} is not the name of a bucket.", remedy="Write s3://<bucket>[/<prefix>]."
        )
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError(
            "An archive in a bucket needs Amazon's library, which is not installed.",
            remedy="pip install 'o365-runbooks[s3]'",
        ) from None
    config = Config(connect_timeout=10, read_timeout=60, max_pool_connections=16)
    try:
        client = boto3.session.Session().client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"The settings for Amazon's library are wrong ({type(error).__name__}).",
            remedy="Check AWS_PROFILE, AWS_ENDPOINT_URL and the files in ~/.aws.",
        ) from None
    if not client.meta.endpoint_url.startswith("https://"):
        raise UsageError(
            "The endpoint of the bucket is not https://.",
            remedy="Evidence goes over TLS only: correct AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_S3.",
        )
    return S3Store(client, bucket, prefix, retention=retention)


class S3Store:
    """The objects of a bucket whose keys begin with a prefix."""

    def __init__(
        self, client: Any, bucket: str, prefix: str, *, retention: Retention | None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._retention = retention

    @property
    def url(self) -> str:
        """The bucket's URL."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def retention(self) -> Retention | None:
        """What is asked of the bucket for each object."""
        return self._retention

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield all names that begin with `prefix`, in the order of the names.

        Markers of empty folders, which consoles make, are left out.

        Raises:
            EvidenceError: the bucket is not there, or cannot be listed.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._told(f"{self.url} cannot be listed"):
            for page in pages:
                for each in page.get("Contents", ()):
                    name, size = each["Key"][len(self._prefix) :], each["Size"]
                    if name and not (name.endswith("/") and size == 0):
                        yield Entry(name, size)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes, compared with the checksum that S3 keeps.

        Raises:
            EvidenceError: there is no such object, or it cannot be read.
        """
        with self._told(f"{name} in {self.url} cannot be read"):
            answer = self._client.get_object(**self._key(name), ChecksumMode="ENABLED")
            with contextlib.closing(answer["Body"]) as body:
                yield from body.iter_chunks(PIECE_BYTES)

    def create(self, name: str, source: Path, *, sha256: str) -> bool:
        """Write a file's content under a new key.

        Returns:
            True: written. False: the very same bytes are there already.

        Raises:
            NameTaken: other bytes stand there.
            EvidenceError: it could not be written, or `source` has not this digest.
        """
        key = self._key(name)
        with self._told(f"{name} cannot be written to {self.url}"):
            is_written = self._write(key, source, sha256)
        if is_written:
            return True
        with self._told(f"{name} in {self.url} cannot be read"):
            size = self._client.head_object(**key)["ContentLength"]
        if is_same(self, name, size=size, source=source, sha256=sha256):
            return False
        raise name_taken(self, name)

    def protection(self, name: str) -> Protection:
        """Return the object's lock, read from the bucket.

        Raises:
            EvidenceError: there is no such object, or the bucket does not say.
        """
        with self._told(f"The protection of {name} in {self.url} cannot be read"):
            told = self._client.head_object(**self._key(name))
        if told.get("ObjectLockLegalHoldStatus") == "ON":
            return Protection("legal hold", None, "Object lock: a legal hold.")
        if mode := told.get("ObjectLockMode"):
            until = told.get("ObjectLockRetainUntilDate")
            detail = f"Object lock: {mode.lower()} mode."
            return Protection(mode.lower(), until and until.astimezone(UTC), detail)
        return Protection(
            "none",
            None,
            "The bucket tells of no object lock, or your identity lacks s3:GetObjectRetention.",
        )

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + checked_name(name)}

    def _lock(self) -> dict[str, Any]:
        if self._retention is None or not self._has_lock:
            return {}
        mode = self._retention.mode.upper()
        return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": self._retention.until()}

    def _write(self, key: dict[str, str], source: Path, sha256: str) -> bool:
        """Return whether it was written; False: the key is taken."""
        from botocore.exceptions import ClientError

        for attempt in range(1, _CONFLICTS + 1):
            first, all_blocks = blocks_to_send(source, sha256=sha256)
            try:
                if all_blocks is None:
                    return self._put(key, first)
                return self._put_in_parts(key, all_blocks)
            except ClientError as error:
                if _code(error) != "ConditionalRequestConflict" or attempt == _CONFLICTS:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def _put(self, key: dict[str, str], content: bytes) -> bool:
        checksum = _checksum(content)
        return _if_absent(
            lambda: self._client.put_object(
                **key,
                Body=content,
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                **self._lock(),
            )
        )

    def _put_in_parts(self, key: dict[str, str], blocks: Iterator[bytes]) -> bool:
        started = self._client.create_multipart_upload(
            **key, ChecksumAlgorithm="SHA256", **self._lock()
        )
        upload = {**key, "UploadId": started["UploadId"]}
        try:
            parts = []
            for number, block in enumerate(blocks, start=1):
                checksum = _checksum(block)
                answer = self._client.upload_part(
                    **upload, PartNumber=number, Body=block, ChecksumSHA256=checksum
                )
                parts.append(
                    {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
                )
            is_written = _if_absent(
                lambda: self._client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                )
            )
        except BaseException:
            self._abort(upload)
            raise
        if not is_written:
            self._abort(upload)
        return is_written

    def _abort(self, upload: dict[str, str]) -> None:
        # What stays behind is seen by nobody but costs; the page recommends a rule that removes it.
        with contextlib.suppress(Exception):
            self._client.abort_multipart_upload(**upload)

    @cached_property
    def _has_lock(self) -> bool:
        """Whether the bucket has object lock; True where one may not know."""
        from botocore.exceptions import ClientError

        try:
            self._client.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) in _NO_LOCK:
                return False
            if _code(error) != "AccessDenied":
                raise
        return True

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._fault(what, _code(error)) from None
        except BotoCoreError as error:
            is_untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            code = "CertificateNotTrusted" if is_untrusted else type(error).__name__
            raise self._fault(what, code) from None

    def _fault(self, what: str, code: str) -> EvidenceError:
        reason = "there is no such object" if code in _MISSING else code
        return EvidenceError(f"{what} ({reason}).", remedy=_REMEDIES.get(code, _ANY_REMEDY))


def _if_absent(ask: Callable[[], object]) -> bool:
    """Return whether it was done; False: the key is taken."""
    from botocore.exceptions import ClientError

    try:
        ask()
    except ClientError as error:
        if _code(error) == "PreconditionFailed":
            return False
        raise
    return True


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "no code"))
