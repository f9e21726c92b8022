"""The entity types that the sandbox shows: their properties, defaults and what may be asked.

Names and nullability are those of the v1.0 `$metadata`; a property that is not in an object has the
default given here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EntityType:
    """One entity type.

    Attributes:
        defaults: every property that may be selected, with the value it has when absent.
        shown: the properties without `$select`; None for all.
        orderable: properties for `$orderby`.
        advanced_filters: properties that can only be filtered by advanced queries.
        unfilterable: properties that cannot be filtered at all.
        annotations: what is shown beside the properties when an object has it.
        expandable: relations that `$expand` may name, one at a time.
        elsewhere: properties that exist in Graph and not in the sandbox.
        is_directory_object: whether advanced queries need the `ConsistencyLevel` header.
    """

    name: str
    defaults: dict[str, Any]
    shown: tuple[str, ...] | None = None
    orderable: frozenset[str] = frozenset()
    advanced_filters: frozenset[str] = frozenset()
    unfilterable: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    is_directory_object: bool = False
    default_page: int = 100
    max_page: int = 999
    annotations: tuple[str, ...] = ()
    expandable: frozenset[str] = frozenset()

    def complete(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an object with all its properties."""
        return {**self.defaults, **item}


_NO_VALUE = [
    "ageGroup",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "creationType",
    "department",
    "deletedDateTime",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData",
    "employeeType",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "faxNumber",
    "givenName",
    "isManagementRestricted",
    "isResourceAccount",
    "jobTitle",
    "legalAgeGroupClassification",
    "mail",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "passwordPolicies",
    "passwordProfile",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "showInAddressList",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "createdDateTime",
    "lastPasswordChangeDateTime",
    "securityIdentifier",
    "signInSessionsValidFromDateTime",
]
_EMPTY_LIST = [
    "assignedLicenses",
    "assignedPlans",
    "businessPhones",
    "identities",
    "imAddresses",
    "licenseAssignmentStates",
    "onPremisesProvisioningErrors",
    "otherMails",
    "provisionedPlans",
    "proxyAddresses",
    "serviceProvisioningErrors",
]

