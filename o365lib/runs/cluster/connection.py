"""From the address that a person gave to a connection with a cluster's scheduler.

Whoever can speak to a Dask scheduler can have any program executed by its workers, and these hold
the secrets of all clients. So both sides show certificates (`tls://`); without them (`tcp://`) only
a scheduler on this very machine is spoken to, unless the person says that the network is safe.

https://distributed.dask.org/en/stable/tls.html
"""

import ipaddress
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from o365lib.errors import UsageError

_FORMS = "tls://host:8786, or tcp://127.0.0.1:8786 for one on this machine."
_HOW_TO = "docs/cluster.md tells how to make a cluster with certificates."


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """The files by which driver and cluster know each other; all in PEM.

    Attributes:
        authority: the certificate of the cluster's own authority.
        certificate: this side's certificate, which the authority has signed.
        key: this side's private key.
    """

    authority: Path
    certificate: Path
    key: Path


def checked_address(address: str, *, security: TlsFiles | None, insecure: bool) -> str:
    """Return the address, if it may be spoken to.

    Args:
        address: of the scheduler.
        security: the certificates, where they were given.
        insecure: whether the person has said that the network in between is safe.

    Raises:
        UsageError: it is no address, or what is sent there could be read or altered.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme not in {"tcp", "tls"}:
        raise UsageError(f"{address!r} is not the address of a scheduler.", remedy=_FORMS)
    if parts.scheme == "tls":
        return address
    if security is not None:
        raise UsageError(
            f"Certificates were given, and {address} is spoken to without any.",
            remedy=f"Name it tls://{parts.netloc}, or leave the certificates out.",
        )
    if not (insecure or _is_loopback(host)):
        raise UsageError(
            f"What is sent to {address} can be read and altered on the way.",
            state="Nothing was started.",
            remedy=f"Give the cluster certificates and name it tls://{parts.netloc}: {_HOW_TO}"
            " Where nobody else can reach that network, say --insecure-scheduler.",
        )
    return address


def connect(
    address: str, *, security: TlsFiles | None, insecure: bool, timeout_seconds: float
) -> Any:
    """Return a client of the scheduler (`distributed.Client`).

    Args:
        address: of the scheduler.
        security: the certificates; None takes those that Dask's own configuration names.
        insecure: see `checked_address`.
        timeout_seconds: how long to wait for the scheduler.

    Raises:
        UsageError: the address or the certificates are unfit, the package for clusters is not
            installed, or there is no scheduler. Nothing was started.
    """
    checked_address(address, security=security, insecure=insecure)
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "What runs batches on a cluster is not installed.",
            remedy='pip install "o365-runbooks[cluster]"',
        ) from error
    # It would write into the table on the terminal. What matters is told by events and errors.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(
            address,
            security=_security(security) if address.startswith("tls://") else None,
            timeout=timeout_seconds,
            set_as_default=False,
            name="o365-runbooks",
        )
    except (OSError, ValueError) as error:  # a timeout is an OSError, and so is ssl's
        raise UsageError(
            f"The scheduler at {address} cannot be reached ({_first_line(error)}).",
            state="Nothing was started.",
            remedy=f"Is it running, and are these its certificates? {_HOW_TO}",
        ) from error


def _security(files: TlsFiles | None) -> Any:
    from distributed.security import Security

    if files is None:
        found = Security(require_encryption=True)
        if found.tls_ca_file and found.tls_client_cert:
            return found
        raise UsageError(
            "No certificates were given, and Dask's own configuration names none.",
            remedy=f"Say --tls-ca, --tls-cert and --tls-key. {_HOW_TO}",
        )
    for file in (files.authority, files.certificate, files.key):
        if not file.is_file():
            raise UsageError(f"There is no file {file}.", remedy=_HOW_TO)
    return Security(
        require_encryption=True,
        tls_ca_file=str(files.authority),
        tls_client_cert=str(files.certificate),
        tls_client_key=str(files.key),
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
