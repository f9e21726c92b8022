"""Whether a person may sign in: password, lockout, account, forced errors, consent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.role_catalogue import GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR
from o365lib.sandbox.sign_in.errors import refusal

if TYPE_CHECKING:
    from o365lib.sandbox.application import Application
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.sign_in.scopes import AskedScopes
    from o365lib.sandbox.tenant import Tenant

LOCKOUT_ATTEMPTS = 10
LOCKOUT_SECONDS = 60
_SCOPES_WITHOUT_ADMINISTRATOR = frozenset({"User.Read", "Mail.Send"})


def find_person(
    sandbox: Sandbox, tenant: Tenant | None, user_principal_name: str, *, app_id: str
) -> tuple[Tenant, dict[str, Any]]:
    """Return a person's tenant and user.

    Args:
        sandbox: where to look.
        tenant: the tenant of the authority, or None for `common` and `organizations`.
        user_principal_name: the name that was typed.
        app_id: for the error's text.

    Raises:
        SignInError: 50034 unknown, 50020 a user of another tenant.
    """
    home = sandbox.find_tenant(user_principal_name.rpartition("@")[2])
    for candidate in (tenant, home):
        user = candidate.find_user(user_principal_name) if candidate is not None else None
        if candidate is None or user is None or "@" not in user_principal_name:
            continue
        if tenant is not None and candidate is not tenant:
            raise refusal(50020, user=user_principal_name, tenant=tenant.name, app_id=app_id)
        return candidate, user
    where = tenant.id if tenant is not None else "common"
    raise refusal(50034, user=user_principal_name, tenant=where)


def check_password(sandbox: Sandbox, tenant: Tenant, user: dict[str, Any], password: str) -> None:
    """Check a password and count the bad ones.

    After ten bad tries the account is locked for a minute:
    https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout

    Raises:
        SignInError: 50126 wrong, 50053 locked.
    """
    sandbox.secrets_seen.add(password)
    state = tenant.sign_in[user["id"]]
    now = sandbox.clock.now()
    if state.locked_until is not None and now < state.locked_until:
        raise refusal(50053)
    if password != state.password:
        state.bad_attempts += 1
        if state.bad_attempts >= LOCKOUT_ATTEMPTS:
            state.bad_attempts = 0
            state.locked_until = now + timedelta(seconds=LOCKOUT_SECONDS)
            raise refusal(50053)
        raise refusal(50126)
    state.bad_attempts = 0
    state.locked_until = None


def check_person(tenant: Tenant, user: dict[str, Any]) -> None:
    """Check that a known person may get tokens at all.

    Raises:
        SignInError: 50057 disabled, 50055 must change the password, or the user's forced error.
    """
    if not user.get("accountEnabled", True):
        raise refusal(50057)
    forced = tenant.sign_in[user["id"]].forced_error
    if forced is not None:
        raise refusal(forced, user=user["userPrincipalName"], tenant=tenant.id)
    profile = user.get("passwordProfile") or {}
    if profile.get("forceChangePasswordNextSignIn"):
        raise refusal(50055)


def granted_permissions(
    tenant: Tenant, user: dict[str, Any], application: Application, asked: AskedScopes
) -> set[str]:
    """Return the delegated permissions that a token for this person carries.

    Raises:
        SignInError: 65001 or, for somebody who may not consent, 90094: asked, not consented to.
    """
    if asked.is_default:
        return set(application.scopes)
    missing = set(asked.permissions) - application.scopes
    if missing:
        may_consent = tenant.roles_of(user["id"]) & {
            GLOBAL_ADMINISTRATOR,
            PRIVILEGED_ROLE_ADMINISTRATOR,
        }
        code = 65001 if may_consent or missing <= _SCOPES_WITHOUT_ADMINISTRATOR else 90094
        raise refusal(code, app_id=application.app_id, app_name=application.display_name)
    return set(asked.permissions)
