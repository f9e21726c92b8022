import pytest

from o365lib.sandbox.role_catalogue import EXCHANGE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR

BY_TEMPLATE = f"/directoryRoles(roleTemplateId='{EXCHANGE_ADMINISTRATOR}')"


@pytest.fixture
def user(tenant):
    return tenant.find_user("employee1@alpinebooks.example")


@pytest.fixture
def activated(graph):
    answer = graph("POST", "/directoryRoles", {"roleTemplateId": EXCHANGE_ADMINISTRATOR})
    assert answer.status_code == 201
    return answer.json()


def reference(user):
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{user['id']}"}


def test_only_activated_roles_are_listed(graph):
    shown = {role["displayName"] for role in graph.values("/directoryRoles")}
    assert shown == {
        "Global Administrator",
        "Global Reader",
        "User Administrator",
        "Privileged Role Administrator",
    }


def test_a_role_is_activated_once(graph, activated):
    assert activated["displayName"] == "Exchange Administrator"
    assert activated["roleTemplateId"] == EXCHANGE_ADMINISTRATOR != activated["id"]
    answer = graph("POST", "/directoryRoles", {"roleTemplateId": EXCHANGE_ADMINISTRATOR})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "ConflictingObjects"


def test_an_unknown_template_is_not_found(graph):
    assert graph("POST", "/directoryRoles", {"roleTemplateId": "x"}).status_code == 404
    assert graph("POST", "/directoryRoles", {}).status_code == 404


def test_a_role_is_found_by_id_and_by_template_in_both_spellings(graph, activated):
    for path in (
        f"/directoryRoles/{activated['id']}",
        BY_TEMPLATE,
        f"/directoryRoles/roleTemplateId={EXCHANGE_ADMINISTRATOR}",
    ):
        assert graph.get(path)["id"] == activated["id"]
    assert graph("GET", "/directoryRoles/nothing").status_code == 404


def test_members_come_and_go_and_are_assignments_too(graph, tenant, activated, user):
    members = f"{BY_TEMPLATE}/members"
    assert graph("POST", f"{members}/$ref", reference(user)).status_code == 204
    [member] = graph.values(members)
    assert (member["id"], member["@odata.type"]) == (user["id"], "#microsoft.graph.user")
    assert tenant.roles_of(user["id"]) == {EXCHANGE_ADMINISTRATOR}
    again = graph("POST", f"{members}/$ref", reference(user))
    assert again.json()["error"]["message"].startswith("One or more added object references")
    path = f"/directoryRoles/{activated['id']}/members/{user['id']}/$ref"
    assert graph("DELETE", path).status_code == 204
    assert graph("DELETE", path).status_code == 404
    assert tenant.roles_of(user["id"]) == set()


def test_a_member_that_does_not_exist_is_not_found(graph, activated):
    body = {"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/nobody"}
    assert graph("POST", f"{BY_TEMPLATE}/members/$ref", body).status_code == 404
    assert graph("POST", f"{BY_TEMPLATE}/members/$ref", {}).status_code == 400


def test_the_last_global_administrator_stays(graph, tenant):
    members = f"/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members"
    ids = [user["id"] for user in tenant.global_administrators()]
    assert graph("DELETE", f"{members}/{ids[0]}/$ref").status_code == 204
    assert graph("DELETE", f"{members}/{ids[1]}/$ref").status_code == 400
    assert len(tenant.global_administrators()) == 1


@pytest.mark.parametrize("cast", ["", "/microsoft.graph.directoryRole", "/graph.directoryRole"])
@pytest.mark.parametrize("name", ["memberOf", "transitiveMemberOf"])
def test_a_users_roles_are_what_it_is_member_of(graph, tenant, user, name, cast):
    path = f"/users/{user['id']}/{name}{cast}"
    assert graph.values(path) == []
    tenant.assign_role(user["id"], "Exchange Administrator")
    [role] = graph.values(path)
    assert role["@odata.type"] == "#microsoft.graph.directoryRole"
    assert role["roleTemplateId"] == EXCHANGE_ADMINISTRATOR


def test_a_person_without_roles_neither_reads_nor_writes_them(tenant, as_person, user):
    tenant.add_user(user_principal_name=f"ann@{tenant.initial_domain}", display_name="Ann")
    person = as_person("ann")
    assert person("GET", "/directoryRoles").status_code == 403
    body = {"roleTemplateId": EXCHANGE_ADMINISTRATOR}
    assert person("POST", "/directoryRoles", body).status_code == 403
