"""Paging, batches, and the session against the sandbox."""

import pytest

from o365lib.errors import (
    AnswerLost,
    BadRequest,
    NotFound,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
    UntrustedHost,
)
from o365lib.graph import users
from o365lib.graph.batch import BatchRequest
from o365lib.graph.query import Query
from o365lib.sandbox import Fault
from o365lib.secret import Secret
from tests.scripted_server import answer, batch_answer, reset

ANYTHING = Query("/users/1", lambda body: body)
LIST = Query("/users", list, is_collection=True)
THROTTLED = {"error": {"code": "TooManyRequests", "message": "Please retry again later."}}


def error(code, message="said by Graph", *details):
    return {"error": {"code": code, "message": message, "details": [{"code": d} for d in details]}}


# ---- paging ------------------------------------------------------------------------------------


def page(server, items, link=None):
    body = {"value": items}
    if link:
        body["@odata.nextLink"] = link if "://" in link else f"{server.base_url}/v1.0{link}"
    return answer(200, body)


def test_a_list_is_read_to_its_last_page_also_over_empty_pages(server, scripted):
    server.answers(
        page(server, [1], "/users?$skiptoken=a"),
        page(server, [], "/users?$skiptoken=b"),
        page(server, [2]),
    )
    query = Query("/users", list, is_collection=True, headers={"ConsistencyLevel": "eventual"})
    assert scripted.session.fetch(query) == [1, 2]
    assert [seen.path for seen in server.seen][1:] == [
        "/v1.0/users?$skiptoken=a",
        "/v1.0/users?$skiptoken=b",
    ]
    assert all(seen.headers["ConsistencyLevel"] == "eventual" for seen in server.seen)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users",
        "http://127.0.0.1/v1.0/users",
        "{base}@evil.example/v1.0/users",
        "{base}/beta/users",
        "{login}/v1.0/users",
        "{base}/v1.0.evil.example/users",
        "{base}/v1.0/\\@evil.example/",
    ],
)
def test_a_list_that_goes_on_elsewhere_is_refused(server, scripted, link):
    there = link.format(base=server.base_url, login=server.cloud.login_base_url)
    server.answers(page(server, [1], there))
    with pytest.raises(UntrustedHost):
        scripted.session.fetch(LIST)
    assert len(server.seen) == 1


def test_a_list_that_goes_round_in_circles_is_an_error(server, scripted):
    server.answers(*[page(server, [1], "/users?$skiptoken=a")] * 3)
    with pytest.raises(ServiceUnavailable, match="end"):
        scripted.session.fetch(LIST)


def test_a_list_without_value_is_an_error_and_not_an_empty_list(server, scripted):
    server.answers(answer(200, {"values": []}))
    with pytest.raises(ServiceUnavailable, match="not a list"):
        scripted.session.fetch(LIST)


# ---- batches -----------------------------------------------------------------------------------


def gets(count):
    return [BatchRequest("GET", f"/users/{number}") for number in range(count)]


def test_a_batch_answers_in_the_order_of_its_requests(server, scripted):
    server.answers(batch_answer((2, 200, "c", {}), (0, 200, "a", {}), (1, 404, {}, {})))
    first, second, third = scripted.session.batch(gets(3))
    assert (first.value(), third.value()) == ("a", "c")
    with pytest.raises(NotFound):
        second.value()
    assert server.seen[0].path == "/v1.0/$batch"


def test_more_than_twenty_requests_are_split(server, scripted):
    server.answers(
        batch_answer(*[(number, 200, number, {}) for number in range(20)]),
        batch_answer((20, 200, 20, {})),
    )
    answers = scripted.session.batch(gets(21))
    assert [one.value() for one in answers] == list(range(21))
    assert [len(seen.json["requests"]) for seen in server.seen] == [20, 1]


def test_a_dependency_across_two_batches_is_refused_before_anything_is_sent(server, scripted):
    requests = [*gets(20), BatchRequest("GET", "/users/x", depends_on=(0,))]
    with pytest.raises(ValueError, match="twenty"):
        scripted.session.batch(requests)
    assert not server.seen


