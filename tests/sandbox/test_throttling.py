from datetime import UTC, datetime, timedelta

import pytest

from o365lib.sandbox import Sandbox
from o365lib.sandbox.throttling import Asked, Throttling, is_counted, resource_units

GRAPH = "https://graph.microsoft.com"
START = datetime(2026, 1, 1, tzinfo=UTC)


def asked(tenant="t1", *, app="a1", users=10, units=1, is_write=False):
    return Asked(app_id=app, tenant_id=tenant, users=users, units=units, is_write=is_write)


def buckets(**settings):
    sandbox = Sandbox("limits")
    for name, value in settings.items():
        setattr(sandbox, name, value)
    return Throttling(sandbox)


def allowed(throttling, request, most=100_000, now=START):
    """How many of these requests are allowed before one is refused."""
    for number in range(most):
        if throttling.ask(request, now).wait_seconds is not None:
            return number
    return most


@pytest.mark.parametrize(
    ("method", "path", "query", "units"),
    [
        ("GET", "users", {}, 2),
        ("GET", "users", {"$select": "id"}, 1),
        ("GET", "users", {"$top": "19"}, 1),
        ("GET", "users", {"$top": "20"}, 2),
        ("GET", "users", {"$expand": "manager"}, 3),
        ("GET", "users", {"$select": "id", "$top": "1"}, 1),
        ("GET", "users/x", {}, 1),
        ("GET", "users/x/memberOf", {}, 2),
        ("GET", "me/memberOf", {}, 2),
        ("GET", "users/x/licenseDetails", {}, 2),
        ("GET", "users/x/transitiveMemberOf", {}, 2),
        ("GET", "subscribedSkus", {}, 3),
        ("GET", "organization", {}, 1),
        ("GET", "organization", {"$select": "id"}, 1),
        ("POST", "users", {}, 1),
        ("DELETE", "users/x", {}, 1),
    ],
)
def test_requests_cost_what_is_documented(method, path, query, units):
    assert resource_units(method, tuple(path.split("/")), query) == units


@pytest.mark.parametrize(("users", "units"), [(49, 3500), (50, 5000), (500, 5000), (501, 8000)])
def test_an_application_may_ask_in_one_tenant_as_much_as_is_documented_for_its_size(users, units):
    assert allowed(buckets(), asked(users=users)) == units
    assert allowed(buckets(), asked(users=users, units=10)) == units // 10


def test_an_application_has_one_limit_in_all_tenants_together():
    throttling = buckets(throttle_application_units=100)
    assert sum(allowed(throttling, asked(f"t{number}"), 30) for number in range(9)) == 100
    refused = throttling.ask(asked("t9"), START)
    assert refused.headers["x-ms-throttle-scope"] == "Application/ReadWrite/a1/t9"
    assert refused.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert throttling.ask(asked("t9", app="a2"), START).wait_seconds is None


def test_the_documented_number_is_150_000_in_20_seconds():
    throttling = buckets(throttle_tenant_units=10**9)
    assert allowed(throttling, asked(units=1000)) == 150
    assert allowed(throttling, asked(units=1000), now=START + timedelta(seconds=60)) == 150


def test_one_tenants_limit_is_not_anothers():
    throttling = buckets(throttle_tenant_units=5)
    assert allowed(throttling, asked("t1"), 6) == 5
    assert allowed(throttling, asked("t2"), 6) == 5
    scope = throttling.ask(asked("t1"), START).headers["x-ms-throttle-scope"]
    assert scope == "Tenant_Application/ReadWrite/a1/t1"


def test_whoever_reaches_a_limit_is_refused_until_half_of_it_is_free_again():
    throttling = buckets(throttle_application_units=10, throttle_application_seconds=20)
    assert allowed(throttling, asked("t1")) == 10
    assert throttling.ask(asked("t1"), START).wait_seconds == 10
    too_soon = START + timedelta(seconds=9.5)
    # Two are free by now, and refused all the same, in another tenant too; nobody waits longer.
    assert throttling.ask(asked("t2"), too_soon).wait_seconds == 0.5
    then = START + timedelta(seconds=10)
    assert allowed(throttling, asked("t2"), now=then) == 5


def test_a_limit_frees_itself_with_time():
    throttling = buckets(throttle_application_units=10, throttle_application_seconds=20)
    for number in range(50):
        then = START + timedelta(seconds=2 * number)
        assert throttling.ask(asked(), then).wait_seconds is None


def test_the_answer_tells_how_much_is_used_from_four_fifths_on():
    throttling = buckets(throttle_application_units=10)
    told = [throttling.ask(asked(), START).headers for _ in range(10)]
    assert [each.get("x-ms-throttle-limit-percentage") for each in told] == [
        *[None] * 8,
        "0.90",
        "1.00",
    ]


@pytest.mark.parametrize(
    ("tenants", "quota", "scope"),
    [(1, 3_000, "Tenant_Application"), (70, 70_000, "Application")],
)
def test_writes_have_limits_of_their_own(tenants, quota, scope):
    throttling = buckets(throttle_tenant_units=10**9, throttle_application_units=10**9)
    per_tenant = quota // tenants
    for number in range(tenants):
        assert allowed(throttling, asked(f"t{number}", is_write=True), per_tenant) == per_tenant
    refused = throttling.ask(asked("t0", is_write=True), START)
    assert refused.headers["x-ms-throttle-scope"].startswith(f"{scope}/Write/")
    assert refused.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert throttling.ask(asked("t0"), START).wait_seconds is None


