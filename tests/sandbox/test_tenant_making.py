import pytest

from o365lib.sandbox.role_catalogue import GLOBAL_ADMINISTRATOR, ROLE_NAMES
from o365lib.sandbox.sku_catalogue import ENTRA_P1
from o365lib.sandbox.tenant_making import GRAPH_COMMAND_LINE_TOOLS, TenantRecipe, make_tenant


def recipe(**changes):
    values = {
        "name": "tern-tax",
        "display_name": "Tern Tax",
        "domains": ("Tern.example", "tern2.example"),
        "onmicrosoft": "terntax",
    }
    return TenantRecipe(**{**values, **changes})


def test_ids_follow_from_the_seed_and_secrets_do_not():
    one, same, other = (make_tenant(recipe(), seed) for seed in ("a", "a", "b"))
    assert (one.id, set(one.users), set(one.applications)) == (
        same.id,
        set(same.users),
        set(same.applications),
    )
    assert one.id != other.id
    assert set(one.users).isdisjoint(other.users)
    assert one.application.client_secret != same.application.client_secret
    assert one.password_of(one.administrator["id"]) != same.password_of(same.administrator["id"])


def test_a_managed_tenant_has_its_custom_domain_as_default():
    tenant = make_tenant(recipe(), "a")
    assert list(tenant.domains) == ["tern.example", "tern2.example", "terntax.onmicrosoft.com"]
    assert [name for name, d in tenant.domains.items() if d["isDefault"]] == ["tern.example"]
    assert tenant.initial_domain == "terntax.onmicrosoft.com"
    assert tenant.federation_configurations == {}


@pytest.mark.parametrize(
    ("federation", "host"),
    [
        ("practice-protect", "tern.practiceprotect.app"),
        ("practice-protect-cyberark", "tern.id.cyberark.cloud"),
        ("adfs", "sts.tern.example"),
    ],
)
def test_a_federated_tenant_has_its_first_domain_at_the_provider(federation, host):
    tenant = make_tenant(recipe(federation=federation), "a")
    types = {name: domain["authenticationType"] for name, domain in tenant.domains.items()}
    assert types == {
        "tern.example": "Federated",
        "tern2.example": "Managed",
        "terntax.onmicrosoft.com": "Managed",
    }
    assert not tenant.domains["tern.example"]["isDefault"]
    configuration = tenant.federation_configurations["tern.example"]
    assert configuration["passiveSignInUri"].startswith(f"https://{host}/")
    assert configuration["preferredAuthenticationProtocol"] == "wsFed"


def test_it_has_two_global_administrators_an_engineer_and_employees():
    tenant = make_tenant(recipe(employees=4), "a")
    assert len(tenant.users) == 7
    assert len(tenant.global_administrators()) == 2
    assert tenant.administrator["id"] in tenant.mailboxes
    engineer = tenant.find_user("engineer@terntax.onmicrosoft.com")
    assert {ROLE_NAMES[role] for role in tenant.roles_of(engineer["id"])} == {
        "Global Reader",
        "User Administrator",
        "Privileged Role Administrator",
    }
    assert engineer["id"] in tenant.mailboxes
    assert GLOBAL_ADMINISTRATOR in tenant.roles_of(tenant.administrator["id"])


def test_premium_is_a_bought_product():
    assert ENTRA_P1.sku_id in make_tenant(recipe(premium="P1"), "a").subscribed_skus
    assert ENTRA_P1.sku_id not in make_tenant(recipe(), "a").subscribed_skus


def test_it_has_a_confidential_application_and_two_public_clients():
    tenant = make_tenant(recipe(), "a")
    assert tenant.application.client_secret
    assert "RoleManagement.ReadWrite.Directory" in tenant.application.roles
    assert tenant.public_client.is_public_client
    assert "User.Read" in tenant.public_client.scopes
    assert tenant.applications[GRAPH_COMMAND_LINE_TOOLS].is_public_client
