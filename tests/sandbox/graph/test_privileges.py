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


SENSITIVE = [
    {"accountEnabled": False},
    {"passwordProfile": {"password": "Qv8!meadowLantern31"}},
    {"mobilePhone": "1"},
    {"userPrincipalName": "other@alpinebooks.example"},
]


@pytest.mark.parametrize("body", SENSITIVE)
def test_sensitive_properties_of_administrators_are_protected(graph, tenant, target, body):
    tenant.assign_role(target["id"], "Exchange Administrator")
    assert graph("PATCH", path(target), body).status_code == 403
    assert graph("PATCH", path(target), {"city": "Perth"}).status_code == 204
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    assert graph("PATCH", path(target), body).status_code == 204


@pytest.mark.parametrize("body", SENSITIVE)
@pytest.mark.parametrize(
    ("role", "as_the_user", "status"),
    [
        ("Global Administrator", True, 204),
        ("Global Administrator", False, 403),
        ("Privileged Authentication Administrator", True, 204),
        ("Privileged Authentication Administrator", False, 403),
        ("User Administrator", True, 403),
    ],
)
def test_a_person_changes_what_is_sensitive_of_administrators_only_as_the_user(
    person, tenant, target, body, role, as_the_user, status
):
    tenant.assign_role(target["id"], "Exchange Administrator")
    scopes = {"User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All"}
    scopes |= {"Directory.AccessAsUser.All"} if as_the_user else set()
    assert person(role, scopes=scopes)("PATCH", path(target), body).status_code == status


def test_a_person_without_a_role_changes_nobody_not_even_by_an_empty_request(person, target):
    nobody = person()
    for body in ({}, {"city": "Perth"}, {"mobilePhone": "1"}):
        assert nobody("PATCH", path(target), body).status_code == 403, body


# Who may read what as a person, by Microsoft's pages of these requests.
FEDERATION_READERS = {
    "Global Administrator",
    "Global Reader",
    "Security Reader",
    "Domain Name Administrator",
    "External Identity Provider Administrator",
    "Hybrid Identity Administrator",
    "Security Administrator",
}
BIN_READERS = {
    "Global Administrator",
    "User Administrator",
    "Authentication Administrator",
    "Privileged Authentication Administrator",
}
ROLE_READERS = {
    "Global Administrator",
    "Global Reader",
    "Directory Readers",
    "Privileged Role Administrator",
}


def read_paths(tenant):
    """Each address that takes a directory role to read, with the roles that do."""
    federation = "/domains/alpinebooks.example/federationConfiguration"
    deleted = tenant.find_user("employee2@alpinebooks.example")
    assignment = next(iter(tenant.role_assignments))
    return {
        federation: FEDERATION_READERS,
        f"{federation}/f1": FEDERATION_READERS,
        "/directory/deletedItems/microsoft.graph.user": BIN_READERS,
        f"/directory/deletedItems/{deleted['id']}": BIN_READERS,
        ASSIGNMENTS: ROLE_READERS,
        f"{ASSIGNMENTS}/{assignment}": ROLE_READERS,
        "/roleManagement/directory/roleDefinitions": ROLE_READERS,
        f"/roleManagement/directory/roleDefinitions/{GLOBAL_ADMINISTRATOR}": ROLE_READERS,
    }


@pytest.fixture
def readable(sandbox, tenant):
    """The addresses, each with something to read."""
    paths = read_paths(tenant)
    domain = "alpinebooks.example"
    tenant.domains[domain]["authenticationType"] = "Federated"
    tenant.federation_configurations[domain] = {"id": "f1", "displayName": "ADFS"}
    deleted = tenant.find_user("employee2@alpinebooks.example")
    tenant.remove_user(deleted["id"], sandbox.clock.now())
    return paths


@pytest.mark.parametrize(
    "role", sorted({*FEDERATION_READERS, *BIN_READERS, *ROLE_READERS, "Exchange Administrator"})
)
@pytest.mark.parametrize("in_batch", [False, True])
def test_who_may_read_federation_roles_and_the_recycle_bin(person, readable, role, in_batch):
    caller = person(role)
    if in_batch:
        items = [{"id": each, "method": "GET", "url": each} for each in readable]
        answers = caller("POST", "/$batch", {"requests": items}).json()["responses"]
        found = {answer["id"]: answer["status"] for answer in answers}
    else:
        found = {each: caller("GET", each).status_code for each in readable}
    assert found == {each: 200 if role in roles else 403 for each, roles in readable.items()}


def test_who_holds_no_role_reads_none_of_them_and_an_application_needs_none(
    person, graph, readable
):
    nobody = person()
    assert {nobody("GET", each).status_code for each in readable} == {403}
    assert {graph("GET", each).status_code for each in readable} == {200}


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
