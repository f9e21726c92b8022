"""What a client asks a token for: one resource, and permissions on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from o365lib.sandbox.sign_in.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from o365lib.sandbox.sandbox import Sandbox

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH = "https://graph.microsoft.com"
_OTHER_RESOURCES = frozenset(
    {
        "https://outlook.office365.com",
        "https://management.azure.com",
        "00000002-0000-0ff1-ce00-000000000000",
    }
)
OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_PERMISSION = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True)
class AskedScopes:
    """A parsed `scope` parameter.

    Attributes:
        audience: the resource, as it goes into the token's `aud`.
        prefix: what stood in front of the permissions; repeated in the answer, because clients
            look their cache up by the scopes they asked for.
        permissions: values such as `User.Read`, without prefix and OpenID scopes.
        is_default: whether `.default` was asked for: all that was consented to.
        openid: the OpenID scopes among them.
    """

    audience: str
    prefix: str
    permissions: tuple[str, ...]
    is_default: bool
    openid: frozenset[str]

    def written(self, granted: Iterable[str]) -> str:
        """Return the `scope` of the answer for the granted permissions."""
        names = sorted(granted) if self.is_default else list(self.permissions)
        if self.is_default:
            names.append(".default")
        openid = sorted(self.openid - {"offline_access"})
        return " ".join([*(self.prefix + name for name in names), *openid])


def graph_audiences(sandbox: Sandbox) -> frozenset[str]:
    """Return the audiences that the sandbox's Graph accepts in a token."""
    own: set[str] = set()
    if sandbox.served is not None:
        own = {
            sandbox.served.graph_base_url,
            sandbox.served.graph_base_url.replace("127.0.0.1", "localhost"),
        }
    return frozenset({GRAPH, GRAPH_APP_ID, *own})


def parse_scopes(text: str, sandbox: Sandbox, tenant_name: str) -> AskedScopes:
    """Read a `scope` parameter.

    Raises:
        SignInError: 70011 when it is malformed or names several resources, 500011 when it names a
            resource that the tenant does not have.
    """
    openid: set[str] = set()
    permissions: list[str] = []
    resources: dict[str, str] = {}
    is_default = False
    for scope in text.split():
        if scope.lower() in OPENID_SCOPES:
            openid.add(scope.lower())
            continue
        prefix, slash, name = scope.rpartition("/")
        resource = prefix.rstrip("/") if slash else GRAPH
        resources[resource] = prefix + slash
        if name == ".default":
            is_default = True
        elif _PERMISSION.fullmatch(name):
            permissions.append(name)
        else:
            raise refusal(70011, scope=scope)
    if len(resources) > 1 or (is_default and permissions):
        raise refusal(70011, scope=text)
    resource, prefix = next(iter(resources.items()), (GRAPH, ""))
    if resource not in graph_audiences(sandbox) | _OTHER_RESOURCES:
        raise refusal(500011, resource=resource, tenant=tenant_name)
    return AskedScopes(resource, prefix, tuple(permissions), is_default, frozenset(openid))
