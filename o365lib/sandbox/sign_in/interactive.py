"""What a person sees: the authorize page, the device page and the administrator's consent page.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from o365lib.sandbox.application import APPLICATION_ROLES, DELEGATED_SCOPES
from o365lib.sandbox.exchange import Reply
from o365lib.sandbox.role_catalogue import GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR
from o365lib.sandbox.sign_in import pages
from o365lib.sandbox.sign_in.clients import find_application
from o365lib.sandbox.sign_in.errors import SignInError, refusal
from o365lib.sandbox.sign_in.people import (
    check_password,
    check_person,
    find_person,
    granted_permissions,
)
from o365lib.sandbox.sign_in.scopes import parse_scopes

if TYPE_CHECKING:
    from o365lib.sandbox.application import Application
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.sign_in.grants import SignInCall
    from o365lib.sandbox.tenant import Tenant

_SHOWN_ON_PAGE = frozenset({50020, 50034, 50053, 50126})
_CONSENTING = frozenset({GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR})
_CARRIED = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "client_info",
)


def device_page(sandbox: Sandbox, form: dict[str, str], method: str) -> Reply:
    """Show or take the device page's form."""
    user_code = form.get("user_code", "")
    if method != "POST":
        return Reply.html(pages.device_form(user_code="", error=None))
    try:
        device = sandbox.sign_ins.waiting_device(user_code)
    except KeyError:
        error = "That code didn't work. Check the code and try again."
        return Reply.html(pages.device_form(user_code=user_code, error=error), status=400)
    if form.get("choice") == "decline":
        sandbox.sign_ins.decline_device_code(user_code)
        return Reply.html(pages.message("Declined", "You declined the sign-in."))
    tenant = sandbox.tenants[device.tenant_id] if device.tenant_id else None
    name, password = form.get("username", ""), form.get("password", "")
    sandbox.secrets_seen.add(password)
    try:
        home, user = find_person(sandbox, tenant, name, app_id=device.app_id)
        check_password(sandbox, home, user, password)
    except SignInError as error:
        text = f"AADSTS{error.code}: {error.description}"
        return Reply.html(pages.device_form(user_code=user_code, error=text), status=400)
    sandbox.sign_ins.finish_device(device, home, user)
    if device.error is not None:
        text = f"AADSTS{device.error.code}: {device.error.description}"
        return Reply.html(pages.message("Sorry, you cannot sign in", text), status=400)
    return Reply.html(pages.message("You have signed in", "You may now close this window."))


def authorize(call: SignInCall) -> Reply:
    """Show the sign-in form, or take it and send the code to the client."""
    exchange = call.exchange
    values = exchange.query if exchange.method == "GET" else exchange.form
    asked = {name: values[name] for name in _CARRIED if values.get(name)}
    try:
        redirect_uri = _checked_redirect_uri(call, asked)
    except SignInError as error:
        text = f"AADSTS{error.code}: {error.description}"
        return Reply.html(pages.message("Sorry, the request is not valid", text), status=400)
    try:
        _check_request(asked)
        if exchange.method == "GET":
            return _form(call, asked, login_hint=values.get("login_hint", ""), error=None)
        fields = _sign_in(call, asked, values, redirect_uri)
    except SignInError as error:
        if error.code in _SHOWN_ON_PAGE and exchange.method == "POST":
            text = f"AADSTS{error.code}: {error.description}"
            hint = values.get("username", "")
            return _form(call, asked, login_hint=hint, error=text, status=400)
        fields = _error_fields(call, error)
    if "state" in asked:
        fields["state"] = asked["state"]
    return _send_back(redirect_uri, fields, asked.get("response_mode", "query"))


def _form(
    call: SignInCall,
    asked: dict[str, str],
    *,
    login_hint: str,
    error: str | None,
    status: int = 200,
) -> Reply:
    html = pages.sign_in_form(
        title="Sign in",
        action=f"/{quote(call.tenant_key)}/oauth2/v2.0/authorize",
        hidden=asked,
        login_hint=login_hint,
        error=error,
    )
    return Reply.html(html, status=status)


def _checked_redirect_uri(call: SignInCall, asked: dict[str, str]) -> str:
    for name in ("client_id", "redirect_uri"):
        if name not in asked:
            raise refusal(900144, parameter=name)
    wanted = asked["redirect_uri"]
    if call.tenant is None:
        # The tenant, and with it the registration, is only known after sign-in: loopback only.
        registered = ["http://localhost"]
    else:
        registered = find_application(call.tenant, asked["client_id"]).redirect_uris
    if not any(_is_same_address(wanted, known) for known in registered):
        raise refusal(50011, redirect_uri=wanted, app_id=asked["client_id"])
    return wanted