def test_throttled_items_are_sent_again_alone_after_the_longest_wait_of_them(
    server, scripted, standing
):
    server.answers(
        batch_answer(
            (0, 200, "a", {}),
            (1, 429, THROTTLED, {"Retry-After": "2"}),
            (2, 429, THROTTLED, {"retry-after": "3.5"}),
        ),
        batch_answer((1, 201, "b", {}), (2, 200, "c", {})),
    )
    requests = [*gets(1), BatchRequest("POST", "/users", {"a": 1}), *gets(1)]
    assert [one.value() for one in scripted.session.batch(requests)] == ["a", "b", "c"]
    assert standing.sleeps == [3.5]
    assert [item["id"] for item in server.seen[1].json["requests"]] == ["1", "2"]
    assert [entry.attempt for entry in scripted.transport.ledger.records()] == [1, 2]


def test_items_that_stay_throttled_end_as_throttled(server, scripted):
    item = batch_answer((0, 429, THROTTLED, {"Retry-After": "1"}))
    server.answers(*[item] * 9)
    (only,) = scripted.session.batch(gets(1))
    with pytest.raises(Throttled):
        only.value()
    assert len(server.seen) == 6


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failed_item_is_sent_again_only_where_it_is_a_read(server, scripted, status):
    server.answers(
        batch_answer((0, status, {}, {}), (1, status, {}, {})), batch_answer((0, 200, "a", {}))
    )
    read, write = scripted.session.batch([*gets(1), BatchRequest("DELETE", "/users/1")])
    assert read.value() == "a"
    with pytest.raises(AnswerLost):
        write.value()
    assert [item["method"] for item in server.seen[1].json["requests"]] == ["GET"]


def test_an_item_that_graph_leaves_out_is_asked_again_or_reported_lost(server, scripted):
    server.answers(batch_answer(), batch_answer((0, 200, "a", {})))
    read, write = scripted.session.batch([*gets(1), BatchRequest("DELETE", "/users/1")])
    assert read.value() == "a"
    with pytest.raises(AnswerLost):
        write.value()


def test_what_waited_for_a_throttled_item_is_sent_again_with_it(server, scripted):
    requests = [
        BatchRequest("GET", "/users/0"),
        BatchRequest("PATCH", "/users/1", {"a": 1}, depends_on=(0,)),
        BatchRequest("DELETE", "/users/1", depends_on=(1,)),
    ]
    server.answers(
        batch_answer(
            (0, 200, "a", {}),
            (1, 429, THROTTLED, {"Retry-After": "1"}),
            (2, 424, error("FailedDependency"), {}),
        ),
        batch_answer((1, 204, None, {}), (2, 204, None, {})),
    )
    assert [one.status for one in scripted.session.batch(requests)] == [200, 204, 204]
    again = server.seen[1].json["requests"]
    assert [item.get("dependsOn") for item in again] == [None, ["1"]]


def test_what_waited_for_a_failed_item_is_final(server, scripted):
    requests = [BatchRequest("PATCH", "/a", {}), BatchRequest("DELETE", "/b", depends_on=(0,))]
    server.answers(batch_answer((0, 403, {}, {}), (1, 424, None, {})))
    _, second = scripted.session.batch(requests)
    with pytest.raises(BadRequest, match="depends"):
        second.value()
    assert len(server.seen) == 1


def test_a_whole_batch_that_is_throttled_is_sent_again_whatever_is_in_it(
    server, scripted, standing
):
    server.answers(answer(429, THROTTLED, Retry_After="7"), batch_answer((0, 204, None, {})))
    (only,) = scripted.session.batch([BatchRequest("DELETE", "/users/1")])
    assert only.value() is None
    assert standing.sleeps == [7.0]


@pytest.mark.parametrize("failure", [503, reset])
def test_a_whole_batch_that_fails_is_sent_again_only_if_all_of_it_is_reading(
    server, scripted, failure
):
    act = failure if callable(failure) else answer(failure)
    server.answers(act, batch_answer((0, 200, "a", {})))
    assert scripted.session.batch(gets(1))[0].value() == "a"
    server.answers(act)
    with pytest.raises(AnswerLost):
        scripted.session.batch([*gets(1), BatchRequest("DELETE", "/users/1")])
    assert len(server.seen) == 3


