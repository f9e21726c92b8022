"""Connections to hosts and proxies, kept open, which trust by a bundle that is parsed once.

By itself requests has OpenSSL parse the bundle for each connection, which takes longer than all the
rest of a request.
"""

import functools
import ssl
from pathlib import Path
from typing import Any

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context


class Connections(HTTPAdapter):
    """What sends prepared requests, each once: it follows no redirect and keeps no cookie.

    https://requests.readthedocs.io/en/latest/api/#requests.adapters.HTTPAdapter
    """

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        """Return what tells one pool of connections from another: the host, and the trust."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        bundle = _bundle(verify)
        if bundle.is_file():
            context = _trust_in(bundle, bundle.stat().st_mtime_ns)
            return host, {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """Name the bundle to a connection that has no parsed one, or goes to a proxy over TLS.

        Raises:
            OSError: the bundle is not there.
        """
        if conn.proxy is not None or not _bundle(verify).is_file():
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


def parse_default_bundle() -> None:
    """Parse the bundle that is trusted where nothing else is said; for processes that fork."""
    bundle = _bundle(verify=True)
    _trust_in(bundle, bundle.stat().st_mtime_ns)


def _bundle(verify: bool | str) -> Path:
    return Path(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)


# Nothing of a connection stays with it: Python's clients resume no TLS session by themselves.
@functools.lru_cache(maxsize=4)
def _trust_in(bundle: Path, _changed: int) -> ssl.SSLContext:
    """Return what trusts the authorities of a bundle, as it was when it was changed last."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(cafile=bundle)
    return context
