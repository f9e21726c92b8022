"""What the directory accepts in a new or changed user.

https://learn.microsoft.com/graph/api/user-post-users and
https://learn.microsoft.com/graph/api/resources/user
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph.entities import USER
from o365lib.sandbox.graph.errors import (
    GraphError,
    address_in_use,
    bad_request,
    malformed,
    not_in_sandbox,
)
from o365lib.sandbox.graph.passwords import is_acceptable

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall
    from o365lib.sandbox.tenant import Tenant

_BOOLEANS = frozenset({"accountEnabled", "showInAddressList"})
_LISTS = frozenset({"businessPhones", "otherMails"})
_TEXTS = frozenset(
    [
        "ageGroup",
        "city",
        "companyName",
        "consentProvidedForMinor",
        "country",
        "department",
        "displayName",
        "employeeId",
        "employeeType",
        "faxNumber",
        "givenName",
        "jobTitle",
        "mail",
        "mailNickname",
        "mobilePhone",
        "officeLocation",
        "onPremisesImmutableId",
        "passwordPolicies",
        "postalCode",
        "preferredDataLocation",
        "preferredLanguage",
        "state",
        "streetAddress",
        "surname",
        "usageLocation",
        "userPrincipalName",
        "userType",
    ]
)
_PASSWORD_PROFILE = {
    "password": str,
    "forceChangePasswordNextSignIn": bool,
    "forceChangePasswordNextSignInWithMfa": bool,
}
_LONGEST = {
    "displayName": 256,
    "mailNickname": 64,
    "givenName": 64,
    "surname": 64,
    "jobTitle": 128,
    "department": 64,
    "companyName": 64,
    "officeLocation": 128,
    "mobilePhone": 64,
}
_PASSWORD_POLICIES = frozenset({"None", "DisablePasswordExpiration", "DisableStrongPassword"})
_LOCAL_PART = re.compile(r"[A-Za-z0-9'.\-_!#^~]{1,64}")
_DOMAIN_LENGTH = 48
_MAIL_NICKNAME_FORBIDDEN = re.compile(r"[@()\\\[\]\";:<>, ]|[^\x00-\x7f]")
_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")


def check_properties(body: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a request's body, checked one by one.

    Raises:
        GraphError: 400 for an unknown or read-only property or a value of the wrong type or
            length, 501 for a property that the sandbox does not keep.
    """
    properties = {name: value for name, value in body.items() if not name.startswith("@odata.")}
    for name, value in properties.items():
        if name in USER.elsewhere or name == "identities":
            raise not_in_sandbox(f"writing the property {name} of users")
        if name not in USER.defaults:
            raise malformed(
                f"Property '{name}' does not exist on type 'microsoft.graph.user'. Make sure to "
                "only use property names that are defined by the type."
            )
        if name == "passwordProfile":
            _check_password_profile(value)
        elif name not in _TEXTS | _BOOLEANS | _LISTS:
            raise bad_request(
                f"Property '{name}' is read-only and cannot be set.", target=name, detail="ReadOnly"
            )
        else:
            _check_value(name, value)
    return properties


def _check_value(name: str, value: Any) -> None:
    if name in _BOOLEANS:
        is_right = isinstance(value, bool) or (value is None and name == "showInAddressList")
        kind = "Edm.Boolean"
    elif name in _LISTS:
        is_right = isinstance(value, list) and all(isinstance(item, str) for item in value)
        kind = "Collection(Edm.String)"
    else:
        is_right = value is None or isinstance(value, str)
        kind = "Edm.String"
    if not is_right:
        raise malformed(f"Cannot convert the value of '{name}' to the expected type '{kind}'.")
    if isinstance(value, str) and len(value) > _LONGEST.get(name, 1024):
        raise _invalid(name)
    if name == "usageLocation" and value is not None and not re.fullmatch("[A-Z]{2}", value):
        raise _invalid(name)
    if name == "userType" and value not in {None, "Member", "Guest"}:
        raise _invalid(name)
    if name == "passwordPolicies" and value is not None:
        parts = {part.strip() for part in value.split(",")}
        if not parts <= _PASSWORD_POLICIES:
            raise _invalid(name)


def _invalid(name: str) -> GraphError:
    return bad_request(
        f"Invalid value specified for property '{name}' of resource 'User'.", target=name
    )