def _is_same_address(wanted: str, registered: str) -> bool:
    # A loopback address may have any port:
    # https://learn.microsoft.com/entra/identity-platform/reply-url#localhost-exceptions
    one, other = urlsplit(wanted), urlsplit(registered)
    if one.scheme == other.scheme == "http" and one.hostname == other.hostname == "localhost":
        return one.path.rstrip("/") == other.path.rstrip("/")
    return wanted == registered


def _check_request(asked: dict[str, str]) -> None:
    if asked.get("response_type") != "code":
        raise refusal(900144, parameter="response_type")
    if "scope" not in asked:
        raise refusal(900144, parameter="scope")
    if "code_challenge" in asked and asked.get("code_challenge_method") != "S256":
        raise refusal(501481)


def _sign_in(
    call: SignInCall, asked: dict[str, str], values: dict[str, str], redirect_uri: str
) -> dict[str, str]:
    sandbox, app_id = call.sandbox, asked["client_id"]
    password = values.get("password", "")
    sandbox.secrets_seen.add(password)
    tenant, user = find_person(sandbox, call.tenant, values.get("username", ""), app_id=app_id)
    check_password(sandbox, tenant, user, password)
    check_person(tenant, user)
    application = find_application(tenant, app_id)
    if application.is_public_client and "code_challenge" not in asked:
        raise refusal(900144, parameter="code_challenge")
    scopes = parse_scopes(asked["scope"], sandbox, tenant.name)
    granted_permissions(tenant, user, application, scopes)
    code = sandbox.sign_ins.issue_code(
        tenant_id=tenant.id,
        app_id=application.app_id,
        user_id=user["id"],
        scope=asked["scope"],
        redirect_uri=redirect_uri,
        code_challenge=asked.get("code_challenge"),
        nonce=asked.get("nonce"),
    )
    return {"code": code.code, "session_state": code.user_id}


def _error_fields(call: SignInCall, error: SignInError) -> dict[str, str]:
    correlation_id = call.exchange.headers.get("client-request-id", call.exchange.request_id)
    body = error.body(now=call.sandbox.clock.now(), correlation_id=correlation_id)
    kept = ("error", "error_description", "error_uri", "suberror")
    return {name: body[name] for name in kept if name in body}


def _send_back(redirect_uri: str, fields: dict[str, str], response_mode: str) -> Reply:
    if response_mode == "form_post":
        return Reply.html(pages.posting_form(action=redirect_uri, fields=fields))
    if response_mode == "fragment":
        return Reply.redirect(f"{redirect_uri}#{urlencode(fields)}")
    joint = "&" if "?" in redirect_uri else "?"
    return Reply.redirect(f"{redirect_uri}{joint}{urlencode(fields)}")


def admin_consent(call: SignInCall) -> Reply:
    """Let an administrator consent to an application for the whole tenant.

    What is granted is what a sandbox's applications are made with. The answer is a redirection with
    `admin_consent=True`: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    exchange = call.exchange
    values = exchange.query if exchange.method == "GET" else exchange.form
    asked = {n: values[n] for n in ("client_id", "redirect_uri", "state") if values.get(n)}
    tenant = call.one_tenant()
    redirect_uri = _checked_redirect_uri(call, asked)
    application = find_application(tenant, asked["client_id"])
    state = {"state": asked["state"]} if "state" in asked else {}
    form: dict[str, Any] = {
        "title": f"Consent for {application.display_name}",
        "action": f"/{quote(call.tenant_key)}/adminconsent",
        "hidden": asked,
    }
    if exchange.method == "GET":
        return Reply.html(pages.sign_in_form(**form, error=None))
    try:
        user = _administrator(call, tenant, values)
    except SignInError as error:
        text = f"AADSTS{error.code}: {error.description}"
        return Reply.html(pages.sign_in_form(**form, error=text), status=400)
    if not tenant.roles_of(user["id"]) & _CONSENTING:
        fields = {
            "error": "permission_denied",
            "error_description": "The admin canceled the request",
        }
        return _send_back(redirect_uri, {**fields, **state}, "query")
    _grant(application)
    fields = {"admin_consent": "True", "tenant": tenant.id}
    return _send_back(redirect_uri, {**fields, **state}, "query")


def _administrator(call: SignInCall, tenant: Tenant, values: dict[str, str]) -> dict[str, Any]:
    _, user = find_person(
        call.sandbox, tenant, values.get("username", ""), app_id=values.get("client_id", "")
    )
    check_password(call.sandbox, tenant, user, values.get("password", ""))
    check_person(tenant, user)
    return user


def _grant(application: Application) -> None:
    if application.is_public_client:
        application.scopes |= DELEGATED_SCOPES
    else:
        application.roles |= APPLICATION_ROLES
