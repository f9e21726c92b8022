"""Seals that were put on runs from before there were seals are told, by the day."""

from o365lib.evidence.statement import SEAL, Statement
from o365lib.evidence.verification.adopted import Adopted
from o365lib.evidence.verification.findings import Findings


def told(*said):
    adopted, findings = Adopted(), Findings()
    for each in said:
        adopted.count(Statement((), SEAL, each))
    adopted.tell(findings)
    return findings.notes


def test_other_seals_are_not_told():
    assert told({}, {"finished": {}}) == []


def test_adopted_runs_are_counted_by_the_day():
    first, later = {"adopted": "2026-11-23T12:00:00.000Z"}, {"adopted": "2026-11-24T12:00:00.000Z"}
    assert told(first, later, first) == [
        "2 runs were adopted on 2026-11-23: what they say is vouched for from then on only.",
        "1 run was adopted on 2026-11-24: what it says is vouched for from then on only.",
    ]


def test_days_that_are_none_are_told_all_the_same_and_however_many_stay_a_few_lines():
    assert "a day that is not told" in told({"adopted": None})[0]
    notes = told(*({"adopted": f"day-{number:06}"} for number in range(100)))
    assert len(notes) == 11
    assert any("90 runs were adopted on other days" in each for each in notes)
