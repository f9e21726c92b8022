"""Directory roles, in the sandbox."""

import pytest

from o365lib.errors import BadRequest, Conflict, Forbidden, NotFound
from o365lib.graph import role_management
from o365lib.graph.models import RolePrincipal

EXCHANGE = "29232cdf-9323-42fd-ade2-1d097af3e4de"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"


@pytest.fixture
def user(wire):
    name = f"someone@{wire.tenant.initial_domain}"
    return wire.tenant.add_user(user_principal_name=name, display_name="Some One")


def assign(wire, user, role=EXCHANGE):
    return role_management.create_role_assignment(
        wire.session, principal_id=user["id"], role_definition_id=role
    )


def test_role_definitions_are_found_by_template(wire):
    found = wire.session.fetch(role_management.list_role_definitions([EXCHANGE, GLOBAL]))
    assert {(role.template_id, role.display_name) for role in found} == {
        (EXCHANGE, "Exchange Administrator"),
        (GLOBAL, "Global Administrator"),
    }
    assert len(wire.session.fetch(role_management.list_role_definitions())) > 2


def test_an_assigned_role_is_seen_from_every_side_and_holds_in_the_whole_tenant(wire, user):
    made = assign(wire, user)
    assert (made.principal_id, made.role_definition_id) == (user["id"], EXCHANGE)
    assert made.directory_scope_id == "/"
    fetch = wire.session.fetch
    of_user = role_management.list_role_assignments(principal_id=user["id"])
    assert [one.id for one in fetch(of_user)] == [made.id]
    of_both = role_management.list_role_assignments(
        principal_id=user["id"], role_definition_id=GLOBAL
    )
    assert fetch(of_both) == ()
    everything = {one.id for one in fetch(role_management.list_role_assignments())}
    assert everything == set(wire.tenant.role_assignments)


def test_the_holders_of_a_role_are_shown_with_their_state(wire):
    query = role_management.list_role_assignments(role_definition_id=GLOBAL, expand_principal=True)
    principals = [one.principal for one in wire.session.fetch(query)]
    administrator = wire.tenant.administrator
    assert (
        RolePrincipal(
            id=administrator["id"],
            odata_type="#microsoft.graph.user",
            display_name=administrator["displayName"],
            user_principal_name=administrator["userPrincipalName"],
            account_enabled=True,
            user_type="Member",
        )
        in principals
    )


def test_a_role_that_is_held_already_is_a_conflict(wire, user):
    assign(wire, user)
    with pytest.raises(Conflict):
        assign(wire, user)


def test_a_principal_that_graph_does_not_know_is_not_found(wire):
    with pytest.raises(NotFound):
        assign(wire, {"id": "01234567-89ab-4def-8123-456789abcdef"})


def test_a_role_taken_away_is_gone(wire, user):
    made = assign(wire, user)
    role_management.delete_role_assignment(wire.session, made.id)
    of_user = role_management.list_role_assignments(principal_id=user["id"])
    assert wire.session.fetch(of_user) == ()
    with pytest.raises(NotFound):
        role_management.delete_role_assignment(wire.session, made.id)


def test_the_last_global_administrator_keeps_the_role(wire):
    query = role_management.list_role_assignments(role_definition_id=GLOBAL)
    *others, last = wire.session.fetch(query)
    for one in others:
        role_management.delete_role_assignment(wire.session, one.id)
    with pytest.raises(BadRequest):
        role_management.delete_role_assignment(wire.session, last.id)
    assert len(wire.tenant.global_administrators()) == 1


def test_without_permission_a_role_is_not_given_and_the_permission_is_named(wire, user):
    wire.tenant.application.roles.discard("RoleManagement.ReadWrite.Directory")
    with pytest.raises(Forbidden) as caught:
        assign(wire, user)
    assert "RoleManagement.ReadWrite.Directory" in caught.value.remedy
    assert not wire.tenant.roles_of(user["id"])
