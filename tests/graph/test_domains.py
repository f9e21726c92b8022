"""Domains and their federation, as the sandbox shows them."""

import pytest

from o365lib.errors import Forbidden
from o365lib.graph import domains


def test_domains_say_how_their_users_sign_in(wire):
    found = {domain.id: domain for domain in wire.session.fetch(domains.list_domains())}
    assert set(found) == set(wire.tenant.domains)
    initial = found[wire.tenant.initial_domain]
    assert initial.is_initial
    assert initial.is_verified
    assert initial.authentication_type == "Managed"


def test_a_managed_domain_has_no_federation_configuration(wire):
    query = domains.list_federation_configurations(wire.tenant.initial_domain)
    assert wire.session.fetch(query) == ()
    assert wire.requests[-1].endswith(" 404")


def test_a_federated_domain_says_with_whom(sandbox, wire):
    federated = sandbox.add_tenant(f"federated-{wire.tenant.name}", federation="practice-protect")
    wire.tokens._tenant = federated
    (name,) = federated.federation_configurations
    (found,) = wire.session.fetch(domains.list_federation_configurations(name))
    assert "practiceprotect.app" in found.passive_sign_in_uri
    assert found.issuer_uri
    assert found.display_name


def test_a_missing_permission_is_named_and_is_not_taken_for_no_federation(wire):
    wire.tenant.application.roles -= {
        "Domain.Read.All", "Domain-InternalFederation.Read.All", "Directory.Read.All",
    }  # fmt: skip
    query = domains.list_federation_configurations(wire.tenant.initial_domain)
    with pytest.raises(Forbidden) as caught:
        wire.session.fetch(query)
    assert "Domain-InternalFederation.Read.All" in caught.value.remedy
