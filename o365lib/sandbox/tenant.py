"""One Microsoft 365 tenant: plain state that a test may read and edit.

- Graph objects are dictionaries in Graph's own shape (`userPrincipalName`, …), keyed by id. They
  are sparse: what is absent has the default of its type.
- What Graph never shows (passwords, lockouts) is in `sign_in`.
- Editing is safe from any thread while `Sandbox.lock` is held; single assignments always are.
"""

from __future__ import annotations

import copy
import re
import secrets
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .clock import parse_date_time, wire_date_time
from .identifiers import new_id, role_assignment_id, stable_id
from .replication import Replication
from .role_catalogue import GLOBAL_ADMINISTRATOR, role_template_id
from .sku_catalogue import BUSINESS_STANDARD, product

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .application import Application

CREATED = datetime(2024, 1, 15, 9, 0, 0, tzinfo=UTC)
"""When everything that a sandbox starts with was created."""

_CREATED_ON_THE_WIRE = wire_date_time(CREATED)
RECYCLE_BIN_DAYS = 30
_NOT_ROLLED_BACK = frozenset({"applications", "replication"})


@dataclass
class SignInState:
    """How a user signs in.

    Attributes:
        forced_error: an AADSTS number, such as 50076 or 53003, that each sign-in ends in.
        valid_from: refresh tokens issued earlier are revoked.
    """

    password: str = field(repr=False)
    bad_attempts: int = 0
    locked_until: datetime | None = None
    forced_error: int | None = None
    valid_from: datetime = CREATED


