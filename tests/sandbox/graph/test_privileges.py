import pytest

from o365lib.sandbox.role_catalogue import GLOBAL_ADMINISTRATOR, role_template_id

ASSIGNMENTS = "/roleManagement/directory/roleAssignments"


@pytest.fixture
def person(tenant, as_person):
    """A person with these roles, and the user to try things on."""

    def make(*roles, scopes=None):
        tenant.add_user(
            user_principal_name=f"ann@{tenant.initial_domain}", display_name="Ann", roles=roles
        )
        return as_person("ann", scopes=scopes)

    return make


@pytest.fixture
def target(tenant):
    return tenant.find_user("employee1@alpinebooks.example")


def path(user):
    return f"/users/{user['id']}"


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("Global Administrator", 201),
        ("User Administrator", 201),
        ("Exchange Administrator", 403),
        ("Privileged Role Administrator", 403),
        ("Global Reader", 403),
    ],
)
def test_who_may_create_users(person, new_user, role, status):
    assert person(role)("POST", "/users", new_user()).status_code == status


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("Global Administrator", 201),
        ("Privileged Role Administrator", 201),
        ("User Administrator", 403),
        ("Exchange Administrator", 403),
    ],
)
def test_who_may_assign_roles(person, target, role, status):
    body = {
        "principalId": target["id"],
        "roleDefinitionId": role_template_id("Exchange Administrator"),
        "directoryScopeId": "/",
    }
    assert person(role)("POST", ASSIGNMENTS, body).status_code == status


@pytest.mark.parametrize(
    ("role", "held", "status"),
    [
        ("User Administrator", None, 204),
        ("User Administrator", "Reports Reader", 204),
        ("User Administrator", "Exchange Administrator", 403),
        ("User Administrator", "Global Administrator", 403),
        ("Privileged Authentication Administrator", "Exchange Administrator", 204),
        ("Global Administrator", "Global Administrator", 204),
        ("Exchange Administrator", None, 403),
        ("Privileged Role Administrator", "Exchange Administrator", 403),
    ],
)
def test_who_may_delete_whom(person, tenant, target, role, held, status):
    if held:
        tenant.assign_role(target["id"], held)
    assert person(role)("DELETE", path(target)).status_code == status
    assert (target["id"] in tenant.users) is (status == 403)


def test_a_person_deletes_an_administrator_only_as_the_user(person, tenant, target):
    tenant.assign_role(target["id"], "Exchange Administrator")
    caller = person("Global Administrator", scopes={"User.ReadWrite.All"})
    assert caller("DELETE", path(target)).status_code == 403


@pytest.mark.parametrize(
    ("role", "held", "status"),
    [
        (None, None, 204),
        (None, "Exchange Administrator", 403),
        ("User Administrator", "Exchange Administrator", 403),
        ("Privileged Authentication Administrator", "Exchange Administrator", 204),
        ("Global Administrator", "Global Administrator", 204),
    ],
)
def test_an_application_needs_a_role_itself_for_administrators(
    graph, tenant, target, role, held, status
):
    if role:
        tenant.assign_role(tenant.application.object_id, role)
    if held:
        tenant.assign_role(target["id"], held)
    assert graph("DELETE", path(target)).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"accountEnabled": False},
        {"passwordProfile": {"password": "Qv8!meadowLantern31"}},
        {"mobilePhone": "1"},
        {"userPrincipalName": "other@alpinebooks.example"},
    ],
)
def test_sensitive_properties_of_administrators_are_protected(graph, tenant, target, body):
    tenant.assign_role(target["id"], "Exchange Administrator")
    assert graph("PATCH", path(target), body).status_code == 403
    assert graph("PATCH", path(target), {"city": "Perth"}).status_code == 204
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    assert graph("PATCH", path(target), body).status_code == 204


def test_the_last_usable_global_administrator_is_neither_deleted_nor_disabled(graph, tenant):
    tenant.assign_role(tenant.application.object_id, "Global Administrator")
    first, last = tenant.global_administrators()
    assert graph("PATCH", path(first), {"accountEnabled": False}).status_code == 204
    assert graph("DELETE", path(last)).status_code == 400
    assert graph("PATCH", path(last), {"accountEnabled": False}).status_code == 400
    assert graph("DELETE", path(first)).status_code == 204
    assert tenant.global_administrators() == [last]


def test_the_last_global_administrator_keeps_the_role(graph, tenant):
    first, last = [
        assignment["id"]
        for assignment in tenant.role_assignments.values()
        if assignment["roleDefinitionId"] == GLOBAL_ADMINISTRATOR
    ]
    assert graph("DELETE", f"{ASSIGNMENTS}/{first}").status_code == 204
    assert graph("DELETE", f"{ASSIGNMENTS}/{last}").status_code == 400


@pytest.mark.parametrize(
    ("role", "status"),
    [("User Administrator", 200), ("Helpdesk Administrator", 200), ("Exchange Administrator", 403)],
)
def test_who_may_end_sessions_even_of_administrators(person, tenant, role, status):
    caller = person(role)
    answer = caller("POST", f"{path(tenant.administrator)}/revokeSignInSessions")
    assert answer.status_code == status


def test_an_application_ends_sessions_by_permission_alone(graph, tenant):
    answer = graph("POST", f"{path(tenant.administrator)}/revokeSignInSessions")
    assert answer.status_code == 200


def test_nobody_takes_the_own_global_administrator_away(as_person, tenant):
    own = next(
        assignment["id"]
        for assignment in tenant.role_assignments.values()
        if assignment["principalId"] == tenant.administrator["id"]
    )
    answer = as_person("admin")("DELETE", f"{ASSIGNMENTS}/{own}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "Removing self from Global Administrator built-in role is not allowed"
    )
