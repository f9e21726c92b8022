"""A plan is shown to its approver as its digest says, or not at all."""

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.service_account.shown_plan import plan_shown
from tests.service_account.example import (
    EXCHANGE,
    GLOBAL,
    make_account,
    make_client,
    make_facts,
    make_plan,
)


def record_of(plan, facts, **fields):
    content = {
        "run_id": "1",
        "client": plan.client,
        "tenant_id": plan.tenant_id,
        "runbook": f"{plan.runbook}_service_account",
        "package_version": "1",
        "parameters_digest": "0" * 64,
        "operator": Operator(user_name="kim", host_name="desk"),
        "started": facts.read,
        "facts": facts.model_dump(mode="json"),
        "plan": plan.model_dump(mode="json"),
        "outcome": Outcome.PLANNED,
    }
    return Record.from_json(Record(**(content | fields)).to_json())


CASES = [
    ("create", make_facts(), make_client()),
    ("create", make_facts(make_account(GLOBAL), federation="other"), make_client()),
    ("create", make_facts(), make_client(purpose="federation")),
    ("remove", make_facts(make_account(EXCHANGE, GLOBAL)), make_client(onboarding="completed")),
]


@pytest.mark.parametrize(("word", "facts", "client"), CASES)
def test_a_plan_comes_back_from_its_record_with_its_digest(word, facts, client):
    plan = make_plan(word, facts, client)
    assert plan_shown(record_of(plan, facts)) == (plan, facts)


def edited(record, part, *path, value):
    content = record.model_dump(mode="json")
    *above, last = path
    target = content[part]
    for name in above:
        target = target[name]
    target[last] = value
    return Record.model_validate(content)


@pytest.mark.parametrize(
    ("part", "path", "value"),
    [
        ("plan", ("changes", 0, "title"), "Change nothing"),
        ("plan", ("changes", 0, "after"), "as it was"),
        ("plan", ("changes",), []),
        ("plan", ("role_name",), "Reports Reader"),
        ("plan", ("user_principal_name",), "x@contoso.onmicrosoft.com"),
        ("plan", ("runbook",), "remove"),
        ("plan", ("digest",), "0" * 64),
        ("facts", ("initial_domain",), "fabrikam.onmicrosoft.com"),
        ("facts", ("account", "user", "display_name"), "Somebody"),
    ],
)
def test_what_was_edited_is_told(part, path, value):
    facts = make_facts(make_account(GLOBAL))
    record = record_of(make_plan("create", facts), facts)
    plan_shown(record)
    with pytest.raises(EvidenceError, match="the record was edited") as caught:
        plan_shown(edited(record, part, *path, value=value))
    assert "Do not approve it" in caught.value.remedy


@pytest.mark.parametrize(
    "other",
    [
        {"client": "fabrikam"},
        {"tenant_id": "99999999-0000-4000-8000-000000000001"},
        {"parameters_digest": "1" * 64},
    ],
)
def test_a_plan_in_another_runs_record_is_told(other):
    facts = make_facts()
    with pytest.raises(EvidenceError, match="the record was edited"):
        plan_shown(record_of(make_plan("create", facts), facts, **other))


@pytest.mark.parametrize("lacking", [{"plan": None}, {"facts": None}, {"plan": {"a": 1}}])
def test_a_record_without_a_plan_shows_none(lacking):
    facts = make_facts()
    with pytest.raises(EvidenceError, match="shows no plan"):
        plan_shown(record_of(make_plan("create", facts), facts).model_copy(update=lacking))
