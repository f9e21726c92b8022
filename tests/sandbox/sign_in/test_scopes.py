import pytest

from o365lib.sandbox.sign_in.errors import SignInError
from o365lib.sandbox.sign_in.scopes import graph_audiences, parse_scopes

GRAPH = "https://graph.microsoft.com"


def parse(sandbox, text):
    return parse_scopes(text, sandbox, "firm")


def test_plain_names_are_graphs(sandbox):
    asked = parse(sandbox, "User.Read openid offline_access Mail.Send")
    assert (asked.audience, asked.permissions) == (GRAPH, ("User.Read", "Mail.Send"))
    assert asked.openid == {"openid", "offline_access"}


def test_the_answer_repeats_the_scopes_as_they_were_asked_for(sandbox):
    asked = parse(sandbox, f"{GRAPH}/User.Read openid profile offline_access")
    assert asked.written({"User.Read"}) == f"{GRAPH}/User.Read openid profile"


def test_default_stands_for_all_that_was_consented_to(sandbox):
    asked = parse(sandbox, f"{GRAPH}/.default")
    assert asked.is_default
    assert asked.written({"B.Read", "A.Read"}) == (
        f"{GRAPH}/A.Read {GRAPH}/B.Read {GRAPH}/.default"
    )


def test_the_served_graph_is_a_resource_under_both_its_names(served, sandbox):
    for base in (served.graph_base_url, served.graph_base_url.replace("127.0.0.1", "localhost")):
        assert parse(sandbox, f"{base}/.default").audience == base
        assert base in graph_audiences(sandbox)


def test_other_resources_of_microsoft_exist_and_are_not_graph(sandbox):
    asked = parse(sandbox, "https://outlook.office365.com/.default")
    assert asked.audience not in graph_audiences(sandbox)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://graph.example/.default", 500011),
        (f"{GRAPH}/Users", 70011),
        (f"{GRAPH}/User.Read https://outlook.office365.com/Mail.Send", 70011),
        (f"{GRAPH}/.default {GRAPH}/User.Read", 70011),
        ("User Read", 70011),
    ],
)
def test_wrong_scopes_are_refused(sandbox, text, code):
    with pytest.raises(SignInError) as caught:
        parse(sandbox, text)
    assert caught.value.code == code
