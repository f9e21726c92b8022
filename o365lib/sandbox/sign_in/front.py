"""The authority's addresses, its faults and its way of refusing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from o365lib.sandbox.exchange import ConnectionDropped, Exchange, Reply
from o365lib.sandbox.faults import FOREIGN_HOST
from o365lib.sandbox.identifiers import is_guid
from o365lib.sandbox.sign_in import discovery, grants, interactive, pages
from o365lib.sandbox.sign_in.errors import SignInError, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.sandbox.faults import Fault
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant

_ANY_TENANT = frozenset({"common", "organizations"})
_ROUTES: dict[tuple[str, str], Callable[[grants.SignInCall], Reply]] = {
    ("GET", "v2.0/.well-known/openid-configuration"): discovery.openid_configuration,
    ("GET", "discovery/v2.0/keys"): discovery.keys,
    ("GET", "discovery/instance"): discovery.instance,
    ("POST", "oauth2/v2.0/devicecode"): grants.device_code,
    ("POST", "oauth2/v2.0/token"): grants.token,
    ("GET", "oauth2/v2.0/authorize"): interactive.authorize,
    ("POST", "oauth2/v2.0/authorize"): interactive.authorize,
    ("GET", "adminconsent"): interactive.admin_consent,
    ("POST", "adminconsent"): interactive.admin_consent,
}
_PATHS = frozenset(path for _, path in _ROUTES)


def answer_sign_in(sandbox: Sandbox, exchange: Exchange) -> Reply:
    """Answer one request to the authority.

    Raises:
        ConnectionDropped: a fault wants the connection reset.
    """
    first = exchange.segments[0] if exchange.segments else ""
    # The sandbox's own short names are no authority: the service would not know them.
    tenant = sandbox.find_tenant(first) if is_guid(first) or "." in first else None
    names = frozenset({tenant.id, tenant.name}) if tenant is not None else frozenset()
    fault = sandbox.faults.take(
        host="login",
        method=exchange.method,
        path=exchange.path,
        tenant_names=names,
        in_batch=False,
    )
    if fault is not None and not fault.is_after:
        return _refuse(fault, exchange)
    reply = _answer(sandbox, exchange, tenant)
    reply.headers.setdefault("x-ms-request-id", exchange.request_id)
    if "client-request-id" in exchange.headers:
        reply.headers.setdefault("client-request-id", exchange.headers["client-request-id"])
    if tenant is not None:
        reply.tenant_id = reply.tenant_id or tenant.id
        if exchange.method == "POST":  # lockouts are counted, consent is given
            sandbox.save(tenant)
    return reply if fault is None else _spoil(fault, reply)


def _answer(sandbox: Sandbox, exchange: Exchange, tenant: Tenant | None) -> Reply:
    segments = exchange.segments
    if segments == ("devicelogin",):
        return interactive.device_page(sandbox, exchange.form, exchange.method)
    key, rest = (segments[0], "/".join(segments[1:])) if segments else ("", "")
    call = grants.SignInCall(sandbox=sandbox, exchange=exchange, tenant_key=key, tenant=tenant)
    if rest.startswith("userrealm/") and exchange.method == "GET":
        return discovery.user_realm(call)
    handler = _ROUTES.get((exchange.method, rest))
    try:
        if rest in _PATHS and tenant is None and key not in _ANY_TENANT:
            raise _unknown_tenant(key, is_discovery=rest.startswith("v2.0/"))
        if handler is not None:
            return handler(call)
    except SignInError as error:
        correlation_id = exchange.headers.get("client-request-id", exchange.request_id)
        return error.reply(now=sandbox.clock.now(), correlation_id=correlation_id)
    if rest in _PATHS:
        return Reply.html(pages.message("Method not allowed", exchange.method), status=405)
    return Reply.html(pages.message("Not found", exchange.path), status=404)


def _unknown_tenant(key: str, *, is_discovery: bool) -> SignInError:
    error = refusal(90002 if is_guid(key) or "." in key else 900023, tenant=key)
    if is_discovery and error.code == 90002:  # noqa: PLR2004  the number says it
        error.error = "invalid_tenant"
    return error


def _refuse(fault: Fault, exchange: Exchange) -> Reply:
    if fault.echoes:
        return _echo(fault, exchange)
    if fault.effect == "reset-before":
        raise ConnectionDropped
    if fault.effect == "redirect":
        return Reply.redirect(f"{FOREIGN_HOST}/")
    return _status_reply(fault)


def _echo(fault: Fault, exchange: Exchange) -> Reply:
    came = exchange.body.decode(errors="replace")
    status = fault.status or 400
    if fault.is_page:
        return Reply.html(pages.echo_page(came), status=status)
    description = f"AADSTS900144: The request is malformed: {came}"
    codes = [900144]
    body = {"error": "invalid_request", "error_description": description, "error_codes": codes}
    return Reply.json(body, status=status)


def _status_reply(fault: Fault) -> Reply:
    headers = {"retry_after": fault.retry_after} if fault.retry_after is not None else {}
    status = fault.status or 503
    body = {
        "error": "temporarily_unavailable",
        "error_description": "AADSTS90033: A transient error has occurred. Please try again.",
        "error_codes": [90033],
    }
    return Reply.json(body, status=status, **headers)


def _spoil(fault: Fault, reply: Reply) -> Reply:
    if fault.effect == "reset-after":
        raise ConnectionDropped
    if fault.status is not None:
        return _status_reply(fault)
    if fault.effect == "wrong-body":
        return Reply.json({"unexpected": True}, status=reply.status)
    if fault.effect == "non-json":
        return Reply.html(pages.message("Service", "Something else"), status=reply.status)
    return reply
