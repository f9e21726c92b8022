"""Which application asks, and whether it is who it says: secret or signed assertion.

Assertions: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jwt

from o365lib.sandbox.sign_in.errors import refusal

if TYPE_CHECKING:
    from o365lib.sandbox.application import Application, RegisteredCertificate
    from o365lib.sandbox.exchange import Exchange
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ("RS256", "PS256")
_ASSERTION_LEEWAY_SECONDS = 300


def find_application(tenant: Tenant, app_id: str | None) -> Application:
    """Return the tenant's application with this id.

    Raises:
        SignInError: 900144 no id, 700016 unknown here, 7000112 disabled, or its forced error.
    """
    if not app_id:
        raise refusal(900144, parameter="client_id")
    application = tenant.applications.get(app_id.lower())
    if application is None:
        raise refusal(700016, app_id=app_id, tenant=tenant.display_name)
    words = {"app_id": app_id, "app_name": application.display_name}
    if not application.enabled:
        raise refusal(7000112, **words)
    if application.forced_error is not None:
        raise refusal(application.forced_error, **words)
    return application


def authenticate_application(sandbox: Sandbox, tenant: Tenant, exchange: Exchange) -> Application:
    """Return the application that a token request comes from, after checking its proof.

    A public client proves nothing; a confidential one must.

    Raises:
        SignInError: as `find_application`; 7000215 wrong secret, 7000222 expired, 7000218 none,
            700025 a public client with a proof, 700021, 700023, 700024, 700027 bad assertion.
    """
    form = exchange.form
    app_id, secret = _basic_credentials(exchange)
    secret = form.get("client_secret", secret)
    assertion = form.get("client_assertion")
    sandbox.secrets_seen.add(secret, assertion)
    application = find_application(tenant, form.get("client_id", app_id))
    if application.is_public_client:
        if secret or assertion:
            raise refusal(700025)
        return application
    if assertion:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise refusal(900144, parameter="client_assertion_type")
        _check_assertion(sandbox, tenant, exchange, application, assertion)
    elif secret:
        _check_secret(sandbox, application, secret)
    else:
        raise refusal(7000218)
    return application


def _basic_credentials(exchange: Exchange) -> tuple[str | None, str | None]:
    scheme, _, value = exchange.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        app_id, _, secret = base64.b64decode(value).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return unquote(app_id), unquote(secret)


def _check_secret(sandbox: Sandbox, application: Application, secret: str) -> None:
    for known in application.client_secrets:
        if known.value == secret:
            if known.end_date_time is not None and known.end_date_time < sandbox.clock.now():
                raise refusal(7000222, app_id=application.app_id)
            return
    raise refusal(7000215, app_id=application.app_id)


def _check_assertion(
    sandbox: Sandbox, tenant: Tenant, exchange: Exchange, application: Application, assertion: str
) -> None:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError as error:
        raise refusal(700027, reason="The assertion is malformed.") from error
    certificate = _signer(application, header)
    if certificate is None:
        used = header.get("x5t#S256") or header.get("x5t") or ""
        raise refusal(
            700027,
            reason=f"The key was not found., Thumbprint of key used by client: '{used}'",
        )
    now = sandbox.clock.now()
    if certificate.not_valid_after < now:
        raise refusal(700027, reason="The key used is expired.")
    try:
        claims = jwt.decode(
            assertion,
            certificate.public_key(),
            algorithms=list(_ALGORITHMS),
            options={
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError as error:
        raise refusal(
            700027, reason="The key was found, but use of the key to verify the signature failed."
        ) from error
    if claims.get("iss") != application.app_id or claims.get("sub") != application.app_id:
        raise refusal(700021)
    if claims.get("aud") not in _audiences(sandbox, tenant, exchange):
        raise refusal(700023)
    _check_times(claims, now.timestamp())


def _signer(application: Application, header: dict[str, Any]) -> RegisteredCertificate | None:
    for certificate in application.certificates:
        if certificate.has_thumbprint(x5t=header.get("x5t"), x5t_s256=header.get("x5t#S256")):
            return certificate
    return None


def _audiences(sandbox: Sandbox, tenant: Tenant, exchange: Exchange) -> set[str]:
    bases = {exchange.base_url, "https://login.microsoftonline.com"}
    if sandbox.served is not None:
        bases.add(sandbox.served.login_base_url)
    names = {tenant.id, *tenant.domains}
    endings = ("oauth2/v2.0/token", "v2.0")
    return {f"{base}/{name}/{ending}" for base in bases for name in names for ending in endings}


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires, not_before = claims.get("exp"), claims.get("nbf", claims.get("iat"))
    if not isinstance(expires, int | float) or expires < now - _ASSERTION_LEEWAY_SECONDS:
        raise refusal(700024)
    if isinstance(not_before, int | float) and not_before > now + _ASSERTION_LEEWAY_SECONDS:
        raise refusal(700024)
