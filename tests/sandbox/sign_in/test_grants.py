import pytest

GRAPH = "https://graph.microsoft.com"
OPENID = "openid profile offline_access"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def app_id(tenant):
    return tenant.public_client.app_id


@pytest.fixture
def person(web, tenant, app_id):
    """Ask for a person's token with a password; words change the form."""

    def ask(name="admin", **form):
        user_principal_name = f"{name}@{tenant.initial_domain}"
        values = {
            "grant_type": "password",
            "client_id": app_id,
            "username": user_principal_name,
            "scope": f"{GRAPH}/User.Read {OPENID}",
            "client_info": "1",
        }
        if tenant.find_user(user_principal_name):
            values["password"] = tenant.password_of(user_principal_name)
        answer = web.token(tenant, **{**values, **form})
        return answer.json()

    return ask


def start(web, tenant, app_id, scope=f"{GRAPH}/User.Read {OPENID}", name=None):
    form = {"client_id": app_id, "scope": scope}
    return web.login("POST", f"/{name or tenant.id}/oauth2/v2.0/devicecode", data=form)


def test_an_applications_token_comes_alone(web, tenant):
    answer = web.token(
        tenant,
        grant_type="client_credentials",
        client_id=tenant.application.app_id,
        client_secret=tenant.application.client_secret,
        scope=f"{GRAPH}/.default",
    )
    assert set(answer.json()) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"scope": f"{GRAPH}/User.Read"}, 70011),
        ({"scope": ""}, 900144),
        ({"scope": "https://nowhere.example/.default"}, 500011),
        ({"grant_type": "telepathy"}, 70003),
        ({"grant_type": ""}, 900144),
    ],
)
def test_wrong_requests_for_an_applications_token_are_refused(web, tenant, form, code):
    values = {
        "grant_type": "client_credentials",
        "client_id": tenant.application.app_id,
        "client_secret": tenant.application.client_secret,
        "scope": f"{GRAPH}/.default",
    }
    body = web.token(tenant, **{**values, **form}).json()
    assert body["error_codes"] == [code]


def test_an_applications_token_needs_one_tenant(web, tenant):
    form = {"grant_type": "client_credentials", "client_id": tenant.application.app_id}
    assert web.token("common", **form).json()["error_codes"] == [90002]


def test_the_device_flow_goes_from_pending_to_tokens(web, sandbox, tenant, app_id, served):
    flow = start(web, tenant, app_id).json()
    assert flow["verification_uri"] == f"{served.login_base_url}/devicelogin"
    assert flow["user_code"] in flow["message"]
    assert (flow["expires_in"], flow["interval"]) == (900, 5)
    form = {
        "grant_type": DEVICE_GRANT,
        "client_id": app_id,
        "device_code": flow["device_code"],
        "code": flow["device_code"],
        "client_info": "1",
    }
    waiting = web.token(tenant, **form)
    assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
    sandbox.approve_device_code(flow["user_code"], tenant.administrator["userPrincipalName"])
    body = web.token(tenant, **form).json()
    assert body["scope"] == f"{GRAPH}/User.Read openid profile"
    assert {"access_token", "refresh_token", "id_token", "client_info"} <= set(body)
    assert web.token(tenant, **form).json()["error"] == "bad_verification_code"


def test_a_device_flow_of_organizations_ends_in_the_persons_tenant(web, sandbox, tenant, app_id):
    flow = start(web, tenant, app_id, name="organizations").json()
    sandbox.approve_device_code(flow["user_code"], tenant.administrator["userPrincipalName"])
    answer = web.token(
        "organizations",
        grant_type=DEVICE_GRANT,
        client_id=app_id,
        device_code=flow["device_code"],
    )
    assert sandbox.sign_ins.tokens.read(answer.json()["access_token"])["tid"] == tenant.id


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"client_id": ""}, 900144),
        ({"scope": ""}, 900144),
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, 700016),
        ({"scope": "Users"}, 70011),
    ],
)
def test_wrong_device_requests_are_refused(web, tenant, app_id, form, code):
    data = {"client_id": app_id, "scope": "User.Read", **form}
    answer = web.login("POST", f"/{tenant.id}/oauth2/v2.0/devicecode", data=data)
    assert answer.json()["error_codes"] == [code]


def test_a_confidential_application_has_no_device_flow(web, tenant):
    answer = start(web, tenant, tenant.application.app_id)
    assert answer.json()["error_codes"] == [7000218]


def test_a_refresh_token_gives_tokens_for_other_scopes(web, tenant, person, app_id, sandbox):
    body = person()
    again = web.token(
        tenant,
        grant_type="refresh_token",
        client_id=app_id,
        refresh_token=body["refresh_token"],
        scope=f"{GRAPH}/Mail.Send {OPENID}",
    ).json()
    assert sandbox.sign_ins.tokens.read(again["access_token"])["scp"] == "Mail.Send"
    assert again["refresh_token"] != body["refresh_token"]


def test_without_offline_access_and_openid_there_are_no_other_tokens(person):
    body = person(scope=f"{GRAPH}/User.Read", client_info="")
    assert not {"refresh_token", "id_token", "client_info"} & set(body)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, 50126),
        ({"username": "nobody@alpinebooks.example"}, 50034),
        ({"username": "admin@cedardental.onmicrosoft.com"}, 50020),
        ({"password": ""}, 900144),
        ({"scope": "AuditLog.ReadWrite.All"}, 65001),
    ],
)
def test_what_is_wrong_with_a_persons_request_is_told(person, change, code):
    assert person(**change)["error_codes"] == [code]


def test_a_disabled_persons_refresh_token_is_no_use(web, tenant, person, app_id):
    token = person()["refresh_token"]
    tenant.administrator["accountEnabled"] = False
    form = {"grant_type": "refresh_token", "client_id": app_id, "refresh_token": token}
    assert web.token(tenant, **form).json()["error_codes"] == [50057]


def test_a_token_request_for_another_clients_refresh_token_is_refused(web, tenant, person):
    form = {"grant_type": "refresh_token", "refresh_token": person()["refresh_token"]}
    answer = web.token(tenant, client_id=tenant.application.app_id, **form)
    assert answer.json()["error_codes"] == [70000]
