"""`parameters/defaults.yaml` as a model: what the vendor's articles say, as data.

- Which role a purpose needs, who may receive credentials, what the account is called and how long
  the runbooks wait are read from the file and stand nowhere in the code.
- A role's name and its template id are checked against each other, because a mix-up would give
  somebody else's rights.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

from pydantic import Field, StrictInt, ValidationInfo, field_validator

from o365lib.parameters.approval import ApprovalRules
from o365lib.parameters.archiving import ArchiveRules
from o365lib.parameters.fields import (
    Address,
    Country,
    Domain,
    Guid,
    Strict,
    Text,
    UserName,
    refuse,
)
from o365lib.parameters.time_stamping import TimeStampRules
from o365lib.secret import PASSWORD_LENGTH

# The templates of built-in roles have the same ids in every tenant and cloud.
# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
BUILT_IN_ROLES: Mapping[str, str] = {
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Billing Administrator": "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Domain Name Administrator": "8329153b-31d0-4727-b945-745eb3bc5f31",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Exchange Recipient Administrator": "31392ffb-586c-42d1-9346-e59415a2cc4e",
    "External Identity Provider Administrator": "be2f45a1-457d-42af-a067-6ec1fa63bc45",
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Hybrid Identity Administrator": "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Password Administrator": "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "Teams Administrator": "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
}

_Seconds = Annotated[StrictInt, Field(ge=1, le=3600)]
_SECONDS = "a whole number of seconds, 1 to 3600"
_ROLE = "the name of a role in `roles`"


class Account(Strict):
    """The service account's names."""

    user_name: UserName = Field(description="the part of the user principal name before the @")
    given_name: Text = Field(description="the first name")
    surname: Text = Field(description="the last name")
    display_name: Text = Field(description="the name that lists show")


class Purpose(Strict):
    """What an account is for, and the role that goes with it."""

    role: Text = Field(description=f"{_ROLE}: the one that the account gets")
    least_role: Text = Field(description=f"{_ROLE}: the least one that is enough for the purpose")
    remove_after_days: StrictInt | None = Field(
        None,
        ge=1,
        le=3650,
        description="a whole number of days, 1 to 3650, or leave the key out",
    )


class Vendor(Strict):
    """How the vendor's federation is recognised."""

    name: Text = Field(description="the vendor's name for people")
    host_suffixes: tuple[Domain, ...] = Field(
        description="a list of domains; a host matches one that it equals or lies below"
    )
    display_names: tuple[Text, ...] = Field(
        description="a list of names that a federation's display name may contain"
    )


class Patience(Strict):
    """How long the runbooks wait, in seconds."""

    replication_seconds: _Seconds = Field(60, description=_SECONDS)
    verification_seconds: _Seconds = Field(60, description=_SECONDS)
    sign_in_seconds: _Seconds = Field(900, description=_SECONDS)


class Custody(Strict):
    """How long a password that was handed over may go unused."""

    unused_password_days: StrictInt = Field(
        7, ge=1, le=365, description="a whole number of days, 1 to 365"
    )


class Defaults(Strict):
    """What holds for all clients: the content of `parameters/defaults.yaml`."""

    account: Account = Field(
        description="`user_name`, `given_name`, `surname` and `display_name` of the account"
    )
    roles: Mapping[Text, Guid] = Field(description="names of roles, each with its template id")
    purposes: Mapping[Text, Purpose] = Field(
        min_length=1, description="names of purposes, each with `role` and `least_role`"
    )
    recipients: tuple[Address, ...] = Field(
        (), description="a list of e-mail addresses that may receive credentials"
    )
    recipient_domains: tuple[Domain, ...] = Field(
        (), description="a list of domains, all of whose addresses may receive credentials"
    )
    vendor: Vendor = Field(description="`name`, `host_suffixes` and `display_names`")
    usage_location: Country = Field(
        description="a country's two capital letters (ISO 3166), for example AU"
    )
    patience: Patience = Field(Patience(), description="seconds to wait, by name")
    banned_words: tuple[Text, ...] = Field(
        (), description="a list of words that no password may contain"
    )
    # Entra allows 256, but a 2048-bit RSA key, of the hand-over by file, encrypts 190 at most.
    password_length: StrictInt = Field(
        PASSWORD_LENGTH, ge=12, le=128, description="a whole number of characters, 12 to 128"
    )

    custody: Custody = Field(Custody(), description="`unused_password_days`")
    approval: ApprovalRules = Field(
        ApprovalRules(), description="`required`, `within_hours` and `approvers`"
    )
    archive: ArchiveRules = Field(
        ArchiveRules(), description="`url`, `retention_days`, `mode` and `retention_required`"
    )
    time_stamp: TimeStampRules = Field(
        TimeStampRules(), description="`url` and `certificate` of a time stamp authority"
    )

    @field_validator("roles")
    @classmethod
    def _names_fit_ids(cls, roles: Mapping[str, str]) -> Mapping[str, str]:
        names_by_id = {template_id: name for name, template_id in BUILT_IN_ROLES.items()}
        wrong = [
            name
            for name, template_id in roles.items()
            if BUILT_IN_ROLES.get(name, template_id) != template_id
            or names_by_id.get(template_id, name) != name
        ]
        if wrong:
            refuse(
                f"name and template id do not belong together: {', '.join(wrong)}; see Microsoft's "
                "page `Microsoft Entra built-in roles`"
            )
        if len(set(roles.values())) != len(roles):
            refuse("two roles have the same template id")
        return roles

    @field_validator("purposes")
    @classmethod
    def _roles_are_known(
        cls, purposes: Mapping[str, Purpose], info: ValidationInfo
    ) -> Mapping[str, Purpose]:
        roles = info.data.get("roles")
        if roles is None:  # already reported as wrong in itself
            return purposes
        for name, purpose in purposes.items():
            for role in (purpose.role, purpose.least_role):
                if role not in roles:
                    near = get_close_matches(role, roles, n=1)
                    hint = f"did you mean `{near[0]}`? " if near else ""
                    refuse(f"`{name}` names a role that is not in `roles`; {hint}Known: "
                           f"{', '.join(roles)}")  # fmt: skip
        return purposes

    def permits_recipient(self, address: str) -> bool:
        """Whether credentials may go to this address: it is listed, or its domain is."""
        lowered = address.lower()
        local, _, domain = lowered.partition("@")
        return lowered in self.recipients or (bool(local) and domain in self.recipient_domains)
