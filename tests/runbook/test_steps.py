from datetime import UTC, datetime

import pytest

from o365lib.errors import (
    ChangeFailed,
    EvidenceError,
    Forbidden,
    NotVerified,
    Refused,
    RunError,
    SignInError,
    StepOutOfOrder,
    StepTooLate,
)
from o365lib.evidence.record import Change, Operator, Outcome, Record
from o365lib.runbook import standing
from o365lib.runbook.results import StepResult
from o365lib.runbook.steps import SteppedRun, first_line, step
from o365lib.secret import Secret


class ThreeSteps(SteppedRun):
    """look, then act, then close; what `act` does is the test's. The record is kept as JSON."""

    def __init__(self, behaviour=lambda: None):
        super().__init__()
        self.behaviour = behaviour
        self.skip, self.has_room = "", True
        self.announced, self.shown, self.saved = [], [], []
        self.record = Record(
            run_id="r1",
            client="alpine",
            runbook="three_steps",
            package_version="0",
            operator=Operator(user_name="kim", host_name="desk"),
            started=datetime.now(UTC),
        )

    def save(self):
        if not self.has_room:
            raise EvidenceError("No space is left.")
        self.saved.append(self.record.to_json())

    def announce(self, name):
        self.announced.append(name)

    def show(self, name, result):
        self.shown.append((name, result))

    def skip_reason(self, *, changes):
        return self.skip if changes else ""

    def finish(self, outcome, reason, error=None):
        self.record.outcome, self.record.reason, self.record.error = outcome, reason, error
        self.record.ended, self.record.closed_by = datetime.now(UTC), "runbook"
        self.save()

    @step("look", prepares=True)
    def look(self):
        return StepResult(title="Looked")

    @step("act", after="look", changes=True)
    def act(self, word=""):
        self.behaviour()
        return StepResult(title=f"Acted {word}".strip())

    @step("close", after="act")
    def close(self):
        self.finish(Outcome.DONE, "as planned")
        return StepResult(title="Closed")

    @property
    def on_disk(self):
        return Record.from_json(self.saved[-1])

    def statuses(self):
        return [(entry.name, entry.status) for entry in self.on_disk.steps]

    def raise_in_act(self, error):
        def behave():
            raise error

        self.behaviour = behave
        begun, self.record.changes = self.record.changes, []
        self.look()
        self.record.changes = begun
        with pytest.raises(RunError if not hasattr(error, "message") else type(error)) as caught:
            self.act()
        return caught.value

    def has_begun_a_change(self, status):
        self.record.changes = [
            Change(action="create-user", target="p@x", started=datetime.now(UTC), status=status)
        ]


def test_steps_in_order_are_announced_kept_and_shown():
    run = ThreeSteps()
    run.look()
    assert run.act("twice").title == "Acted twice"
    run.close()
    assert run.announced == ["look", "act", "close"]
    assert run.statuses() == [(name, "completed") for name in run.announced]
    assert [name for name, _ in run.shown] == run.announced
    assert all(entry.ended >= entry.started for entry in run.on_disk.steps)
    assert run.on_disk.outcome == Outcome.DONE


def test_a_step_is_on_file_with_what_it_writes_before_a_change():
    run = ThreeSteps()

    def change():
        run.save()
        seen.append(run.statuses())

    run.behaviour, seen = change, []
    run.look()
    run.act()
    assert seen == [[("look", "completed"), ("act", "running")]]


def test_a_step_that_changes_nothing_is_written_once_as_it_ends():
    run = ThreeSteps()
    run.look()
    assert len(run.saved) == 1
    assert run.statuses() == [("look", "completed")]


def test_a_step_out_of_order_says_which_comes_first_and_leaves_no_trace():
    run = ThreeSteps(behaviour=lambda: pytest.fail("it acted"))
    with pytest.raises(StepOutOfOrder, match="act comes after look") as caught:
        run.act()
    assert "Execute the cell 'look' first" in caught.value.remedy
    assert (run.announced, run.shown, run.saved, run.record.steps) == ([], [], [], [])


def test_after_a_failed_step_the_next_one_is_out_of_order():
    run = ThreeSteps()
    run.raise_in_act(ChangeFailed("no"))
    with pytest.raises(StepOutOfOrder, match="close comes after act"):
        run.close()


