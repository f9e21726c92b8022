"""Patience, lost answers and errors of single requests."""

import pytest

from o365lib.errors import (
    AnswerLost,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
    UntrustedHost,
)
from o365lib.graph import users
from o365lib.graph.models import User
from o365lib.graph.query import Query
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.secret import Secret
from o365lib.transport import Transport
from tests.graph.conftest import FixedToken
from tests.scripted_server import answer, break_off, reset, serving

ANYTHING = Query("/users/1", lambda body: body)
LIST = Query("/users", list, is_collection=True)
THROTTLED = {"error": {"code": "TooManyRequests", "message": "Please retry again later."}}


def error(code, message="said by Graph", *details):
    return {"error": {"code": code, "message": message, "details": [{"code": d} for d in details]}}


# ---- throttling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [("2", 2.0), ("2.128", 2.128), ("0", 0.0), ("Thu, 20 Aug 2026 10:11:42 GMT", 30.0)],
)
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_a_throttled_request_of_any_method_waits_as_long_as_graph_asks(
    server, scripted, standing, method, retry_after, waited
):
    server.answers(answer(429, THROTTLED, Retry_After=retry_after), answer(200, {"id": "1"}))
    calls = {
        "get": lambda: scripted.session.fetch(ANYTHING),
        "post": lambda: scripted.session.post("/users", {"a": 1}),
        "patch": lambda: scripted.session.patch("/users/1", {"a": 1}),
        "delete": lambda: scripted.session.delete("/users/1"),
    }
    calls[method]()
    assert standing.sleeps == [waited]
    assert [entry.attempt for entry in scripted.transport.ledger.records()] == [1, 2]


def test_without_retry_after_the_waits_grow_and_are_not_all_the_same(server, scripted, standing):
    server.answers(*[answer(429, THROTTLED)] * 5, answer(200, {}))
    scripted.session.fetch(ANYTHING)
    shares = [
        wait / longest for wait, longest in zip(standing.sleeps, [0.5, 1, 2, 4, 8], strict=True)
    ]
    assert all(0.5 <= share <= 1 for share in shares)
    assert len(set(shares)) > 1


def test_patience_ends_before_a_wait_that_is_longer_than_what_is_left_of_it(
    server, scripted, standing
):
    server.answers(
        answer(429, THROTTLED, Retry_After="100"), answer(429, THROTTLED, Retry_After="21")
    )
    with pytest.raises(Throttled, match="Please retry again later") as caught:
        scripted.session.fetch(ANYTHING)
    assert standing.sleeps == [100.0]
    assert "21 seconds" in caught.value.message
    assert len(server.seen) == 2


def test_a_request_is_sent_six_times_at_most(server, scripted):
    server.answers(*[answer(429, THROTTLED, Retry_After="1")] * 9)
    with pytest.raises(Throttled):
        scripted.session.delete("/users/1")
    assert len(server.seen) == 6


# ---- failures of the service and the network ---------------------------------------------------


@pytest.mark.parametrize("failure", [500, 502, 503, 504, reset, break_off])
def test_a_read_is_repeated_after_a_failure(server, scripted, standing, failure):
    act = failure if callable(failure) else answer(failure, error("UnknownError", ""))
    server.answers(act, act, answer(200, {"id": "1"}))
    assert scripted.session.fetch(ANYTHING) == {"id": "1"}
    assert len(standing.sleeps) == 2


def test_a_read_that_keeps_failing_ends_as_service_unavailable(server, scripted):
    server.answers(*[answer(503, error("serviceNotAvailable"), Retry_After="1")] * 6)
    with pytest.raises(ServiceUnavailable) as caught:
        scripted.session.fetch(ANYTHING)
    assert (caught.value.status, caught.value.code) == (503, "serviceNotAvailable")
    assert caught.value.request_id == "id-6"


@pytest.mark.parametrize("failure", [500, 502, 503, 504, reset, break_off])
@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_a_write_whose_answer_was_lost_is_never_sent_twice(
    server, scripted, standing, failure, method
):
    act = failure if callable(failure) else answer(failure, error("UnknownError"), Retry_After="1")
    server.answers(act)
    session = scripted.session
    calls = {
        "post": lambda: session.post("/users", {}),
        "patch": lambda: session.patch("/users/1", {}),
        "delete": lambda: session.delete("/users/1"),
    }
    with pytest.raises(AnswerLost, match="may have taken effect"):
        calls[method]()
    assert len(server.seen) == 1
    assert not standing.sleeps


def test_a_write_that_succeeded_with_an_unreadable_answer_is_a_lost_answer(server, scripted):
    server.answers(answer(201, raw=b"<html>", content_type="text/html"))
    with pytest.raises(AnswerLost, match="text/html"):
        scripted.session.post("/users", {})
    server.answers(answer(201, {"nothing": "of a user"}))
    with pytest.raises(AnswerLost):
        scripted.session.create("/users", {}, User.from_graph)
    server.answers(answer(204))
    with pytest.raises(AnswerLost):
        scripted.session.create("/users", {}, User.from_graph)


def test_a_write_that_certainly_was_not_sent_may_be_sent_again(tmp_path, standing):
    with serving(tmp_path) as server:
        cloud = server.cloud
    gone = Transport(cloud, ledger=Ledger())
    with pytest.raises(ServiceUnavailable) as caught:
        GraphSession(gone, FixedToken()).post("/users", {})
    assert len(gone.ledger.records()) == 6
    assert caught.value.state == "This request was not sent."
    assert len(standing.sleeps) == 5


