from datetime import UTC, datetime, timedelta

import pytest

from o365lib.sandbox.clock import wire_date_time
from o365lib.sandbox.role_catalogue import EXCHANGE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def add(tenant, name="ann", **words):
    return tenant.add_user(
        user_principal_name=f"{name}@{tenant.initial_domain}", display_name="Ann", **words
    )


def test_a_user_is_found_by_id_and_name_in_any_case(tenant):
    user = add(tenant)
    assert tenant.find_user(user["id"]) is user
    assert tenant.find_user(user["id"].upper()) is user
    assert tenant.find_user(user["userPrincipalName"].upper()) is user
    assert tenant.find_user("nobody") is None


def test_an_added_user_has_its_roles_mailbox_licences_and_password(tenant):
    user = add(
        tenant,
        roles=["Exchange Administrator"],
        mailbox=True,
        licences=["AAD_PREMIUM"],
        password="chosen",
        given_name="Ann",
        usageLocation="AU",
    )
    assert tenant.roles_of(user["id"]) == {EXCHANGE_ADMINISTRATOR}
    assert user["id"] in tenant.mailboxes
    assert len(user["assignedLicenses"]) == 2
    assert tenant.password_of(user["id"]) == "chosen"
    assert (user["givenName"], user["usageLocation"]) == ("Ann", "AU")


def test_unknown_roles_and_products_are_errors_and_nobody_is_added(tenant):
    before = len(tenant.users)
    with pytest.raises(KeyError):
        add(tenant, roles=["Tea Maker"])
    with pytest.raises(KeyError):
        add(tenant, licences=["TEA"])
    assert len(tenant.users) == before


def test_the_second_user_of_a_name_gets_another_id(tenant):
    assert add(tenant)["id"] != add(tenant)["id"]


def test_asking_for_an_unknown_users_password_is_an_error(tenant):
    with pytest.raises(KeyError):
        tenant.password_of("nobody")
    with pytest.raises(KeyError):
        tenant.change_password("nobody", "x", now=NOW)


def test_a_person_changes_the_password_and_need_not_change_it_again(tenant):
    user = add(tenant, passwordProfile={"forceChangePasswordNextSignIn": True})
    tenant.change_password(user["id"], "own choice", now=NOW)
    assert tenant.password_of(user["id"]) == "own choice"
    assert user["lastPasswordChangeDateTime"] == wire_date_time(NOW)
    assert "passwordProfile" not in user


def test_a_deleted_user_has_the_id_in_front_of_its_name_and_no_roles(tenant):
    user = add(tenant, roles=["Exchange Administrator"])
    deleted = tenant.remove_user(user["id"], NOW)
    assert deleted["userPrincipalName"] == user["id"].replace("-", "") + user["userPrincipalName"]
    assert deleted["deletedDateTime"] == "2026-05-01T00:00:00Z"
    assert tenant.roles_of(user["id"]) == set()
    assert tenant.find_user(user["id"]) is None


@pytest.mark.parametrize("with_roles", [True, False])
def test_restoring_brings_the_user_back_with_or_without_roles(tenant, with_roles):
    user = add(tenant, roles=["Exchange Administrator"])
    name = user["userPrincipalName"]
    tenant.remove_user(user["id"], NOW)
    restored = tenant.restore_user(user["id"], user_principal_name=name, with_roles=with_roles)
    assert restored == user
    assert bool(tenant.roles_of(user["id"])) is with_roles
    assert tenant.deleted_users == {}


def test_after_thirty_days_a_deleted_user_is_gone_for_good(tenant):
    user = add(tenant)
    tenant.remove_user(user["id"], NOW)
    tenant.purge_expired(NOW + timedelta(days=30))
    assert user["id"] in tenant.deleted_users
    tenant.purge_expired(NOW + timedelta(days=30, seconds=1))
    assert user["id"] not in tenant.deleted_users
    assert user["id"] not in tenant.sign_in


def test_disabled_users_are_no_usable_global_administrators(tenant):
    assert len(tenant.global_administrators()) == 2
    tenant.administrator["accountEnabled"] = False
    [left] = tenant.global_administrators()
    assert left["userPrincipalName"].startswith("breakglass@")


def test_assigned_and_activated_roles_are_directory_roles_with_stable_ids(tenant):
    before = tenant.directory_roles()
    assert GLOBAL_ADMINISTRATOR in before
    assert EXCHANGE_ADMINISTRATOR not in before
    tenant.activated_roles.add(EXCHANGE_ADMINISTRATOR)
    assert tenant.directory_roles().items() >= before.items()
    assert EXCHANGE_ADMINISTRATOR in tenant.directory_roles()


def test_a_roll_back_undoes_every_change_in_place(tenant):
    user = add(tenant, mailbox=True, roles=["Exchange Administrator"])
    users, snapshot = tenant.users, tenant.snapshot()
    tenant.remove_user(user["id"], NOW)
    tenant.purge_user(user["id"])
    tenant.outbox.append({})
    tenant.display_name = "changed"
    tenant.roll_back(snapshot)
    assert tenant.snapshot() == snapshot
    assert tenant.users is users
    assert tenant.display_name == "Alpine Books"


def test_its_repr_shows_no_secret(sandbox, tenant):
    text = repr(tenant) + repr(tenant.sign_in) + repr(tenant.applications)
    assert not [secret for secret in sandbox.secrets() if secret in text]
