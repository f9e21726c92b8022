"""The national clouds' hosts, and the sandbox.

- Each cloud names its sign-in authority and its Graph root, and those two only:
  a token goes nowhere else.
- The sandbox is a cloud whose addresses are read from the file that `o365 sandbox serve` leaves,
  and they must be loopback addresses: a file cannot send a token across a network.

https://learn.microsoft.com/graph/deployments
"""

import ipaddress
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from o365lib.errors import UsageError

SANDBOX = "sandbox"


@dataclass(frozen=True)
class Cloud:
    """Where one cloud's sign-in service and Graph are.

    Attributes:
        name: as client files write it.
        login_base_url: the sign-in authority, without tenant and without trailing slash.
        graph_base_url: Graph's root, without version and without trailing slash.
        ca_file: the authority to trust instead of the usual ones; the sandbox has one.
    """

    name: str
    login_base_url: str
    graph_base_url: str
    ca_file: Path | None = None
    hosts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        netlocs = {urlsplit(url).netloc for url in (self.login_base_url, self.graph_base_url)}
        object.__setattr__(self, "hosts", frozenset(netlocs))

    def permits(self, url: str) -> bool:
        """Whether a URL is of this cloud: HTTPS, and one of its two hosts with the same port."""
        try:
            parts = urlsplit(url)
        except ValueError:  # no URL at all
            return False
        return parts.scheme == "https" and parts.netloc.lower() in self.hosts

    @property
    def application_scope(self) -> str:
        """The scope of an application's token for Graph."""
        return f"{self.graph_base_url}/.default"


_PUBLIC = {
    cloud.name: cloud
    for cloud in (
        Cloud("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        Cloud("us-government-l4", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        Cloud(
            "us-government-l5",
            "https://login.microsoftonline.us",
            "https://dod-graph.microsoft.us",
        ),
        Cloud(
            "china",
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    )
}

NAMES: tuple[str, ...] = (*_PUBLIC, SANDBOX)


def find_cloud(name: str, *, sandbox_file: Path | None = None) -> Cloud:
    """Return the cloud of this name.

    Args:
        name: one of `NAMES`.
        sandbox_file: what `o365 sandbox serve` wrote; used for the sandbox only.

    Raises:
        UsageError: no cloud has this name, or the sandbox's file is missing or not to be trusted.
    """
    if name == SANDBOX:
        return _read_sandbox(sandbox_file)
    if name not in _PUBLIC:
        raise UsageError(
            f"There is no cloud named {name!r}.", remedy=f"One of: {', '.join(NAMES)}."
        )
    return _PUBLIC[name]


def _read_sandbox(file: Path | None) -> Cloud:
    remedy = "Start it with `o365 sandbox serve`, and try again while it runs."
    if file is None or not file.is_file():
        where = f" ({file} is not there)" if file else ""
        raise UsageError(f"The sandbox is not running{where}.", remedy=remedy)
    try:
        addresses = json.loads(file.read_text("utf-8"))
        login, graph = addresses["login_base_url"], addresses["graph_base_url"]
        ca_file = Path(addresses["ca_file"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} does not describe a sandbox ({type(error).__name__}).", remedy=remedy
        ) from error
    for url in (login, graph):
        if not _is_loopback(str(url)):
            raise UsageError(
                f"{file} names {url!r}, which is not an HTTPS address of this machine.",
                remedy="A sandbox runs on this machine only. Do not use this file.",
            )
    return Cloud(SANDBOX, login.rstrip("/"), graph.rstrip("/"), ca_file)


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            return False
        if parts.hostname == "localhost":
            return True
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
