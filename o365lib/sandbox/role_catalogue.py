"""Microsoft Entra's built-in directory roles, as far as the sandbox knows them.

Template ids are constants of the service:
https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
"""

from __future__ import annotations

from typing import Any

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
PRIVILEGED_AUTHENTICATION_ADMINISTRATOR = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
AUTHENTICATION_ADMINISTRATOR = "c4e39bd9-1100-46d3-8c65-fb160da0071f"
HELPDESK_ADMINISTRATOR = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
PASSWORD_ADMINISTRATOR = "966707d0-3269-4727-9be2-8c3a10f19b9d"  # noqa: S105  a role, no secret
SECURITY_ADMINISTRATOR = "194ae4cb-b126-40b2-bd5b-6091b380977d"
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
DIRECTORY_READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
REPORTS_READER = "4a5d8f65-41da-4de4-8968-e035b65339cf"
DOMAIN_NAME_ADMINISTRATOR = "8329153b-31d0-4727-b945-745eb3bc5f31"
HYBRID_IDENTITY_ADMINISTRATOR = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"
EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR = "be2f45a1-457d-42af-a067-6ec1fa63bc45"

_NAMES_AND_DESCRIPTIONS: dict[str, tuple[str, str]] = {
    GLOBAL_ADMINISTRATOR: (
        "Global Administrator",
        "Can manage all aspects of Microsoft Entra ID and services that use its identities.",
    ),
    EXCHANGE_ADMINISTRATOR: (
        "Exchange Administrator",
        "Can manage all aspects of the Exchange product.",
    ),
    "31392ffb-586c-42d1-9346-e59415a2cc4e": (
        "Exchange Recipient Administrator",
        "Can create or update Exchange Online recipients within the organization.",
    ),
    PRIVILEGED_ROLE_ADMINISTRATOR: (
        "Privileged Role Administrator",
        "Can manage role assignments and all aspects of Privileged Identity Management.",
    ),
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: (
        "Privileged Authentication Administrator",
        "Can view, set and reset authentication methods for any user, administrators included.",
    ),
    USER_ADMINISTRATOR: (
        "User Administrator",
        "Can manage users and groups, and reset passwords of limited administrators.",
    ),
    AUTHENTICATION_ADMINISTRATOR: (
        "Authentication Administrator",
        "Can view, set and reset authentication methods for users who are no administrators.",
    ),
    HELPDESK_ADMINISTRATOR: (
        "Helpdesk Administrator",
        "Can reset passwords for users who are no administrators and Helpdesk Administrators.",
    ),
    PASSWORD_ADMINISTRATOR: (
        "Password Administrator",
        "Can reset passwords for users who are no administrators and Password Administrators.",
    ),
    SECURITY_ADMINISTRATOR: (
        "Security Administrator",
        "Can read security information and reports, and manage security configuration.",
    ),
    SECURITY_READER: ("Security Reader", "Can read security information and reports."),
    GLOBAL_READER: (
        "Global Reader",
        "Can read everything that a Global Administrator can, and change nothing.",
    ),
    DIRECTORY_READERS: ("Directory Readers", "Can read basic directory information."),
    REPORTS_READER: ("Reports Reader", "Can read sign-in and audit reports."),
    DOMAIN_NAME_ADMINISTRATOR: (
        "Domain Name Administrator",
        "Can manage domain names in cloud and on-premises.",
    ),
    HYBRID_IDENTITY_ADMINISTRATOR: (
        "Hybrid Identity Administrator",
        "Can manage cloud provisioning, Connect, pass-through authentication and federation.",
    ),
    EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR: (
        "External Identity Provider Administrator",
        "Can configure identity providers for use in direct federation.",
    ),
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": (
        "Application Administrator",
        "Can create and manage all aspects of app registrations and enterprise apps.",
    ),
    "158c047a-c907-4556-b7ef-446551a6b5f7": (
        "Cloud Application Administrator",
        "Can manage app registrations and enterprise apps, except App Proxy.",
    ),
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a": (
        "License Administrator",
        "Can manage product licenses on users and groups.",
    ),
    "b0f54661-2d74-4c50-afa3-1ec803f12efe": (
        "Billing Administrator",
        "Can perform common billing related tasks like updating payment information.",
    ),
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c": (
        "SharePoint Administrator",
        "Can manage all aspects of the SharePoint service.",
    ),
    "69091246-20e8-4a56-aa4d-066075b2a7a8": (
        "Teams Administrator",
        "Can manage the Microsoft Teams service.",
    ),
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": (
        "Conditional Access Administrator",
        "Can manage Conditional Access capabilities.",
    ),
}

# An excerpt of what the roles may do; nothing in the sandbox is decided by it.
_PORTAL = "microsoft.office365.webPortal/allEntities/standard/read"
_ACTIONS = {
    GLOBAL_ADMINISTRATOR: ["microsoft.directory/users/allProperties/allTasks"],
    EXCHANGE_ADMINISTRATOR: ["microsoft.office365.exchange/allEntities/basic/allTasks"],
    PRIVILEGED_ROLE_ADMINISTRATOR: ["microsoft.directory/roleAssignments/allProperties/allTasks"],
    USER_ADMINISTRATOR: [
        "microsoft.directory/users/create",
        "microsoft.directory/users/delete",
        "microsoft.directory/users/password/update",
    ],
}

UNPRIVILEGED_ROLES = frozenset({DIRECTORY_READERS, REPORTS_READER, USER_ADMINISTRATOR})
"""Roles whose holders a User Administrator may still manage; any other role protects its holder.

"Who can perform sensitive actions":
https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
"""

ROLE_NAMES = {template_id: name for template_id, (name, _) in _NAMES_AND_DESCRIPTIONS.items()}
ROLE_DESCRIPTIONS = {key: text for key, (_, text) in _NAMES_AND_DESCRIPTIONS.items()}


def role_template_id(name_or_id: str) -> str:
    """Return the template id of a role given by its display name or its id.

    Raises:
        KeyError: the sandbox knows no such role.
    """
    if name_or_id in ROLE_NAMES:
        return name_or_id
    for template_id, name in ROLE_NAMES.items():
        if name == name_or_id:
            return template_id
    raise KeyError(f"The sandbox knows no directory role {name_or_id!r}.")


def _actions(template_id: str) -> list[str]:
    return [*_ACTIONS.get(template_id, ()), _PORTAL]


def role_definitions() -> dict[str, dict[str, Any]]:
    """Return every built-in role as a `unifiedRoleDefinition`, by id."""
    return {
        template_id: {
            "id": template_id,
            "description": ROLE_DESCRIPTIONS[template_id],
            "displayName": name,
            "isBuiltIn": True,
            "isEnabled": True,
            "resourceScopes": ["/"],
            "templateId": template_id,
            "version": "1",
            "rolePermissions": [
                {"allowedResourceActions": _actions(template_id), "condition": None}
            ],
        }
        for template_id, name in ROLE_NAMES.items()
    }
