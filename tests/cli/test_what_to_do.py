from pathlib import Path

import pytest

from o365lib.cli.options import Options
from o365lib.cli.what_to_do import show_what_to_do
from o365lib.runs.summary import RunResult


@pytest.fixture
def told(capsys, monkeypatch):
    """Return what is printed below the table of these results."""
    monkeypatch.setattr("sys.argv", ["pytest"])
    monkeypatch.delenv("COLUMNS", raising=False)

    def show(*results):
        show_what_to_do(results, Options())
        return capsys.readouterr().out.splitlines()

    return show


def result(client, outcome="refused", remedy="Ask.", *, is_recorded=True, problem=""):
    return RunResult(
        client=client,
        runbook="create",
        run_id=f"run-of-{client}",
        outcome=outcome,
        remedy=remedy,
        problem=problem,
        record_file=Path("record.json") if is_recorded else None,
    )


def test_where_all_ended_well_nothing_is_to_be_done(told):
    assert told(result("a", "done"), result("b", "planned")) == []


def test_a_remedy_is_said_once_and_names_whom_it_concerns(told):
    some = [result("a"), result("b", "done"), result("c", remedy="Run again."), result("d")]
    assert told(*some) == [
        "What to do:",
        "  Ask.",
        "    for a, d",
        "  Run again.",
        "    for c",
        "One of these runs step by step:",
        "  o365 evidence show run-of-a",
    ]


def test_of_thousands_of_clients_some_are_named_and_the_rest_counted(told):
    lines = told(*(result(f"client-{number}") for number in range(5000)))
    assert lines[1] == "  Ask."
    assert lines[2].startswith("    for client-0, client-1, ")
    assert lines[2].endswith("client-49 and 4950 more")


def test_a_run_is_shown_only_if_there_is_a_record_of_it(told):
    assert told(result("a", is_recorded=False)) == ["What to do:", "  Ask.", "    for a"]
    assert told(result("a", is_recorded=False), result("b", remedy=""))[-2:] == [
        "The run step by step:",
        "  o365 evidence show run-of-b",
    ]


def test_a_run_whose_record_is_good_is_not_shown_for_what_is_not_in_it(told):
    full = result("a", "done", "Make room.", problem="The disk is full.")
    assert told(full) == ["What to do:", "  Make room.", "    for a"]
    assert told(full, result("b"))[-2:] == [
        "The run step by step:",
        "  o365 evidence show run-of-b",
    ]