def test_the_writes_of_all_applications_in_a_tenant_have_a_limit():
    throttling = buckets(throttle_tenant_units=10**9)
    for number in range(6):
        assert allowed(throttling, asked(app=f"a{number}", is_write=True), 3000) == 3000
    refused = throttling.ask(asked(app="a9", is_write=True), START)
    assert refused.headers["x-ms-throttle-scope"] == "Tenant/Write/a9/t1"


def test_reports_and_mail_are_not_counted_here():
    assert is_counted(("users",))
    assert not is_counted(("auditLogs", "directoryAudits"))
    assert not is_counted(("users", "x", "sendMail"))


# --- as it is seen from outside ---


@pytest.fixture
def shared(sandbox):
    """Two tenants with one application."""
    sandbox.clock.stop()
    return [sandbox.add_tenant(name, application="vendor") for name in ("one-vet", "two-vet")]


def test_nothing_is_throttled_unless_it_is_asked_for(sandbox, graph):
    sandbox.throttle_application_units = 1
    assert [graph("GET", "/organization").status_code for _ in range(3)] == [200] * 3


def test_an_application_is_throttled_in_one_tenant_for_what_it_asks_in_another(
    sandbox, shared, as_application
):
    one, two = (as_application(of=tenant) for tenant in shared)
    sandbox.throttle, sandbox.throttle_application_units = True, 4
    assert [one("GET", "/users").status_code for _ in range(2)] == [200, 200]
    refused = two("GET", "/users")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert refused.headers["x-ms-throttle-scope"].startswith("Application/ReadWrite/")
    sandbox.clock.advance(seconds=float(refused.headers["Retry-After"]) + 0.001)
    assert two("GET", "/users").status_code == 200


def test_a_throttled_write_is_not_done(sandbox, tenant, graph):
    sandbox.throttle, sandbox.throttle_application_units = True, 1
    administrator = tenant.administrator
    path = f"/users/{administrator['id']}"
    assert graph("GET", path).status_code == 200
    assert graph("PATCH", path, {"city": "Perth"}).status_code == 429
    assert administrator.get("city") is None


def test_items_of_a_batch_are_counted_and_refused_each(sandbox, graph):
    sandbox.clock.stop()
    sandbox.throttle, sandbox.throttle_application_units = True, 3
    items = [{"id": str(number), "method": "GET", "url": "/organization"} for number in range(4)]
    answers = graph("POST", "/$batch", {"requests": items}).json()["responses"]
    assert [each["status"] for each in answers] == [200, 200, 200, 429]
    assert float(
        {name.lower(): text for name, text in answers[3]["headers"].items()}["retry-after"]
    )


def test_each_answer_says_what_it_cost(graph):
    assert graph("GET", "/users").headers["x-ms-resource-unit"] == "2"
    assert graph("GET", "/users?$select=id").headers["x-ms-resource-unit"] == "1"


def fetch(web, tenant):
    return web.token(
        tenant,
        grant_type="client_credentials",
        client_id=tenant.application.app_id,
        client_secret=tenant.application.client_secret,
        scope=f"{GRAPH}/.default",
    )


def test_an_application_that_fetches_many_tokens_is_told_to_wait(sandbox, shared, web, tenant):
    sandbox.throttle_sign_ins, sandbox.throttle_sign_in_seconds = 3, 10
    statuses = [fetch(web, shared[number % 2]).status_code for number in range(3)]
    refused = fetch(web, shared[0])
    assert (statuses, refused.status_code) == ([200] * 3, 429)
    assert refused.text == "Too Many Requests"
    assert refused.headers["Retry-After"] == "60"
    assert fetch(web, tenant).status_code == 200  # another application
    sandbox.clock.advance(seconds=60)
    assert fetch(web, shared[0]).status_code == 200


def test_in_a_persons_name_it_is_told_that_it_loops(sandbox, web, tenant):
    sandbox.throttle_sign_ins = 1
    name = tenant.administrator["userPrincipalName"]
    form = {
        "grant_type": "password",
        "client_id": tenant.public_client.app_id,
        "username": name,
        "password": tenant.password_of(name),
        "scope": f"{GRAPH}/.default",
    }
    answers = [web.token(tenant, **form) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 400]
    assert answers[1].json()["error"] == "invalid_grant"
    assert answers[1].json()["error_codes"] == [50196]


def test_polls_for_a_device_code_are_no_loop(sandbox, web, tenant):
    sandbox.throttle_sign_ins = 1
    client = tenant.public_client.app_id
    begun = web.login(
        "POST",
        f"/{tenant.id}/oauth2/v2.0/devicecode",
        data={"client_id": client, "scope": f"{GRAPH}/User.Read"},
    ).json()
    polled = [
        web.token(
            tenant,
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
            client_id=client,
            device_code=begun["device_code"],
        ).json()["error"]
        for _ in range(3)
    ]
    assert polled == ["authorization_pending"] * 3