def test_repeating_an_earlier_step_makes_the_later_ones_outstanding_again():
    run = ThreeSteps()
    run.look()
    run.act()
    run.look()
    with pytest.raises(StepOutOfOrder, match="close comes after act"):
        run.close()
    run.act()
    run.close()
    assert run.on_disk.outcome == Outcome.DONE


def test_a_dry_run_leaves_a_changing_step_out_and_says_so():
    run = ThreeSteps(behaviour=lambda: pytest.fail("it acted"))
    run.skip = "dry run"
    run.look()
    assert run.act().title == "Not done: dry run"
    assert run.on_disk.steps[-1].note == "dry run"
    run.close()
    assert run.statuses() == [("look", "completed"), ("act", "not done"), ("close", "completed")]


def test_a_known_error_is_in_the_record_with_all_its_parts_before_it_reaches_the_notebook():
    run = ThreeSteps()
    error = Forbidden(
        "Missing a role.\nReally.",
        status=403,
        code="Authorization_RequestDenied",
        request_id="abc",
        state="Nothing was changed.",
        remedy="Ask.",
    )
    assert run.raise_in_act(error) is error
    kept = run.on_disk
    assert (kept.outcome, kept.reason, kept.closed_by) == ("failed", "Missing a role.", "runbook")
    assert kept.steps[-1].note == "Missing a role.\nReally."
    assert kept.error.model_dump() == {
        "type": "Forbidden",
        "message": "Missing a role.\nReally.",
        "state": "Nothing was changed.",
        "remedy": "Ask.",
        "step": "act",
        "guard": "",
        "status": 403,
        "code": "Authorization_RequestDenied",
        "request_id": "abc",
    }
    assert run.statuses() == [("look", "completed"), ("act", "failed")]
    assert run.shown[-1] == ("act", error)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SignInError("No.", code=50126, error="invalid_grant"), "AADSTS50126"),
        (SignInError("No.", error="authorization_pending"), "authorization_pending"),
    ],
)
def test_a_sign_in_error_keeps_the_services_code(error, code):
    run = ThreeSteps()
    run.raise_in_act(error)
    assert run.on_disk.error.code == code


def test_a_refusal_keeps_its_guard():
    run = ThreeSteps()
    run.raise_in_act(Refused("federated-with-vendor", "It must stay."))
    assert run.on_disk.outcome == Outcome.REFUSED
    assert run.on_disk.error.guard == "federated-with-vendor"


@pytest.mark.parametrize(
    ("error", "change", "outcome"),
    [
        (ChangeFailed("no"), None, Outcome.FAILED),
        (ChangeFailed("no"), "failed", Outcome.FAILED),
        (ChangeFailed("no"), "accepted", Outcome.FAILED),
        (ChangeFailed("no"), "unknown", Outcome.UNVERIFIED),
        (ChangeFailed("no"), "started", Outcome.UNVERIFIED),
        (NotVerified("no"), "accepted", Outcome.UNVERIFIED),
        (Refused("plan-changed", "no"), None, Outcome.REFUSED),
        (Refused("plan-changed", "no"), "failed", Outcome.REFUSED),
        # "Refused" promises that nothing was changed.
        (Refused("plan-changed", "no"), "accepted", Outcome.FAILED),
        (Refused("plan-changed", "no"), "unknown", Outcome.UNVERIFIED),
    ],
)
def test_the_outcome_of_an_error_depends_on_what_was_changed_by_then(error, change, outcome):
    run = ThreeSteps()
    if change:
        run.has_begun_a_change(change)
    run.raise_in_act(error)
    assert run.on_disk.outcome == outcome


def test_an_interruption_is_told_in_sentences_and_recorded():
    run = ThreeSteps()
    run.has_begun_a_change("unknown")
    caught = run.raise_in_act(KeyboardInterrupt())
    assert caught.message == "Interrupted in the step act."
    assert caught.__cause__ is None
    assert caught.__suppress_context__
    assert run.on_disk.outcome == Outcome.UNVERIFIED
    assert run.statuses()[-1] == ("act", "failed")


def test_an_error_that_nobody_foresaw_is_told_with_its_place_and_without_secrets():
    run = ThreeSteps()
    Secret("canary-0815-bb")
    caught = run.raise_in_act(ZeroDivisionError("canary-0815-bb"))
    assert "ZeroDivisionError" in caught.message
    assert "canary" not in str(caught)
    assert "behave:" in caught.remedy
    assert isinstance(caught.__cause__, ZeroDivisionError)
    kept = run.on_disk
    assert (kept.outcome, kept.error.type, kept.error.step) == ("failed", "RunError", "act")
    assert "canary" not in run.saved[-1]


