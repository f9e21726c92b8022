"""Paths and filters are built so that no name can reach elsewhere than meant."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.graph.query import Query, literal, segment, with_query


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("jo@contoso.example", "jo@contoso.example"),
        ("a/b", "a%2Fb"),
        ("../../users", "..%2F..%2Fusers"),
        ("jo#EXT#@x.example", "jo%23EXT%23@x.example"),
        ("a?b&c", "a%3Fb%26c"),
        ("söhne", "s%C3%B6hne"),
        ("o'neil", "o%27neil"),
    ],
)
def test_a_key_is_one_segment_of_the_path(value, written):
    assert segment(value) == written


@pytest.mark.parametrize("value", ["", ".", "..", "..."])
def test_a_key_that_would_climb_out_of_its_path_is_refused(value):
    with pytest.raises(ValueError, match="key"):
        segment(value)


@given(st.text(min_size=1).filter(lambda text: text.strip(".")))
def test_any_key_stays_in_its_segment(value):
    path = urlsplit(f"https://h/v1.0/users/{segment(value)}/x").path
    assert path.count("/") == 4
    assert path.isascii()


def test_a_quote_in_a_literal_is_doubled():
    assert literal("o'neil' or 1 eq '1") == "'o''neil'' or 1 eq ''1'"


@given(st.text())
def test_an_option_arrives_as_it_was_given(value):
    parts = urlsplit(f"https://h{with_query('/users', {'$filter': value})}")
    assert parts.path == "/users"
    assert parse_qs(parts.query, keep_blank_values=True) == {"$filter": [value]}


def test_options_that_are_not_given_are_left_out():
    assert with_query("/users", {"$filter": None, "$top": None}) == "/users"
    assert with_query("/users", {"$select": "id,surname", "$top": 5}) == (
        "/users?$select=id,surname&$top=5"
    )


def test_a_query_is_a_value_and_sends_nothing():
    query = Query("/users", list, needs="User.Read.All")
    assert query == Query("/users", list, needs="User.Read.All")
