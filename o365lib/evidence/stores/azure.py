"""An archive in an Azure Blob container.

- Create-only by `If-None-Match: *`; a digest of the bytes goes along and the service compares it.
  https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
- The immutability policy is part of the creation, so that no moment is without it. Where the
  container has none, the blob is created without; `protection` tells.
  https://learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies
- Errors of the SDK are not chained: their texts may repeat a URL with a signature in it.
"""

import base64
import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from functools import cached_property, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

from o365lib.errors import EvidenceError
from o365lib.evidence.stores.azure_account import container_client, located
from o365lib.evidence.stores.store import (
    Entry,
    Protection,
    Retention,
    blocks_to_send,
    checked_name,
    is_same,
    name_taken,
)

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

# Said of a name that is taken.
_TAKEN = {"BlobAlreadyExists", "BlobImmutableDueToPolicy", "ConditionNotMet"}
_MODES = {"compliance": "Locked", "governance": "Unlocked"}
_KINDS = {"locked": "compliance", "unlocked": "governance"}

_NO_RIGHT = (
    "Your identity lacks a right on this container, or the account's firewall keeps you out, or"
    " the AZURE_STORAGE_... variable that you set is for another account."
    " docs/archive-in-the-cloud.md lists the rights; Azure may take minutes until a new one holds."
)
_REMEDIES = {
    "BlobNotFound": "`o365 evidence verify` with the archive's URL tells what else is missing.",
    "ContainerNotFound": "Make the container first: docs/archive-in-the-cloud.md shows how.",
    "AuthenticationFailed": "The key or signature is wrong or has expired: check the"
    " AZURE_STORAGE_... variable that you set.",
    "AuthorizationFailure": _NO_RIGHT,
    "AuthorizationPermissionMismatch": _NO_RIGHT,
    "ClientAuthenticationError": "Sign in first: `az login`, or set AZURE_STORAGE_SAS_TOKEN or"
    " AZURE_STORAGE_CONNECTION_STRING.",
    "ServiceRequestError": "Check the account's name and the network. A private authority's"
    " certificate goes into REQUESTS_CA_BUNDLE.",
}
_ANY_REMEDY = "Do the same again later: only what is missing is sent."


def open_container(
    parts: SplitResult,
    *,
    retention: Retention | None,
    environment: Mapping[str, str] = os.environ,
    retries: int = 3,
) -> "AzureStore":
    """Return the archive in a container; nothing is asked of it yet.

    Args:
        parts: `https://<account>.blob.<suffix>/<container>[/<prefix>]`; on this machine (Azurite)
            the account is the first part of the path.
        retention: what to ask for each blob that is created.
        environment: where credentials may stand.
        retries: how often a request is sent again that had no answer, or one that says "later".

    Raises:
        UsageError: that is no container, the SDK is not installed, or a credential is malformed.
    """
    place = located(parts)
    client = container_client(place, environment, retries=retries)
    return AzureStore(client, place.container_url, place.prefix, retention=retention)


