"""The tables of a summary."""

import pytest

from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.claims import Claim
from o365lib.runbook import batch_tables
from o365lib.runbook.batch_reading import read_batch_figures
from tests.ended_batch import Ran, end_batch


@pytest.fixture
def found(summary_places):
    """Make a batch and read it."""

    def read_it(clients, **options):
        folder = end_batch(summary_places, clients, **options)
        batch = folder.read_batch()
        assert batch is not None
        return read_batch_figures(Archive(summary_places.evidence), batch, folder.claims())

    return read_it


MIXED = {
    "alpine": [Ran("failed", 6, remedy="Again."), Ran("done", 2)],
    "beta": [Ran("refused", 1, remedy="End the federation first.")],
    "gamma": [Ran("unverified", 3, remedy="Wait some minutes.")],
    "delta": [Ran("refused", 1, remedy="End the federation first.")],
    "epsilon": [],
}


def test_a_batch_is_told_in_one_line(found):
    of = found(MIXED)
    assert batch_tables.sentence(of.batch) == (
        "5 clients: 1 done, 2 refused, 1 unverified, 1 not started"
    )


def test_what_was_run_is_shown_with_who_when_and_whether_it_adds_up(found):
    shown = repr(batch_tables.batch(found(MIXED), []))
    assert "create_service_account" in shown
    assert "approved_by=Kim" in shown
    assert "dry_run" not in shown
    assert "8 runs at once, desk" in shown
    assert "3 min 20 s" in shown
    assert shown.endswith("✓ Counts, claims and records add up.")


def test_what_does_not_add_up_is_shown_instead(found):
    shown = repr(batch_tables.batch(found(MIXED), ["One is missing."]))
    assert "✗ One is missing." in shown
    assert "add up" not in shown


def test_outcomes_have_counts_shares_and_bars(found):
    rows = batch_tables.outcomes(found(MIXED)).rows
    assert [row[:3] for row in rows] == [
        ("✓ done", "1", "20.0%"),
        ("✗ refused", "2", "40.0%"),
        ("✗ unverified", "1", "20.0%"),
        ("✗ not started", "1", "20.0%"),
    ]
    assert len(rows[1][3]) == 2 * len(rows[0][3])


def test_who_needs_a_person_is_told_with_what_to_do_the_least_known_first(found):
    of = found(MIXED)
    shown = batch_tables.needing_a_person(of)
    assert [(row[0], row[1], row[3]) for row in shown.rows] == [
        ("gamma", "unverified", "Wait some minutes."),
        ("beta", "refused", "End the federation first."),
        ("delta", "refused", "End the federation first."),
        ("epsilon", "not started", f"Continue the batch: `o365 run --resume {of.batch.batch_id}`."),
    ]
    assert shown.title == "4 clients to look at"


def test_a_client_without_a_record_has_something_to_do_too(found):
    shown = batch_tables.needing_a_person(found({"alpine": [Ran("failed", has_record=False)]}))
    assert shown.rows[0][3] == "The record of its run tells more."


def test_a_long_table_is_cut_and_says_so(found):
    of = found({"alpine": [Ran("failed", remedy="Again.")]})
    (one,) = of.batch.clients
    clients = [one.model_copy(update={"client": f"client-{each}"}) for each in range(300)]
    of.batch = of.batch.model_copy(update={"clients": tuple(clients)})
    of.remedies = {each.client: f"See to {each.client}." for each in clients}
    for table in (batch_tables.needing_a_person(of), batch_tables.remedies(of)):
        assert len(table.rows) == batch_tables.MOST_ROWS
        assert any("batch.json" in note for note in table.notes)


def test_what_is_to_be_done_is_told_once_for_all_whom_it_concerns(found):
    rows = batch_tables.remedies(found(MIXED)).rows
    assert rows[0] == ("2", "End the federation first.", "beta, delta")
    assert len(rows) == 3


def test_many_names_are_counted(found):
    many = {f"client-{each}": [Ran("failed", remedy="Again.")] for each in range(8)}
    assert batch_tables.remedies(found(many)).rows[0][2].endswith("client-4 and 3 more")


def test_where_all_is_well_nobody_is_needed(found):
    of = found({"alpine": [Ran()]})
    assert batch_tables.needing_a_person(of).title == "Nobody is needed"
    assert batch_tables.remedies(of).title == "Nothing is to be done"
    assert batch_tables.attempts(of).title == "Each client was run once"
    assert batch_tables.changed_files(of).title == "No file was changed"


def test_durations_are_counted_and_told_in_words(found):
    shown = batch_tables.durations(found(MIXED))
    assert sum(int(row[1]) for row in shown.rows) == 5
    assert shown.notes == [
        "Half of the runs took at most 2.0 s, 95 in 100 at most 6.0 s, the longest 6.0 s."
    ]


def test_the_slowest_runs_are_told_with_their_longest_step(found):
    first = batch_tables.slowest(found(MIXED)).rows[0]
    assert first[:4] == ("alpine", "6.0", "create-user (1.0 s)", "failed")


def test_steps_are_told_with_their_middle_and_their_longest(found):
    rows = batch_tables.steps(found(MIXED)).rows
    assert rows[0][:5] == ("sign-in", "5", "0.50", "0.50", "0.50")


def test_requests_are_told_with_those_who_had_to_wait(found):
    of = found({"alpine": [Ran(told_to_wait=2)], "beta": [Ran(requests=9)]})
    shown = dict(batch_tables.requests(of).rows)
    assert shown["Requests"] == "14"
    assert shown["Told to wait (throttled)"] == "2 (14.3%)"
    assert shown["Clients told to wait"] == "1: alpine (2)"
    assert shown["Longest wait asked for"] == "4.5 s"
    assert shown["Answered 429"] == "2"
    assert shown["Busiest minute"] == "2026-11-23 20:00 UTC: 14"


def test_what_runs_told_while_they_ran_is_told_where_it_differs(found):
    of = found({"alpine": [Ran(has_record=False)], "beta": [Ran()]})
    assert batch_tables.requests(of).notes == ["While they ran, the runs had told of 10 requests."]
    assert batch_tables.requests(found({"alpine": [Ran()]})).notes == []


def test_who_was_run_again_is_told_with_how_and_where(found):
    of = found(MIXED)
    shown = batch_tables.attempts(of)
    (claim, _) = of.claims["alpine"]
    assert shown.rows == [("alpine", "2", "failed → done", claim.host_name)]
    assert shown.notes == [f"Executed on {claim.host_name} (5)."]


def test_a_torn_claim_is_told(found):
    of = found({"alpine": [Ran()]})
    of.claims["alpine"][:] = [Claim(client="alpine", attempt=1)]
    assert any("1 claim cannot be read" in note for note in batch_tables.attempts(of).notes)


def test_changed_files_are_told_with_what_that_means(found):
    shown = batch_tables.changed_files(
        found({"alpine": [Ran()]}, changed_files=["clients/alpine.yaml"])
    )
    assert shown.rows == [("clients/alpine.yaml",)]
    assert "what it had started with" in shown.notes[0]


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.21, "4.2 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")]
)
def test_times_are_told_as_people_say_them(seconds, said):
    assert batch_tables.duration(seconds) == said


def test_text_of_a_tenant_is_data_wherever_it_is_shown(found):
    of = found({"alpine": [Ran("failed", remedy="<b>\x1b[31m</b>")]})
    shown = batch_tables.needing_a_person(of)._repr_html_()
    assert "<b>" not in shown
    assert "\x1b" not in shown