def _check_password_profile(value: Any) -> None:
    if not isinstance(value, dict):
        raise malformed("Cannot convert the value of 'passwordProfile' to the expected type.")
    for name, item in value.items():
        if name.startswith("@odata."):
            continue
        if name not in _PASSWORD_PROFILE:
            raise malformed(
                f"Property '{name}' does not exist on type 'microsoft.graph.passwordProfile'."
            )
        if item is not None and not isinstance(item, _PASSWORD_PROFILE[name]):
            raise malformed(f"Cannot convert the value of '{name}' to the expected type.")


def check_required(call: GraphCall, properties: dict[str, Any]) -> None:
    """Check that a new user has what it must have.

    Raises:
        GraphError: 400.
    """
    for name in _REQUIRED:
        if properties.get(name) in (None, ""):
            raise bad_request(
                f"A value is required for property '{name}' of resource 'User'.",
                target=name,
                detail="InvalidValue",
            )
    if not (properties.get("passwordProfile") or {}).get("password"):
        raise bad_request("A password must be specified to create a new user.")
    domain = properties["userPrincipalName"].rpartition("@")[2].casefold()
    known = call.tenant.domains.get(domain)
    is_federated = known is not None and known["authenticationType"] == "Federated"
    if is_federated and not properties.get("onPremisesImmutableId"):
        raise bad_request(
            "A value is required for property 'onPremisesImmutableId' of resource 'User'.",
            target="onPremisesImmutableId",
        )


def check_mail_nickname(properties: dict[str, Any]) -> None:
    """Check the mail nickname, if there is one.

    Raises:
        GraphError: 400.
    """
    nickname = properties.get("mailNickname")
    if nickname is not None and (not nickname or _MAIL_NICKNAME_FORBIDDEN.search(nickname)):
        raise _invalid("mailNickname")


def check_user_principal_name(tenant: Tenant, name: str, *, own_id: str | None) -> None:
    """Check that a user principal name is well formed, in a verified domain, and free.

    Free is also what is no other object's e-mail address.

    Raises:
        GraphError: 400.
    """
    local_part, at, domain = name.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local_part) or local_part.endswith("."):
        raise _invalid("userPrincipalName")
    known = tenant.domains.get(domain.casefold())
    if known is None or not known["isVerified"] or len(domain) > _DOMAIN_LENGTH:
        raise bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of "
            "the verified domain names in your organization.",
            target="userPrincipalName",
        )
    other = tenant.find_user(name)
    if other is not None and other["id"] != own_id:
        raise bad_request(
            "Another object with the same value for property userPrincipalName already exists.",
            target="userPrincipalName",
            detail="ObjectConflict",
        )
    holder = holder_of_address(tenant, name, but_for=own_id)
    if holder is not None:
        raise address_in_use(holder)


def holder_of_address(tenant: Tenant, address: str, *, but_for: str | None = None) -> str | None:
    """Return what has this e-mail address (any case), as errors name it: `User_<id>`, or None.

    https://learn.microsoft.com/graph/api/resources/user says of `proxyAddresses` that they are
    unique across users, groups and organizational contacts.

    Args:
        tenant: where to look.
        address: without `smtp:`.
        but_for: the id of a user whose addresses do not count.
    """
    wanted = f"smtp:{address}".casefold()
    addresses = {
        f"User_{user_id}": user.get("proxyAddresses", [])
        for user_id, user in tenant.users.items()
        if user_id != but_for
    }
    for holder, held in (addresses | tenant.other_recipients).items():
        if wanted in (each.casefold() for each in held):
            return holder
    return None


def check_password(tenant: Tenant, user: dict[str, Any], password: str) -> None:
    """Check a password against the rules for this user.

    `DisableStrongPassword` in the user's policies lifts the rule about classes and banned words.

    Raises:
        GraphError: 400.
    """
    is_weak_allowed = "DisableStrongPassword" in (user.get("passwordPolicies") or "")
    names = [user.get("givenName"), user.get("surname"), tenant.display_name]
    if not is_weak_allowed and not is_acceptable(
        password,
        user_principal_name=user["userPrincipalName"],
        names=names,
        banned_words=tenant.banned_words,
    ):
        raise bad_request(
            "The specified password does not comply with password complexity requirements. Please "
            "provide a different password."
        )
