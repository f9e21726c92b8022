import pytest


@pytest.fixture
def federated(sandbox, as_application):
    return as_application(of=sandbox.tenant("bayside-legal"))


def test_the_organization_names_tenant_country_and_domains(graph, tenant):
    [found] = graph.values("/organization")
    assert (found["id"], found["displayName"]) == (tenant.id, "Alpine Books")
    assert (found["countryLetterCode"], found["tenantType"]) == ("AU", "AAD")
    initial = [d["name"] for d in found["verifiedDomains"] if d["isInitial"]]
    assert initial == ["alpinebooks.onmicrosoft.com"]
    assert {plan["service"] for plan in found["assignedPlans"]} >= {"exchange"}
    assert graph.get(f"/organization/{tenant.id}")["id"] == tenant.id
    assert graph("GET", "/organization/x").status_code == 404


def test_unverified_domains_are_listed_but_do_not_belong_to_the_organization(graph, tenant):
    tenant.domains["new.example"] = {
        **tenant.domains["alpinebooks.example"],
        "id": "new.example",
        "isVerified": False,
        "isDefault": False,
    }
    [found] = graph.values("/organization")
    assert "new.example" not in [d["name"] for d in found["verifiedDomains"]]
    assert graph.get("/domains/new.example")["isVerified"] is False


def test_domains_are_listed_and_found_by_name_in_any_case(graph):
    assert {domain["id"] for domain in graph.values("/domains")} == {
        "alpinebooks.example",
        "alpinebooks.onmicrosoft.com",
    }
    assert graph.get("/domains/AlpineBooks.example")["authenticationType"] == "Managed"
    assert graph.get("/domains('alpinebooks.example')?$select=id,isDefault") == {
        "@odata.context": graph.get("/domains/alpinebooks.example?$select=id,isDefault")[
            "@odata.context"
        ],
        "id": "alpinebooks.example",
        "isDefault": True,
    }
    assert graph("GET", "/domains/nowhere.example").status_code == 404


def test_a_managed_domain_has_no_federation(graph):
    answer = graph("GET", "/domains/alpinebooks.example/federationConfiguration")
    assert answer.status_code == 404


def test_a_federated_domain_says_with_whom(federated):
    path = "/domains/baysidelegal.example/federationConfiguration"
    [found] = federated.values(path)
    assert found["@odata.type"] == "#microsoft.graph.internalDomainFederation"
    assert found["displayName"] == "Practice Protect"
    assert found["passiveSignInUri"].startswith("https://bayside.practiceprotect.app/")
    assert found["metadataExchangeUri"] is None
    assert federated.get(f"{path}/{found['id']}")["issuerUri"] == found["issuerUri"]
    assert federated("GET", f"{path}/x").status_code == 404


def test_a_domain_that_is_managed_again_has_none(federated, sandbox):
    sandbox.tenant("bayside-legal").domains["baysidelegal.example"]["authenticationType"] = (
        "Managed"
    )
    path = "/domains/baysidelegal.example/federationConfiguration"
    assert federated("GET", path).status_code == 404


def test_products_tell_how_many_are_used(graph, tenant):
    [sku] = graph.values("/subscribedSkus")
    assert sku["skuPartNumber"] == "O365_BUSINESS_PREMIUM"
    assert sku["id"] == f"{tenant.id}_{sku['skuId']}"
    assert sku["consumedUnits"] == len(tenant.mailboxes) == 5
    assert sku["prepaidUnits"]["enabled"] == 25


def test_premium_shows_in_the_products(sandbox, as_application):
    graph = as_application(of=sandbox.tenant("eastgate-physio"))
    plans = {
        plan["servicePlanName"]
        for sku in graph.values("/subscribedSkus")
        for plan in sku["servicePlans"]
    }
    assert "AAD_PREMIUM" in plans


def test_a_users_licences_are_told_and_their_absence_is_an_empty_list(graph, tenant):
    path = "/users/{}@alpinebooks.onmicrosoft.com/licenseDetails"
    [licence] = graph.values(path.format("admin"))
    assert licence["skuPartNumber"] == "O365_BUSINESS_PREMIUM"
    assert licence["servicePlans"][0]["provisioningStatus"] == "Success"
    assert graph.values(path.format("breakglass")) == []
    assert graph("GET", path.format("nobody")).status_code == 404


def test_security_defaults_are_told(graph, sandbox, as_application):
    path = "/policies/identitySecurityDefaultsEnforcementPolicy"
    assert graph.get(path)["isEnabled"] is False
    assert as_application(of=sandbox.tenant("eastgate-physio")).get(path)["isEnabled"] is True
