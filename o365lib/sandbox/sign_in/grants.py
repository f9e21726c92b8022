"""The token endpoint: every grant that the authority knows, and the device code endpoint."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.exchange import Exchange, Reply
from o365lib.sandbox.sign_in.clients import authenticate_application, find_application
from o365lib.sandbox.sign_in.errors import refusal
from o365lib.sandbox.sign_in.people import (
    check_password,
    check_person,
    find_person,
    granted_permissions,
)
from o365lib.sandbox.sign_in.scopes import parse_scopes
from o365lib.sandbox.sign_in.tokens import client_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.sandbox.application import Application
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant


@dataclass(frozen=True, kw_only=True)
class SignInCall:
    """One request to the authority; `tenant` is None for `common` and `organizations`."""

    sandbox: Sandbox
    exchange: Exchange
    tenant_key: str
    tenant: Tenant | None

    def parameter(self, name: str) -> str:
        """Return a required form field.

        Raises:
            SignInError: 900144, it is missing.
        """
        value = self.exchange.form.get(name)
        if not value:
            raise refusal(900144, parameter=name)
        return value

    def one_tenant(self) -> Tenant:
        """Return the tenant of a request that makes sense for one tenant only.

        Raises:
            SignInError: 90002, the address is `common` or `organizations`.
        """
        if self.tenant is None:
            raise refusal(90002, tenant=self.tenant_key)
        return self.tenant


def device_code(call: SignInCall) -> Reply:
    """Start a device code sign-in.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
    """
    app_id, scope = call.parameter("client_id"), call.parameter("scope")
    tenant_name = call.tenant.name if call.tenant is not None else call.tenant_key
    parse_scopes(scope, call.sandbox, tenant_name)
    if call.tenant is not None:
        application = find_application(call.tenant, app_id)
        if not application.is_public_client:
            raise refusal(7000218)
    device = call.sandbox.sign_ins.start_device(tenant=call.tenant, app_id=app_id, scope=scope)
    page = f"{call.exchange.base_url}/devicelogin"
    return Reply.json(
        {
            "user_code": device.user_code,
            "device_code": device.device_code,
            "verification_uri": page,
            "expires_in": call.sandbox.device_code_lifetime_seconds,
            "interval": device.interval,
            "message": f"To sign in, use a web browser to open the page {page} and enter the code "
            f"{device.user_code} to authenticate.",
        },
        cache_control="no-store, no-cache",
    )


def token(call: SignInCall) -> Reply:
    """Answer a token request by its grant type."""
    for name in ("code", "device_code", "refresh_token", "password", "code_verifier"):
        call.sandbox.secrets_seen.add(call.exchange.form.get(name))
    grant = _GRANTS.get(call.parameter("grant_type"))
    if grant is None:
        raise refusal(70003)
    # Polls for a device code are not counted: who polls too fast is told `slow_down`.
    app_id, now = call.exchange.form.get("client_id", ""), call.sandbox.clock.now()
    if grant is _device or call.sandbox.throttling.may_sign_in(app_id, now):
        return grant(call)
    return _too_many(call, is_application=grant is _client_credentials)


def _too_many(call: SignInCall, *, is_application: bool) -> Reply:
    """Answer one who fetches tokens too often.

    https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling

    Raises:
        SignInError: 50196, where it is in a person's name.
    """
    if not is_application:
        raise refusal(50196)
    # https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/2855
    wait = call.sandbox.throttle_sign_in_wait_seconds
    return Reply(
        status=429,
        body=b"Too Many Requests",
        headers={"content-type": "text/plain; charset=utf-8", "retry-after": f"{wait:g}"},
    )


def _client_credentials(call: SignInCall) -> Reply:
    tenant = call.one_tenant()
    application = authenticate_application(call.sandbox, tenant, call.exchange)
    if application.is_public_client:
        raise refusal(7000218)
    scope = call.parameter("scope")
    asked = parse_scopes(scope, call.sandbox, tenant.name)
    if not asked.is_default:
        raise refusal(70011, scope=scope)
    lifetime = call.sandbox.access_token_lifetime_seconds
    return _token_reply(
        tenant,
        application,
        {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": call.sandbox.sign_ins.tokens.application_token(
                tenant, application, asked.audience
            ),
        },
    )


def _device(call: SignInCall) -> Reply:
    app_id = call.parameter("client_id")
    code = call.exchange.form.get("device_code") or call.parameter("code")
    if call.tenant is not None:
        authenticate_application(call.sandbox, call.tenant, call.exchange)
    device = call.sandbox.sign_ins.poll_device(code, app_id)
    tenant = call.sandbox.tenants[device.tenant_id or ""]
    application = authenticate_application(call.sandbox, tenant, call.exchange)
    return _delegated(call, tenant, application, user_id=device.user_id or "", scope=device.scope)


def _authorization_code(call: SignInCall) -> Reply:
    records = call.sandbox.sign_ins
    record = records.redeem_code(
        call.parameter("code"),
        app_id=call.parameter("client_id"),
        tenant_id=call.tenant.id if call.tenant is not None else None,
    )
    tenant = call.sandbox.tenants[record.tenant_id]
    application = authenticate_application(call.sandbox, tenant, call.exchange)
    if call.parameter("redirect_uri") != record.redirect_uri:
        raise refusal(50011, redirect_uri=call.parameter("redirect_uri"), app_id=application.app_id)
    if record.code_challenge is not None:
        digest = hashlib.sha256(call.parameter("code_verifier").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if challenge != record.code_challenge:
            raise refusal(501481)
    scope = call.exchange.form.get("scope") or record.scope
    return _delegated(
        call, tenant, application, user_id=record.user_id, scope=scope, nonce=record.nonce
    )


def _refresh_token(call: SignInCall) -> Reply:
    record = call.sandbox.sign_ins.use_refresh_token(
        call.parameter("refresh_token"),
        app_id=call.parameter("client_id"),
        tenant_id=call.tenant.id if call.tenant is not None else None,
    )
    tenant = call.sandbox.tenants[record.tenant_id]
    application = authenticate_application(call.sandbox, tenant, call.exchange)
    scope = call.exchange.form.get("scope") or record.scope
    return _delegated(call, tenant, application, user_id=record.user_id, scope=scope)


def _password(call: SignInCall) -> Reply:
    app_id, name = call.parameter("client_id"), call.parameter("username")
    tenant, user = find_person(call.sandbox, call.tenant, name, app_id=app_id)
    application = authenticate_application(call.sandbox, tenant, call.exchange)
    check_password(call.sandbox, tenant, user, call.parameter("password"))
    return _delegated(call, tenant, application, user_id=user["id"], scope=call.parameter("scope"))


def _delegated(
    call: SignInCall,
    tenant: Tenant,
    application: Application,
    *,
    user_id: str,
    scope: str,
    nonce: str | None = None,
) -> Reply:
    user = tenant.users.get(user_id)
    if user is None:
        raise refusal(50034, user=user_id, tenant=tenant.id)
    check_person(tenant, user)
    asked = parse_scopes(scope, call.sandbox, tenant.name)
    granted = granted_permissions(tenant, user, application, asked)
    records = call.sandbox.sign_ins
    lifetime = call.sandbox.access_token_lifetime_seconds
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": asked.written(granted),
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": records.tokens.user_token(
            tenant, application, asked.audience, user=user, permissions=granted
        ),
    }
    if "offline_access" in asked.openid:
        body["refresh_token"] = records.issue_refresh_token(
            tenant_id=tenant.id, app_id=application.app_id, user_id=user_id, scope=scope
        )
    if "openid" in asked.openid:
        issuer = f"{call.exchange.base_url}/{tenant.id}/v2.0"
        body["id_token"] = records.tokens.id_token(
            tenant, application, user=user, issuer=issuer, nonce=nonce
        )
    if call.exchange.form.get("client_info") == "1":
        body["client_info"] = client_info(tenant, user)
    return _token_reply(tenant, application, body, caller_id=user_id)


def _token_reply(
    tenant: Tenant, application: Application, body: dict[str, Any], caller_id: str | None = None
) -> Reply:
    reply = Reply.json(body, cache_control="no-store, no-cache", pragma="no-cache")
    reply.tenant_id = tenant.id
    reply.app_id = application.app_id
    reply.caller_id = caller_id or application.object_id
    return reply


_GRANTS: dict[str, Callable[[SignInCall], Reply]] = {
    "client_credentials": _client_credentials,
    "urn:ietf:params:oauth:grant-type:device_code": _device,
    "device_code": _device,
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "password": _password,
}
