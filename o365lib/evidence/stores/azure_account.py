"""Which storage account and container a URL names, and with what credentials it is opened.

- Credentials come from the environment, or from the sign-in of `az login` or a managed identity.
- They go to Azure's own storage hosts and to this machine (Azurite), nowhere else, whatever the
  URL says.
- No credential stands in a URL that is shown, or in an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote

from o365lib.errors import UsageError
from o365lib.evidence.stores.store import BLOCK_BYTES, PIECE_BYTES

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

# Storage hosts of the clouds, and where one signs in for them.
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints
_SIGN_IN_HOSTS: Mapping[str, str] = {
    "blob.core.windows.net": "login.microsoftonline.com",
    "blob.storage.azure.net": "login.microsoftonline.com",
    "blob.core.usgovcloudapi.net": "login.microsoftonline.us",
    "blob.core.chinacloudapi.cn": "login.chinacloudapi.cn",
}
_HOST = re.compile(
    r"(?P<account>[a-z0-9]{3,24}(?:-secondary)?)\.(?:z[0-9]{1,2}\.|privatelink\.)?(?P<cloud>blob\..+)"
)
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}

# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_FORM = "Write https://<account>.blob.core.windows.net/<container>[/<prefix>]."


@dataclass(frozen=True, kw_only=True)
class Place:
    """A container, and where in it.

    Attributes:
        account_url: `https://...`, without a slash at the end.
        account: the account's name.
        sign_in_host: where one signs in for it.
        container: the container's name.
        prefix: what all names begin with, without slashes around it; may be empty.
    """

    account_url: str
    account: str
    sign_in_host: str
    container: str
    prefix: str

    @property
    def container_url(self) -> str:
        """The container's URL."""
        return f"{self.account_url}/{self.container}"


def located(parts: SplitResult) -> Place:
    """Return the container that a URL names.

    Raises:
        UsageError: it is not on one of Azure's storage hosts or this machine, or is no container.
    """
    host, path = parts.hostname or "", unquote(parts.path).strip("/").split("/")
    base = f"https://{parts.netloc}"
    if host in _THIS_MACHINE:
        account, *path = path
        base, sign_in_host = f"{base}/{account}", _SIGN_IN_HOSTS["blob.core.windows.net"]
    else:
        match = _HOST.fullmatch(host)
        account, cloud = (match["account"], match["cloud"]) if match else ("", "")
        sign_in_host = _SIGN_IN_HOSTS.get(cloud, "")
        if not sign_in_host:
            raise UsageError(f"{host!r} is not a storage account of Azure.", remedy=_FORM)
    container = path[0] if path else ""
    if not _CONTAINER.fullmatch(container):
        raise UsageError(f"{container!r} is not the name of a container.", remedy=_FORM)
    return Place(
        account_url=base,
        account=account,
        sign_in_host=sign_in_host,
        container=container,
        prefix="/".join(path[1:]),
    )


def container_client(
    place: Place, environment: Mapping[str, str], *, retries: int
) -> "ContainerClient":
    """Return the SDK's client of the container; nothing is asked of it yet.

    Args:
        place: which one.
        environment: where credentials may stand, under the names that Azure's own command line has.
            https://learn.microsoft.com/azure/storage/blobs/authorize-data-operations-cli
        retries: how often a request is sent again.

    Raises:
        UsageError: the SDK is not installed, or a credential is malformed or for another account.
    """
    try:
        return _connected(place, environment, retries=retries)
    except ImportError:
        raise UsageError(
            "An archive in an Azure container needs Microsoft's library, which is not installed.",
            remedy="pip install 'o365-runbooks[azure]'",
        ) from None
    except (ValueError, KeyError):
        raise UsageError(
            "The credentials for the storage account are malformed.",
            remedy="Check the AZURE_... variables that you set; copy the connection string, key or"
            " signature again.",
        ) from None


def _connected(place: Place, environment: Mapping[str, str], *, retries: int) -> "ContainerClient":
    from azure.storage.blob import ContainerClient, ExponentialRetry

    settings: dict[str, Any] = {
        "retry_policy": ExponentialRetry(
            initial_backoff=1, increment_base=2, retry_total=retries, random_jitter_range=1
        ),
        "connection_timeout": 10,
        "read_timeout": 60,
        "max_single_put_size": BLOCK_BYTES,
        "max_single_get_size": PIECE_BYTES,
        "max_chunk_get_size": PIECE_BYTES,
    }
    if text := environment.get("AZURE_STORAGE_CONNECTION_STRING"):
        client = ContainerClient.from_connection_string(text, place.container, **settings)
        return _of_this_account(client, place)
    credential = _credential(place, environment)
    return ContainerClient(place.account_url, place.container, credential=credential, **settings)


def _of_this_account(client: "ContainerClient", place: Place) -> "ContainerClient":
    if client.url.partition("?")[0].rstrip("/") != place.container_url:
        raise UsageError(
            f"AZURE_STORAGE_CONNECTION_STRING is for another account than {place.account_url}.",
            remedy="Its key was not sent. Correct the variable or the URL.",
        )
    return client


def _credential(place: Place, environment: Mapping[str, str]) -> Any:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

    if token := environment.get("AZURE_STORAGE_SAS_TOKEN"):
        return AzureSasCredential(token.removeprefix("?"))
    if key := environment.get("AZURE_STORAGE_KEY"):
        return AzureNamedKeyCredential(place.account, key)
    from azure.identity import DefaultAzureCredential

    authority = environment.get("AZURE_AUTHORITY_HOST") or place.sign_in_host
    return DefaultAzureCredential(authority=authority)
