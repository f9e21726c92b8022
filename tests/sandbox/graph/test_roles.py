import pytest

from o365lib.sandbox.identifiers import role_assignment_id
from o365lib.sandbox.role_catalogue import EXCHANGE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR

DEFINITIONS = "/roleManagement/directory/roleDefinitions"
ASSIGNMENTS = "/roleManagement/directory/roleAssignments"


@pytest.fixture
def user(tenant):
    return tenant.find_user("employee1@alpinebooks.example")


@pytest.fixture
def assign(graph, user):
    def post(**changes):
        body = {
            "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
            "principalId": user["id"],
            "roleDefinitionId": EXCHANGE_ADMINISTRATOR,
            "directoryScopeId": "/",
            **changes,
        }
        return graph(
            "POST", ASSIGNMENTS, {name: value for name, value in body.items() if value is not ...}
        )

    return post


def test_a_role_is_found_by_its_display_name_and_id(graph):
    [role] = graph.values(f"{DEFINITIONS}?$filter=displayName eq 'Exchange Administrator'")
    assert role["id"] == role["templateId"] == EXCHANGE_ADMINISTRATOR
    assert graph.get(f"{DEFINITIONS}/{EXCHANGE_ADMINISTRATOR}")["isBuiltIn"] is True
    assert graph("GET", f"{DEFINITIONS}/nothing").status_code == 404


def test_an_assignment_has_the_id_that_follows_from_role_and_principal(assign, user, tenant):
    answer = assign()
    assert answer.status_code == 201
    body = answer.json()
    assert body["id"] == role_assignment_id(EXCHANGE_ADMINISTRATOR, user["id"])
    assert body["principalId"] == user["id"]
    assert body["@odata.context"].endswith("roleAssignments/$entity")
    assert tenant.roles_of(user["id"]) == {EXCHANGE_ADMINISTRATOR}


def test_the_same_assignment_again_is_a_conflict(assign):
    assign()
    answer = assign()
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "ConflictingObjects"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"principalId": "11111111-2222-3333-4444-555555555555"}, 404),
        ({"roleDefinitionId": "11111111-2222-3333-4444-555555555555"}, 404),
        ({"principalId": "nobody"}, 400),
        ({"roleDefinitionId": ...}, 400),
        ({"directoryScopeId": ...}, 400),
        ({"directoryScopeId": "/administrativeUnits/1"}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_wrong_assignments_are_refused(assign, tenant, user, changes, status):
    assert assign(**changes).status_code == status
    assert tenant.roles_of(user["id"]) == set()


def test_a_single_scope_is_refused_in_the_documented_words(assign):
    message = assign(directoryScopeId="/x").json()["error"]["message"]
    assert message == (
        "The given built-in role is not supported to be assigned to a single resource scope."
    )


def test_an_application_can_hold_a_role(assign, graph, tenant):
    assert assign(principalId=tenant.application.object_id).status_code == 201
    path = f"{ASSIGNMENTS}?$filter=principalId eq '{tenant.application.object_id}'"
    [found] = graph.values(f"{path}&$expand=principal")
    assert found["principal"]["@odata.type"] == "#microsoft.graph.servicePrincipal"


def test_assignments_are_filtered_and_expanded_one_way_at_a_time(graph, tenant, user, assign):
    made = assign().json()
    by_principal = f"{ASSIGNMENTS}?$filter=principalId eq '{user['id']}'"
    assert [item["id"] for item in graph.values(by_principal)] == [made["id"]]
    by_role = f"{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'"
    assert len(graph.values(by_role)) == 2
    [item] = graph.values(f"{by_principal}&$expand=principal")
    assert item["principal"]["@odata.type"] == "#microsoft.graph.user"
    assert item["principal"]["userPrincipalName"] == user["userPrincipalName"]
    [item] = graph.values(f"{by_principal}&$expand=roleDefinition")
    assert item["roleDefinition"]["displayName"] == "Exchange Administrator"
    assert graph("GET", f"{ASSIGNMENTS}?$expand=principal,roleDefinition").status_code == 501
    assert graph.get(f"{ASSIGNMENTS}/{made['id']}?$expand=roleDefinition")["roleDefinition"]


def test_a_removed_assignment_is_gone(graph, tenant, user, assign):
    path = f"{ASSIGNMENTS}/{assign().json()['id']}"
    assert graph.get(path)["principalId"] == user["id"]
    assert graph("DELETE", path).status_code == 204
    assert graph("GET", path).status_code == graph("DELETE", path).status_code == 404
    assert tenant.roles_of(user["id"]) == set()


def test_a_new_user_is_unknown_to_assignments_until_it_has_spread(sandbox, graph, assign, new_user):
    sandbox.replication_lag_seconds = 30
    new = graph("POST", "/users", new_user()).json()
    assert assign(principalId=new["id"]).status_code == 404
    sandbox.clock.advance(seconds=31)
    assert assign(principalId=new["id"]).status_code == 201


def test_assignments_may_lag_both_ways(sandbox, graph, user, assign):
    sandbox.role_assignments_lag_seconds = 30
    path = f"{ASSIGNMENTS}?$filter=principalId eq '{user['id']}'"
    made = assign().json()
    assert graph.values(path) == []
    sandbox.clock.advance(seconds=31)
    assert len(graph.values(path)) == 1
    graph("DELETE", f"{ASSIGNMENTS}/{made['id']}")
    assert len(graph.values(path)) == 1
    assert graph("DELETE", f"{ASSIGNMENTS}/{made['id']}").status_code == 404
    sandbox.clock.advance(seconds=31)
    assert graph.values(path) == []


def test_a_role_given_again_at_once_shows_after_its_own_lag(sandbox, graph, user, assign):
    sandbox.role_assignments_lag_seconds = 30
    path = f"{ASSIGNMENTS}?$filter=principalId eq '{user['id']}'"
    made = assign().json()
    graph("DELETE", f"{ASSIGNMENTS}/{made['id']}")
    assert assign().status_code == 201
    sandbox.clock.advance(seconds=31)
    assert len(graph.values(path)) == 1


def test_a_person_without_any_role_does_not_read_them(tenant, as_person):
    tenant.add_user(user_principal_name=f"ann@{tenant.initial_domain}", display_name="Ann")
    person = as_person("ann")
    for path in (DEFINITIONS, ASSIGNMENTS):
        assert person("GET", path).status_code == 403