@dataclass(repr=False)
class Tenant:
    """One tenant. Every attribute is open to editing; the class only keeps a few of them in step.

    Attributes:
        id: the tenant id. `name` is the sandbox's own short name for the tenant.
        domains: `domain` objects by name.
        federation_configurations: `internalDomainFederation` objects by domain name.
        users, deleted_users: `user` objects by id.
        role_assignments: `unifiedRoleAssignment` objects by id.
        deleted_role_assignments: what a deleted user's restoration brings back, by user id.
        other_recipients: e-mail addresses (`smtp:...`) of groups and organizational contacts, which
            the sandbox does not keep otherwise, by `Group_<id>` or `Contact_<id>`.
        subscribed_skus: bought products: the sku id and the number of units.
        mailboxes: ids of the users who have an Exchange Online mailbox.
        outbox: sent mails: `from`, `message`, `saveToSentItems`, `sentDateTime`.
        directory_audits: `directoryAudit` objects, oldest first.
        activated_roles: templates of roles that `/directoryRoles` shows though nobody holds them.
        banned_words: the tenant's own banned password words.
    """

    name: str
    id: str
    display_name: str
    country: str = "AU"
    seed: str = ""
    security_defaults: bool = False
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    federation_configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted_users: dict[str, dict[str, Any]] = field(default_factory=dict)
    role_assignments: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted_role_assignments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    other_recipients: dict[str, list[str]] = field(default_factory=dict)
    subscribed_skus: dict[str, int] = field(default_factory=dict)
    mailboxes: set[str] = field(default_factory=set)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    directory_audits: list[dict[str, Any]] = field(default_factory=list)
    activated_roles: set[str] = field(default_factory=set)
    banned_words: list[str] = field(default_factory=list)
    sign_in: dict[str, SignInState] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    replication: Replication = field(default_factory=Replication)

    def __repr__(self) -> str:
        return f"<Tenant {self.name} {self.id}: {len(self.users)} users>"

    @property
    def initial_domain(self) -> str:
        """The `onmicrosoft.com` domain that the tenant was made with."""
        return next(name for name, domain in self.domains.items() if domain["isInitial"])

    @property
    def administrator(self) -> dict[str, Any]:
        """The user `admin@<initial domain>`: a Global Administrator with a mailbox."""
        user = self.find_user(f"admin@{self.initial_domain}")
        assert user is not None, "this tenant's administrator has been removed or renamed"
        return user

    @property
    def application(self) -> Application:
        """The confidential application with every application permission that the job needs."""
        return next(app for app in self.applications.values() if not app.is_public_client)

    @property
    def public_client(self) -> Application:
        """The tenant's own public client, which is made for device code and browser sign-in."""
        return next(app for app in self.applications.values() if app.is_public_client)

    def find_user(
        self, id_or_upn: str, users: Iterable[dict[str, Any]] | None = None
    ) -> dict[str, Any] | None:
        """Return the user with this id or user principal name (any case), or None."""
        if users is None and id_or_upn in self.users:
            return self.users[id_or_upn]
        wanted = id_or_upn.casefold()
        for user in self.users.values() if users is None else users:
            if wanted in (user["id"].casefold(), user["userPrincipalName"].casefold()):
                return user
        return None

    def password_of(self, id_or_upn: str) -> str:
        """Return a user's password.

        Raises:
            KeyError: there is no such user.
        """
        return self.sign_in[_known_user(self, id_or_upn)["id"]].password

    def add_user(
        self,
        *,
        user_principal_name: str,
        display_name: str,
        roles: Iterable[str] = (),
        mailbox: bool = False,
        licences: Iterable[str] = (),
        password: str | None = None,
        **properties: Any,
    ) -> dict[str, Any]:
        """Add a user without any rule being checked, and return it.

        Args:
            user_principal_name: its sign-in name; not checked for being unique.
            display_name: its display name.
            roles: display names or ids of directory roles to assign.
            mailbox: give it an Exchange Online mailbox, and the licence for one.
            licences: part numbers or ids of products.
            password: None makes a random one.
            properties: other properties, by Graph's name or its snake_cased form.

        Raises:
            KeyError: an unknown role or product; the user is not added.
        """
        wanted = [product(name) for name in licences]
        if mailbox and BUSINESS_STANDARD not in wanted:
            wanted.append(BUSINESS_STANDARD)
        role_ids = [role_template_id(role) for role in roles]
        user_id = stable_id(self.seed, self.name, "user", user_principal_name)
        if user_id in self.users or user_id in self.deleted_users:
            user_id = new_id()
        user = {
            **_fresh_user(user_principal_name),
            "id": user_id,
            "displayName": display_name,
            "assignedLicenses": [{"skuId": sku.sku_id, "disabledPlans": []} for sku in wanted],
            **{_wire_name(name): value for name, value in properties.items()},
        }
        if mailbox:
            user.setdefault("mail", user_principal_name)
            user.setdefault("proxyAddresses", [f"SMTP:{user_principal_name}"])
            self.mailboxes.add(user_id)
        self.users[user_id] = user
        self.sign_in[user_id] = SignInState(password or new_password())
        for role_id in role_ids:
            self.assign_role(user_id, role_id)
        return user

    def change_password(self, id_or_upn: str, password: str, *, now: datetime) -> None:
        """Set a password as its holder does, without an entry in the audit log.

        Raises:
            KeyError: there is no such user.
        """
        user = _known_user(self, id_or_upn)
        user.pop("passwordProfile", None)
        user["lastPasswordChangeDateTime"] = wire_date_time(now)
        self.sign_in[user["id"]].password = password

    def assign_role(self, principal_id: str, role: str) -> dict[str, Any]:
        """Assign a role (display name or id) to a principal, tenant-wide, and return it."""
        template_id = role_template_id(role)
        assignment = {
            "id": role_assignment_id(template_id, principal_id),
            "principalId": principal_id,
            "roleDefinitionId": template_id,
            "directoryScopeId": "/",
        }
        self.role_assignments[assignment["id"]] = assignment
        return assignment

    def roles_of(self, principal_id: str) -> set[str]:
        """Return the template ids of the roles that a principal holds now."""
        return {
            assignment["roleDefinitionId"]
            for assignment in self.role_assignments.values()
            if assignment["principalId"] == principal_id
        }

    def directory_roles(self) -> dict[str, str]:
        """Return the ids that `/directoryRoles` has for activated roles, by template id."""
        assigned = {item["roleDefinitionId"] for item in self.role_assignments.values()}
        return {
            template_id: stable_id(self.seed, self.name, "role", template_id)
            for template_id in sorted(self.activated_roles | assigned)
        }

    def global_administrators(self) -> list[dict[str, Any]]:
        """Return the enabled users who hold Global Administrator."""
        holders = (
            self.users.get(assignment["principalId"])
            for assignment in self.role_assignments.values()
            if assignment["roleDefinitionId"] == GLOBAL_ADMINISTRATOR
        )
        return [user for user in holders if user is not None and user.get("accountEnabled", True)]

    def remove_user(self, user_id: str, now: datetime) -> dict[str, Any]:
        """Move a user to the recycle bin and return it as it is there.

        The user principal name gets the id in front, without hyphens, so that the name is free:
        https://learn.microsoft.com/graph/api/user-delete
        """
        user = self.users.pop(user_id)
        own = [item for item in self.role_assignments.values() if item["principalId"] == user_id]
        for assignment in own:
            del self.role_assignments[assignment["id"]]
        self.deleted_role_assignments[user_id] = own
        self.deleted_users[user_id] = {
            **user,
            "userPrincipalName": user_id.replace("-", "") + user["userPrincipalName"],
            "deletedDateTime": wire_date_time(now),
        }
        return self.deleted_users[user_id]

    def restore_user(
        self, user_id: str, *, user_principal_name: str, with_roles: bool
    ) -> dict[str, Any]:
        """Bring a user back from the recycle bin under this name, and return it."""
        user = self.deleted_users.pop(user_id)
        user.pop("deletedDateTime")
        user["userPrincipalName"] = user_principal_name
        self.users[user_id] = user
        for assignment in self.deleted_role_assignments.pop(user_id, []):
            if with_roles:
                self.role_assignments[assignment["id"]] = assignment
        return user

    def purge_user(self, user_id: str) -> None:
        """Delete a user in the recycle bin for good."""
        del self.deleted_users[user_id]
        self.deleted_role_assignments.pop(user_id, None)
        self.sign_in.pop(user_id, None)
        self.mailboxes.discard(user_id)

    def purge_expired(self, now: datetime) -> None:
        """Delete for good what has been in the recycle bin for more than 30 days."""
        for user_id, user in list(self.deleted_users.items()):
            deleted = parse_date_time(user["deletedDateTime"])
            if deleted + timedelta(days=RECYCLE_BIN_DAYS) < now:
                self.purge_user(user_id)

    def snapshot(self) -> dict[str, Any]:
        """Return a deep copy of what Graph requests can change, for `roll_back`."""
        return {
            item.name: copy.deepcopy(getattr(self, item.name))
            for item in fields(self)
            if item.name not in _NOT_ROLLED_BACK
        }

    def roll_back(self, snapshot: dict[str, Any]) -> None:
        """Put a snapshot's state back into the same dictionaries, lists and sets."""
        for name, value in snapshot.items():
            current = getattr(self, name)
            if isinstance(current, dict | set):
                current.clear()
                current.update(value)
            elif isinstance(current, list):
                current[:] = value
            else:
                setattr(self, name, value)


def _known_user(tenant: Tenant, id_or_upn: str) -> dict[str, Any]:
    user = tenant.find_user(id_or_upn)
    if user is None:
        raise KeyError(id_or_upn)
    return user


def new_password() -> str:
    """Return a random password that follows Entra's rules."""
    return f"Kx7!{secrets.token_urlsafe(18)}"


def _fresh_user(user_principal_name: str) -> dict[str, Any]:
    return {
        "userPrincipalName": user_principal_name,
        "accountEnabled": True,
        "mailNickname": user_principal_name.partition("@")[0],
        "userType": "Member",
        "createdDateTime": _CREATED_ON_THE_WIRE,
        "lastPasswordChangeDateTime": _CREATED_ON_THE_WIRE,
        "signInSessionsValidFromDateTime": _CREATED_ON_THE_WIRE,
    }


def _wire_name(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
