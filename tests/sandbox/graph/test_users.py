import pytest

DEFAULT = {
    "@odata.context",
    "id",
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
}


@pytest.fixture
def user(tenant):
    return tenant.find_user("employee1@alpinebooks.example")


def test_a_created_user_is_answered_with_the_default_properties(graph, tenant, new_user, served):
    answer = graph("POST", "/users", new_user(usageLocation="AU"))
    body = answer.json()
    assert (answer.status_code, set(body)) == (201, DEFAULT)
    assert (body["mail"], body["businessPhones"]) == (None, [])
    assert body["@odata.context"] == f"{served.graph_base_url}/v1.0/$metadata#users/$entity"
    assert body["id"] in answer.headers["Location"]
    assert "Zx4!" not in answer.text
    user = tenant.users[body["id"]]
    assert (user["usageLocation"], user["accountEnabled"]) == ("AU", True)
    assert tenant.password_of(body["id"]) == "Zx4!harbourTulip92"


def test_a_created_user_has_no_mailbox_licence_or_role(graph, tenant, new_user):
    user_id = graph("POST", "/users", new_user()).json()["id"]
    assert user_id not in tenant.mailboxes
    assert graph.values(f"/users/{user_id}/licenseDetails") == []
    assert graph.values(f"/users/{user_id}/memberOf") == []


def test_a_password_is_never_shown(graph, new_user):
    user_id = graph("POST", "/users", new_user()).json()["id"]
    found = graph.get(f"/users/{user_id}?$select=passwordProfile")["passwordProfile"]
    assert found == {
        "password": None,
        "forceChangePasswordNextSignIn": True,
        "forceChangePasswordNextSignInWithMfa": False,
    }


def test_a_user_is_found_by_id_name_and_key_in_parentheses(graph, user, tenant):
    keys = [user["id"], user["id"].upper(), user["userPrincipalName"].upper()]
    for key in keys:
        assert graph.get(f"/users/{key}")["id"] == user["id"]
    assert graph.get(f"/users('{user['userPrincipalName']}')")["id"] == user["id"]
    guest = tenant.add_user(
        user_principal_name="o'neil_x#EXT#@alpinebooks.example", display_name="Guest"
    )
    assert graph.get("/users/o'neil_x%23EXT%23@alpinebooks.example")["id"] == guest["id"]
    assert graph.get("/users('o''neil_x%23EXT%23@alpinebooks.example')")["id"] == guest["id"]


def test_an_unknown_user_is_not_found(graph):
    answer = graph("GET", "/users/nobody@alpinebooks.example")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(
        "Resource 'nobody@alpinebooks.example' does not exist"
    )


def test_with_basic_permission_only_basic_properties_are_told(as_application, user):
    user["jobTitle"], user["city"] = "Gardener", "Perth"
    select = "$select=displayName,jobTitle,city,accountEnabled,assignedLicenses"
    basic = as_application({"User.ReadBasic.All"}).get(f"/users/{user['id']}?{select}")
    assert basic["displayName"] == user["displayName"]
    assert (basic["jobTitle"], basic["city"], basic["assignedLicenses"]) == (None, None, [])
    full = as_application({"User.Read.All"}).get(f"/users/{user['id']}?{select}")
    assert (full["jobTitle"], full["city"]) == ("Gardener", "Perth")


def test_users_are_counted_by_advanced_queries(graph, tenant):
    answer = graph("GET", "/users/$count", ConsistencyLevel="eventual")
    assert (answer.text, answer.headers["Content-Type"]) == (
        str(len(tenant.users)),
        "text/plain",
    )
    assert graph("GET", "/users/$count").status_code == 400


def test_a_change_is_made_and_answered_without_a_body(graph, user):
    answer = graph("PATCH", f"/users/{user['id']}", {"city": "Perth", "givenName": None})
    assert (answer.status_code, answer.content) == (204, b"")
    found = graph.get(f"/users/{user['id']}?$select=city,givenName")
    assert (found["city"], found["givenName"]) == ("Perth", None)


def test_a_user_can_be_renamed_but_not_to_anothers_name(graph, user, tenant):
    path = f"/users/{user['id']}"
    other = {"userPrincipalName": tenant.administrator["userPrincipalName"]}
    assert graph("PATCH", path, other).status_code == 400
    assert graph("PATCH", path, {"userPrincipalName": "new@alpinebooks.example"}).status_code == 204
    assert graph.get("/users/new@alpinebooks.example")["id"] == user["id"]
    same = {"userPrincipalName": "NEW@alpinebooks.example"}
    assert graph("PATCH", path, same).status_code == 204


def test_a_new_password_counts_at_once_and_ends_old_sessions(sandbox, graph, user, tenant):
    sandbox.clock.advance(seconds=5)
    before = tenant.sign_in[user["id"]].valid_from
    profile = {"password": "Qv8!meadowLantern31", "forceChangePasswordNextSignIn": False}
    assert graph("PATCH", f"/users/{user['id']}", {"passwordProfile": profile}).status_code == 204
    assert tenant.password_of(user["id"]) == "Qv8!meadowLantern31"
    assert tenant.sign_in[user["id"]].valid_from > before
    select = "lastPasswordChangeDateTime,passwordProfile"
    found = graph.get(f"/users/{user['id']}?$select={select}")
    assert found["lastPasswordChangeDateTime"] > "2024-01-15T09:00:00Z"
    assert found["passwordProfile"]["forceChangePasswordNextSignIn"] is False


