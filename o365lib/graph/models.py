"""Graph's entities, named as Graph names them, in Python's spelling.

- Read leniently: unknown properties are dropped, and what Graph declares nullable may be null.
- Frozen: an entity is what was read at one moment.
- Whatever was not selected is its default; callers select what they decide on.

https://learn.microsoft.com/graph/api/overview?view=graph-rest-1.0
"""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Entity(BaseModel):
    """What all entities have in common."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _read_null_as_absent(cls, data: Any) -> Any:
        # Graph answers null for most properties that have no value; the default says the same.
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data

    @classmethod
    def properties(cls) -> str:
        """Return the `$select` list that fills this entity."""
        return ",".join(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def from_graph(cls, body: Any) -> Self:
        """Return the entity in a Graph answer.

        Raises:
            pydantic.ValidationError: the answer is not of Graph's published form.
        """
        return cls.model_validate(body)


class VerifiedDomain(Entity):
    """https://learn.microsoft.com/graph/api/resources/verifieddomain."""

    name: str
    is_initial: bool = False
    is_default: bool = False
    type: str = ""


class Organization(Entity):
    """https://learn.microsoft.com/graph/api/resources/organization."""

    id: str
    display_name: str = ""
    country_letter_code: str = ""
    verified_domains: tuple[VerifiedDomain, ...] = ()


class Domain(Entity):
    """https://learn.microsoft.com/graph/api/resources/domain; the id is the domain's name."""

    id: str
    authentication_type: str = ""
    is_default: bool = False
    is_initial: bool = False
    is_verified: bool = False


class FederationConfiguration(Entity):
    """https://learn.microsoft.com/graph/api/resources/internaldomainfederation."""

    id: str = ""
    display_name: str = ""
    issuer_uri: str = ""
    metadata_exchange_uri: str = ""
    passive_sign_in_uri: str = ""
    active_sign_in_uri: str = ""
    sign_out_uri: str = ""
    preferred_authentication_protocol: str = ""


class AssignedLicense(Entity):
    """https://learn.microsoft.com/graph/api/resources/assignedlicense."""

    sku_id: str


class User(Entity):
    """https://learn.microsoft.com/graph/api/resources/user."""

    id: str
    user_principal_name: str = ""
    display_name: str = ""
    given_name: str = ""
    surname: str = ""
    mail_nickname: str = ""
    account_enabled: bool | None = None
    user_type: str = ""
    usage_location: str = ""
    assigned_licenses: tuple[AssignedLicense, ...] = ()
    created_date_time: datetime | None = None
    last_password_change_date_time: datetime | None = None
    on_premises_sync_enabled: bool | None = None
    on_premises_immutable_id: str = ""


class DeletedUser(Entity):
    """https://learn.microsoft.com/graph/api/resources/directory: a user in the recycle bin."""

    id: str
    user_principal_name: str = ""
    display_name: str = ""
    deleted_date_time: datetime | None = None


class RoleDefinition(Entity):
    """https://learn.microsoft.com/graph/api/resources/unifiedroledefinition."""

    id: str
    display_name: str = ""
    template_id: str = ""
    is_built_in: bool = False


class RolePrincipal(Entity):
    """The holder of a role, as `$expand=principal` shows it."""

    id: str
    odata_type: str = Field(default="", alias="@odata.type")
    display_name: str = ""
    user_principal_name: str = ""
    account_enabled: bool | None = None
    user_type: str = ""


class RoleAssignment(Entity):
    """https://learn.microsoft.com/graph/api/resources/unifiedroleassignment."""

    id: str
    principal_id: str
    role_definition_id: str
    directory_scope_id: str = "/"
    principal: RolePrincipal | None = None


class SecurityDefaults(Entity):
    """https://learn.microsoft.com/graph/api/resources/identitysecuritydefaultsenforcementpolicy."""

    is_enabled: bool = False


class AssignedPlan(Entity):
    """https://learn.microsoft.com/graph/api/resources/assignedplan."""

    service_plan_id: str = ""
    capability_status: str = ""
    assigned_date_time: datetime | None = None


class AuditedUser(Entity):
    """https://learn.microsoft.com/graph/api/resources/useridentity."""

    id: str = ""
    user_principal_name: str = ""


class AuditedApplication(Entity):
    """https://learn.microsoft.com/graph/api/resources/appidentity."""

    app_id: str = ""
    display_name: str = ""
    service_principal_id: str = ""


class AuditInitiator(Entity):
    """https://learn.microsoft.com/graph/api/resources/auditactivityinitiator."""

    user: AuditedUser | None = None
    app: AuditedApplication | None = None


class ModifiedProperty(Entity):
    """https://learn.microsoft.com/graph/api/resources/modifiedproperty; values are JSON texts."""

    display_name: str = ""
    old_value: str = ""
    new_value: str = ""


class AuditedTarget(Entity):
    """https://learn.microsoft.com/graph/api/resources/targetresource."""

    id: str = ""
    type: str = ""
    display_name: str = ""
    user_principal_name: str = ""
    modified_properties: tuple[ModifiedProperty, ...] = ()


class DirectoryAudit(Entity):
    """https://learn.microsoft.com/graph/api/resources/directoryaudit."""

    id: str
    activity_date_time: datetime
    activity_display_name: str = ""
    category: str = ""
    correlation_id: str = ""
    initiated_by: AuditInitiator = AuditInitiator()
    logged_by_service: str = ""
    result: str = ""
    result_reason: str = ""
    target_resources: tuple[AuditedTarget, ...] = ()
