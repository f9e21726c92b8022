import pytest

from o365lib.sandbox.graph import entities

TYPES = [value for value in vars(entities).values() if isinstance(value, entities.EntityType)]


@pytest.mark.parametrize("entity", TYPES, ids=lambda entity: entity.name)
def test_what_is_shown_ordered_and_filtered_are_properties(entity):
    known = set(entity.defaults)
    assert set(entity.shown or ()) <= known
    assert entity.orderable | entity.advanced_filters | entity.unfilterable <= known
    assert known.isdisjoint(entity.elsewhere)
    assert "id" in known


def test_a_completed_object_keeps_what_it_has_and_gets_the_rest():
    whole = entities.USER.complete({"displayName": "Ann"})
    assert whole["displayName"] == "Ann"
    assert whole["businessPhones"] == []
    assert whole["accountEnabled"] is True
    assert set(whole) == set(entities.USER.defaults)


def test_users_are_shown_with_the_documented_default_properties():
    assert set(entities.USER.shown) == {
        "id",
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
    }