def test_a_change_of_password_can_be_demanded_without_setting_one(graph, user, tenant):
    before = tenant.password_of(user["id"])
    body = {"passwordProfile": {"forceChangePasswordNextSignIn": True}}
    assert graph("PATCH", f"/users/{user['id']}", body).status_code == 204
    assert tenant.password_of(user["id"]) == before
    assert user["passwordProfile"]["forceChangePasswordNextSignIn"] is True


def test_a_weak_new_password_changes_nothing(graph, user, tenant):
    before = tenant.password_of(user["id"])
    body = {"passwordProfile": {"password": "weak"}, "city": "Perth"}
    assert graph("PATCH", f"/users/{user['id']}", body).status_code == 400
    assert tenant.password_of(user["id"]) == before
    assert "city" not in user


@pytest.mark.parametrize(
    ("permission", "body", "status"),
    [
        ("User.EnableDisableAccount.All", {"accountEnabled": False}, 204),
        ("User.EnableDisableAccount.All", {"accountEnabled": False, "city": "x"}, 403),
        ("User-Phone.ReadWrite.All", {"mobilePhone": "1", "businessPhones": []}, 204),
        ("User-Mail.ReadWrite.All", {"otherMails": []}, 204),
        ("User-Mail.ReadWrite.All", {"city": "x"}, 403),
        ("User.ReadWrite.All", {"city": "x", "mobilePhone": "1"}, 204),
        ("User.Read.All", {"city": "x"}, 403),
    ],
)
def test_split_permissions_open_their_properties_only(
    as_application, user, permission, body, status
):
    graph = as_application({permission, "User.Read.All"})
    assert graph("PATCH", f"/users/{user['id']}", body).status_code == status


@pytest.mark.parametrize(
    ("permission", "role", "status"),
    [
        ("User-PasswordProfile.ReadWrite.All", None, 204),
        ("User.ReadWrite.All", None, 403),
        ("User.ReadWrite.All", "User Administrator", 204),
        ("User.ReadWrite.All", "Exchange Administrator", 403),
        ("User.ReadWrite.All", "Global Administrator", 204),
    ],
)
def test_an_application_sets_passwords_by_permission_or_by_role(
    as_application, tenant, user, permission, role, status
):
    if role:
        tenant.assign_role(tenant.application.object_id, role)
    graph = as_application({permission})
    body = {"passwordProfile": {"password": "Qv8!meadowLantern31"}}
    assert graph("PATCH", f"/users/{user['id']}", body).status_code == status


@pytest.mark.parametrize(
    ("scope", "status"),
    [("Directory.AccessAsUser.All", 204), ("User-PasswordProfile.ReadWrite.All", 204), (None, 403)],
)
def test_a_person_sets_passwords_as_the_user(as_person, user, scope, status):
    scopes = {"User.ReadWrite.All"} | ({scope} if scope else set())
    body = {"passwordProfile": {"password": "Qv8!meadowLantern31"}}
    person = as_person("engineer", scopes=scopes)
    assert person("PATCH", f"/users/{user['id']}", body).status_code == status


def test_a_deleted_user_is_gone_and_its_name_free(graph, user, tenant):
    assert graph("DELETE", f"/users/{user['userPrincipalName']}").status_code == 204
    assert graph("GET", f"/users/{user['id']}").status_code == 404
    assert graph("DELETE", f"/users/{user['id']}").status_code == 404
    assert user["id"] in tenant.deleted_users


def test_reading_permission_does_not_delete(as_application, user):
    graph = as_application({"User.Read.All", "Directory.ReadWrite.All"})
    assert graph("DELETE", f"/users/{user['id']}").status_code == 403


def test_revoking_sessions_kills_refresh_tokens(sandbox, graph, user, tenant):
    sandbox.clock.advance(seconds=5)
    answer = graph("POST", f"/users/{user['id']}/revokeSignInSessions")
    assert (answer.status_code, answer.json()["value"]) == (200, True)
    assert tenant.sign_in[user["id"]].valid_from.timestamp() > 0
    found = graph.get(f"/users/{user['id']}?$select=signInSessionsValidFromDateTime")
    assert found["signInSessionsValidFromDateTime"] > "2024-01-15T09:00:00Z"


def test_a_new_user_is_unknown_until_it_has_spread_but_its_name_is_taken(sandbox, graph, new_user):
    sandbox.replication_lag_seconds = 30
    new = graph("POST", "/users", new_user()).json()
    by_name = f"/users?$filter=userPrincipalName eq '{new['userPrincipalName']}'"
    assert graph("GET", f"/users/{new['id']}").status_code == 404
    assert graph.values(by_name) == []
    assert graph("POST", "/users", new_user()).status_code == 400
    sandbox.clock.advance(seconds=31)
    assert graph.get(f"/users/{new['id']}")["id"] == new["id"]
    assert len(graph.values(by_name)) == 1


def test_a_deleted_user_may_be_seen_for_a_while_but_not_changed(sandbox, graph, user):
    sandbox.deletion_lag_seconds = 30
    path = f"/users/{user['id']}"
    graph("DELETE", path)
    assert graph("GET", path).status_code == 200
    assert graph("PATCH", path, {"city": "x"}).status_code == 404
    assert graph("DELETE", path).status_code == 404
    sandbox.clock.advance(seconds=31)
    assert graph("GET", path).status_code == 404


def test_sessions_of_a_user_that_only_a_replica_knows_cannot_be_revoked(sandbox, graph, user):
    sandbox.deletion_lag_seconds = 30
    graph("DELETE", f"/users/{user['id']}")
    graph("DELETE", f"/directory/deletedItems/{user['id']}")
    assert graph("POST", f"/users/{user['id']}/revokeSignInSessions").status_code == 404
