from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from o365lib.evidence.record import Approval, Change, HandOverRecord, Outcome, Step
from o365lib.reports import wording
from o365lib.reports.parts import Words

NOON = datetime(2026, 11, 23, 12, 4, 5, 678901, tzinfo=UTC)


def test_every_outcome_has_a_sign_a_sentence_and_a_place_in_the_figures():
    known = {*map(str, Outcome), wording.UNREADABLE}
    assert {*wording.OUTCOMES} == known
    assert {*wording.OUTCOME_SENTENCES} == known
    for each in known:
        assert wording.outcome(each).text[2:].startswith(each)
    assert {wording.outcome(each).text[0] for each in wording.TROUBLES}.isdisjoint("✓")
    assert wording.outcome("splendid") == Words("splendid")


def test_what_is_not_known_to_have_happened_is_never_shown_as_good():
    assert wording.status("accepted").tone == "good"
    assert {wording.status(each).tone for each in ("unknown", "started", "failed")} == {"bad"}
    assert wording.passed(value=True).text == "✓ as wanted"
    assert wording.passed(value=False) == Words("✗ NOT as wanted", "bad")


def test_every_way_of_approving_and_handing_over_has_its_words():
    def words(model, field):
        return {*get_args(model.model_fields[field].annotation)}

    assert {*wording.HOW_APPROVED} == words(Approval, "how")
    assert {*wording.METHODS} == words(HandOverRecord, "method")
    for model in (Change, HandOverRecord, Step):
        assert all(wording.status(each).text != each for each in words(model, "status"))


def test_instants_are_written_in_utc_for_people():
    there = NOON.astimezone(timezone(timedelta(hours=10)))
    assert wording.moment(there) == "23 November 2026, 12:04:05 UTC"
    assert wording.day(there + timedelta(hours=12)) == "24 November 2026"
    assert wording.time_of_day(there) == "12:04:05.678"
    assert wording.month(there) == "2026-11"
    assert (wording.moment(None), wording.day(None), wording.time_of_day(None)) == ("", "", "")


def test_numbers_have_their_nouns_and_runbooks_their_titles():
    assert wording.counted(1, "run") == "1 run"
    assert wording.counted(12_000, "run") == "12,000 runs"
    assert wording.counted(2, "entry", "entries") == "2 entries"
    assert wording.runbook("create_service_account") == "Create service account"
    assert wording.runbook("") == ""


def test_a_summary_that_is_done_changed_no_tenant():
    said = wording.outcome_sentence("done", client="o365-batches")
    assert "No tenant" in said
    assert wording.outcome_sentence("done", client="alpine-books") != said
    assert wording.outcome_sentence("failed", client="o365-batches") == "It did not come out."
