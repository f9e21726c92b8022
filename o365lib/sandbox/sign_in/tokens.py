"""Signed tokens: access tokens for Graph, id tokens, and how they are checked again.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

import jwt
from jwt.algorithms import RSAAlgorithm

from o365lib.sandbox.identifiers import new_id, stable_id
from o365lib.sandbox.keys import rsa_key

if TYPE_CHECKING:
    from o365lib.sandbox.application import Application
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant

_SECURITY_TOKEN_SERVICE = "https://sts.windows.net"  # noqa: S105  an issuer's address, no secret

_READ_TOKENS_KEPT = 10_000


class Tokens:
    """Issues and reads the tokens of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._key = rsa_key("tokens")
        self._key_id = secrets.token_urlsafe(20)
        self._read: dict[str, dict[str, Any]] = {}

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as the authority's `jwks_uri` shows them."""
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        key.pop("key_ops", None)
        return {"keys": [{**key, "use": "sig", "kid": self._key_id, "x5t": self._key_id}]}

    def application_token(self, tenant: Tenant, application: Application, audience: str) -> str:
        """Return an access token for an application acting as itself."""
        return self._access_token(
            tenant,
            application,
            audience,
            {
                "idtyp": "app",
                "oid": application.object_id,
                "sub": application.object_id,
                "roles": sorted(application.roles),
                "wids": sorted(tenant.roles_of(application.object_id)),
                "appidacr": "2" if application.certificates else "1",
            },
        )

    def user_token(
        self,
        tenant: Tenant,
        application: Application,
        audience: str,
        *,
        user: dict[str, Any],
        permissions: set[str],
    ) -> str:
        """Return an access token for an application acting for a person."""
        return self._access_token(
            tenant,
            application,
            audience,
            {
                "idtyp": "user",
                "oid": user["id"],
                "sub": stable_id(application.app_id, user["id"], "subject"),
                "scp": " ".join(sorted(permissions)),
                "upn": user["userPrincipalName"],
                "unique_name": user["userPrincipalName"],
                "name": user["displayName"],
                "wids": sorted(tenant.roles_of(user["id"])),
                "amr": ["pwd", "mfa"],
                "appidacr": "0" if application.is_public_client else "1",
            },
        )

    def _access_token(
        self, tenant: Tenant, application: Application, audience: str, claims: dict[str, Any]
    ) -> str:
        lifetime = self._sandbox.access_token_lifetime_seconds
        return self._signed(
            {
                "aud": audience,
                "iss": f"{_SECURITY_TOKEN_SERVICE}/{tenant.id}/",
                **self._times(lifetime),
                "app_displayname": application.display_name,
                "appid": application.app_id,
                "idp": f"{_SECURITY_TOKEN_SERVICE}/{tenant.id}/",
                "tid": tenant.id,
                "uti": secrets.token_urlsafe(16),
                "ver": "1.0",
                **claims,
            }
        )

    def id_token(
        self,
        tenant: Tenant,
        application: Application,
        *,
        user: dict[str, Any],
        issuer: str,
        nonce: str | None,
    ) -> str:
        """Return an id token for a person's sign-in to an application."""
        return self._signed(
            {
                "aud": application.app_id,
                "iss": issuer,
                **self._times(self._sandbox.access_token_lifetime_seconds),
                "name": user["displayName"],
                "oid": user["id"],
                "preferred_username": user["userPrincipalName"],
                "sub": stable_id(application.app_id, user["id"], "subject"),
                "tid": tenant.id,
                "uti": secrets.token_urlsafe(16),
                "ver": "2.0",
                **({"nonce": nonce} if nonce else {}),
            }
        )

    def _times(self, lifetime_seconds: int) -> dict[str, int]:
        now = int(self._sandbox.clock.now().timestamp())
        return {"iat": now, "nbf": now - 300, "exp": now + lifetime_seconds}

    def _signed(self, claims: dict[str, Any]) -> str:
        headers = {"kid": self._key_id, "x5t": self._key_id}
        token = jwt.encode(claims, self._key, algorithm="RS256", headers=headers)
        self._sandbox.secrets_seen.add(token)
        return token

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token of this sandbox; expiry is left to the caller.

        Raises:
            jwt.InvalidTokenError: it is no JWT, or not signed by this sandbox.
        """
        if token not in self._read:
            if len(self._read) > _READ_TOKENS_KEPT:
                self._read.clear()
            if jwt.get_unverified_header(token).get("kid") != self._key_id:
                raise jwt.InvalidSignatureError("signed with another key")
            self._read[token] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        return self._read[token]


def client_info(tenant: Tenant, user: dict[str, Any]) -> str:
    """Return the `client_info` that MSAL makes an account's id from."""
    text = json.dumps({"uid": user["id"], "utid": tenant.id}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode("ascii")


def new_refresh_token() -> str:
    """Return a random refresh token."""
    return f"1.A{secrets.token_urlsafe(60)}"


def new_code() -> str:
    """Return a random authorization or device code."""
    return f"{secrets.token_urlsafe(48)}.{new_id()}"
