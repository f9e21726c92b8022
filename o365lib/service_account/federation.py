"""With whom a domain is federated: decided from its federation configuration. Pure.

- By the hosts of its addresses, compared by whole labels, and by its display name.
- What cannot be read or placed is `unknown`, never a guess.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from o365lib.errors import Forbidden, GraphError, NotFound
from o365lib.graph.models import FederationConfiguration
from o365lib.parameters.defaults import Vendor
from o365lib.service_account.facts import FederatedDomain

_NOT_IMPLEMENTED = 501

_PLAIN_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE)


def federation_of(
    name: str, read: Sequence[FederationConfiguration] | GraphError, vendor: Vendor
) -> FederatedDomain:
    """Return with whom a federated domain is federated. Pure.

    Args:
        name: the domain.
        read: its federation configuration, or why it could not be read.
        vendor: the hosts and display names by which the vendor is known.
    """
    if isinstance(read, GraphError):
        evidence = f"its federation could not be read: {read.status} {read.code}".strip()
        return FederatedDomain(
            name=name, federated_with="unknown", unread=_why_unread(read), evidence=evidence
        )
    uris = [uri for each in read for uri in (*_sign_in_uris(each), each.issuer_uri)]
    named = [_host(uri) for uri in uris]
    hosts = tuple(dict.fromkeys(host for host in named if host))
    signs_in = [_is_plain(uri) for each in read for uri in _sign_in_uris(each) if uri.strip()]
    labels = " / ".join(each.display_name for each in read if each.display_name)
    found = partial(FederatedDomain, name=name, hosts=hosts, display_name=labels)
    for host in hosts:
        if any(_is_below(host, suffix) for suffix in vendor.host_suffixes):
            return found(federated_with="vendor", evidence=f"signs in at {host}")
    if any(_squeezed(each) in _squeezed(labels) for each in vendor.display_names):
        return found(federated_with="vendor", evidence=f"its federation is named {labels}")
    is_readable = all(signs_in) and None not in named
    if not signs_in or not is_readable:
        # An issuer is a name, not a place: it alone does not clear a domain of being the vendor's.
        said = "names no sign-in page" if is_readable else "has an address that cannot be read"
        return found(federated_with="unknown", evidence=f"federated, but its federation {said}")
    return found(federated_with="other", evidence=f"signs in at {hosts[0]}")


def _why_unread(error: GraphError) -> Literal["", "refused", "failed"]:
    # Only that there is no configuration, or no way to ask for one, is an answer. Any other error
    # (424 of a batch's throttled neighbour, say) tells nothing of whose the domain is.
    if isinstance(error, Forbidden):
        return "refused"
    is_answer = isinstance(error, NotFound) or error.status == _NOT_IMPLEMENTED
    return "" if is_answer else "failed"


def _sign_in_uris(configuration: FederationConfiguration) -> tuple[str, ...]:
    return (
        configuration.passive_sign_in_uri,
        configuration.active_sign_in_uri,
        configuration.metadata_exchange_uri,
        configuration.sign_out_uri,
    )


def _is_plain(uri: str) -> bool:
    # Not plainly an address on the web: then nobody can say whose it is.
    host = _host(uri)
    is_web = uri.strip().lower().startswith(("http://", "https://"))
    return bool(is_web and host and _PLAIN_HOST.fullmatch(host))


def _host(uri: str) -> str | None:
    # None where it is no URI at all; nothing where it has no host, like `urn:...`.
    try:
        return (urlsplit(uri.strip()).hostname or "").rstrip(".")
    except ValueError:
        return None


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


def _is_below(host: str, suffix: str) -> bool:
    # By whole labels: x.idaptive.app is the vendor's, notidaptive.app is not.
    return host == suffix or host.endswith(f".{suffix}")
