import pytest

from o365lib.sandbox.identifiers import is_guid
from o365lib.sandbox.role_catalogue import (
    GLOBAL_ADMINISTRATOR,
    ROLE_NAMES,
    UNPRIVILEGED_ROLES,
    role_definitions,
    role_template_id,
)


def test_a_role_is_found_by_name_and_by_id():
    assert role_template_id("Global Administrator") == GLOBAL_ADMINISTRATOR
    assert role_template_id(GLOBAL_ADMINISTRATOR) == GLOBAL_ADMINISTRATOR


def test_an_unknown_role_is_an_error():
    with pytest.raises(KeyError, match="Tea Maker"):
        role_template_id("Tea Maker")


def test_names_and_ids_are_unique_and_ids_are_guids():
    assert len(set(ROLE_NAMES.values())) == len(ROLE_NAMES)
    assert all(is_guid(template_id) for template_id in ROLE_NAMES)


def test_a_built_in_definition_has_its_template_as_id():
    for template_id, definition in role_definitions().items():
        assert definition["id"] == definition["templateId"] == template_id
        assert definition["isBuiltIn"] is True
        assert definition["rolePermissions"][0]["allowedResourceActions"]


def test_global_administrators_are_protected():
    assert GLOBAL_ADMINISTRATOR not in UNPRIVILEGED_ROLES
