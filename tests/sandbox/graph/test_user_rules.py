import pytest

from o365lib.sandbox.graph.user_rules import holder_of_address

LONG = "x" * 300


@pytest.fixture
def create(graph, new_user):
    """Create a user with changes; return the error, or None when it was created."""

    def post(**changes):
        answer = graph("POST", "/users", new_user(**changes))
        if answer.status_code == 201:
            return None
        assert answer.status_code in {400, 501}
        return answer.json()["error"]

    return post


@pytest.mark.parametrize(
    "name",
    ["accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"],
)
def test_what_is_required_must_be_there(create, tenant, name):
    before = len(tenant.users)
    assert create(**{name: ...})["code"] == "Request_BadRequest"
    assert len(tenant.users) == before


def test_a_password_must_be_there(create):
    error = create(passwordProfile={"forceChangePasswordNextSignIn": True})
    assert error["message"] == "A password must be specified to create a new user."


@pytest.mark.parametrize(
    "password", ["short1!", "alllowercaseletters", "xxPractice99!!", "Ünicode99!"]
)
def test_a_weak_password_is_refused_in_the_services_words(create, password):
    message = create(passwordProfile={"password": password})["message"]
    assert message.startswith("The specified password does not comply with password complexity")


def test_a_weak_password_can_be_allowed(create):
    profile = {"password": "alllowercaseletters"}
    assert create(passwordProfile=profile, passwordPolicies="DisableStrongPassword") is None


def test_a_name_in_use_is_a_conflict_in_any_case(create, tenant):
    assert create() is None
    error = create(userPrincipalName=f"PracticeProtect@{tenant.initial_domain}")
    assert error["message"] == (
        "Another object with the same value for property userPrincipalName already exists."
    )
    [detail] = error["details"]
    assert (detail["code"], detail["target"]) == ("ObjectConflict", "userPrincipalName")


@pytest.mark.parametrize("prefix", ["SMTP:", "smtp:"])
def test_another_users_address_is_no_free_name(create, tenant, prefix):
    user = tenant.add_user(
        user_principal_name=f"desk@{tenant.initial_domain}",
        display_name="Front Desk",
        proxy_addresses=[f"{prefix}PracticeProtect@{tenant.initial_domain}"],
    )
    error = create()
    message = "Another object with the same value for property proxyAddresses already exists."
    assert (error["code"], error["message"]) == ("Request_BadRequest", message)
    assert error["details"] == [
        {"code": "ObjectConflict", "message": message, "target": "proxyAddresses"},
        {"code": "ConflictingObjects", "message": message, "target": f"User_{user['id']}"},
    ]
    user["proxyAddresses"] = [f"{prefix}other.practiceprotect@{tenant.initial_domain}"]
    assert create() is None


def test_a_groups_address_is_no_free_name(create, tenant):
    tenant.other_recipients["Group_1"] = [f"smtp:practiceprotect@{tenant.initial_domain}"]
    assert [detail["target"] for detail in create()["details"]] == ["proxyAddresses", "Group_1"]


def test_what_has_an_address_is_named_as_errors_name_it(tenant):
    user = tenant.add_user(
        user_principal_name=f"ann@{tenant.initial_domain}",
        display_name="Ann",
        proxy_addresses=["smtp:Info@Alpinebooks.example"],
    )
    tenant.other_recipients["Contact_1"] = ["SMTP:shop@alpinebooks.example"]
    assert holder_of_address(tenant, "info@alpinebooks.example") == f"User_{user['id']}"
    assert holder_of_address(tenant, "info@alpinebooks.example", but_for=user["id"]) is None
    assert holder_of_address(tenant, "SHOP@alpinebooks.example") == "Contact_1"
    assert holder_of_address(tenant, "nfo@alpinebooks.example") is None


