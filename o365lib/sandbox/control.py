"""The control interface under `/_sandbox/`: what only a sandbox has.

Every request carries `Authorization: Bearer <control key>`; bodies and answers are JSON. It is
described in `docs/sandbox.md`.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from .clock import parse_date_time, wire_date_time
from .exchange import Exchange, Reply
from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .sandbox import Sandbox
    from .tenant import Tenant

_FAULT_FIELDS = frozenset(
    {
        "effect",
        "method",
        "path",
        "host",
        "retry_after",
        "times",
        "after",
        "tenant",
        "in_batch",
        "struck",
    }
)


class _ControlError(Exception):
    """A control request that cannot be carried out; nothing was changed."""


def answer_control(sandbox: Sandbox, exchange: Exchange) -> Reply:
    """Answer one request to the control interface; errors are `{"error": "…"}`."""
    given = exchange.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {sandbox.control_key}".encode()):
        sandbox.secrets_seen.add_bearer(given)
        return Reply.json({"error": "The control key is missing or wrong."}, status=401)
    name, *rest = [*exchange.segments[1:], ""]
    handler = _HANDLERS.get((exchange.method, name))
    if handler is None:
        return Reply.json({"error": "There is no such control."}, status=404)
    try:
        return Reply.json(handler(sandbox, [part for part in rest if part], _body(exchange)))
    except (_ControlError, ValueError, TypeError) as error:
        return Reply.json({"error": str(error)}, status=400)
    except KeyError as error:
        return Reply.json({"error": str(error.args[0])}, status=404)


def _body(exchange: Exchange) -> dict[str, Any]:
    if not exchange.body:
        return {}
    body = json.loads(exchange.body)
    if not isinstance(body, dict):
        raise _ControlError("The body must be a JSON object.")
    return body


def _get_settings(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del rest, body
    return {name: getattr(sandbox, name) for name in _settings()}


def _settings() -> list[str]:
    from .sandbox import Settings

    return [item.name for item in fields(Settings)]


def _set_settings(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    for name, value in body.items():
        if name not in _settings():
            raise _ControlError(f"There is no setting {name!r}.")
        current = getattr(sandbox, name)
        is_right = (
            isinstance(value, bool)
            if isinstance(current, bool)
            else isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        )
        if not is_right:
            raise _ControlError(f"{name!r} cannot be {value!r}.")
    for name, value in body.items():
        setattr(sandbox, name, value)
    return _get_settings(sandbox, rest, {})


def _list_faults(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del rest, body
    return {
        "faults": [
            {name: value for name, value in asdict(fault).items() if name in _FAULT_FIELDS}
            for fault in sandbox.faults.all()
        ]
    }


def _add_fault(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    unknown = set(body) - (_FAULT_FIELDS - {"struck"})
    if unknown:
        raise _ControlError(f"A fault has no {min(unknown)!r}.")
    sandbox.faults.add(Fault(**body))
    return _list_faults(sandbox, rest, {})


def _clear_faults(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    sandbox.faults.clear()
    return _list_faults(sandbox, rest, body)


def _get_journal(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del rest, body
    return {"requests": [{**asdict(seen), "at": seen.at.isoformat()} for seen in sandbox.journal]}


def _clear_journal(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    sandbox.journal.clear()
    return _get_journal(sandbox, rest, body)


def _get_secrets(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del rest, body
    return {"secrets": sorted(sandbox.secrets())}


def _get_clock(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del rest, body
    return {"now": sandbox.clock.now().isoformat()}


def _set_clock(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    if "now" in body:
        sandbox.clock.set(parse_date_time(body["now"]))
    sandbox.clock.advance(
        seconds=float(body.get("advance_seconds", 0)), days=float(body.get("advance_days", 0))
    )
    return _get_clock(sandbox, rest, {})


def _get_tenants(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    del body
    if not rest:
        return {"tenants": [_summary(tenant) for tenant in sandbox.tenants.values()]}
    return dump(sandbox.tenant(rest[0]))


def _add_tenant(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    if rest:
        return _edit_tenant(sandbox, rest, body)
    values = dict(body)
    name = values.pop("name", None)
    if not isinstance(name, str) or not name:
        raise _ControlError("A tenant needs a name.")
    if "domains" in values:
        values["domains"] = tuple(values["domains"])
    return _summary(sandbox.add_tenant(name, **values))


def _edit_tenant(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    tenant = sandbox.tenant(rest[0])
    match rest[1:]:
        case ["sign-in", name]:
            user = tenant.find_user(name)
            if user is None:
                raise KeyError(f"{tenant.name} has no user {name!r}.")
            tenant.sign_in[user["id"]].forced_error = body.get("forced_error")
        case ["password", name]:
            password = body.get("password")
            if not isinstance(password, str) or not password:
                raise _ControlError("'password' must be a text.")
            sandbox.change_password(tenant.id, name, password)
        case ["addresses", holder]:
            _set_addresses(tenant, holder, body.get("proxy_addresses"))
        case ["application", app_id]:
            application = tenant.applications[app_id]
            application.roles = set(body.get("roles", application.roles))
            application.scopes = set(body.get("scopes", application.scopes))
            application.enabled = bool(body.get("enabled", application.enabled))
            application.forced_error = body.get("forced_error", application.forced_error)
        case _:
            raise KeyError("There is no such control.")
    sandbox.save(tenant)
    return dump(tenant)


def _set_addresses(tenant: Tenant, holder: str, addresses: Any) -> None:
    if not isinstance(addresses, list) or not all(isinstance(item, str) for item in addresses):
        raise _ControlError("'proxy_addresses' must be a list of texts.")
    if holder.startswith(("Group_", "Contact_")):
        tenant.other_recipients[holder] = addresses
        return
    user = tenant.find_user(holder)
    if user is None:
        raise KeyError(f"{tenant.name} has no user {holder!r}.")
    user["proxyAddresses"] = addresses


def _device_code(sandbox: Sandbox, rest: list[str], body: dict[str, Any]) -> dict[str, Any]:
    match rest:
        case [user_code, "approve"]:
            sandbox.approve_device_code(user_code, str(body.get("user_principal_name", "")))
        case [user_code, "decline"]:
            sandbox.decline_device_code(user_code)
        case _:
            raise KeyError("There is no such control.")
    return {"done": True}


def _summary(tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "id": tenant.id,
        "display_name": tenant.display_name,
        "domains": list(tenant.domains),
        "users": len(tenant.users),
        "deleted_users": len(tenant.deleted_users),
    }


def dump(tenant: Tenant) -> dict[str, Any]:
    """Return a readable picture of a tenant, without passwords, secrets and keys."""
    return {
        **_summary(tenant),
        "security_defaults": tenant.security_defaults,
        "domains": tenant.domains,
        "federation_configurations": tenant.federation_configurations,
        "users": tenant.users,
        "deleted_users": tenant.deleted_users,
        "other_recipients": tenant.other_recipients,
        "role_assignments": list(tenant.role_assignments.values()),
        "mailboxes": sorted(tenant.mailboxes),
        "outbox": tenant.outbox,
        "directory_audits": tenant.directory_audits,
        "sign_in": {
            user_id: {
                "bad_attempts": state.bad_attempts,
                "forced_error": state.forced_error,
                "locked_until": _instant(state.locked_until),
                "valid_from": _instant(state.valid_from),
            }
            for user_id, state in tenant.sign_in.items()
        },
        "applications": [
            {
                "app_id": item.app_id,
                "display_name": item.display_name,
                "is_public_client": item.is_public_client,
                "enabled": item.enabled,
                "forced_error": item.forced_error,
                "roles": sorted(item.roles),
                "scopes": sorted(item.scopes),
                "thumbprints": [certificate.thumbprint for certificate in item.certificates],
            }
            for item in tenant.applications.values()
        ],
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else wire_date_time(moment)


_HANDLERS: dict[tuple[str, str], Callable[[Sandbox, list[str], dict[str, Any]], dict[str, Any]]] = {
    ("GET", "settings"): _get_settings,
    ("PATCH", "settings"): _set_settings,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "journal"): _get_journal,
    ("DELETE", "journal"): _clear_journal,
    ("GET", "secrets"): _get_secrets,
    ("GET", "clock"): _get_clock,
    ("POST", "clock"): _set_clock,
    ("GET", "tenants"): _get_tenants,
    ("POST", "tenants"): _add_tenant,
    ("POST", "device-codes"): _device_code,
}
