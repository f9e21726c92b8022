"""Users, in the sandbox."""

from urllib.parse import unquote

import pytest

from o365lib.errors import BadRequest, Conflict, Forbidden, NotFound
from o365lib.graph import users
from o365lib.secret import Secret
from tests.graph.conftest import ApplicationTokens

PASSWORD = "Zk7#mQ2vTx9wRb4nLd8c"


@pytest.fixture
def name(wire):
    return f"practiceprotect@{wire.tenant.initial_domain}"


def create(wire, name, **changes):
    properties = {
        "user_principal_name": name,
        "display_name": "Practice Protect",
        "mail_nickname": "practiceprotect",
        "password": Secret(PASSWORD),
    }
    return users.create_user(wire.session, **{**properties, **changes})


def test_a_sign_in_is_blocked_and_allowed(wire):
    name = f"someone@{wire.tenant.initial_domain}"
    user = wire.tenant.add_user(user_principal_name=name, display_name="Some One")
    for enabled in (False, True):
        users.set_account_enabled(wire.session, user["id"], enabled=enabled)
        assert user["accountEnabled"] is enabled


def test_a_created_user_is_enabled_unlicensed_and_must_change_the_password(wire, name):
    created = create(wire, name, given_name="Practice", surname="Protect", usage_location="AU")
    state = wire.tenant.users[created.id]
    assert (created.user_principal_name, created.given_name) == (name, "Practice")
    assert (state["accountEnabled"], state["usageLocation"]) == (True, "AU")
    assert not state.get("assignedLicenses")
    assert wire.tenant.password_of(created.id) == PASSWORD
    found = wire.session.fetch(users.get_user(created.id))
    assert (found.surname, found.account_enabled, found.usage_location) == ("Protect", True, "AU")
    assert found.assigned_licenses == ()
    assert found.created_date_time is not None


def test_the_password_is_in_no_record_of_the_request(wire, name):
    create(wire, name)
    assert PASSWORD not in str(wire.transport.ledger.records())


def test_a_second_user_of_the_same_name_is_a_conflict(wire, name):
    create(wire, name)
    with pytest.raises(Conflict) as caught:
        create(wire, name)
    assert "ObjectConflict" in caught.value.detail_codes
    assert caught.value.detail_targets == ("userPrincipalName",)
    assert caught.value.state == "This request changed nothing."


def test_a_name_that_is_another_objects_address_is_a_conflict_that_says_so(wire, name):
    holder = wire.tenant.add_user(
        user_principal_name=f"desk@{wire.tenant.initial_domain}",
        display_name="Front Desk",
        proxy_addresses=[f"smtp:{name}"],
    )
    with pytest.raises(Conflict) as caught:
        create(wire, name)
    assert caught.value.detail_targets == ("proxyAddresses", f"User_{holder['id']}")


def test_users_are_found_by_an_address_of_theirs(wire, name):
    def holders(address):
        return [user.id for user in wire.session.fetch(users.find_users_with_address(address))]

    administrator = wire.tenant.administrator
    assert holders(administrator["userPrincipalName"].upper()) == [administrator["id"]]
    holder = wire.tenant.add_user(
        user_principal_name=f"o@{wire.tenant.initial_domain}",
        display_name="O'Brien",
        proxy_addresses=[f"smtp:o'brien@{wire.tenant.initial_domain}"],
    )
    assert holders(f"o'brien@{wire.tenant.initial_domain}") == [holder["id"]]
    assert holders(name) == []


def test_an_address_is_looked_for_as_the_main_one_and_as_an_alias(name):
    query = unquote(users.find_users_with_address(name).path)
    assert f"proxyAddresses/any(p:p eq 'smtp:{name}' or p eq 'SMTP:{name}')" in query


def test_a_domain_that_is_not_the_tenants_or_a_weak_password_is_a_bad_request(wire, name):
    with pytest.raises(BadRequest):
        create(wire, "practiceprotect@nowhere.example")
    with pytest.raises(BadRequest):
        create(wire, name, password=Secret("lowercaseonly"))


def test_without_permission_a_creation_is_forbidden_and_says_what_is_missing(wire, name):
    wire.tenant.application.roles.discard("User.ReadWrite.All")
    with pytest.raises(Forbidden) as caught:
        create(wire, name)
    assert "User.ReadWrite.All" in caught.value.remedy
    assert wire.tenant.find_user(name) is None


def test_a_user_is_found_by_id_and_by_name_and_is_missing_otherwise(wire):
    administrator = wire.tenant.administrator
    for key in (administrator["id"], administrator["userPrincipalName"].upper()):
        assert wire.session.fetch(users.get_user(key)).id == administrator["id"]
        found = wire.session.fetch(users.find_user(key))
        assert found is not None
        assert found.id == administrator["id"]
    missing = f"nobody@{wire.tenant.initial_domain}"
    assert wire.session.fetch(users.find_user(missing)) is None
    with pytest.raises(NotFound):
        wire.session.fetch(users.get_user(missing))


@pytest.mark.parametrize("local", ["o'neil", "$money", "jo#ext#", "a+b", "a_b-c.d"])
def test_a_name_with_odd_characters_finds_its_user_and_no_other(wire, local):
    odd = f"{local}@{wire.tenant.initial_domain}"
    created = wire.tenant.add_user(user_principal_name=odd, display_name="Odd")
    assert wire.session.fetch(users.get_user(odd)).id == created["id"]
    assert [one.id for one in wire.session.fetch(users.find_users_named(local))] == [created["id"]]


def test_users_are_listed_over_several_pages(wire):
    listed = wire.session.fetch(users.list_users(top=2))
    assert {one.id for one in listed} == set(wire.tenant.users)
    assert len(wire.requests) > 1


def test_a_prefix_cannot_change_the_filter(wire):
    assert wire.session.fetch(users.find_users_named("x') or startswith(id,'")) == ()


def test_a_new_password_replaces_the_old_one(wire, name):
    created = create(wire, name)
    before = wire.session.fetch(users.get_user(created.id)).last_password_change_date_time
    wire.sandbox.clock.advance(seconds=5)
    users.set_password(wire.session, created.id, Secret("Nw8!hGt5rEw2qAz6yUj3"))
    assert wire.tenant.password_of(created.id) == "Nw8!hGt5rEw2qAz6yUj3"
    after = wire.session.fetch(users.get_user(created.id)).last_password_change_date_time
    assert after > before


def test_a_deleted_user_is_gone_from_users_and_in_the_recycle_bin(wire, name):
    created = create(wire, name)
    users.delete_user(wire.session, created.id)
    assert created.id in wire.tenant.deleted_users
    assert wire.session.fetch(users.find_user(created.id)) is None
    with pytest.raises(NotFound):
        users.delete_user(wire.session, created.id)


def test_sign_in_sessions_are_ended(wire, name):
    created = create(wire, name)
    wire.sandbox.clock.advance(seconds=60)
    users.revoke_sign_in_sessions(wire.session, created.id)
    assert wire.requests[-1] == f"POST /v1.0/users/{created.id}/revokeSignInSessions 200"


def test_a_key_that_climbs_is_refused_before_anything_is_sent(wire):
    with pytest.raises(ValueError, match="key"):
        users.delete_user(wire.session, "..")
    assert isinstance(wire.tokens, ApplicationTokens)
    assert wire.requests == []
