import pytest

from o365lib.sandbox import Sandbox


def test_a_tenant_is_added_with_sensible_words_for_what_is_not_said(sandbox):
    tenant = sandbox.add_tenant("heron-homes")
    assert tenant.display_name == "Heron Homes"
    assert list(tenant.domains) == ["heronhomes.example", "heronhomes.onmicrosoft.com"]
    assert sandbox.tenant("heron-homes") is tenant
    assert sandbox.tenants[tenant.id] is tenant


def test_a_tenant_may_have_only_its_initial_domain(sandbox):
    tenant = sandbox.add_tenant("ibis", domains=(), onmicrosoft="ibisltd", employees=0)
    assert list(tenant.domains) == ["ibisltd.onmicrosoft.com"]
    assert tenant.domains["ibisltd.onmicrosoft.com"]["isDefault"]


def test_two_tenants_cannot_share_a_name_or_domain(sandbox):
    with pytest.raises(ValueError, match="belongs to another"):
        sandbox.add_tenant("other", domains=("alpinebooks.example",))


def test_an_unknown_tenant_is_an_error(sandbox):
    with pytest.raises(KeyError, match="no tenant"):
        sandbox.tenant("nobody")
    assert sandbox.find_tenant("nobody") is None


def test_thousands_of_tenants_come_from_the_seed():
    one, other = Sandbox(seed="x"), Sandbox(seed="x")
    one.add_fleet(2000)
    other.add_fleet(2000)
    assert list(one.tenants) == list(other.tenants)
    last = list(one.tenants)[-1]
    assert set(one.tenants[last].users) == set(other.tenants[last].users)


def test_secrets_are_known_before_anything_was_asked(sandbox, tenant):
    secrets = sandbox.secrets()
    assert tenant.application.client_secret in secrets
    assert tenant.password_of(tenant.administrator["id"]) in secrets
    assert sandbox.control_key in secrets


def test_every_secret_that_travels_is_known(sandbox, tenant, web, graph, new_user):
    graph("POST", "/users", new_user())
    graph("GET", "/domains", Authorization="Bearer a-foreign-token")
    web.token(
        tenant,
        grant_type="password",
        client_id=tenant.public_client.app_id,
        username=tenant.administrator["userPrincipalName"],
        password="a wrong guess",
        scope="User.Read",
    )
    web.token(tenant, grant_type="refresh_token", refresh_token="made-up", client_id="x")
    assert {
        graph.token,
        "Zx4!harbourTulip92",
        "a wrong guess",
        "made-up",
        "a-foreign-token",
    } <= sandbox.secrets()


def test_a_rejected_body_still_gives_its_password_away(sandbox, graph, new_user):
    weak = {"password": "weak but secret"}
    assert graph("POST", "/users", new_user(passwordProfile=weak)).status_code == 400
    assert "weak but secret" in sandbox.secrets()


def test_a_journal_without_end_forgets_its_older_half(sandbox, graph):
    graph("GET", "/domains")
    [*_, seen] = sandbox.journal
    sandbox.journal[:] = [seen] * 199_998
    sandbox.note(seen)
    assert len(sandbox.journal) == 199_999
    sandbox.note(seen)
    assert len(sandbox.journal) == 100_000


def test_unknown_codes_cannot_be_approved_or_declined(sandbox, tenant):
    with pytest.raises(KeyError, match="No sign-in waits"):
        sandbox.approve_device_code("NOTHING99", tenant.administrator["userPrincipalName"])
    with pytest.raises(KeyError, match="No sign-in waits"):
        sandbox.decline_device_code("NOTHING99")


def test_it_is_served_once_at_a_time(sandbox):
    with sandbox.serve(), pytest.raises(RuntimeError, match="already"), sandbox.serve():
        pass
    with sandbox.serve() as served:
        assert sandbox.served is served
    assert sandbox.served is None


def test_state_is_kept_in_a_file_over_restarts(tmp_path):
    path = tmp_path / "state.sqlite"
    first = Sandbox("demo", path)
    first.add_demo_tenants()
    first.add_fleet(3)
    tenant = first.tenant("alpine-books")
    user = tenant.add_user(user_principal_name="ann@alpinebooks.example", display_name="Ann")
    secret, password = tenant.application.client_secret, tenant.password_of(user["id"])
    first.close()
    second = Sandbox("demo", path)
    assert second.tenant("alpine-books").find_user("ann@alpinebooks.example") == user
    second.add_demo_tenants()
    second.add_fleet(3)
    kept = second.tenant("alpine-books")
    assert kept.application.client_secret == secret
    assert kept.password_of(user["id"]) == password
    assert len(second.tenants) == 10
    second.close()
    second.close()
