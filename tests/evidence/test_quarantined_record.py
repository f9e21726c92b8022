"""What stays of a record is clean, says what became of the run, and serves later runs."""

import base64
import json

import pytest

from o365lib import secret
from o365lib.evidence import gate
from o365lib.evidence.accounts import accounts_handled, pending_credentials
from o365lib.evidence.gate import KNOWN_SECRET, Finding, Findings
from o365lib.evidence.quarantined_record import made_of
from o365lib.evidence.record import ErrorRecord, Operator, Outcome, Quarantined
from o365lib.secret import MASK, Secret
from tests.evidence import planted
from tests.evidence.small_records import NAME, NOW, USER, change, handed_over, make

FILES = [Quarantined(name="runbook.ipynb", sha256="9f86", kinds=["JSON Web Token"])]
GUID = "62e90394-69f5-4237-9190-012177145e10"
VALUE = "Zk7#m-2v_Tx9wQ"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """What a test calls a secret is none to the tests after it."""
    monkeypatch.setattr(secret, "_known", set())


def findings(*found: tuple[str, str]) -> Findings:
    return Findings(tuple(Finding(file, 1, kind) for file, kind in found), "searched")


TOKENS = findings(("record.json", "JSON Web Token"))


def record(**fields):
    user = {"id": USER, "user_principal_name": NAME, "created_date_time": NOW.isoformat()}
    given = {
        "outcome": Outcome.DONE,
        "reason": "As planned.",
        "closed_by": "runbook",
        "ended": NOW,
        "facts": {"account": {"user": user}},
        "plan": {"user_principal_name": NAME, "digest": "3b34"},
        "changes": [change(), change("set-password", target=USER)],
        "hand_over": handed_over(),
        "requests": [{"method": "POST", "path": "/v1.0/users", "request_id": GUID, "status": 201}],
    }
    operator = fields.pop("operator", None)
    made = make(**given | fields)
    return made.model_copy(update={"operator": operator}) if operator else made


def serves_later_runs(left) -> bool:
    handled = [each.user_id for each in accounts_handled([left])]
    pending = pending_credentials([left], user_id=USER, user_principal_name=NAME, created=NOW)
    return USER in handled and pending == ""


PLACES = {
    "ticket": lambda text: {"ticket": f"see {text}"},
    "a parameter": lambda text: {"parameters": {"client": "alpine-books", "note": text}},
    "facts": lambda text: {"facts": {"deep": [{"er": [text]}]}},
    "a key": lambda text: {"undo": {text: "x"}},
    "an identifier": lambda text: {"plan": {"target": text, "user_principal_name": NAME}},
    "a change": lambda text: {
        "changes": [change().model_copy(update={"after": {"is": text}}), change(target=USER)]
    },
    "a request": lambda text: {"requests": [{"path": f"/v1.0/users?x={text}"}]},
    "who ran it": lambda text: {"operator": Operator(user_name=text, host_name="desk")},
    "the reason": lambda text: {"reason": text},
    "the error": lambda text: {"error": ErrorRecord(type=text, message=text, state=text)},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make_secret", [planted.json_web_token, planted.private_key])
def test_a_secret_goes_with_the_text_in_which_it_stands(place, make_secret):
    value = make_secret()
    before = record(**PLACES[place](value))
    assert gate.kinds_in(before.to_json())
    left = made_of(before, TOKENS, FILES)
    assert gate.kinds_in(left.to_json()) == set()
    assert value.splitlines()[1 if "\n" in value else 0][:40] not in left.to_json()
    assert MASK in left.to_json()
    assert (left.outcome, left.quarantined) == ("failed", FILES)
    if place not in {"facts", "a change"}:
        assert serves_later_runs(left)
    if place != "a request":
        assert left.requests == before.requests


def test_a_field_goes_that_is_a_secret_by_its_name_alone():
    left = made_of(record(facts={"password": "hunter22", "note": "hunter22"}), TOKENS, FILES)
    assert left.facts == {"password": MASK, "note": "hunter22"}


def test_a_secret_that_this_process_knows_goes_and_nothing_else():
    Secret(VALUE)
    before = record(ticket=f"see {VALUE}")
    left = made_of(before, findings(("record.json", KNOWN_SECRET)), FILES)
    assert left.ticket == MASK
    assert (left.facts, left.requests) == (before.facts, before.requests)


def test_of_a_secret_that_only_the_kernel_knew_no_text_is_kept_that_might_be_it():
    before = record(ticket=VALUE, facts={"note": VALUE, "id": USER, "pending_credentials": "run-0"})
    left = made_of(before, findings(("record.json", KNOWN_SECRET)), FILES)
    assert VALUE not in left.to_json()
    assert left.ticket == MASK
    assert left.facts == {"note": MASK, "id": USER, "pending_credentials": "run-0"}
    assert left.requests == [
        {"method": "POST", "path": MASK, "request_id": GUID, "status": 201},
    ]
    assert serves_later_runs(left)


def test_what_a_driver_quoted_from_a_notebook_with_the_kernels_secret_is_not_repeated():
    quoted = record(
        closed_by="driver",
        reason=f"{VALUE} is wrong",
        error=ErrorRecord(type="ValueError", message=f"{VALUE} is wrong", state=VALUE, step="two"),
    )
    in_notebook = findings(("runbook.ipynb", KNOWN_SECRET))
    assert VALUE not in made_of(quoted, in_notebook, FILES).to_json()
    elsewhere = made_of(quoted, findings(("runbook.ipynb", "refresh token")), FILES)
    assert f"{VALUE} is wrong" in elsewhere.reason
    assert elsewhere.error.step == "two"


def in_mail(text: str) -> list[str]:
    """As mail breaks base64 into lines, so that no line alone has it."""
    raw = b" " * 48 + text.encode() + b" " * 20
    return base64.encodebytes(raw).decode().splitlines(keepends=True)


def test_where_texts_are_a_secret_together_no_text_is_kept_that_might_be_a_part():
    left = made_of(
        record(ticket="T-1", facts={"mail": in_mail("password=hunter22&")}), TOKENS, FILES
    )
    assert left.facts == {"mail": [MASK, MASK]}
    assert left.ticket == MASK
    assert serves_later_runs(left)


def test_if_nothing_else_helps_what_was_changed_is_kept_alone():
    left = made_of(record(ticket="T-1", facts={"id": in_mail("password=hunter22&")}), TOKENS, FILES)
    assert (left.ticket, left.facts, left.requests) == ("", None, [])
    assert [each.target for each in left.changes] == [NAME, USER]
    assert left.outcome == "failed"
    assert serves_later_runs(left)


def test_the_record_of_an_earlier_quarantine_gets_the_files_alone():
    first = made_of(record(), TOKENS, FILES)
    more = [*FILES, Quarantined(name="other", sha256="77aa", kinds=[])]
    assert made_of(first, TOKENS, more) == first.model_copy(update={"quarantined": more})


def test_what_was_open_is_closed():
    left = made_of(record(ended=None, closed_by=""), TOKENS, FILES)
    assert left.ended is not None
    assert left.closed_by == "driver"


def test_the_record_can_be_written_and_read():
    left = made_of(record(), TOKENS, FILES)
    assert type(left).from_json(left.to_json()) == left
    assert json.loads(left.to_json())["quarantined"] == [
        {"name": "runbook.ipynb", "sha256": "9f86", "kinds": ["JSON Web Token"]}
    ]