def test_a_token_refused_inside_a_batch_is_renewed_once(server, scripted):
    refused = batch_answer((0, 401, error("InvalidAuthenticationToken"), {}))
    server.answers(refused, batch_answer((0, 200, "a", {})))
    assert scripted.session.batch(gets(1))[0].value() == "a"
    server.answers(refused, refused)
    (only,) = scripted.session.batch(gets(1))
    with pytest.raises(Unauthenticated):
        only.value()
    assert len(server.seen) == 4


def test_the_ledger_has_every_item_of_a_batch_with_its_own_status(server, scripted):
    body = error("Request_ResourceNotFound")
    body["error"]["innerError"] = {"request-id": "inner-id"}
    server.answers(batch_answer((0, 200, {}, {"request-id": "r0"}), (1, 404, body, {})))
    scripted.session.batch(gets(2))
    (entry,) = scripted.transport.ledger.records()
    assert [(i.method, i.path, i.status, i.request_id, i.error) for i in entry.items] == [
        ("GET", "/users/0", 200, "r0", ""),
        ("GET", "/users/1", 404, "inner-id", "Request_ResourceNotFound"),
    ]


# ---- against the sandbox -----------------------------------------------------------------------


def test_throttling_by_the_sandbox_is_waited_out(wire, standing):
    wire.sandbox.faults.add(
        Fault(method="GET", path="/v1.0/users", effect="429", retry_after="2.128", times=2)
    )
    assert wire.session.fetch(users.list_users())
    assert standing.sleeps == [2.128, 2.128]


def test_throttled_items_of_the_sandboxs_batch_are_sent_again(wire, standing):
    wire.sandbox.faults.add(
        Fault(path="/v1.0/domains", effect="429", retry_after="3", in_batch=True)
    )
    answers = wire.session.batch(
        [BatchRequest("GET", "/domains"), BatchRequest("GET", "/organization")]
    )
    assert [one.status for one in answers] == [200, 200]
    assert standing.sleeps == [3.0]


@pytest.mark.parametrize("effect", ["reset-before", "503", "504", "non-json"])
def test_a_creation_whose_answer_is_lost_is_reported_and_not_repeated(wire, effect):
    fault = wire.sandbox.faults.add(Fault(method="POST", path="/v1.0/users", effect=effect))
    before = len(wire.tenant.users)
    with pytest.raises(AnswerLost):
        create(wire)
    assert fault.struck == 1
    assert len([line for line in wire.requests if line.startswith("POST")]) == 1
    assert len(wire.tenant.users) - before == (1 if effect == "non-json" else 0)


@pytest.mark.parametrize("effect", ["reset-after", "503-after"])
def test_a_creation_that_took_effect_though_its_answer_was_lost_is_not_repeated(wire, effect):
    wire.sandbox.faults.add(Fault(method="POST", path="/v1.0/users", effect=effect))
    with pytest.raises(AnswerLost):
        create(wire)
    found = [one for one in wire.tenant.users.values() if "practice" in one["userPrincipalName"]]
    assert len(found) == 1


def test_a_lying_next_link_and_a_redirect_of_the_sandbox_are_refused(wire):
    for effect in ("foreign-next-link", "redirect"):
        wire.sandbox.faults.add(Fault(path="/v1.0/users", effect=effect))
        with pytest.raises(UntrustedHost):
            wire.session.fetch(users.list_users())


def test_an_empty_first_page_of_the_sandbox_is_not_the_end_of_the_list(wire):
    wire.sandbox.faults.add(Fault(path="/v1.0/users", effect="empty-page"))
    assert len(wire.session.fetch(users.list_users())) == len(wire.tenant.users)


def create(wire):
    return users.create_user(
        wire.session,
        user_principal_name=f"practiceprotect@{wire.tenant.initial_domain}",
        display_name="Practice Protect",
        mail_nickname="practiceprotect",
        password=Secret("Zk7#mQ2vTx9wRb4nLd8c"),
    )
