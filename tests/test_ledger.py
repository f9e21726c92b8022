"""The ledger of requests."""

import json
import threading

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