BASIC_USER_PROPERTIES = frozenset(
    {"id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "userType"}
)
"""What `User.ReadBasic.All` shows of other people."""

USER = EntityType(
    name="user",
    defaults={
        "id": None,
        **dict.fromkeys(_NO_VALUE),
        **{name: [] for name in _EMPTY_LIST},
        "accountEnabled": True,
        "displayName": None,
        "mailNickname": None,
        "onPremisesExtensionAttributes": {
            f"extensionAttribute{number}": None for number in range(1, 16)
        },
        "userPrincipalName": None,
        "userType": "Member",
    },
    shown=(
        "businessPhones",
        "displayName",
        "givenName",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
        "id",
    ),
    orderable=frozenset({"displayName", "userPrincipalName", "createdDateTime", "deletedDateTime"}),
    advanced_filters=frozenset({"officeLocation", "onPremisesSamAccountName", "preferredLanguage"}),
    unfilterable=frozenset(
        {
            "passwordProfile",
            "passwordPolicies",
            "lastPasswordChangeDateTime",
            "signInSessionsValidFromDateTime",
            "assignedPlans",
            "onPremisesExtensionAttributes",
        }
    ),
    elsewhere=frozenset(
        [
            "aboutMe",
            "authorizationInfo",
            "birthday",
            "customSecurityAttributes",
            "deviceEnrollmentLimit",
            "hireDate",
            "identityParentId",
            "interests",
            "mailboxSettings",
            "mySite",
            "pastProjects",
            "preferredName",
            "print",
            "responsibilities",
            "schools",
            "signInActivity",
            "skills",
            "cloudRealtimeCommunicationInfo",
        ]
    ),
    is_directory_object=True,
)
ORGANIZATION = EntityType(
    name="organization",
    defaults={
        "id": None,
        "deletedDateTime": None,
        "businessPhones": [],
        "city": None,
        "country": None,
        "countryLetterCode": None,
        "createdDateTime": None,
        "defaultUsageLocation": None,
        "displayName": None,
        "marketingNotificationEmails": [],
        "mobileDeviceManagementAuthority": "unknown",
        "onPremisesLastSyncDateTime": None,
        "onPremisesSyncEnabled": None,
        "partnerTenantType": None,
        "postalCode": None,
        "preferredLanguage": "en",
        "privacyProfile": None,
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": None,
        "street": None,
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "assignedPlans": [],
        "provisionedPlans": [],
        "verifiedDomains": [],
    },
)
DOMAIN = EntityType(
    name="domain",
    defaults={
        "id": None,
        "authenticationType": "Managed",
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": False,
        "isInitial": False,
        "isRoot": True,
        "isVerified": True,
        "manufacturer": None,
        "model": None,
        "passwordNotificationWindowInDays": None,
        "passwordValidityPeriodInDays": None,
        "state": None,
        "supportedServices": [],
    },
)
FEDERATION_CONFIGURATION = EntityType(
    name="internalDomainFederation",
    defaults={
        "id": None,
        "displayName": None,
        "issuerUri": None,
        "metadataExchangeUri": None,
        "passiveSignInUri": None,
        "preferredAuthenticationProtocol": None,
        "signingCertificate": None,
        "activeSignInUri": None,
        "federatedIdpMfaBehavior": None,
        "isSignedAuthenticationRequestRequired": None,
        "nextSigningCertificate": None,
        "passwordResetUri": None,
        "promptLoginBehavior": None,
        "signOutUri": None,
        "signingCertificateUpdateStatus": None,
    },
    annotations=("@odata.type",),
)
SUBSCRIBED_SKU = EntityType(
    name="subscribedSku",
    defaults={
        "id": None,
        "accountId": None,
        "accountName": None,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 0,
        "prepaidUnits": None,
        "servicePlans": [],
        "skuId": None,
        "skuPartNumber": None,
        "subscriptionIds": [],
    },
)
LICENSE_DETAILS = EntityType(
    name="licenseDetails",
    defaults={"id": None, "servicePlans": [], "skuId": None, "skuPartNumber": None},
)
ROLE_DEFINITION = EntityType(
    name="unifiedRoleDefinition",
    defaults={
        "id": None,
        "description": None,
        "displayName": None,
        "isBuiltIn": True,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "rolePermissions": [],
        "templateId": None,
        "version": None,
    },
)
ROLE_ASSIGNMENT = EntityType(
    name="unifiedRoleAssignment",
    defaults={
        "id": None,
        "appScopeId": None,
        "condition": None,
        "directoryScopeId": "/",
        "principalId": None,
        "principalOrganizationId": None,
        "roleDefinitionId": None,
    },
    shown=("id", "principalId", "directoryScopeId", "roleDefinitionId"),
    annotations=("principal", "roleDefinition"),
    expandable=frozenset({"principal", "roleDefinition"}),
)
DIRECTORY_ROLE = EntityType(
    name="directoryRole",
    defaults={
        "id": None,
        "deletedDateTime": None,
        "description": None,
        "displayName": None,
        "roleTemplateId": None,
    },
    annotations=("@odata.type",),
)
SECURITY_DEFAULTS = EntityType(
    name="identitySecurityDefaultsEnforcementPolicy",
    defaults={
        "id": None,
        "deletedDateTime": None,
        "description": None,
        "displayName": None,
        "isEnabled": False,
    },
)
DIRECTORY_AUDIT = EntityType(
    name="directoryAudit",
    defaults={
        "id": None,
        "activityDateTime": None,
        "activityDisplayName": None,
        "additionalDetails": [],
        "category": None,
        "correlationId": None,
        "initiatedBy": None,
        "loggedByService": None,
        "operationType": None,
        "result": None,
        "resultReason": "",
        "targetResources": [],
    },
    orderable=frozenset({"activityDateTime"}),
    max_page=1000,
    default_page=1000,
)
