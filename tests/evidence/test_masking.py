"""Whatever a secret is spelled like, the record stays readable and does not show it."""

import json
from datetime import UTC, datetime
from enum import Enum
from typing import Literal, get_args, get_origin

import pytest

from o365lib import secret
from o365lib.evidence.accounts import accounts_handled, pending_credentials
from o365lib.evidence.masking import READ_BACK
from o365lib.evidence.record import (
    Approval,
    Change,
    Check,
    ErrorRecord,
    HandOverRecord,
    Operator,
    Outcome,
    Record,
    Step,
)
from o365lib.secret import MASK, Secret

NOW = datetime(2026, 11, 23, 10, 45, tzinfo=UTC)
USER, NAME, RUN = (
    "5f3a-user",
    "practiceprotect@contoso.onmicrosoft.com",
    "20261123T104500000Z-create",
)
PARTS = (Record, Operator, Approval, Step, Change, HandOverRecord, Check, ErrorRecord)


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """What a test calls a secret is none to the tests after it."""
    monkeypatch.setattr(secret, "_known", set())


def full(text="nothing") -> Record:
    """Return a record with every part; `text` stands wherever anything may be written."""
    user = {"id": USER, "user_principal_name": NAME, "created_date_time": NOW.isoformat()}
    return Record(
        run_id=RUN,
        client="alpine-books",
        client_display_name=text,
        cloud="global",
        tenant_id="t-1",
        runbook="create_service_account",
        runbook_digest="3b34",
        package_version="1.0",
        parameters={"client": "alpine-books", "run_id": RUN, "ticket": text, "lines": [text]},
        parameters_digest="77aa",
        operator=Operator(user_name=text, host_name=text, signed_in_as=text, object_id="o-1"),
        ticket=text,
        approval=Approval(approved_by=text, how="parameter", plan_digest="3b34", date_time=NOW),
        started=NOW,
        ended=NOW,
        steps=[Step(name="create-user", started=NOW, ended=NOW, status="completed", note=text)],
        facts={"account": {"user": user, "display_name": text}, "pending_credentials": RUN},
        plan={"user_principal_name": NAME, "digest": "3b34", "changes": [{"title": text}]},
        changes=[
            Change(
                action=action,
                target=target,
                detail=text,
                before=text,
                after={"text": [text]},
                status=status,
                started=NOW,
                ended=NOW,
                request_id=text,
                note=text,
            )
            for action, target, status in (
                ("create-user", NAME, "unknown"),
                ("set-password", USER, "accepted"),
            )
        ],
        hand_over=HandOverRecord(
            method="screen",
            recipient=text,
            user_id=USER,
            status="started",
            date_time=NOW,
            request_id=text,
            note=text,
        ),
        verification=[Check(name="password", wanted=text, found=text, passed=True)],
        undo={
            "id": USER,
            "role_assignments": [{"role_definition_id": "r-1", "display_name": text}],
        },
        outcome=Outcome.UNVERIFIED,
        reason=text,
        error=ErrorRecord(
            type="NotVerified",
            message=text,
            state=text,
            remedy=text,
            step="verify",
            code=text,
            request_id=text,
        ),
        closed_by="runbook",
        requests=[{"method": "POST", "path": "/v1.0/users", "status": 201, "request_id": text}],
    )


def texts(value, *, keys=False):
    if isinstance(value, dict):
        for name, each in value.items():
            if keys:
                yield name
            yield from texts(each, keys=keys)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, keys=keys)
    elif isinstance(value, str):
        yield value


PLACES = list(texts(json.loads(full("nothing").to_json()))).count("nothing")


def words() -> set[str]:
    """Every key and every word that a record is made of, and some of its instants' digits."""
    found = {"202611", "2026-11", "23T10:45", "T104500", *READ_BACK}
    for part in PARTS:
        found |= set(part.model_fields)
        for field in part.model_fields.values():
            if get_origin(field.annotation) is Literal:
                found |= {str(word) for word in get_args(field.annotation)}
            elif isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
                found |= {str(word) for word in field.annotation}
    for word in texts(json.loads(full().to_json()), keys=True):
        found |= {word, *word.split("-"), *word.split("_")}
    return {word for word in found if len(word) >= 6}


@pytest.mark.parametrize("word", sorted(words()))
def test_a_secret_that_is_a_word_of_the_schema_leaves_the_record_readable(word):
    Secret(word)
    text = full(f"it was {word}.").to_json()
    read = Record.from_json(text)
    assert f"it was {word}." not in list(texts(json.loads(text)))
    assert list(texts(json.loads(text))).count(f"it was {MASK}.") == PLACES > 30
    assert (read.run_id, read.outcome, read.closed_by) == (RUN, Outcome.UNVERIFIED, "runbook")
    assert read.changes[0].started == NOW
    found = pending_credentials([read], user_id=USER, user_principal_name=NAME, created=NOW)
    assert found == RUN
    assert [each.user_id for each in accounts_handled([read])] == [USER]


def test_every_text_of_a_record_is_masked_or_declared_to_be_an_identifier():
    Secret("it-slipped-in")
    declared = {
        name for part in PARTS for name, field in part.model_fields.items() if field.metadata
    }
    for part in PARTS:
        for name, field in part.model_fields.items():
            if field.annotation is str and name not in declared:
                assert f'"{name}": "{MASK}"' in full("it-slipped-in").to_json()


def test_an_identifier_is_kept_letter_for_letter():
    for word in (USER, NAME, RUN, "alpine-books", "create-user", "create_service_account"):
        Secret(word)
    assert Record.from_json(full().to_json()) == full()


def test_a_record_without_a_secret_is_written_as_it_is():
    record = full('ü \u2028 "quoted"')
    assert Record.from_json(record.to_json()) == record
