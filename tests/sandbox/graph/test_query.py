import pytest


@pytest.fixture
def many(tenant):
    """Two hundred and fifty more users."""
    for number in range(250):
        tenant.add_user(
            user_principal_name=f"worker{number:03}@alpinebooks.example",
            display_name=f"Worker {number:03}",
            department="Sales" if number % 2 else None,
        )
    return len(tenant.users)


def follow(graph, path, *, advanced=False):
    """All items, page by page, and the sizes of the pages."""
    items, sizes = [], []
    while path:
        page = graph.get(path, advanced=advanced)
        items += page["value"]
        sizes.append(len(page["value"]))
        path = page.get("@odata.nextLink", "").removeprefix(
            f"{graph.web.served.graph_base_url}/v1.0"
        )
    return items, sizes


def refused(graph, path, **headers):
    answer = graph("GET", path, **headers)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]["code"]


def test_pages_follow_each_other_without_gap_or_repetition(graph, many):
    items, sizes = follow(graph, "/users")
    assert sizes == [100, 100, many - 200]
    assert len({item["id"] for item in items}) == many
    _, sizes = follow(graph, "/users?$top=200&$select=id")
    assert sizes == [200, many - 200]


def test_the_selection_and_the_filter_go_with_the_link(graph, many):
    items, sizes = follow(graph, "/users?$top=100&$select=id&$filter=department eq 'Sales'")
    assert sizes == [100, 25]
    assert all(set(item) == {"id"} for item in items)


def test_a_next_link_with_awkward_characters_still_works(graph, tenant):
    for number in range(3):
        tenant.add_user(
            user_principal_name=f"x{number}@alpinebooks.example", display_name="A & B's #1 + 50%"
        )
    path = "/users?$top=1&$filter=displayName eq 'A %26 B''s %231 %2B 50%25'"
    assert len(follow(graph, path)[0]) == 3


@pytest.mark.parametrize("token", ["x", "W10", "WzEsIDJd", "!!!", "WzEwLCAieCJd"])
def test_a_made_up_page_token_is_refused(graph, token):
    assert refused(graph, f"/users?$skiptoken={token}") == "Directory_ExpiredPageToken"


@pytest.mark.parametrize("size", ["0", "-1", "1000", "ten", "1.5", ""])
def test_wrong_page_sizes_are_refused(graph, size):
    refused(graph, f"/users?$top={size}")


def test_only_what_is_selected_is_shown(graph, tenant):
    path = f"/users/{tenant.administrator['id']}?$select=displayName,ACCOUNTENABLED, id"
    found = graph.get(path)
    assert set(found) == {"@odata.context", "displayName", "accountEnabled", "id"}
    assert found["@odata.context"].endswith("#users(displayName,accountEnabled,id)/$entity")


def test_an_unknown_property_is_refused_and_a_known_one_elsewhere_is_named(graph):
    assert refused(graph, "/users?$select=colour") == "BadRequest"
    assert refused(graph, "/users?$filter=colour eq 'red'") == "BadRequest"
    assert graph("GET", "/users?$select=signInActivity").status_code == 501
    assert graph("GET", "/users?$filter=signInActivity/x eq 1").status_code == 501


def test_the_number_is_on_the_first_page_of_an_advanced_query_only(graph, many):
    first = graph.get("/users?$count=true&$top=100", advanced=True)
    assert first["@odata.count"] == many
    path = first["@odata.nextLink"].removeprefix(f"{graph.web.served.graph_base_url}/v1.0")
    assert "@odata.count" not in graph.get(path, advanced=True)
    assert "@odata.count" not in graph.get("/users?$count=true&$top=100")


@pytest.mark.parametrize(
    "query",
    [
        "$filter=userPrincipalName ne 'x'",
        "$filter=not startswith(displayName,'x')",
        "$filter=endswith(userPrincipalName,'.example')",
        "$filter=assignedLicenses/$count eq 0",
        "$filter=startswith(displayName,'W')&$orderby=displayName",
    ],
)
def test_some_queries_are_advanced(graph, many, query):
    assert refused(graph, f"/users?{query}") == "Request_UnsupportedQuery"
    assert graph.values(f"/users?$count=true&{query}", advanced=True)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=contains(displayName,'x')",
        "$filter=lastPasswordChangeDateTime ge 2020-01-01T00:00:00Z",
        "$filter=passwordPolicies eq 'None'",
        "$orderby=city",
        "$orderby=displayName sideways",
    ],
)
def test_some_queries_are_never_supported(graph, query):
    path = f"/users?$count=true&{query}"
    assert refused(graph, path, ConsistencyLevel="eventual") == "Request_UnsupportedQuery"


def test_what_is_no_filter_is_refused(graph):
    assert refused(graph, "/users?$filter=displayName is 'x'") == "BadRequest"


@pytest.mark.parametrize(
    ("filter_text", "count"),
    [
        ("userPrincipalName eq 'Admin@alpinebooks.onmicrosoft.com'", 1),
        ("startswith(userPrincipalName,'employee')", 3),
        ("userPrincipalName in ('admin@alpinebooks.onmicrosoft.com','x')", 1),
        ("accountEnabled eq true and startswith(displayName,'Support')", 1),
        ("displayName eq 'Support Engineer' or displayName eq 'Emergency Access'", 2),
        ("assignedLicenses/any(x: x/skuId eq f245ecc8-75af-4f8e-b61f-27d8114de5f3)", 5),
        ("proxyAddresses/any(p: startswith(p,'smtp:admin@'))", 1),
        ("accountEnabled eq false", 0),
    ],
)
def test_users_are_filtered(graph, filter_text, count):
    assert len(graph.values(f"/users?$filter={filter_text}")) == count


@pytest.mark.parametrize(
    "path",
    ["/users?$expand=manager", "/users/{id}?$expand=manager", "/domains?$expand=rootDomain"],
)
def test_expansions_are_refused_where_there_are_none(graph, tenant, path):
    assert graph("GET", path.format(id=tenant.administrator["id"])).status_code == 501


def test_lists_are_ordered_as_asked(graph):
    names = [user["displayName"] for user in graph.values("/users?$orderby=displayName")]
    assert names == sorted(names, key=str.casefold)
    names = [user["displayName"] for user in graph.values("/users?$orderby=displayName desc")]
    assert names == sorted(names, key=str.casefold, reverse=True)


def test_deletion_dates_are_ordered_by_advanced_queries_only(graph):
    path = "/directory/deletedItems/microsoft.graph.user?$count=true&$orderby=deletedDateTime"
    assert refused(graph, path) == "Request_UnsupportedQuery"
    assert graph.values(path, advanced=True) == []
