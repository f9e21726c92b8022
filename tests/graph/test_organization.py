"""The tenant itself, as the sandbox shows it."""

from o365lib.graph import organization


def test_the_tenant_says_its_id_names_and_verified_domains(wire):
    found = wire.session.fetch(organization.get_organization())
    assert found.id == wire.tenant.id
    assert found.display_name == wire.tenant.display_name
    assert found.country_letter_code == "AU"
    (initial,) = [domain for domain in found.verified_domains if domain.is_initial]
    assert initial.name == wire.tenant.initial_domain
    assert {domain.name for domain in found.verified_domains} == set(wire.tenant.domains)


def test_the_tenant_says_which_service_plans_it_has(wire):
    found = wire.session.fetch(organization.list_assigned_plans())
    assert {plan.capability_status for plan in found} == {"Enabled"}
    premium = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
    assert premium not in {plan.service_plan_id for plan in found}
    wire.tenant.subscribed_skus["078d2b04-f1bd-4111-bbd4-b4b1b354cef4"] = 25
    found = wire.session.fetch(organization.list_assigned_plans())
    assert premium in {plan.service_plan_id for plan in found}
