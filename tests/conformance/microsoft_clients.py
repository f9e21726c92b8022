"""Microsoft's own Python clients for Graph and for sign-in, pointed at a sandbox.

They share nothing with o365lib. Only the three things that any deployment with its own authority
sets are set: where the authority and Graph are, and which certificates to trust.
Importing this takes a second: tests load it in a fixture.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import httpx
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphServiceClient
from msgraph.generated.audit_logs.directory_audits.directory_audits_request_builder import (
    DirectoryAuditsRequestBuilder,
)
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.unified_role_assignment import UnifiedRoleAssignment
from msgraph.generated.models.user import User
from msgraph.generated.role_management.directory.role_assignments.role_assignments_request_builder import (  # noqa: E501  the generated module's own name
    RoleAssignmentsRequestBuilder,
)
from msgraph.generated.role_management.directory.role_definitions.role_definitions_request_builder import (  # noqa: E501  the generated module's own name
    RoleDefinitionsRequestBuilder,
)
from msgraph.generated.users.count.count_request_builder import CountRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import (
    SendMailPostRequestBody,
)
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_request_adapter import options as sdk_options
from msgraph_core import GraphClientFactory, PageIterator
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from o365lib.sandbox import Served, Tenant

__all__ = [
    "PASSWORD",
    "BatchRequestContent",
    "BatchRequestItem",
    "BodyType",
    "ClientAuthenticationError",
    "EmailAddress",
    "ItemBody",
    "Message",
    "ODataError",
    "PageIterator",
    "PasswordProfile",
    "Recipient",
    "ReferenceCreate",
    "RequestInformation",
    "SendMailPostRequestBody",
    "UnifiedRoleAssignment",
    "User",
    "count_query",
    "directory_audits_query",
    "graph_client",
    "role_assignments_query",
    "role_definitions_query",
    "service_account",
    "user_query",
    "users_query",
    "with_certificate",
    "with_device_code",
    "with_secret",
]

SCOPE = "https://graph.microsoft.com/.default"
PASSWORD = "Kestrel-41-Lantern-Moss"


def with_secret(
    served: Served, tenant: Tenant, *, secret: str | None = None
) -> ClientSecretCredential:
    """Sign in as the tenant's application with its client secret, or with a wrong one."""
    return ClientSecretCredential(
        tenant.id,
        tenant.application.app_id,
        secret or tenant.application.client_secret,
        **_pointed_at(served),
    )


def with_certificate(served: Served, tenant: Tenant, pem: str) -> CertificateCredential:
    """Sign in as the tenant's application with a certificate and its key, both in one PEM text."""
    return CertificateCredential(
        tenant.id,
        tenant.application.app_id,
        certificate_data=pem.encode("ascii"),
        **_pointed_at(served),
    )


def with_device_code(
    served: Served, tenant: Tenant, prompt: Callable[[str, str, Any], None]
) -> DeviceCodeCredential:
    """Sign in as the person whom the prompt makes enter the code."""
    return DeviceCodeCredential(
        client_id=tenant.public_client.app_id,
        tenant_id=tenant.id,
        prompt_callback=prompt,
        timeout=30,
        **_pointed_at(served),
    )


@contextlib.asynccontextmanager
async def graph_client(served: Served, credential: Any) -> AsyncIterator[GraphServiceClient]:
    """The SDK's client with its own default middleware; closed with the block."""
    trust = ssl.create_default_context(cafile=str(served.ca_file))
    connections = httpx.AsyncHTTPTransport(verify=trust, http2=True)
    http = GraphClientFactory.create_with_default_middleware(
        client=httpx.AsyncClient(transport=connections, timeout=30, trust_env=False),
        options=sdk_options,
    )
    adapter = GraphRequestAdapter(
        AzureIdentityAuthenticationProvider(credential, scopes=[SCOPE]), client=http
    )
    adapter.base_url = f"{served.graph_base_url}/v1.0"
    # The SDK's middleware does not pass `aclose` on to the connections that it wraps.
    async with http, connections:
        try:
            yield GraphServiceClient(request_adapter=adapter)
        finally:
            credential.close()


def service_account(tenant: Tenant) -> User:
    """The user of the vendor's article, as the SDK's model."""
    return User(
        account_enabled=True,
        display_name="Practice Protect",
        given_name="Practice",
        surname="Protect",
        mail_nickname="practiceprotect",
        user_principal_name=f"practiceprotect@{tenant.initial_domain}",
        usage_location="AU",
        password_profile=PasswordProfile(
            password=PASSWORD, force_change_password_next_sign_in=True
        ),
    )


def users_query(*, advanced: bool = False, **parameters: Any) -> RequestConfiguration[Any]:
    """Query parameters of `GET /users`; `advanced` adds the ConsistencyLevel header."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(**parameters)
    configuration = RequestConfiguration(query_parameters=query)
    if advanced:
        configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration


def user_query(**parameters: Any) -> RequestConfiguration[Any]:
    """Query parameters of `GET /users/{id}`."""
    query = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(**parameters)
    return RequestConfiguration(query_parameters=query)


def count_query() -> RequestConfiguration[Any]:
    """What `GET /users/$count` needs: no parameter, but the ConsistencyLevel header."""
    query = CountRequestBuilder.CountRequestBuilderGetQueryParameters()
    configuration = RequestConfiguration(query_parameters=query)
    configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration


def role_definitions_query(**parameters: Any) -> RequestConfiguration[Any]:
    """Query parameters of `GET /roleManagement/directory/roleDefinitions`."""
    builder = RoleDefinitionsRequestBuilder
    query = builder.RoleDefinitionsRequestBuilderGetQueryParameters(**parameters)
    return RequestConfiguration(query_parameters=query)


def role_assignments_query(**parameters: Any) -> RequestConfiguration[Any]:
    """Query parameters of `GET /roleManagement/directory/roleAssignments`."""
    builder = RoleAssignmentsRequestBuilder
    query = builder.RoleAssignmentsRequestBuilderGetQueryParameters(**parameters)
    return RequestConfiguration(query_parameters=query)


def directory_audits_query(**parameters: Any) -> RequestConfiguration[Any]:
    """Query parameters of `GET /auditLogs/directoryAudits`."""
    builder = DirectoryAuditsRequestBuilder
    query = builder.DirectoryAuditsRequestBuilderGetQueryParameters(**parameters)
    return RequestConfiguration(query_parameters=query)


def _pointed_at(served: Served) -> dict[str, Any]:
    return {
        "authority": served.login_base_url,
        "disable_instance_discovery": True,
        "transport": RequestsTransport(
            connection_verify=str(served.ca_file), use_env_settings=False
        ),
    }
