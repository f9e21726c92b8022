import pytest

from o365lib.runs.stop_line import DEFAULT_AFTER, REFUSALS_FACTOR, StopLine, kind_of
from o365lib.runs.summary import NOT_STARTED, RunResult


def result(client="acme", outcome="failed", **parts):
    parts.setdefault("error_type", "SignInError" if outcome == "failed" else "")
    return RunResult(client=client, runbook="create", outcome=outcome, **parts)


def told(line, *results):
    return [line.ended(each) for each in results]


def test_the_default_number_of_failures_of_one_kind_in_a_row_stops_the_line():
    line = StopLine()
    assert told(line, *[result()] * (DEFAULT_AFTER - 1)) == [None] * (DEFAULT_AFTER - 1)
    assert not line.is_stopped
    assert line.ended(result()) is not None
    assert line.is_stopped


def test_it_is_told_once():
    line = StopLine(2)
    assert [bool(each) for each in told(line, *[result()] * 6)] == [0, 1, 0, 0, 0, 0]


def test_with_zero_the_line_is_never_stopped():
    line = StopLine(0)
    assert told(line, *[result()] * 100) == [None] * 100
    assert not line.is_stopped


@pytest.mark.parametrize("outcome", ["done", "nothing to do", "planned"])
def test_a_success_begins_the_count_anew(outcome):
    line = StopLine(3)
    some = [result(), result(), result(outcome=outcome), result(), result()]
    assert told(line, *some) == [None] * 5
    assert line.ended(result())


@pytest.mark.parametrize(
    "other",
    [
        result(error_type="Forbidden"),
        result(step="look"),
        result(outcome="unverified", error_type="SignInError"),
        result(reason="The client secret has expired. (AADSTS7000222)"),
        result(outcome="refused", guard="wrong-tenant"),
        result(outcome="done", problem="The disk is full."),
    ],
)
def test_a_failure_of_another_kind_begins_the_count_anew(other):
    line = StopLine(3)
    assert told(line, result(), result(), other, result(), result()) == [None] * 5


def test_a_run_that_was_not_started_neither_counts_nor_breaks_the_row():
    line = StopLine(3)
    none = result(outcome=NOT_STARTED)
    assert told(line, result(), none, none, none, result()) == [None] * 5
    assert line.ended(result())


def test_refusals_by_one_guard_stop_the_line_later():
    line = StopLine(2)
    refusal = result(outcome="refused", guard="recipient-not-allowed", step="plan")
    enough = 2 * REFUSALS_FACTOR
    assert told(line, *[refusal] * (enough - 1)) == [None] * (enough - 1)
    sentence = line.ended(refusal)
    assert f"{enough} in a row were refused by the guard recipient-not-allowed" in sentence


def test_refusals_by_different_guards_do_not():
    line = StopLine(1)
    guards = [result(outcome="refused", guard=guard) for guard in ("wrong-tenant", "is-federated")]
    assert told(line, *guards * 20) == [None] * 40


def test_runs_that_cannot_be_archived_stop_the_line_although_they_are_done():
    line = StopLine(2)
    some = [
        result(client, "done", reason="All well. But: x", problem=f"not sealed: {client}/9 is full")
        for client in ("acme", "birch")
    ]
    first, sentence = told(line, *some)
    assert first is None
    assert "ended well, but could not be archived as a whole (acme, birch)" in sentence
    assert "not sealed: birch/9 is full" in sentence


def test_errors_that_say_nothing_are_told_apart_by_their_words():
    deaths = [
        result(name, error_type="RunError", reason=f"{name}: killed at {n}.")
        for name, n in (("acme", "0x7f01"), ("birch", "0x7f02"))
    ]
    late = result("client-3", error_type="RunError", reason="client-3: its time was over.")
    assert kind_of(deaths[0]) == kind_of(deaths[1])
    assert kind_of(deaths[0]) != kind_of(late)
    nameless = [result(error_type="", reason=f"OSError: [Errno {n}] full") for n in (28, 122)]
    assert kind_of(nameless[0]) == kind_of(nameless[1])


def test_an_error_that_is_known_is_of_one_kind_whatever_it_says():
    some = [result(reason=f"{name} may not be created.") for name in ("Pat", "Kim")]
    assert kind_of(some[0]) == kind_of(some[1])


@pytest.mark.parametrize("outcome", ["done", "nothing to do", "planned", NOT_STARTED, "unfinished"])
def test_what_is_no_failure_has_no_kind(outcome):
    assert kind_of(result(outcome=outcome)) is None


def test_the_operator_is_told_what_they_have_in_common_and_what_to_do():
    line = StopLine(7)
    some = [
        result(
            f"client-{number}",
            step="sign-in",
            reason="The client secret has expired. (AADSTS7000222) More words. And more.",
            remedy="Make a new one.",
        )
        for number in range(7)
    ]
    assert told(line, *some)[-1] == (
        "No further client is started: 7 in a row failed in the step sign-in with "
        "SignInError AADSTS7000222 (client-2, client-3, client-4, client-5, client-6 and 2 more). "
        "The last one said: The client secret has expired. Make a new one."
    )


def test_the_order_is_the_one_in_which_they_ended_with_many_at_once():
    line = StopLine(3)
    # A third of the clients fail, all for one reason: among the others they make no row.
    some = [result(outcome="failed" if number % 3 == 0 else "done") for number in range(90)]
    assert told(line, *some) == [None] * 90
