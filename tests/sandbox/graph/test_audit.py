import pytest


def activities(graph, query=""):
    return [
        entry["activityDisplayName"] for entry in graph.values(f"/auditLogs/directoryAudits{query}")
    ]


@pytest.fixture
def changed(graph, new_user):
    """Create the vendor's account, give it a role, reset its password, delete it for good."""
    user = graph("POST", "/users", new_user()).json()
    body = {
        "principalId": user["id"],
        "roleDefinitionId": "29232cdf-9323-42fd-ade2-1d097af3e4de",
        "directoryScopeId": "/",
    }
    assignment = graph("POST", "/roleManagement/directory/roleAssignments", body).json()
    graph("DELETE", f"/roleManagement/directory/roleAssignments/{assignment['id']}")
    path = f"/users/{user['id']}"
    graph("PATCH", path, {"passwordProfile": {"password": "Qv8!meadowLantern31"}})
    graph("PATCH", path, {"jobTitle": "Vendor"})
    graph("POST", f"{path}/revokeSignInSessions")
    graph("DELETE", path)
    graph("POST", f"/directory/deletedItems/{user['id']}/restore")
    graph("DELETE", path)
    graph("DELETE", f"/directory/deletedItems/{user['id']}")
    return user


def test_every_change_is_written_down_newest_first(graph, changed):
    assert activities(graph) == [
        "Hard Delete user",
        "Delete user",
        "Restore user",
        "Delete user",
        "Update StsRefreshTokenValidFrom Timestamp",
        "Update user",
        "Reset user password",
        "Remove member from role",
        "Add member to role",
        "Add user",
    ]


def test_an_entry_says_who_did_what_to_whom(graph, changed, tenant):
    entry = graph.values("/auditLogs/directoryAudits")[-1]
    assert (entry["category"], entry["result"], entry["operationType"]) == (
        "UserManagement",
        "success",
        "Add",
    )
    assert entry["initiatedBy"]["app"]["appId"] == tenant.application.app_id
    assert entry["initiatedBy"]["user"] is None
    assert entry["targetResources"][0]["id"] == changed["id"]
    assert entry["targetResources"][0]["modifiedProperties"][0]["newValue"] == (
        f'["{changed["userPrincipalName"]}"]'
    )


def test_a_persons_changes_name_the_person(as_person, graph, tenant):
    engineer = as_person("engineer")
    user = tenant.find_user("employee1@alpinebooks.example")
    engineer("PATCH", f"/users/{user['id']}", {"city": "Perth"})
    entry = graph.values("/auditLogs/directoryAudits")[0]
    assert entry["initiatedBy"]["app"] is None
    assert entry["initiatedBy"]["user"]["userPrincipalName"] == f"engineer@{tenant.initial_domain}"


def test_the_clients_own_id_is_the_correlation_id(graph, tenant):
    user = tenant.find_user("employee1@alpinebooks.example")
    own = "11111111-2222-3333-4444-555555555555"
    graph("PATCH", f"/users/{user['id']}", {"city": "Perth"}, client_request_id=own)
    assert graph.values("/auditLogs/directoryAudits")[0]["correlationId"] == own
    graph("PATCH", f"/users/{user['id']}", {"city": "Cairns"}, client_request_id="no guid")
    assert graph.values("/auditLogs/directoryAudits")[0]["correlationId"] != "no guid"


def test_a_refused_change_is_not_written_down(graph, new_user):
    graph("POST", "/users", new_user(userPrincipalName="x@nowhere.example"))
    assert activities(graph) == []


def test_no_password_is_written_down(graph, changed, tenant):
    assert "meadowLantern" not in repr(tenant.directory_audits)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("activityDisplayName eq 'Add user'", 1),
        ("startswith(activityDisplayName,'Delete')", 2),
        ("targetResources/any(t: t/id eq '{id}')", 10),
        ("targetResources/any(t: t/id eq 'somebody else')", 0),
        ("activityDateTime ge 2020-01-01T00:00:00Z", 10),
        ("activityDateTime le 2020-01-01T00:00:00Z", 0),
        ("initiatedBy/app/appId eq '{app}' and loggedByService eq 'Core Directory'", 10),
        ("initiatedBy/user/id eq '{app}'", 0),
    ],
)
def test_the_log_is_filtered_as_documented(graph, changed, tenant, query, count):
    text = query.format(id=changed["id"], app=tenant.application.app_id)
    assert len(activities(graph, f"?$filter={text}")) == count