def test_a_user_may_be_renamed_to_an_own_address_and_to_nobody_elses(graph, tenant):
    user = tenant.add_user(
        user_principal_name=f"ann@{tenant.initial_domain}",
        display_name="Ann",
        proxy_addresses=[f"smtp:a.smith@{tenant.initial_domain}"],
    )
    path = f"/users/{user['id']}"
    taken = {"userPrincipalName": f"desk@{tenant.initial_domain}"}
    tenant.administrator["proxyAddresses"] = [f"smtp:desk@{tenant.initial_domain}"]
    refused = graph("PATCH", path, taken)
    assert refused.json()["error"]["details"][0]["target"] == "proxyAddresses"
    own = {"userPrincipalName": f"a.smith@{tenant.initial_domain}"}
    assert graph("PATCH", path, own).status_code == 204


def test_a_deleted_users_name_is_free(create, graph, tenant):
    create()
    user = tenant.find_user(f"practiceprotect@{tenant.initial_domain}")
    graph("DELETE", f"/users/{user['id']}")
    assert create() is None


@pytest.mark.parametrize("domain", ["nowhere.example", "sub.alpinebooks.example"])
def test_the_domain_must_be_verified(create, domain):
    error = create(userPrincipalName=f"practiceprotect@{domain}")
    assert error["message"].startswith("The domain portion of the userPrincipalName property")
    assert error["details"][0]["target"] == "userPrincipalName"


def test_an_unverified_domain_does_not_do(create, tenant):
    tenant.domains["new.example"] = {**tenant.domains["alpinebooks.example"], "isVerified": False}
    assert create(userPrincipalName="practiceprotect@new.example")


@pytest.mark.parametrize(
    "local_part", ["", "a b", "a@b", "ä", "a.", "x" * 65, "a,b", "a/b", "a(b)", 'a"b']
)
def test_the_local_part_has_its_characters_and_length(create, tenant, local_part):
    error = create(userPrincipalName=f"{local_part}@{tenant.initial_domain}")
    assert error["details"][0]["target"] == "userPrincipalName"


@pytest.mark.parametrize("local_part", ["a.b", "o'neil", "a-b_c", "x" * 64, "a#ext#", "~^!"])
def test_unusual_local_parts_are_possible(create, tenant, local_part):
    assert create(userPrincipalName=f"{local_part}@{tenant.initial_domain}") is None


@pytest.mark.parametrize("nickname", ["", "a b", "a@b", "ä", "a;b", "x" * 65])
def test_the_mail_nickname_has_its_characters_and_length(create, nickname):
    assert create(mailNickname=nickname)["code"] == "Request_BadRequest"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "red"}, "BadRequest"),
        ({"accountEnabled": "yes"}, "BadRequest"),
        ({"displayName": 1}, "BadRequest"),
        ({"businessPhones": "1"}, "BadRequest"),
        ({"passwordProfile": "secret"}, "BadRequest"),
        ({"passwordProfile": {"password": "Zx4!harbourTulip92", "colour": 1}}, "BadRequest"),
        ({"passwordProfile": {"password": 12345678}}, "BadRequest"),
        ({"id": "11111111-2222-3333-4444-555555555555"}, "Request_BadRequest"),
        ({"createdDateTime": "2020-01-01T00:00:00Z"}, "Request_BadRequest"),
        ({"assignedLicenses": []}, "Request_BadRequest"),
        ({"displayName": LONG}, "Request_BadRequest"),
        ({"givenName": LONG}, "Request_BadRequest"),
        ({"usageLocation": "Australia"}, "Request_BadRequest"),
        ({"userType": "Robot"}, "Request_BadRequest"),
        ({"passwordPolicies": "Anything"}, "Request_BadRequest"),
        ({"aboutMe": "text"}, "notImplemented"),
        ({"identities": []}, "notImplemented"),
    ],
)
def test_wrong_values_are_refused(create, tenant, change, code):
    before = len(tenant.users)
    assert create(**change)["code"] == code
    assert len(tenant.users) == before


def test_a_user_of_a_federated_domain_needs_an_immutable_id(sandbox, as_application, new_user):
    tenant = sandbox.tenant("bayside-legal")
    graph = as_application(of=tenant)
    body = new_user(userPrincipalName="ann@baysidelegal.example")
    refused = graph("POST", "/users", body)
    assert refused.json()["error"]["details"][0]["target"] == "onPremisesImmutableId"
    assert graph("POST", "/users", {**body, "onPremisesImmutableId": "x"}).status_code == 201
