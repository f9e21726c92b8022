"""Packing and unpacking of `$batch`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.errors import BadRequest
from o365lib.graph.batch import BatchRequest, item_records, pack, to_repeat, unpack
from o365lib.secret import Secret

REQUESTS = [
    BatchRequest("GET", "/users/1", headers={"ConsistencyLevel": "eventual"}),
    BatchRequest("POST", "/users", {"password": Secret("a-password-1")}, needs="X"),
    BatchRequest("DELETE", "/users/2", depends_on=(0, 1)),
]


def test_an_item_has_an_id_a_relative_url_and_headers_only_where_needed():
    first, second, third = pack(REQUESTS, [0, 1, 2])["requests"]
    assert first == {
        "id": "0",
        "method": "GET",
        "url": "/users/1",
        "headers": {"ConsistencyLevel": "eventual"},
    }
    assert second["headers"] == {"Content-Type": "application/json"}
    assert second["body"] is REQUESTS[1].body
    assert third == {"id": "2", "method": "DELETE", "url": "/users/2", "dependsOn": ["0", "1"]}


def test_a_dependency_that_was_done_before_is_left_out():
    (only,) = pack(REQUESTS, [2], done=[0, 1])["requests"]
    assert "dependsOn" not in only


def test_answers_are_matched_by_id_and_header_names_are_lowered():
    body = {
        "responses": [
            {"id": "2", "status": 204, "headers": {"Request-Id": "r2"}},
            {"id": "0", "status": 200, "headers": None, "body": {"id": "1"}},
        ]
    }
    answers = unpack(REQUESTS, [0, 1, 2], body)
    assert [answers[at].status for at in range(3)] == [200, 0, 204]
    assert answers[0].value() == {"id": "1"}
    assert answers[2].headers == {"request-id": "r2"}


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"responses": None}, {"responses": [None, 1, {"id": "0", "status": "200"}]}],
)
def test_a_body_that_is_no_batch_answers_nothing(body):
    assert [one.status for one in unpack(REQUESTS, [0, 1, 2], body).values()] == [0, 0, 0]


def test_an_items_error_is_raised_with_what_it_was():
    body = {"responses": [{"id": "1", "status": 400, "body": {"error": {"code": "c"}}}]}
    with pytest.raises(BadRequest) as caught:
        unpack(REQUESTS, [1], body)[1].value()
    assert (caught.value.request, caught.value.code) == ("POST /users", "c")


def test_the_ledger_keeps_no_body_of_an_item():
    body = {"responses": [{"id": "1", "status": 201, "body": {"password": "a-password-1"}}]}
    records = item_records(unpack(REQUESTS, [1], body))
    assert "password" not in str(records)


@given(st.lists(st.sampled_from([0, 200, 204, 400, 401, 404, 424, 429, 500, 503]), min_size=3,
                max_size=3), st.booleans())  # fmt: skip
def test_no_write_that_may_have_been_done_is_ever_repeated(statuses, renewed):
    body = {
        "responses": [
            {"id": str(at), "status": status} for at, status in enumerate(statuses) if status
        ]
    }
    again = to_repeat(REQUESTS, unpack(REQUESTS, [0, 1, 2], body), renewed=renewed)
    for at in again:
        if REQUESTS[at].method != "GET":
            assert statuses[at] in {401, 424, 429}
        assert statuses[at] not in {200, 204, 400, 404}


def test_an_item_held_up_without_a_dependency_goes_with_its_throttled_neighbour():
    body = {"responses": [{"id": "0", "status": 424}, {"id": "1", "status": 429}]}
    answers = unpack(REQUESTS, [0, 1], body)
    assert to_repeat(REQUESTS, answers, renewed=False) == [0, 1]


def test_an_item_held_up_by_nothing_that_is_repeated_is_final():
    answers = unpack(REQUESTS, [0], {"responses": [{"id": "0", "status": 424}]})
    assert to_repeat(REQUESTS, answers, renewed=False) == []


def test_an_item_whose_dependency_is_final_is_not_repeated_beside_a_throttled_one():
    requests = [
        BatchRequest("PATCH", "/a", {}),
        BatchRequest("DELETE", "/b", depends_on=(0,)),
        BatchRequest("GET", "/c"),
    ]
    body = {
        "responses": [
            {"id": "0", "status": 403},
            {"id": "1", "status": 424},
            {"id": "2", "status": 429},
        ]
    }
    assert to_repeat(requests, unpack(requests, [0, 1, 2], body), renewed=False) == [2]


def test_a_chain_of_held_up_items_is_repeated_as_a_whole():
    requests = [
        BatchRequest("DELETE", "/c", depends_on=(1,)),
        BatchRequest("PATCH", "/b", {}, depends_on=(2,)),
        BatchRequest("PATCH", "/a", {}),
    ]
    statuses = [424, 424, 429]
    body = {"responses": [{"id": str(at), "status": s} for at, s in enumerate(statuses)]}
    assert to_repeat(requests, unpack(requests, [0, 1, 2], body), renewed=False) == [0, 1, 2]
