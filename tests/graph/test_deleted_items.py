"""The recycle bin, in the sandbox."""

import pytest

from o365lib.graph import deleted_items, users


@pytest.fixture
def name(wire):
    return f"o'neil@{wire.tenant.initial_domain}"


@pytest.fixture
def deleted(wire, name):
    user = wire.tenant.add_user(user_principal_name=name, display_name="O'Neil")
    users.delete_user(wire.session, user["id"])
    return user["id"]


def test_a_deleted_user_is_found_by_its_old_name_and_by_id(wire, name, deleted):
    (found,) = wire.session.fetch(deleted_items.list_deleted_users(named=name))
    assert found.id == deleted
    assert found.user_principal_name == deleted.replace("-", "") + name
    assert found.deleted_date_time is not None
    by_id = wire.session.fetch(deleted_items.get_deleted_user(deleted))
    assert by_id is not None
    assert by_id.user_principal_name == found.user_principal_name


def test_another_name_finds_nothing_and_no_name_finds_all(wire, deleted):
    other = f"other@{wire.tenant.initial_domain}"
    assert wire.session.fetch(deleted_items.list_deleted_users(named=other)) == ()
    everything = wire.session.fetch(deleted_items.list_deleted_users())
    assert [one.id for one in everything] == [deleted]


def test_a_user_that_was_not_deleted_is_not_in_the_recycle_bin(wire):
    query = deleted_items.get_deleted_user(wire.tenant.administrator["id"])
    assert wire.session.fetch(query) is None
