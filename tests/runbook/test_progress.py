import pytest

from o365lib import clock
from o365lib.evidence.record import Change
from o365lib.runbook.frontend import Frontend
from o365lib.runbook.progress import Progress
from tests.standing_clock import StandingClock


class Watched(Frontend):
    """A front end that somebody sits in front of."""

    is_interactive = True


@pytest.fixture
def standing():
    standing = StandingClock()
    with clock.use(standing):
        yield standing


def change(status="started"):
    return Change(
        action="assign-role", target="x", detail="Assign it", started=clock.now(), status=status
    )


def lines(progress):
    return [line() for line in progress._lines]


def test_a_change_is_ticked_off_when_it_has_ended(standing):
    progress = Progress(Watched(driven=False))
    progress.begin("assign-role")
    made = change()
    progress.change(made)
    assert lines(progress) == [("waiting", "Assign it")]
    made.status = "accepted"
    progress.change(made)
    assert lines(progress) == [("done", "Assign it")]
    assert "✓ Assign it" in repr(progress._table)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [("failed", "trouble", "the service said no"), ("unknown", "warning", "no answer came")],
)
def test_what_did_not_end_well_says_so_in_words(standing, status, kind, words):
    progress = Progress(Watched(driven=False))
    progress.begin("assign-role")
    progress.change(change(status))
    ((found, text),) = lines(progress)
    assert found == kind
    assert words in text


def test_a_wait_is_told_second_by_second_and_in_sum(standing):
    progress = Progress(Watched(driven=False))
    progress.begin("assign-role")
    told = []
    progress._show = lambda: told.extend(lines(progress))
    progress.wait("until it shows", 2)
    progress.wait("until it shows", 1)
    assert told == [
        ("waiting", "Waiting until it shows: 0 s so far"),
        ("waiting", "Waiting until it shows: 1 s so far"),
        ("plain", "Waited 2 s until it shows"),
        ("waiting", "Waiting until it shows: 2 s so far"),
        ("plain", "Waited 3 s until it shows"),
    ]
    assert sum(standing.sleeps) == 3


def test_a_wait_that_the_service_asked_for_is_told(standing):
    progress = Progress(Watched(driven=False))
    progress.begin("look")
    progress.told_to_wait(17)
    assert "Microsoft asked us to wait 17 s" in lines(progress)[0][1]
    progress.begin("plan")
    assert lines(progress) == []


def test_where_nobody_watches_it_only_waits(standing):
    progress = Progress(Frontend(driven=True))
    progress.begin("assign-role")
    progress.change(change())
    progress.wait("until it shows", 5)
    assert standing.sleeps == [5]
    assert progress._table is None
