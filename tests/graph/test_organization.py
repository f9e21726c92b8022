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
