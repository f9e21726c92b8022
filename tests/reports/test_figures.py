from datetime import timedelta

import pytest

from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.reports.figures import MOST_ROWS, Figures, Trouble, age
from o365lib.reports.run_row import RunRow
from tests.reports.examples import NOW, ROLE, run_id


def row(minutes=0, outcome="done", seal="sealed", **fields) -> RunRow:
    return RunRow(
        run_id=run_id(minutes),
        client="alpine-books",
        outcome=outcome,
        seal=seal,
        started=NOW + timedelta(minutes=minutes),
        **fields,
    )


def account(days=0, number=0, **fields) -> StandingAccount:
    told = {
        "client": "alpine-books",
        "user_id": f"user-{number}",
        "user_principal_name": "name",
        "roles": (ROLE,),
        "since": NOW - timedelta(days=days),
        "purpose": "federation",
        "run_id": "1",
        "seen": NOW,
        "is_certain": True,
    }
    return StandingAccount(**{**told, **fields})


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-1, "under 30 days"),
        (0, "under 30 days"),
        (29.9, "under 30 days"),
        (30, "30 to 90 days"),
        (90, "90 days to a year"),
        (365, "over a year"),
        (4000, "over a year"),
    ],
)
def test_an_age_has_a_name(days, name):
    assert age(account(days), NOW) == name


def test_runs_are_counted_by_outcome_month_and_seal():
    figures = Figures(now=NOW)
    figures.add_run(row(seal_fingerprint="SHA256:ab", seal_signer="kim"))
    figures.add_run(row(1, "failed", "not sealed"))
    figures.add_run(row(60 * 24 * 10, "done", "invalid", seal_fingerprint="SHA256:cd"))
    figures.add_run(RunRow(run_id="x", client="y", outcome="unreadable", seal="not sealed"))
    assert (figures.runs, figures.outcomes["done"], figures.outcomes["unreadable"]) == (4, 2, 1)
    assert figures.months == {"2026-11": {"done": 1, "failed": 1}, "2026-12": {"done": 1}}
    assert figures.seals == {"sealed": 1, "not sealed": 2, "invalid": 1}
    assert figures.keys == {"SHA256:ab": "kim"}  # a seal that is not valid vouches for no key
    assert [each.seal for each in figures.newest_unsealed()][1:] == ["invalid", "not sealed"]


def test_accounts_are_counted_by_age_role_and_purpose():
    figures = Figures(now=NOW)
    two = account(400, 1, roles=(ROLE, "Global Administrator"))
    odd = account(0, 2, roles=(), since=None, purpose="")
    figures.add_client([account(), two], [], has_runs=True)
    figures.add_client([odd], [], has_runs=False)
    assert (figures.clients, figures.standing) == (1, 3)
    assert figures.ages == {"under 30 days": 1, "over a year": 1, "not recorded": 1}
    assert figures.roles == {ROLE: 2, "Global Administrator": 1, "no role": 1}
    assert figures.purposes == {"federation": 2, "not recorded": 1}
    assert [each.user_id for each in figures.oldest_standing()] == ["user-1", "user-0", "user-2"]


def test_what_went_wrong_is_put_right_by_a_later_run_that_went_well():
    figures = Figures(now=NOW)
    troubles = [
        Trouble(row(0, "failed"), "done"),
        Trouble(row(1, "failed"), "refused"),
        Trouble(row(2, "failed"), ""),
    ]
    figures.add_client([], troubles, has_runs=True)
    assert figures.unmended == 2
    assert [each.row.run_id for each in figures.newest_troubles()] == [
        run_id(2),
        run_id(1),
        run_id(0),
    ]


def test_however_many_there_are_the_newest_and_the_oldest_are_kept():
    figures = Figures(now=NOW)
    for number in range(MOST_ROWS * 2):
        trouble = Trouble(row(number, "failed", "invalid"), "")
        figures.add_run(trouble.row)
        figures.add_client([account(number, number)], [trouble], has_runs=True)
    last = MOST_ROWS * 2 - 1
    for found in (figures.newest_troubles(), figures.newest_unsealed(), figures.oldest_standing()):
        assert len(found) == MOST_ROWS
    assert figures.newest_troubles()[0].row.run_id == run_id(last)
    assert figures.newest_unsealed()[0].run_id == run_id(last)
    assert figures.oldest_standing()[0].user_id == f"user-{last}"
    assert figures.standing == figures.unmended == MOST_ROWS * 2


def test_two_runs_of_one_id_are_both_kept():
    figures = Figures(now=NOW)
    for client in ("a", "b"):
        figures.add_run(row(0, seal="invalid").model_copy(update={"client": client}))
    assert len(figures.newest_unsealed()) == 2


def test_a_summary_is_counted_by_its_seal_and_as_no_run():
    figures = Figures(now=NOW)
    for minutes, seal in ((0, "sealed"), (1, "not sealed")):
        figures.add_summary(row(minutes, seal=seal))
    assert (figures.runs, figures.clients, figures.summaries) == (0, 0, 2)
    assert not figures.outcomes
    assert figures.seals == {"sealed": 1, "not sealed": 1}
    assert [each.run_id for each in figures.newest_summaries()] == [run_id(1), run_id(0)]
    assert len(figures.newest_unsealed()) == 1
