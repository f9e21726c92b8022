"""Users: list, get, create, update, delete, and what hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph import audit
from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.entities import BASIC_USER_PROPERTIES, USER
from o365lib.sandbox.graph.errors import GraphError, bad_request, denied, not_found
from o365lib.sandbox.graph.permissions import USER_READ_IN_FULL
from o365lib.sandbox.graph.privileges import (
    is_privileged,
    keep_one_global_administrator,
    require_authority_over,
    require_sensitive_action,
    require_session_revoker,
    require_user_manager,
)
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.graph.user_rules import (
    check_mail_nickname,
    check_password,
    check_properties,
    check_required,
    check_user_principal_name,
)
from o365lib.sandbox.identifiers import new_id
from o365lib.sandbox.role_catalogue import USER_ADMINISTRATOR
from o365lib.sandbox.tenant import SignInState

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall

_SENSITIVE = frozenset(
    {
        "accountEnabled",
        "passwordProfile",
        "userPrincipalName",
        "otherMails",
        "mobilePhone",
        "businessPhones",
        "onPremisesImmutableId",
    }
)
_SPLIT_PERMISSIONS = {
    "User.EnableDisableAccount.All": {"accountEnabled"},
    "User-PasswordProfile.ReadWrite.All": {"passwordProfile"},
    "User-Mail.ReadWrite.All": {"otherMails"},
    "User-Phone.ReadWrite.All": {"businessPhones", "mobilePhone"},
}
_UPDATE_IN_FULL = frozenset({"User.ReadWrite.All", "Directory.ReadWrite.All"})
_NO_USERS = "$count is not currently supported."


def find_user(call: GraphCall) -> dict[str, Any]:
    """Return the user that the address names, as a replica shows it.

    Raises:
        GraphError: 404.
    """
    key = call.params["user"]
    user = call.users.get(key) or call.tenant.find_user(key, call.users.values())
    if user is None:
        raise not_found(key)
    return user


def _find_existing(call: GraphCall) -> dict[str, Any]:
    user = call.tenant.users.get(find_user(call)["id"])
    if user is None:  # a replica still shows what has been deleted
        raise not_found(call.params["user"])
    return user


def _readable(call: GraphCall, user: dict[str, Any]) -> dict[str, Any]:
    """Return what the token lets see of a user: all, or the basic properties only."""
    is_own = call.caller.user is not None and call.caller.user["id"] == user["id"]
    if is_own or call.caller.permissions & USER_READ_IN_FULL:
        profile = user.get("passwordProfile")
        shown = {**profile, "password": None} if profile else None
        return {**user, "passwordProfile": shown}
    return {
        name: user.get(name) if name in BASIC_USER_PROPERTIES else default
        for name, default in USER.defaults.items()
    }


def list_users(call: GraphCall) -> GraphReply:
    """List users.

    https://learn.microsoft.com/graph/api/user-list
    """
    shown = call.tenant.replication.view("users_index", call.users, call.now)
    return list_reply(call, [_readable(call, user) for user in shown.values()], USER, "users")


def count_users(call: GraphCall) -> GraphReply:
    """Return the number of users as plain text."""
    if call.headers.get("consistencylevel", "").lower() != "eventual":
        raise bad_request(_NO_USERS)
    counted = list_reply(call, call.users.values(), USER, "users", paged=False)
    return GraphReply(body=str(len(counted.body["value"])), headers={"content-type": "text/plain"})


def get_user(call: GraphCall) -> GraphReply:
    """Return a user.

    https://learn.microsoft.com/graph/api/user-get
    """
    return entity_reply(call, _readable(call, find_user(call)), USER, "users")


def create_user(call: GraphCall) -> GraphReply:
    """Create a user.

    https://learn.microsoft.com/graph/api/user-post-users
    """
    body = call.json_body()
    require_user_manager(call)
    properties = check_properties(body)
    check_required(call, properties)
    check_mail_nickname(properties)
    check_user_principal_name(call.tenant, properties["userPrincipalName"], own_id=None)
    profile = dict(properties.pop("passwordProfile"))
    password = profile.pop("password")
    check_password(call.tenant, properties, password)
    user = {
        "id": new_id(),
        **{name: value for name, value in properties.items() if value is not None},
        "createdDateTime": call.wire_now,
        "lastPasswordChangeDateTime": call.wire_now,
        "signInSessionsValidFromDateTime": call.wire_now,
        "passwordProfile": _kept_profile(profile),
    }
    call.tenant.users[user["id"]] = user
    call.tenant.sign_in[user["id"]] = SignInState(password, valid_from=call.now)
    if call.sandbox.filter_lag_seconds > 0:
        until = call.after(call.sandbox.filter_lag_seconds)
        call.tenant.replication.hide("users_index", user["id"], until)
    if call.sandbox.replication_lag_seconds > 0:
        until = call.after(call.sandbox.replication_lag_seconds)
        call.tenant.replication.hide("users", user["id"], until)
    audit.record(
        call,
        "Add user",
        user=user,
        changes={"UserPrincipalName": (None, user["userPrincipalName"])},
    )
    location = (
        f"{call.base_url}/v2/{call.tenant.id}/directoryObjects/{user['id']}/"
        "Microsoft.DirectoryServices.User"
    )
    return entity_reply(call, user, USER, "users", status=201, location=location)


def _kept_profile(profile: dict[str, Any]) -> dict[str, Any]:
    return {
        "password": None,
        "forceChangePasswordNextSignIn": profile.get("forceChangePasswordNextSignIn", True),
        "forceChangePasswordNextSignInWithMfa": profile.get(
            "forceChangePasswordNextSignInWithMfa", False
        ),
    }


def update_user(call: GraphCall) -> GraphReply:
    """Change a user.

    https://learn.microsoft.com/graph/api/user-update
    """
    user = _find_existing(call)
    properties = check_properties(call.json_body())
    _require_update_permissions(call, user, set(properties))
    check_mail_nickname(properties)
    if properties.get("userPrincipalName"):
        check_user_principal_name(call.tenant, properties["userPrincipalName"], own_id=user["id"])
    if properties.get("accountEnabled") is False:
        keep_one_global_administrator(call, user["id"])
    profile = properties.pop("passwordProfile", None)
    if profile is not None:
        _set_password(call, user, dict(profile))
    changes = {
        f"{name[0].upper()}{name[1:]}": (user.get(name), value)
        for name, value in properties.items()
    }
    user.update(properties)
    if "accountEnabled" in properties:
        activity = "Enable account" if properties["accountEnabled"] else "Disable account"
        enabled = {"AccountEnabled": changes["AccountEnabled"]}
        audit.record(call, activity, user=user, changes=enabled)
    if changes:
        audit.record(call, "Update user", user=user, changes=changes)
    return GraphReply(status=204)


def _require_update_permissions(
    call: GraphCall, user: dict[str, Any], properties: set[str]
) -> None:
    permissions = call.caller.permissions
    allowed = set().union(
        *(names for name, names in _SPLIT_PERMISSIONS.items() if name in permissions)
    )
    if not properties <= allowed and not permissions & _UPDATE_IN_FULL:
        raise denied()
    if not properties or properties - _SENSITIVE:
        require_user_manager(call)
    if properties & _SENSITIVE:
        require_sensitive_action(call, user["id"])
    if "passwordProfile" in properties:
        _require_password_permission(call)


def _require_password_permission(call: GraphCall) -> None:
    # Without the permission made for it, an application needs a directory role as well, and a
    # person's token Directory.AccessAsUser.All: https://learn.microsoft.com/graph/api/user-update
    if "User-PasswordProfile.ReadWrite.All" in call.caller.permissions:
        return
    if call.caller.user is not None:
        is_allowed = "Directory.AccessAsUser.All" in call.caller.permissions
    else:
        is_allowed = bool(call.caller.directory_roles) and (
            call.caller.holds(USER_ADMINISTRATOR) or _has_higher_role(call)
        )
    if not is_allowed:
        raise denied()


def _has_higher_role(call: GraphCall) -> bool:
    try:
        require_authority_over(call, call.caller.principal_id)
    except GraphError:
        return False
    return is_privileged(call, call.caller.principal_id)


def _set_password(call: GraphCall, user: dict[str, Any], profile: dict[str, Any]) -> None:
    password = profile.pop("password", None)
    state = call.tenant.sign_in[user["id"]]
    if password is not None:
        check_password(call.tenant, user, password)
        state.password = password
        state.valid_from = call.now
        state.bad_attempts, state.locked_until = 0, None
        user["lastPasswordChangeDateTime"] = call.wire_now
        user["signInSessionsValidFromDateTime"] = call.wire_now
        audit.record(call, "Reset user password", user=user)
    current = user.get("passwordProfile") or {}
    user["passwordProfile"] = _kept_profile({**current, **profile})


def delete_user(call: GraphCall) -> GraphReply:
    """Move a user to the recycle bin.

    https://learn.microsoft.com/graph/api/user-delete
    """
    user = _find_existing(call)
    require_sensitive_action(call, user["id"])
    keep_one_global_administrator(call, user["id"])
    call.tenant.remove_user(user["id"], call.now)
    replication, sandbox = call.tenant.replication, call.sandbox
    replication.forget("users", user["id"])
    if sandbox.deletion_lag_seconds > 0:
        replication.remember("users", user["id"], user, call.after(sandbox.deletion_lag_seconds))
    if sandbox.deleted_items_lag_seconds > 0:
        until = call.after(sandbox.deleted_items_lag_seconds)
        replication.hide("deleted_users", user["id"], until)
    audit.record(call, "Delete user", user=user)
    return GraphReply(status=204)


def revoke_sign_in_sessions(call: GraphCall) -> GraphReply:
    """Make refresh tokens useless.

    https://learn.microsoft.com/graph/api/user-revokesigninsessions
    """
    user = _find_existing(call)
    is_own = call.caller.user is not None and call.caller.user["id"] == user["id"]
    if not is_own:
        require_session_revoker(call)
    call.tenant.sign_in[user["id"]].valid_from = call.now
    user["signInSessionsValidFromDateTime"] = call.wire_now
    audit.record(call, "Update StsRefreshTokenValidFrom Timestamp", user=user)
    return GraphReply(body={"@odata.context": f"{call.context}Edm.Boolean", "value": True})