def test_an_untrusted_certificate_is_not_tried_again(tmp_path, server, scripted, standing):
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as impostor:
        cloud = type(server.cloud)("sandbox", impostor.base_url, impostor.base_url, server.ca_file)
        transport = Transport(cloud, ledger=Ledger())
        with pytest.raises(ServiceUnavailable, match="certificate"):
            GraphSession(transport, scripted.tokens).fetch(ANYTHING)
    assert len(transport.ledger.records()) == 1
    assert not standing.sleeps


# ---- tokens ------------------------------------------------------------------------------------


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(server, scripted):
    server.answers(answer(401, error("InvalidAuthenticationToken")), answer(200, {"id": "1"}))
    scripted.session.delete("/users/1")
    sent = [seen.headers["Authorization"] for seen in server.seen]
    assert sent == ["Bearer token-number-0", "Bearer token-number-1"]


def test_a_token_that_is_refused_twice_is_the_end(server, scripted):
    server.answers(*[answer(401, error("InvalidAuthenticationToken"))] * 3)
    with pytest.raises(Unauthenticated):
        scripted.session.fetch(ANYTHING)
    assert scripted.tokens.renewals == 1
    assert len(server.seen) == 2


def test_a_token_that_expires_in_the_sandbox_is_renewed(wire):
    found = wire.session.fetch(users.list_users())
    wire.sandbox.clock.advance(seconds=7200)
    assert wire.session.fetch(users.list_users()) == found
    assert wire.tokens.renewals == 1


# ---- errors by meaning -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("Request_BadRequest"), BadRequest),
        (400, error("Request_BadRequest", "x", "ObjectConflict"), Conflict),
        (400, error("Request_BadRequest", "x", "ConflictingObjects"), Conflict),
        (400, error("Request_MultipleObjectsWithSameKeyValue"), Conflict),
        (409, error("Whatever"), Conflict),
        (403, error("Authorization_RequestDenied"), Forbidden),
        (404, error("Request_ResourceNotFound"), NotFound),
        (405, error("Request_BadRequest"), BadRequest),
        (501, error("NotImplemented"), ServiceUnavailable),
    ],
)
@pytest.mark.parametrize("is_write", [False, True])
def test_an_error_is_raised_by_its_meaning_and_carries_what_graph_said(
    server, scripted, status, body, kind, is_write
):
    server.answers(answer(status, body))
    session = scripted.session
    with pytest.raises(kind) as caught:
        session.post("/users", {}) if is_write else session.fetch(ANYTHING)
    error_seen = caught.value
    assert type(error_seen) is kind
    assert (error_seen.status, error_seen.code) == (status, body["error"]["code"])
    assert error_seen.message == body["error"]["message"]
    assert error_seen.request_id == "id-1"
    assert error_seen.request == ("POST /users" if is_write else "GET /users/1")
    assert error_seen.state == ("This request changed nothing." if is_write else "")
    assert len(server.seen) == 1


def test_a_refusal_names_the_missing_permission(server, scripted):
    server.answers(answer(403, error("Authorization_RequestDenied")))
    with pytest.raises(Forbidden) as caught:
        scripted.session.fetch(users.get_user("1"))
    assert "User.Read.All" in caught.value.remedy


@pytest.mark.parametrize("raw", [b"", b"\x00" * 4096, b"<html>no</html>", b"[1]", b'"text"'])
def test_an_error_without_a_readable_body_still_has_its_meaning(server, scripted, raw):
    server.answers(answer(403, raw=raw, content_type="text/html"))
    with pytest.raises(Forbidden) as caught:
        scripted.session.fetch(ANYTHING)
    assert caught.value.message


@pytest.mark.parametrize("raw", [b"", b"\x00", b"<html>", b"[1]", b"null"])
def test_a_read_that_is_answered_200_without_an_object_is_an_error(server, scripted, raw):
    server.answers(answer(200, raw=raw))
    with pytest.raises(ServiceUnavailable):
        scripted.session.fetch(ANYTHING)


def test_an_answer_that_is_not_of_graphs_form_is_an_error_of_ours(server, scripted):
    server.answers(answer(200, {"userPrincipalName": "without an id"}))
    with pytest.raises(ServiceUnavailable, match="published form"):
        scripted.session.fetch(users.get_user("1"))


def test_a_secret_that_graph_repeats_in_a_message_is_masked(server, scripted):
    secret = Secret("Sw0rdfish-4-ever")
    server.answers(answer(400, error("Request_BadRequest", f"bad value {secret.reveal()}")))
    with pytest.raises(BadRequest) as caught:
        scripted.session.post("/users", {"password": secret})
    assert "Sw0rdfish" not in str(caught.value.sentences())
    assert server.seen[0].json == {"password": "Sw0rdfish-4-ever"}


def test_the_services_id_of_the_last_request_is_kept_also_of_a_refused_one(server, scripted):
    scripted.session.delete("/users/1")
    assert scripted.session.last_request_id == "id-1"
    server.answers(answer(404, error("Request_ResourceNotFound")))
    with pytest.raises(NotFound):
        scripted.session.delete("/users/1")
    assert scripted.session.last_request_id == "id-2"


def test_a_redirect_is_refused_with_the_token_kept_at_home(server, scripted):
    server.answers(answer(302, Location="https://evil.example/v1.0/users"))
    with pytest.raises(UntrustedHost, match="redirect"):
        scripted.session.fetch(ANYTHING)


def test_a_missing_object_is_the_querys_own_answer_where_it_has_one(server, scripted):
    server.answers(answer(404, error("Request_ResourceNotFound")))
    query = Query("/users/1", User.from_graph, if_missing=lambda: None)
    assert scripted.session.fetch(query) is None
