import uuid

from o365lib.sandbox import Sandbox
from o365lib.sandbox.role_catalogue import ROLE_NAMES

IDS = {
    "alpine-books": "e90ff48a-b36d-5392-a779-f80ac975ccbd",
}


def account(tenant):
    return tenant.find_user(f"practiceprotect@{tenant.initial_domain}")


def roles(tenant, user):
    return {ROLE_NAMES[role] for role in tenant.roles_of(user["id"])}


def test_ids_never_change_because_client_files_name_them(sandbox):
    assert sandbox.tenant("alpine-books").id == IDS["alpine-books"]
    assert all(uuid.UUID(tenant_id) for tenant_id in sandbox.tenants)
    again = Sandbox(seed="demo")
    again.add_demo_tenants()
    assert list(again.tenants) == list(sandbox.tenants)


def test_there_is_a_tenant_for_each_situation(sandbox):
    assert [tenant.name for tenant in sandbox.tenants.values()] == [
        "alpine-books",
        "bayside-legal",
        "cedar-dental",
        "dunes-surveying",
        "eastgate-physio",
        "fernhill-motors",
        "gumtree-vets",
    ]


def test_three_tenants_have_the_vendors_account_with_different_roles(sandbox):
    found = {
        tenant.name: roles(tenant, account(tenant))
        for tenant in sandbox.tenants.values()
        if account(tenant) is not None
    }
    assert found == {
        "bayside-legal": {"Global Administrator"},
        "cedar-dental": {"Exchange Administrator"},
        "gumtree-vets": {"Exchange Administrator"},
    }


def test_the_accounts_have_the_right_names_and_no_licence(sandbox):
    user = account(sandbox.tenant("gumtree-vets"))
    assert (user["givenName"], user["surname"], user["displayName"]) == (
        "Practice",
        "Protect",
        "Practice Protect",
    )
    assert user["assignedLicenses"] == []


def test_one_tenant_is_federated_with_the_vendor(sandbox):
    tenant = sandbox.tenant("baysidelegal.example")
    configuration = tenant.federation_configurations["baysidelegal.example"]
    assert configuration["passiveSignInUri"].startswith("https://bayside.practiceprotect.app/")


def test_one_tenant_has_security_defaults_and_one_a_name_to_escape(sandbox):
    assert sandbox.tenant("eastgate-physio").security_defaults
    assert sandbox.tenant("fernhill-motors").display_name == "Fernhill & Söhne <Motors>"


def test_adding_them_again_adds_nobody(sandbox):
    before = {tenant.name: len(tenant.users) for tenant in sandbox.tenants.values()}
    sandbox.add_demo_tenants()
    assert {tenant.name: len(tenant.users) for tenant in sandbox.tenants.values()} == before
