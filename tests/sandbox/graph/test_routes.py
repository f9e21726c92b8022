import pytest

from o365lib.sandbox.graph.errors import GraphError
from o365lib.sandbox.graph.routes import ROUTES, find_route, normalised


@pytest.mark.parametrize(
    ("segments", "result"),
    [
        (("users", "a@b"), ("users", "a@b")),
        (("users('a@b')",), ("users", "a@b")),
        (("users('o''neil@b')", "sendMail"), ("users", "o'neil@b", "sendMail")),
        (
            ("directoryRoles(roleTemplateId='x')", "members"),
            ("directoryRoles", "roleTemplateId='x'", "members"),
        ),
        (("users", "x", "memberOf", "graph.directoryRole"),) * 2,
    ],
)
def test_keys_in_parentheses_are_segments(segments, result):
    expected = tuple(part.replace("graph.d", "microsoft.graph.d") for part in result)
    assert normalised(segments) == expected


def test_placeholders_are_filled_and_words_match_in_any_case():
    route, params = find_route("GET", ("USERS", "Ann@x", "licensedetails"))
    assert route.pattern == "users/{user}/licenseDetails"
    assert params == {"user": "Ann@x"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "users", 405),
        ("GET", "users/x/sendMail", 405),
        ("GET", "users/x/manager", 501),
        ("GET", "users/x/nothing", 400),
        ("GET", "domains/x/verify", 501),
        ("GET", "directory/administrativeUnits", 501),
        ("GET", "identity/conditionalAccess/policies", 501),
        ("GET", "nothing", 400),
        ("GET", "", 400),
    ],
)
def test_other_addresses_are_refused_in_three_ways(method, path, status):
    with pytest.raises(GraphError) as caught:
        find_route(method, tuple(part for part in path.split("/") if part))
    assert caught.value.status == status


def test_no_address_is_given_twice():
    keys = [(route.method, route.pattern) for route in ROUTES]
    assert len(set(keys)) == len(keys)


def test_every_address_says_who_may_use_it():
    assert all(route.access.delegated for route in ROUTES)
