"""From what a person typed to a store: a path, `file:///...`, `https://...` or `s3://...`.

- No URL holds a credential: one with a query (a shared access signature) or a user is refused.
- Nothing is asked of a network here; the first use of the store does that.
"""

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from o365lib.errors import UsageError
from o365lib.evidence.stores.folder import FolderStore
from o365lib.evidence.stores.store import Retention, Store

_FORMS = (
    "A path, file:///path, https://<account>.blob.core.windows.net/<container>[/<prefix>]"
    " or s3://<bucket>[/<prefix>]."
)


def is_url(text: str) -> bool:
    """Return whether this is a store's URL and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def open_store(url: str, *, retention: Retention | None = None) -> Store:
    """Return the store at a URL or path; it need not be reachable.

    Args:
        url: a path, or one of the URLs of the module's docstring.
        retention: what to ask of the store for each object that is created; a folder cannot be
            asked for any, as its `retention` says.

    Raises:
        UsageError: it is none of these, it holds a credential, or what it needs is not installed.
    """
    if not is_url(url):
        return FolderStore(Path(os.path.abspath(Path(url).expanduser())))  # noqa: PTH100 -- links in the root's path stay as they were typed
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError(f"{url!r} is not an address.", remedy=_FORMS) from None
    _refuse_credentials(parts)
    scheme = parts.scheme.lower()
    if scheme == "file" and parts.netloc in {"", "localhost"}:
        from urllib.request import url2pathname  # late: it brings all of HTTP with it

        return FolderStore(Path(url2pathname(parts.path)))
    if scheme == "s3":
        from o365lib.evidence.stores.s3 import open_bucket

        return open_bucket(parts.netloc, unquote(parts.path).strip("/"), retention=retention)
    if scheme == "https":
        from o365lib.evidence.stores.azure import open_container

        return open_container(parts, retention=retention)
    raise UsageError(f"{scheme}://{parts.netloc} is no place for an archive.", remedy=_FORMS)


def _refuse_credentials(parts: SplitResult) -> None:
    # What was typed is not repeated: it may be the secret itself.
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(
            "An archive's URL holds no credentials, and no ? or #.",
            remedy="Sign in with `az login` or `aws sso login`; or set what you were given in the"
            " environment: AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_KEY or"
            " AZURE_STORAGE_CONNECTION_STRING, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            " The one in the URL may be in your shell's history now: have it replaced.",
        )
    if ".." in unquote(parts.path).split("/"):
        raise UsageError("An archive's URL has no `..` in it.", remedy=_FORMS)
