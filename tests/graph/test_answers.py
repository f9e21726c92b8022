"""What an answer means, read without trusting its form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.errors import (
    AnswerLost,
    BadRequest,
    Conflict,
    GraphError,
    NotFound,
    RunbookError,
    ServiceUnavailable,
    Throttled,
)
from o365lib.graph.answers import Asked, ErrorBody, error_of

READ = Asked.to("GET", "/users/1?$select=id")
WRITE = Asked.to("DELETE", "/users/1")

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(
        st.sampled_from(["error", "code", "message", "details", "target", "innerError", "x"]),
        children,
    ),
    max_leaves=12,
)  # fmt: skip


def test_the_most_nested_codes_and_the_request_id_are_found_in_either_spelling():
    for name in ("innerError", "innererror"):
        inner = {"code": "outer", "request-id": "r1", name: {"code": "Innermost"}}
        said = ErrorBody.from_graph({"error": {"code": "c", "message": "m", name: inner}})
        assert said == ErrorBody("c", "m", ("outer", "Innermost"), "r1")


def test_what_the_details_blame_is_kept():
    """As the service wrote it: microsoftgraph/microsoft-graph-docs-contrib issue 8421."""
    message = "Another object with the same value for property proxyAddresses already exists."
    blamed = ("proxyAddresses", "User_0a1b2c3d-0000-4000-8000-1234567890ab")
    codes = ("ObjectConflict", "ConflictingObjects")
    details = [
        {"code": code, "message": message, "target": target}
        for code, target in zip(codes, blamed, strict=True)
    ]
    body = {"error": {"code": "Request_BadRequest", "message": message, "details": details}}
    error = error_of(WRITE, status=400, headers={}, body=body)
    assert isinstance(error, Conflict)
    assert (error.detail_codes, error.detail_targets) == (codes, blamed)


@pytest.mark.parametrize("target", [None, "", {}, 0, ...])
def test_a_detail_may_blame_nothing(target):
    detail = {"code": "ObjectConflict"} | ({} if target is ... else {"target": target})
    said = ErrorBody.from_graph({"error": {"details": [detail, "x", None]}})
    assert (said.detail_codes, said.detail_targets) == (("ObjectConflict",), ())


@given(ANY_JSON)
def test_no_body_is_so_odd_that_reading_it_fails(body):
    assert isinstance(ErrorBody.from_graph(body), ErrorBody)


@given(st.integers(300, 599) | st.just(0), ANY_JSON, st.booleans())
def test_every_status_has_an_error_with_a_message_and_no_query(status, body, is_write):
    error = error_of(WRITE if is_write else READ, status=status, headers={}, body=body)
    assert isinstance(error, RunbookError)
    assert error.message
    assert "$select" not in str(error)


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504, 520, 599])
def test_a_failure_leaves_it_open_whether_a_write_was_done(status):
    assert type(error_of(WRITE, status=status, headers={}, body=None)) is AnswerLost
    assert type(error_of(READ, status=status, headers={}, body=None)) is ServiceUnavailable


def test_what_the_service_does_not_offer_was_certainly_not_done():
    error = error_of(WRITE, status=501, headers={}, body=None)
    assert type(error) is ServiceUnavailable
    assert error.state == "This request changed nothing."
    assert "trying again does not help" in error.remedy


def test_a_request_held_up_by_another_says_so():
    error = error_of(WRITE, status=424, headers={}, body=None)
    assert "on which it depends failed" in error.message


def test_a_nested_code_makes_a_bad_request_a_conflict():
    body = {"error": {"code": "Request_BadRequest", "innerError": {"code": "ObjectConflict"}}}
    assert type(error_of(WRITE, status=400, headers={}, body=body)) is Conflict
    assert type(error_of(WRITE, status=400, headers={}, body={})) is BadRequest


def test_the_request_id_of_the_headers_is_preferred_to_that_of_the_body():
    body = {"error": {"code": "x", "innerError": {"request-id": "inner"}}}
    found = error_of(READ, status=404, headers={"request-id": "outer"}, body=body)
    assert isinstance(found, NotFound)
    assert found.request_id == "outer"
    inner = error_of(READ, status=404, headers={}, body=body)
    assert isinstance(inner, GraphError)
    assert inner.request_id == "inner"


def test_a_throttled_answer_says_for_how_long():
    error = error_of(READ, status=429, headers={"retry-after": "17"}, body=None)
    assert type(error) is Throttled
    assert "17 seconds" in error.message
    assert "17" not in error.remedy


def test_control_characters_of_a_message_are_not_shown():
    error = error_of(
        READ, status=400, headers={}, body={"error": {"message": "a\x00b\x1b[31m\r\nc" * 900}}
    )
    assert error.message.startswith("a b [31m c")
    assert len(error.message) <= 1000


def test_a_batch_of_reads_is_no_write_though_it_is_a_post():
    asked = Asked("POST", "/$batch", is_write=False)
    assert type(error_of(asked, status=503, headers={}, body=None)) is ServiceUnavailable