class AzureStore:
    """The blobs of a container whose names begin with a prefix."""

    def __init__(
        self,
        client: "ContainerClient",
        container_url: str,
        prefix: str,
        *,
        retention: Retention | None,
    ) -> None:
        self._client = client
        self._container_url = container_url
        self._prefix = f"{prefix}/" if prefix else ""
        self._retention = retention

    @property
    def url(self) -> str:
        """The container's URL, without credentials."""
        return f"{self._container_url}/{self._prefix}".rstrip("/")

    @property
    def retention(self) -> Retention | None:
        """What is asked of the container for each blob."""
        return self._retention

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield all names that begin with `prefix`, in the order of the names.

        Markers of empty folders, which some tools make, are left out.

        Raises:
            EvidenceError: the container is not there, or cannot be listed.
        """
        with self._told(f"{self.url} cannot be listed"):
            for each in self._client.list_blobs(name_starts_with=self._prefix + prefix):
                name, size = each.name[len(self._prefix) :], each.size
                if name and not (name.endswith("/") and size == 0):
                    yield Entry(name, size)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a blob's bytes, each piece compared with the digest that the service sends along.

        Raises:
            EvidenceError: there is no such blob, or it cannot be read.
        """
        blob = self._blob(name)
        with self._told(f"{name} in {self.url} cannot be read"):
            yield from blob.download_blob(validate_content=True).chunks()

    def create(self, name: str, source: Path, *, sha256: str) -> bool:
        """Write a file's content as a new blob.

        Returns:
            True: written. False: the very same bytes are there already.

        Raises:
            NameTaken: other bytes stand there.
            EvidenceError: it could not be written, or `source` has not this digest.
        """
        blob = self._blob(name)
        first, all_blocks = blocks_to_send(source, sha256=sha256)
        with self._told(f"{name} cannot be written to {self.url}"):
            if all_blocks is None:
                is_written = _if_absent(
                    blob,
                    lambda: blob.upload_blob(
                        first, overwrite=False, validate_content=True, **self._policy()
                    ),
                )
            else:
                is_written = self._put_in_blocks(blob, all_blocks)
        if is_written:
            return True
        with self._told(f"{name} in {self.url} cannot be read"):
            size = blob.get_blob_properties().size
        if is_same(self, name, size=size, source=source, sha256=sha256):
            return False
        raise name_taken(self, name)

    def _put_in_blocks(self, blob: Any, blocks: Iterator[bytes]) -> bool:
        from azure.core import MatchConditions
        from azure.storage.blob import BlobBlock

        # Blocks of two writers lie side by side until one commits: the ids must not be the same.
        writer = secrets.token_hex(8)
        listed = []
        for number, block in enumerate(blocks):
            block_id = base64.b64encode(f"{writer}-{number:06}".encode()).decode()
            listed.append(BlobBlock(block_id))
            stage = partial(blob.stage_block, block_id, block, validate_content=True)
            if not _if_absent(blob, stage):
                return False
        return _if_absent(
            blob,
            lambda: blob.commit_block_list(
                listed, match_condition=MatchConditions.IfMissing, **self._policy()
            ),
        )

    def protection(self, name: str) -> Protection:
        """Return the blob's policy or hold, or the container's, read from the service.

        Raises:
            EvidenceError: there is no such blob, or the service does not say.
        """
        with self._told(f"The protection of {name} in {self.url} cannot be read"):
            told = self._blob(name).get_blob_properties()
            if told.has_legal_hold:
                return Protection("legal hold", None, "A legal hold on the blob.")
            policy = told.immutability_policy
            mode = str(policy.policy_mode or "").lower() if policy else ""
            if mode in _KINDS:
                detail = f"An immutability policy on the blob, {mode}."
                until = policy.expiry_time
                return Protection(_KINDS[mode], until and until.astimezone(UTC), detail)
            container = self._client.get_container_properties()
        if container.has_legal_hold:
            return Protection("legal hold", None, "A legal hold on the container.")
        if container.has_immutability_policy:
            return Protection(
                "container policy",
                None,
                "An immutability policy on the container; whether it is locked, and until when it"
                " holds for a blob, is told by `az storage container immutability-policy show`.",
            )
        return Protection("none", None, "Neither the blob nor its container has a policy or hold.")

    def _blob(self, name: str) -> Any:
        return self._client.get_blob_client(self._prefix + checked_name(name))

    def _policy(self) -> dict[str, Any]:
        from azure.storage.blob import ImmutabilityPolicy

        if self._retention is None or not self._has_policies:
            return {}
        mode = _MODES[self._retention.mode]
        until = self._retention.until()
        return {"immutability_policy": ImmutabilityPolicy(expiry_time=until, policy_mode=mode)}

    @cached_property
    def _has_policies(self) -> bool:
        """Whether blobs can have policies of their own; True where one may not know."""
        from azure.core.exceptions import HttpResponseError

        try:
            told = self._client.get_container_properties()
        except HttpResponseError as error:
            if error.status_code == HTTPStatus.FORBIDDEN:
                return True
            raise
        return bool(told.immutable_storage_with_versioning_enabled)

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            code = _code(error)
            reason = "there is no such blob" if code == "BlobNotFound" else code
            raise EvidenceError(
                f"{what} ({reason}).", remedy=_REMEDIES.get(code, _ANY_REMEDY)
            ) from None


def _if_absent(blob: Any, ask: Callable[[], object]) -> bool:
    """Return whether it was done; False: the name is taken."""
    from azure.core.exceptions import HttpResponseError

    try:
        ask()
    except HttpResponseError as error:
        # Who may create and not write is told that a right is missing, where the name is taken.
        is_taken = _code(error) in _TAKEN
        if is_taken or (error.status_code == HTTPStatus.FORBIDDEN and blob.exists()):
            return False
        raise
    return True


def _code(error: Any) -> str:
    """Return the service's code, or what the SDK calls it where the service said nothing."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or type(error).__name__)
