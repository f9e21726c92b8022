import pytest

from o365lib.sandbox.role_catalogue import EXCHANGE_ADMINISTRATOR

BIN = "/directory/deletedItems"


@pytest.fixture
def user(tenant):
    return tenant.find_user("employee1@alpinebooks.example")


@pytest.fixture
def deleted(graph, user):
    name = user["userPrincipalName"]
    assert graph("DELETE", f"/users/{user['id']}").status_code == 204
    return {**user, "userPrincipalName": name}


def test_a_deleted_user_is_in_the_bin_under_a_name_with_its_id_in_front(graph, deleted):
    found = graph.get(f"{BIN}/{deleted['id']}?$select=id,userPrincipalName,deletedDateTime")
    assert found["@odata.type"] == "#microsoft.graph.user"
    mangled = deleted["id"].replace("-", "") + deleted["userPrincipalName"]
    assert found["userPrincipalName"] == mangled
    assert found["deletedDateTime"].endswith("Z")


def test_the_bin_is_listed_by_type_and_filtered(graph, deleted):
    [one] = graph.values(f"{BIN}/microsoft.graph.user")
    assert one["id"] == deleted["id"]
    by_name = f"{BIN}/microsoft.graph.user?$count=true&$filter=endswith(userPrincipalName,'{{}}')"
    assert graph.values(by_name.format(deleted["userPrincipalName"]), advanced=True) == [one]
    assert graph.values(by_name.format("nobody"), advanced=True) == []
    assert graph.values(f"{BIN}/graph.user?$filter=id eq '{deleted['id']}'") == [one]


def test_the_bin_cannot_be_listed_without_a_type(graph):
    assert graph("GET", BIN).status_code == 400


def test_what_is_not_in_the_bin_is_not_found(graph, user):
    assert graph("GET", f"{BIN}/{user['id']}").status_code == 404
    for key in ("nobody", "microsoft.graph.group"):
        assert graph("GET", f"{BIN}/{key}").status_code in {400, 501}


def test_a_restored_user_has_name_and_roles_again(sandbox, graph, tenant, user):
    tenant.assign_role(user["id"], "User Administrator")
    name = user["userPrincipalName"]
    graph("DELETE", f"/users/{user['id']}")
    assert tenant.roles_of(user["id"]) == set()
    answer = graph("POST", f"{BIN}/{user['id']}/restore")
    assert (answer.status_code, answer.json()["userPrincipalName"]) == (200, name)
    assert answer.json()["@odata.type"] == "#microsoft.graph.user"
    assert tenant.roles_of(user["id"])
    assert graph("GET", f"{BIN}/{user['id']}").status_code == 404


def test_roles_may_stay_away(sandbox, graph, tenant, user):
    sandbox.restore_brings_roles_back = False
    tenant.assign_role(user["id"], "User Administrator")
    graph("DELETE", f"/users/{user['id']}")
    graph("POST", f"{BIN}/{user['id']}/restore")
    assert tenant.roles_of(user["id"]) == set()


def test_a_name_that_was_given_away_is_a_conflict_unless_another_is_chosen(graph, tenant, deleted):
    name = deleted["userPrincipalName"]
    tenant.add_user(user_principal_name=name, display_name="Successor")
    path = f"{BIN}/{deleted['id']}/restore"
    answer = graph("POST", path)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == "ObjectConflict"
    other = f"second@{tenant.initial_domain}"
    answer = graph("POST", path, {"newUserPrincipalName": other})
    assert answer.json()["userPrincipalName"] == other
    assert len([u for u in tenant.users.values() if u["userPrincipalName"] == name]) == 1


@pytest.mark.parametrize("name", [1, "x@nowhere.example", "no address"])
def test_a_wrong_new_name_is_refused(graph, tenant, deleted, name):
    body = {"newUserPrincipalName": name}
    assert graph("POST", f"{BIN}/{deleted['id']}/restore", body).status_code == 400
    assert deleted["id"] in tenant.deleted_users


def test_what_is_deleted_for_good_is_nowhere(graph, tenant, deleted):
    assert graph("DELETE", f"{BIN}/{deleted['id']}").status_code == 204
    for path in (f"{BIN}/{deleted['id']}", f"/users/{deleted['id']}"):
        assert graph("GET", path).status_code == 404
    assert graph("POST", f"{BIN}/{deleted['id']}/restore").status_code == 404
    assert deleted["id"] not in tenant.sign_in


def test_after_thirty_days_the_bin_is_emptied(sandbox, deleted, as_application):
    sandbox.clock.advance(days=29)
    assert as_application()("GET", f"{BIN}/{deleted['id']}").status_code == 200
    sandbox.clock.advance(days=2)
    assert as_application()("GET", f"{BIN}/{deleted['id']}").status_code == 404


def test_the_bin_may_lag(sandbox, graph, user):
    sandbox.deleted_items_lag_seconds = 10
    graph("DELETE", f"/users/{user['id']}")
    assert graph("GET", f"{BIN}/{user['id']}").status_code == 404
    assert graph.values(f"{BIN}/microsoft.graph.user") == []
    sandbox.clock.advance(seconds=11)
    assert graph("GET", f"{BIN}/{user['id']}").status_code == 200


def test_a_restored_user_is_unknown_until_it_has_spread(sandbox, graph, deleted):
    sandbox.replication_lag_seconds = 30
    assert graph("POST", f"{BIN}/{deleted['id']}/restore").status_code == 200
    assert graph("GET", f"/users/{deleted['id']}").status_code == 404
    sandbox.clock.advance(seconds=31)
    assert graph("GET", f"/users/{deleted['id']}").status_code == 200


def test_an_owner_of_a_higher_role_is_restored_by_higher_callers_only(sandbox, graph, tenant, user):
    tenant.assign_role(user["id"], EXCHANGE_ADMINISTRATOR)
    tenant.remove_user(user["id"], sandbox.clock.now())
    path = f"{BIN}/{user['id']}"
    assert graph("POST", f"{path}/restore").status_code == 403
    assert graph("DELETE", path).status_code == 403
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    assert graph("POST", f"{path}/restore").status_code == 200
