"""The tenant as it was read at one moment: data only.

- Everything that a plan decides on stands here, so that a plan is a pure function of facts and
  parameters.
- What could not be read says so (`federated_with="unknown"`, `None`), and is never guessed.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from o365lib.evidence.custody import PasswordCustody
from o365lib.graph.models import DeletedUser, User

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


class Fact(BaseModel):
    """What all facts have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Identity(Fact):
    """Who is signed in, and what the token says that this identity may do.

    Attributes:
        asked_to_read: a person was asked to consent to reading only, as for a dry run, so that the
            token's permissions say nothing of what she could consent to.
    """

    tenant_id: str
    kind: Literal["user", "application"]
    object_id: str = ""
    user_principal_name: str = ""
    application_id: str = ""
    permissions: tuple[str, ...] = ()
    directory_roles: tuple[str, ...] = ()
    claims_known: bool = True
    asked_to_read: bool = False

    @property
    def name(self) -> str:
        """How this identity is called in records."""
        return self.user_principal_name or f"application {self.application_id}"


class FederatedDomain(Fact):
    """A domain whose users sign in elsewhere, and with whom.

    Attributes:
        unread: why the service did not tell: it `refused` (403: a right is missing) or `failed`
            (any other error; a later run may learn it). Empty where it answered, be it that there
            is no configuration or that what there is names nobody.
    """

    name: str
    federated_with: Literal["vendor", "other", "unknown"]
    unread: Literal["", "refused", "failed"] = ""
    hosts: tuple[str, ...] = ()
    display_name: str = ""
    evidence: str = ""


class RoleHeld(Fact):
    """A directory role that the account holds."""

    role_definition_id: str
    display_name: str
    assignment_id: str
    directory_scope_id: str = "/"


class Account(Fact):
    """The account found under the service account's user principal name."""

    user: User
    roles: tuple[RoleHeld, ...] = ()


class RenamedAccount(Fact):
    """An account that an earlier run made or completed for this client, under another name by now.

    Attributes:
        run_id: the first run that made or completed it.
    """

    user_id: str
    user_principal_name: str
    run_id: str


class Facts(Fact):
    """Everything read before a plan is made.

    Attributes:
        deleted: earlier accounts in the recycle bin; None where it could not be read.
        pending_credentials: the run that set the account's password and handed it to nobody.
        handed_over_by: the run that handed over the very password that the tenant shows.
        unreadable_records: the client's runs whose record is there and cannot be read, and which
            may have created the account or set its password.
        custody: what is known of the last password that a run set; None where none did.
        blocked_by: the run that blocked the account's sign-in, if none has allowed it since.
    """

    read: datetime
    tenant_id: str
    display_name: str
    country_letter_code: str = ""
    initial_domain: str
    domains: tuple[str, ...]
    federated_domains: tuple[FederatedDomain, ...] = ()
    user_principal_name: str
    account: Account | None = None
    renamed: tuple[RenamedAccount, ...] = ()
    namesakes: tuple[User, ...] = ()
    deleted: tuple[DeletedUser, ...] | None = ()
    other_global_administrators: int = 0
    security_defaults: bool | None = None
    identity: Identity
    pending_credentials: str = ""
    handed_over_by: str = ""
    unreadable_records: tuple[str, ...] = ()
    custody: PasswordCustody | None = None
    blocked_by: str = ""