def test_what_ends_the_process_is_not_held_up():
    run = ThreeSteps()

    def leave():
        raise SystemExit(3)

    run.behaviour = leave
    run.look()
    with pytest.raises(SystemExit):
        run.act()
    assert (run.record.steps[-1].name, run.record.steps[-1].status) == ("act", "running")
    assert run.statuses() == [("look", "completed")]


def test_a_failed_step_may_be_repeated_and_opens_the_record_again():
    run = ThreeSteps()
    run.raise_in_act(ChangeFailed("no"))
    seen = []
    run.behaviour = lambda: seen.append(run.on_disk)
    run.act()
    (during,) = seen
    assert (during.outcome, during.error, during.ended, during.reason, during.closed_by) == (
        Outcome.UNFINISHED,
        None,
        None,
        "",
        "",
    )
    run.close()
    assert run.statuses() == [
        ("look", "completed"),
        ("act", "failed"),
        ("act", "completed"),
        ("close", "completed"),
    ]
    assert run.on_disk.outcome == Outcome.DONE


@pytest.mark.parametrize("status", ["started", "accepted", "failed", "unknown"])
def test_from_the_first_change_on_what_prepares_it_is_refused_and_leaves_no_trace(status):
    run = ThreeSteps(behaviour=lambda: run.has_begun_a_change(status))
    run.look()
    run.act()
    before = run.on_disk, run.record.model_copy(deep=True), len(run.saved), list(run.shown)
    with pytest.raises(StepTooLate) as caught:
        run.look()
    assert "execute the cell 'close'" in caught.value.remedy
    assert before == (run.on_disk, run.record, len(run.saved), run.shown)
    assert run.announced == ["look", "act"]
    run.act()
    run.close()
    assert run.on_disk.outcome == Outcome.DONE


def test_after_the_last_step_each_is_refused_and_leaves_no_trace():
    run = ThreeSteps()
    run.look()
    run.act()
    assert (run.is_closed, run.outstanding) == (False, "close")
    run.close()
    assert (run.is_closed, run.outstanding) == (True, "")
    saved = list(run.saved)
    for again in (run.look, run.act, run.close):
        with pytest.raises(StepTooLate, match="This run is closed"):
            again()
    assert run.saved == saved
    assert len(run.record.steps) == 3


def test_the_outstanding_step_is_the_first_that_was_not_completed():
    run = ThreeSteps()
    assert run.outstanding == "look"
    run.raise_in_act(ChangeFailed("no"))
    assert run.outstanding == "act"


def test_a_step_that_did_not_take_place_leaves_the_verdict_as_it_was():
    run = ThreeSteps()
    run.raise_in_act(Refused("plan-changed", "It moved."))
    before = run.on_disk

    def behave():
        raise StepOutOfOrder("Not confirmed.")

    run.behaviour = behave
    with pytest.raises(StepOutOfOrder):
        run.act()
    assert run.on_disk == before
    assert before.error.guard == "plan-changed"


@pytest.mark.parametrize("skip", ["", "dry run"])
def test_a_step_that_cannot_open_a_closed_record_again_did_not_begin(skip):
    run = ThreeSteps()
    run.raise_in_act(Refused("plan-changed", "It moved."))
    before, run.skip = run.record.model_copy(deep=True), skip
    run.behaviour = lambda: pytest.fail("it acted")
    run.has_room = False
    with pytest.raises(EvidenceError):
        run.act()
    assert run.record == before


def test_an_error_after_a_change_does_not_say_that_nothing_was_changed():
    run = ThreeSteps()
    run.has_begun_a_change("accepted")
    error = run.raise_in_act(SignInError("No.", code=700082))
    assert run.on_disk.error.state == error.state == standing.SO_FAR


def test_a_step_keeps_its_name_and_documentation():
    assert ThreeSteps.act.__name__ == "act"
    assert SteppedRun.perform.__doc__


def test_the_machinery_alone_is_no_run():
    with pytest.raises(TypeError, match="abstract"):
        SteppedRun()
    assert SteppedRun.__abstractmethods__ == {"save", "announce", "show", "skip_reason", "finish"}


@pytest.mark.parametrize(
    ("text", "line"), [("a\nb", "a"), ("  \n a \nb", "a"), ("", ""), (" ", "")]
)
def test_the_first_line_is_the_first_that_says_something(text, line):
    assert first_line(text) == line
