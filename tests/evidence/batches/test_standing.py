import pytest

from o365lib.evidence.batches.claims import Claim
from o365lib.evidence.batches.standing import left_to_do, standings


def claim(attempt, run_id="", client="contoso"):
    return Claim(client=client, attempt=attempt, run_id=run_id)


def only(*claims, **outcomes):
    given = {("contoso", run_id): outcome for run_id, outcome in outcomes.items()}
    [found] = standings(["contoso"], {"contoso": claims} if claims else {}, given)
    return found


@pytest.mark.parametrize("outcome", ["done", "nothing to do", "planned", "refused"])
def test_what_ended_as_it_should_is_finished(outcome):
    found = only(claim(1, "r1"), r1=outcome)
    assert (found.standing, found.outcome, found.run_id) == ("finished", outcome, "r1")
    assert not found.is_left


@pytest.mark.parametrize("outcome", ["failed", "unverified"])
def test_what_failed_or_could_not_be_verified_is_attempted_again(outcome):
    found = only(claim(1, "r1"), r1=outcome)
    assert (found.standing, found.next_attempt, found.is_left) == ("failed", 2, True)


@pytest.mark.parametrize("outcome", ["", "unfinished", "something new"])
def test_what_was_claimed_and_has_no_outcome_was_interrupted(outcome):
    found = only(claim(1, "r1"), r1=outcome)
    assert (found.standing, found.next_attempt) == ("interrupted", 2)


def test_a_torn_claim_counts_as_an_attempt_that_was_interrupted():
    found = only(claim(1), **{"": "done"})
    assert (found.standing, found.attempt, found.next_attempt) == ("interrupted", 1, 2)


def test_what_nobody_claimed_was_not_begun():
    found = only(r1="done")
    assert (found.standing, found.attempt, found.next_attempt) == ("not begun", 0, 1)


def test_the_last_attempt_counts_whatever_the_order_of_the_claims():
    found = only(claim(3, "r3"), claim(1, "r1"), claim(2, "r2"), r1="done", r2="done", r3="failed")
    assert (found.standing, found.run_id, found.next_attempt) == ("failed", "r3", 4)


def test_an_outcome_of_another_clients_run_with_the_same_id_is_not_taken():
    [found] = standings(["contoso"], {"contoso": [claim(1, "r")]}, {("fabrikam", "r"): "done"})
    assert found.standing == "interrupted"


def test_what_is_left_comes_in_the_order_of_the_inputs():
    claims = {"b": [claim(1, "r1", "b")], "c": [claim(1, "r2", "c")]}
    outcomes = {("b", "r1"): "done", ("c", "r2"): "failed"}
    left = left_to_do(["d", "c", "b", "a"], claims, outcomes)
    assert [(each.client, each.standing) for each in left] == [
        ("d", "not begun"),
        ("c", "failed"),
        ("a", "not begun"),
    ]
