"""Who calls, and whether the token opens the address.

A permission is only the first gate: for an application acting for a person, what the person's
directory roles allow is the second one, in `privileges`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

from o365lib.sandbox.graph.call import Caller, GraphCall
from o365lib.sandbox.graph.errors import denied, unauthenticated
from o365lib.sandbox.sign_in.scopes import graph_audiences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from o365lib.sandbox.graph.permissions import Access
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant


def read_token(sandbox: Sandbox, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the claims of the request's token.

    Raises:
        GraphError: 401, there is none, it is malformed, forged, for another resource or expired.
    """
    authorization = headers.get("authorization", "")
    sandbox.secrets_seen.add_bearer(authorization)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated("Access token is empty.")
    try:
        claims = sandbox.sign_ins.tokens.read(token.strip())
    except jwt.InvalidSignatureError as error:
        raise unauthenticated("Access token validation failure. Invalid signature.") from error
    except jwt.InvalidTokenError as error:
        raise unauthenticated("CompactToken parsing failed with error code: 80049217") from error
    if claims.get("aud") not in graph_audiences(sandbox):
        raise unauthenticated("Access token validation failure. Invalid audience.")
    now = sandbox.clock.now().timestamp()
    if now >= claims["exp"] or now < claims["nbf"]:
        raise unauthenticated("Lifetime validation failed, the token is expired.")
    return claims


def find_caller(sandbox: Sandbox, claims: dict[str, Any]) -> tuple[Tenant, Caller]:
    """Return the tenant that a token belongs to, and who it speaks for.

    Directory roles are those of this moment, not those of the token's `wids`.

    Raises:
        GraphError: 401, the application or the person is gone or disabled.
    """
    tenant = sandbox.tenants[claims["tid"]]
    application = tenant.applications.get(claims["appid"])
    if application is None or not application.enabled:
        raise unauthenticated("The application is not enabled in this tenant.")
    user = None
    if claims["idtyp"] == "user":
        user = tenant.users.get(claims["oid"])
        if user is None or not user.get("accountEnabled", True):
            raise unauthenticated("The user account is disabled or has been deleted.")
    permissions = claims["scp"].split() if user is not None else claims["roles"]
    return tenant, Caller(
        application=application,
        user=user,
        permissions=frozenset(permissions),
        directory_roles=frozenset(tenant.roles_of(claims["oid"])),
    )


def check_access(call: GraphCall, access: Access) -> None:
    """Check that the token carries a permission for the address.

    Raises:
        GraphError: 403, it does not.
    """
    caller = call.caller
    if caller.user is None:
        if access.application is None or not caller.permissions & access.application:
            raise denied()
        return
    own_names = {caller.user["id"].casefold(), caller.user["userPrincipalName"].casefold()}
    allowed = access.delegated
    if call.params.get("user", "").casefold() in own_names:
        allowed |= access.own
    if not caller.permissions & allowed:
        raise denied()