def test_one_entry_can_be_read(graph, changed):
    entry = graph.values("/auditLogs/directoryAudits?$top=1")[0]
    assert graph.get(f"/auditLogs/directoryAudits/{entry['id']}")["id"] == entry["id"]
    assert graph("GET", "/auditLogs/directoryAudits/none").status_code == 404


def test_the_log_lags_when_it_is_told_to(sandbox, graph, changed):
    sandbox.audit_lag_seconds = 120
    assert activities(graph) == []
    sandbox.clock.advance(seconds=121)
    assert len(activities(graph)) == 10


def test_five_requests_in_ten_seconds_are_allowed_when_it_throttles(sandbox, graph):
    sandbox.clock.stop()
    sandbox.audit_throttle = True
    statuses = [graph("GET", "/auditLogs/directoryAudits").status_code for _ in range(5)]
    refused = graph("GET", "/auditLogs/directoryAudits")
    assert (statuses, refused.status_code) == ([200] * 5, 429)
    sandbox.clock.advance(seconds=float(refused.headers["Retry-After"]) + 0.001)
    assert graph("GET", "/auditLogs/directoryAudits").status_code == 200


@pytest.mark.parametrize(("tenant_name", "days"), [("alpine-books", 7), ("eastgate-physio", 30)])
def test_the_log_forgets_after_as_many_days_as_the_licence_gives(
    sandbox, as_application, tenant_name, days
):
    sandbox.clock.stop()
    of = sandbox.tenant(tenant_name)
    path = f"/users/{of.administrator['id']}"
    assert as_application(of=of)("PATCH", path, {"city": "Perth"}).status_code == 204
    sandbox.clock.advance(days=days, seconds=-2)
    assert activities(as_application(of=of)) == ["Update user"]
    sandbox.clock.advance(seconds=3)
    assert activities(as_application(of=of)) == []


def test_the_log_takes_both_permissions(as_application):
    for roles, status in (
        ({"AuditLog.Read.All"}, 403),
        ({"Directory.Read.All"}, 403),
        ({"AuditLog.Read.All", "Directory.Read.All"}, 200),
    ):
        assert as_application(roles)("GET", "/auditLogs/directoryAudits").status_code == status


def test_a_password_that_its_holder_chose_names_the_holder(sandbox, graph, tenant):
    holder = tenant.administrator
    sandbox.change_password("alpine-books", holder["id"], "own choice of 1 person")
    entry = graph.values("/auditLogs/directoryAudits")[0]
    assert entry["activityDisplayName"] == "Change user password"
    assert entry["initiatedBy"]["user"]["id"] == entry["targetResources"][0]["id"] == holder["id"]
    assert holder["lastPasswordChangeDateTime"] == entry["activityDateTime"]


def test_blocking_a_sign_in_has_an_entry_of_its_own(graph, tenant):
    user = tenant.find_user("employee1@alpinebooks.example")
    for enabled in (False, True):
        graph("PATCH", f"/users/{user['id']}", {"accountEnabled": enabled})
    assert activities(graph) == ["Update user", "Enable account", "Update user", "Disable account"]
    entry = graph.values("/auditLogs/directoryAudits")[-1]
    assert entry["targetResources"][0]["modifiedProperties"] == [
        {"displayName": "AccountEnabled", "oldValue": "[true]", "newValue": "[false]"}
    ]


def test_an_assignment_names_the_role_and_its_template(graph, changed):
    entry = graph.values(
        "/auditLogs/directoryAudits?$filter=startswith(activityDisplayName,'Add m')"
    )[0]
    found = entry["targetResources"][0]["modifiedProperties"]
    assert {each["displayName"]: each["newValue"] for each in found} == {
        "Role.DisplayName": '"Exchange Administrator"',
        "Role.TemplateId": '"29232cdf-9323-42fd-ade2-1d097af3e4de"',
    }


def test_only_some_directory_roles_read_the_log(as_person, tenant):
    name = f"ann@{tenant.initial_domain}"
    tenant.add_user(user_principal_name=name, display_name="Ann", roles=["User Administrator"])
    assert as_person("ann")("GET", "/auditLogs/directoryAudits").status_code == 403
    assert as_person("admin")("GET", "/auditLogs/directoryAudits").status_code == 200
