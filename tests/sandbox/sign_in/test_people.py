import pytest

from o365lib.sandbox.sign_in.errors import SignInError
from o365lib.sandbox.sign_in.people import (
    LOCKOUT_ATTEMPTS,
    check_password,
    check_person,
    find_person,
    granted_permissions,
)
from o365lib.sandbox.sign_in.scopes import parse_scopes


@pytest.fixture
def user(tenant):
    return tenant.add_user(
        user_principal_name="ann@alpinebooks.example", display_name="Ann", password="right one"
    )


def code_of(action, *args, **words):
    with pytest.raises(SignInError) as caught:
        action(*args, **words)
    return caught.value.code


def test_a_person_is_found_in_the_tenant_and_by_domain(sandbox, tenant, user):
    for where in (tenant, None):
        found = find_person(sandbox, where, "Ann@AlpineBooks.example", app_id="a")
        assert found == (tenant, user)


def test_strangers_are_told_apart(sandbox, tenant):
    other = sandbox.tenant("cedar-dental")
    name = other.administrator["userPrincipalName"]
    assert code_of(find_person, sandbox, tenant, name, app_id="a") == 50020
    for unknown in ("nobody@alpinebooks.example", "x@nowhere.example", "nobody", ""):
        assert code_of(find_person, sandbox, tenant, unknown, app_id="a") == 50034


def test_an_object_id_is_no_user_name(sandbox, tenant, user):
    assert code_of(find_person, sandbox, tenant, user["id"], app_id="a") == 50034


def test_ten_bad_passwords_lock_the_account_for_a_minute(sandbox, tenant, user):
    tries = [code_of(check_password, sandbox, tenant, user, "x" * n) for n in range(5, 15)]
    assert tries == [50126] * (LOCKOUT_ATTEMPTS - 1) + [50053]
    assert code_of(check_password, sandbox, tenant, user, "right one") == 50053
    sandbox.clock.advance(seconds=61)
    check_password(sandbox, tenant, user, "right one")


def test_a_right_password_ends_the_counting(sandbox, tenant, user):
    for _ in range(3):
        for _ in range(LOCKOUT_ATTEMPTS - 1):
            assert code_of(check_password, sandbox, tenant, user, "wrong") == 50126
        check_password(sandbox, tenant, user, "right one")


def test_tried_passwords_are_secrets(sandbox, tenant, user):
    code_of(check_password, sandbox, tenant, user, "tried in vain")
    assert "tried in vain" in sandbox.secrets()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accountEnabled": False}, 50057),
        ({"passwordProfile": {"forceChangePasswordNextSignIn": True}}, 50055),
    ],
)
def test_the_accounts_state_may_stop_a_person(tenant, user, change, code):
    check_person(tenant, user)
    user.update(change)
    assert code_of(check_person, tenant, user) == code


@pytest.mark.parametrize("code", [50076, 50079, 53003, 50158, 530035])
def test_any_error_can_be_forced(tenant, user, code):
    tenant.sign_in[user["id"]].forced_error = code
    assert code_of(check_person, tenant, user) == code


def test_what_was_not_consented_to_is_refused_by_who_could_consent(sandbox, tenant, user):
    asked = parse_scopes("AuditLog.Read.All", sandbox, "firm")
    application = tenant.public_client
    assert granted_permissions(tenant, user, application, asked) == {"AuditLog.Read.All"}
    application.scopes.clear()
    administrator = tenant.administrator
    assert code_of(granted_permissions, tenant, administrator, application, asked) == 65001
    assert code_of(granted_permissions, tenant, user, application, asked) == 90094
    simple = parse_scopes("User.Read", sandbox, "firm")
    assert code_of(granted_permissions, tenant, user, application, simple) == 65001


def test_default_grants_what_was_consented_to(sandbox, tenant, user):
    asked = parse_scopes("https://graph.microsoft.com/.default", sandbox, "firm")
    granted = granted_permissions(tenant, user, tenant.public_client, asked)
    assert granted == tenant.public_client.scopes
