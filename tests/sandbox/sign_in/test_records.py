from datetime import timedelta

import pytest

from o365lib.sandbox.sign_in.errors import SignInError


@pytest.fixture
def records(sandbox):
    sandbox.clock.stop()
    return sandbox.sign_ins


@pytest.fixture
def app_id(tenant):
    return tenant.public_client.app_id


def code_of(action, *args, **words):
    with pytest.raises(SignInError) as caught:
        action(*args, **words)
    return caught.value.code


@pytest.fixture
def device(records, tenant, app_id):
    return records.start_device(tenant=tenant, app_id=app_id, scope="User.Read")


def test_a_device_code_waits_until_a_person_approves_it(records, device, tenant, app_id):
    assert code_of(records.poll_device, device.device_code, app_id) == 70016
    name = tenant.administrator["userPrincipalName"]
    records.approve_device_code(device.user_code.lower(), name)
    approved = records.poll_device(device.device_code, app_id)
    assert approved.user_id == tenant.administrator["id"]
    assert code_of(records.poll_device, device.device_code, app_id) == 70018


def test_a_device_code_belongs_to_its_client(records, device):
    assert code_of(records.poll_device, device.device_code, "another") == 70018
    assert code_of(records.poll_device, "unknown", device.app_id) == 70018


def test_a_device_code_can_be_declined(records, device, app_id):
    records.decline_device_code(device.user_code)
    assert code_of(records.poll_device, device.device_code, app_id) == 70020


def test_a_device_code_expires(records, sandbox, device, tenant, app_id):
    sandbox.clock.advance(seconds=901)
    assert code_of(records.poll_device, device.device_code, app_id) == 70019
    with pytest.raises(KeyError):
        records.approve_device_code(device.user_code, tenant.administrator["userPrincipalName"])


def test_who_polls_too_fast_is_slowed_down_if_that_is_enforced(records, sandbox, device, app_id):
    def poll():
        return code_of(records.poll_device, device.device_code, app_id)

    assert [poll(), poll()] == [70016, 70016]
    sandbox.device_code_polling_enforced = True
    assert poll() == 70021
    sandbox.clock.advance(seconds=5)
    assert poll() == 70016


def test_what_hinders_the_person_is_the_clients_answer(records, device, tenant, app_id):
    tenant.sign_in[tenant.administrator["id"]].forced_error = 50076
    records.approve_device_code(device.user_code, tenant.administrator["userPrincipalName"])
    assert code_of(records.poll_device, device.device_code, app_id) == 50076


def test_a_stranger_cannot_approve(records, device):
    with pytest.raises(KeyError, match="cannot sign in"):
        records.approve_device_code(device.user_code, "nobody@alpinebooks.example")


def issue(records, tenant, app_id):
    return records.issue_code(
        tenant_id=tenant.id,
        app_id=app_id,
        user_id=tenant.administrator["id"],
        scope="User.Read",
        redirect_uri="http://localhost",
        code_challenge=None,
        nonce=None,
    ).code


def test_an_authorization_code_is_redeemed_once(records, tenant, app_id):
    code = issue(records, tenant, app_id)
    words = {"app_id": app_id, "tenant_id": tenant.id}
    assert records.redeem_code(code, **words).code == code
    assert code_of(records.redeem_code, code, **words) == 54005


def test_an_authorization_code_expires_and_belongs_to_client_and_tenant(
    records, sandbox, tenant, app_id
):
    code = issue(records, tenant, app_id)
    assert code_of(records.redeem_code, code, app_id="x", tenant_id=None) == 70000
    assert code_of(records.redeem_code, code, app_id=app_id, tenant_id="x") == 70000
    assert code_of(records.redeem_code, "made up", app_id=app_id, tenant_id=None) == 70000
    sandbox.clock.advance(seconds=601)
    assert code_of(records.redeem_code, code, app_id=app_id, tenant_id=tenant.id) == 70008


@pytest.fixture
def refresh(records, tenant, app_id):
    token = records.issue_refresh_token(
        tenant_id=tenant.id,
        app_id=app_id,
        user_id=tenant.administrator["id"],
        scope="User.Read",
    )

    def use(**changes):
        words = {"app_id": app_id, "tenant_id": tenant.id, **changes}
        return records.use_refresh_token(words.pop("token", token), **words)

    return use


def test_a_refresh_token_lives_as_long_as_it_is_used(refresh, sandbox):
    for _ in range(3):
        sandbox.clock.advance(days=89)
        assert refresh().scope == "User.Read"
    sandbox.clock.advance(days=91)
    assert code_of(refresh) == 700082


def test_a_refresh_token_belongs_to_client_and_tenant(refresh):
    assert code_of(refresh, app_id="x") == 70000
    assert code_of(refresh, tenant_id="x") == 70000
    assert code_of(refresh, token="made up") == 70000
    assert refresh(tenant_id=None)


def test_a_revoked_refresh_token_and_that_of_a_deleted_user_are_dead(refresh, sandbox, tenant):
    user_id = tenant.administrator["id"]
    tenant.sign_in[user_id].valid_from = sandbox.clock.now() + timedelta(seconds=1)
    assert code_of(refresh) == 50173
    tenant.remove_user(user_id, sandbox.clock.now())
    assert code_of(refresh) == 50034


def test_codes_and_tokens_are_secrets_and_show_in_no_repr(records, sandbox, device, tenant, app_id):
    code = issue(records, tenant, app_id)
    assert {code, device.device_code, device.user_code} <= sandbox.secrets()
    assert device.device_code not in repr(device)
