"""Entities read what Graph sends, leniently, and never change."""

import pytest
from pydantic import ValidationError

from o365lib.graph import models
from o365lib.graph.models import Entity, Organization, RoleAssignment, User

ENTITIES = [
    value
    for value in vars(models).values()
    if isinstance(value, type) and issubclass(value, Entity) and value is not Entity
]


def test_names_are_graphs_own_in_pythons_spelling():
    user = User.from_graph({"id": "1", "userPrincipalName": "a@b", "givenName": "A"})
    assert (user.user_principal_name, user.given_name) == ("a@b", "A")


def test_null_reads_as_the_default_and_unknown_properties_are_dropped():
    user = User.from_graph({"id": "1", "surname": None, "assignedLicenses": None, "new": {"x": 1}})
    assert (user.surname, user.assigned_licenses) == ("", ())
    assert "new" not in user.model_dump()


@pytest.mark.parametrize("body", [None, [], "text", {}, {"id": None}, {"id": {}}])
def test_an_answer_without_an_id_is_no_user_and_its_text_is_not_quoted(body):
    with pytest.raises(ValidationError) as caught:
        User.from_graph(body)
    assert "input_value" not in str(caught.value)


def test_an_entity_is_frozen():
    user = User.from_graph({"id": "1"})
    with pytest.raises(ValidationError):
        user.surname = "Changed"


@pytest.mark.parametrize("kind", ENTITIES)
def test_the_select_list_names_every_property_on_the_wire_and_nothing_else(kind):
    names = kind.properties().split(",")
    assert len(names) == len(kind.model_fields)
    assert not [name for name in names if "_" in name]


def test_nested_entities_are_read_too():
    found = Organization.from_graph(
        {
            "id": "t",
            "verifiedDomains": [{"name": "a.example", "isInitial": True, "type": "Managed"}],
        }
    )
    assert found.verified_domains[0].is_initial
    assignment = RoleAssignment.from_graph(
        {
            "id": "r",
            "principalId": "p",
            "roleDefinitionId": "d",
            "principal": {"id": "p", "@odata.type": "#microsoft.graph.user"},
        }
    )
    assert assignment.principal is not None
    assert assignment.principal.odata_type == "#microsoft.graph.user"
