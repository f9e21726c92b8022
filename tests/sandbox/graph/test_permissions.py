import re

import pytest

from o365lib.sandbox.application import APPLICATION_ROLES, DELEGATED_SCOPES
from o365lib.sandbox.graph import permissions

ACCESSES = {
    name: value
    for name, value in vars(permissions).items()
    if isinstance(value, permissions.Access)
}


@pytest.mark.parametrize("name", ACCESSES)
def test_permissions_are_written_as_microsoft_does(name):
    access = ACCESSES[name]
    for permission in access.delegated | (access.application or set()) | access.own:
        assert re.fullmatch(r"[A-Z][A-Za-z-]+(\.[A-Z][A-Za-z]+)+", permission)


@pytest.mark.parametrize("name", ACCESSES)
def test_what_a_new_tenant_grants_opens_every_address(name):
    access = ACCESSES[name]
    assert access.application & APPLICATION_ROLES
    assert access.delegated & DELEGATED_SCOPES


def test_changing_roles_needs_exactly_one_permission():
    assert permissions.ROLE_WRITE.application == {"RoleManagement.ReadWrite.Directory"}


def test_the_directorys_write_permission_does_not_delete():
    assert "Directory.ReadWrite.All" not in permissions.USER_DELETE.application
    assert "Directory.ReadWrite.All" in permissions.USER_CREATE.application
