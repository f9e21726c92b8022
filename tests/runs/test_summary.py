import json

import pytest

from o365lib.runs import summary
from o365lib.runs.summary import NOT_STARTED, RunResult
from o365lib.secret import MASK, Secret


def results(*outcomes):
    return [
        RunResult(client=f"client-{number}", runbook="create", outcome=outcome)
        for number, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        (["done", "nothing to do", "planned"], 0),
        (["done", "refused"], 3),
        (["refused", "failed"], 1),
        (["refused", "unverified"], 1),
        (["refused", NOT_STARTED], 1),
        (["done", "unfinished"], 1),
        (["done", "something new"], 1),
    ],
)
def test_the_exit_status_tells_whether_somebody_must_look(outcomes, status):
    assert summary.exit_status(results(*outcomes)) == status


def test_counts_stand_in_a_fixed_order_and_leave_out_what_did_not_occur():
    some = results("failed", "done", "refused", "done")
    assert list(summary.counts(some).items()) == [("done", 2), ("refused", 1), ("failed", 1)]
    assert summary.counted(some) == "4 clients: 2 done, 1 refused, 1 failed."
    assert summary.counted(results("done")) == "1 client: 1 done."
    assert summary.counted([]) == "0 clients."


def test_rows_keep_the_order_of_the_results():
    assert [row[0] for row in summary.rows(results("done", "failed"))] == ["client-0", "client-1"]


def test_a_reason_is_one_line_that_steers_no_terminal_and_shows_no_secret():
    Secret("correct-horse-battery")
    text = "one\ntwo\x1b[31m \u202ered correct-horse-battery"
    assert summary.reason_of(text) == f"one two[31m red {MASK}"


def test_a_reason_is_not_cut_within_what_somebody_needs_to_know():
    assert summary.reason_of("x" * 1999) == "x" * 1999
    assert len(summary.reason_of("x" * 5000)) == 2000


def result(client, outcome, remedy):
    return RunResult(client=client, runbook="create", outcome=outcome, remedy=remedy)


def test_what_to_do_is_said_once_for_all_whom_it_concerns():
    some = [
        result("a", "refused", "Ask."),
        result("b", "done", "Nothing to do with it."),
        result("c", "failed", "Run again."),
        result("d", "unverified", "Ask."),
        result("e", "failed", ""),
    ]
    told = [(each.remedy, each.clients) for each in summary.advice(some)]
    assert told == [("Ask.", ("a", "d")), ("Run again.", ("c",))]
    assert [each.client for each in summary.needing_a_person(some)] == ["a", "c", "d", "e"]


def test_for_machines_what_to_do_stands_beside_the_reason():
    assert result("a", "refused", "Ask.").to_json()["remedy"] == "Ask."


def test_for_machines_the_error_that_ended_a_run_is_named_with_its_step():
    told = RunResult(
        client="a", runbook="create", outcome="failed", error_type="Forbidden", step="create-user"
    ).to_json()
    assert (told["error_type"], told["step"]) == ("Forbidden", "create-user")
    assert results("done")[0].to_json()["error_type"] == ""


def test_a_result_is_told_to_machines_with_its_files_as_text(tmp_path):
    done = RunResult(
        client="a", runbook="create", outcome="done", record_file=tmp_path, seconds=1.23456
    )
    told = json.loads(json.dumps(done.to_json()))
    assert (told["record_file"], told["notebook_file"]) == (str(tmp_path), None)
    assert told["seconds"] == 1.235


def test_totals_count_outcomes_and_give_the_exit_status():
    told = summary.totals(results("done", "refused", "done"))
    assert told == {"counts": {"done": 2, "refused": 1}, "problems": 0, "exit_status": 3}


@pytest.mark.parametrize("outcome", ["done", "nothing to do", "planned", "refused"])
def test_a_problem_beside_the_outcome_makes_no_outcome_good(outcome):
    some = [RunResult(client="a", runbook="create", outcome=outcome, problem="The disk is full.")]
    assert not some[0].is_good
    assert summary.exit_status(some) == 1
    assert summary.needing_a_person(some) == some
    assert summary.counts(some) == {outcome: 1}
    assert some[0].to_json()["problem"] == "The disk is full."


def test_problems_beside_good_outcomes_are_counted_after_them():
    some = [
        *results("done", "refused"),
        RunResult(client="x", runbook="create", outcome="done", problem="The disk is full."),
    ]
    assert summary.counted(some) == "3 clients: 2 done, 1 refused, 1 of them with a problem."
    assert summary.totals(some)["problems"] == 1
    assert summary.totals(results("done"))["problems"] == 0
