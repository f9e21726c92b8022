"""The ledger of requests."""

import json
import threading

import pytest

from o365lib.ledger import BatchItemRecord, Ledger, RequestRecord
from o365lib.secret import Secret


def write(ledger, **changes):
    entry = {
        "started": "2026-08-20T10:11:12.000Z",
        "service": "graph",
        "method": "GET",
        "path": "/v1.0/users",
        "status": 200,
        "attempt": 1,
        "request_id": "r",
        "client_request_id": "c",
        "milliseconds": 12,
    }
    return ledger.record(**{**entry, **changes})


def test_entries_are_numbered_in_the_order_in_which_they_came():
    ledger = Ledger()
    write(ledger)
    write(ledger, path="/v1.0/domains")
    assert [(entry.sequence, entry.path) for entry in ledger.records()] == [
        (1, "/v1.0/users"),
        (2, "/v1.0/domains"),
    ]


def test_an_entry_survives_the_way_through_json():
    item = BatchItemRecord(method="GET", path="/users", status=200, request_id="r", error="")
    entry = write(Ledger(), items=(item,), retry_after_seconds=2.128)
    assert RequestRecord.model_validate_json(json.dumps(entry.model_dump(mode="json"))) == entry


def test_a_secret_in_a_path_or_an_error_is_masked():
    secret = Secret("pass/word in a path")
    item = BatchItemRecord(method="GET", path=f"/users/{secret.reveal()}", status=200)
    entry = write(
        Ledger(), path="/v1.0/users/pass%2Fword%20in%20a%20path", error=secret.reveal(),
        items=(item,),
    )  # fmt: skip
    assert "word" not in entry.model_dump_json()


def test_many_threads_lose_no_entry_and_share_no_number():
    ledger = Ledger()
    threads = [
        threading.Thread(target=lambda: [write(ledger) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.sequence for entry in ledger.records()] == list(range(1, 401))


def test_what_records_returns_does_not_grow():
    ledger = Ledger()
    before = ledger.records()
    write(ledger)
    assert before == ()


WAITS = {
    "429": {"status": 429},
    "429 with a time": {"status": 429, "retry_after_seconds": 2.128},
    "503 with a time": {"status": 503, "retry_after_seconds": 10.0},
    "504 with a time": {"status": 504, "retry_after_seconds": 10.0},
    "an item of a batch": {
        "items": (
            BatchItemRecord(method="GET", path="/users", status=200),
            BatchItemRecord(method="GET", path="/users", status=429),
        )
    },
    "a person's sign-in": {
        "service": "sign-in", "status": 400, "error": "invalid_grant AADSTS50196",
    },
}  # fmt: skip
NO_WAITS = {
    "success": {},
    "503 without a time": {"status": 503},
    "500": {"status": 500, "retry_after_seconds": 1.0},
    "no answer": {"status": 0, "error": "timeout"},
    "another refusal": {"service": "sign-in", "status": 400, "error": "invalid_grant AADSTS50126"},
    "items": {"items": (BatchItemRecord(method="GET", path="/users", status=404),)},
}


@pytest.mark.parametrize("wait", WAITS)
def test_what_asks_to_wait_is_counted_and_told_at_once(wait):
    told = []
    ledger = Ledger(lambda seconds: told.append((seconds, ledger.traffic())))
    write(ledger)
    write(ledger, **WAITS[wait])
    assert told == [(WAITS[wait].get("retry_after_seconds"), (2, 1))]


@pytest.mark.parametrize("answer", NO_WAITS)
def test_what_does_not_ask_to_wait_is_a_request_like_any_other(answer):
    told = []
    ledger = Ledger(told.append)
    write(ledger, **NO_WAITS[answer])
    assert ledger.traffic() == (1, 0)
    assert told == []


def test_nobody_needs_to_listen():
    ledger = Ledger()
    write(ledger, status=429)
    assert ledger.traffic() == (1, 1)
