from datetime import timedelta

import pytest

from o365lib.evidence.standing_accounts import standing
from o365lib.reports import overview_page
from o365lib.reports.client_page import ClientStory
from o365lib.reports.figures import MOST_MONTHS, Figures, Trouble
from o365lib.reports.html import render
from o365lib.reports.parts import Words
from o365lib.reports.run_row import RunRow
from o365lib.reports.seal_status import ArchiveStatus
from tests.reports.examples import HOSTILE, NAME, NOW, ROLE, Seen, creation, run_id


def row(minutes=0, outcome="done", seal="sealed", **fields) -> RunRow:
    told = {"client": "alpine-books", "runbook": "create_service_account", **fields}
    started = NOW + timedelta(minutes=minutes)
    return RunRow(run_id=run_id(minutes), outcome=outcome, seal=seal, started=started, **told)


def shown(figures: Figures, *, has_page=True, clients=(), client_pages=(), since=None, **archive):
    page = overview_page.page(
        figures,
        archive=ArchiveStatus(**archive),
        since=since,
        clients=clients,
        client_pages=client_pages,
        has_page=lambda _: has_page,
    )
    return Seen(render(page))


@pytest.fixture
def figures():
    made = Figures(now=NOW + timedelta(days=100))
    bad = row(1, "failed", "invalid", reason=HOSTILE, seal_problems=("record.json: edited",))
    for each in (row(seal_fingerprint="SHA256:ab", seal_signer="kim"), bad):
        made.add_run(each)
    made.add_client(standing([creation()]), [Trouble(bad, "")], has_runs=True)
    made.strange = 2
    return made


def test_figures_come_first_and_say_what_they_count(figures):
    text = shown(figures).text
    for said in (
        "clients 1",
        "runs 2",
        "accounts stand 1",
        "runs went wrong and were not put right since 1",
        "changes in tenants' own logs have no record 2",
        "runs are not sealed 0",
        "runs have a seal that is not valid 1",
    ):
        assert said in text, said


def test_accounts_are_pictured_and_listed_with_their_days(figures):
    seen = shown(figures)
    for said in ("90 days to a year 1", f"{ROLE} 1", "mail-redirection 1"):
        assert said in seen.text
    created = "23 November 2026 100"
    assert f"alpine-books {NAME} {ROLE} mail-redirection {created} {run_id(0)}" in seen.text
    assert f"runs/alpine-books/{run_id(0)}.html" in seen.addresses
    assert "clients/alpine-books.html" in seen.addresses


def test_no_link_leads_to_a_page_that_is_not_there(figures):
    address = f"runs/alpine-books/{run_id(0)}.html"
    assert address not in shown(figures, has_page=False).addresses


def test_what_went_wrong_is_told_with_its_reason_and_what_came_after(figures):
    seen = shown(figures)
    assert f"✗ failed {HOSTILE} nothing yet {run_id(1)}" in seen.text
    assert "img" not in {tag for tag, _ in seen.tags}


def test_runs_are_pictured_by_outcome_and_month(figures):
    assert "2026-11 1 1" in shown(figures).text
    for number in range(40):
        figures.add_run(row(number * 60 * 24 * 31))
    rows = [
        part.rows
        for section in overview_page.page(
            figures,
            archive=ArchiveStatus(),
            since=None,
            clients=(),
            client_pages=(),
            has_page=lambda _: True,
        ).sections
        for part in section.parts
        if part.kind == "stacks"
    ]
    assert len(rows[0]) == MOST_MONTHS
    assert sum(sum(counts) for _, counts in rows[0]) == MOST_MONTHS


def test_seals_that_are_not_valid_are_listed_with_what_is_wrong(figures):
    text = shown(figures).text
    assert f"{run_id(1)} alpine-books ✗ SEAL NOT VALID record.json: edited" in text
    assert "kim SHA256:ab" in text


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        ({"is_key_given": True}, "a public key that came from outside the archive"),
        ({}, "with the public keys in the archive itself"),
        ({"stamped_until": NOW}, "A time stamp proves what was sealed until 23 November 2026"),
        ({"problems": ("_digests/1: missing.",)}, "✗ 1 problem of the archive as a whole:"),
        (
            {"problems": ("x",) * 25, "more_problems": 3},
            "8 more problems told by o365 evidence verify.",
        ),
    ],
)
def test_what_is_known_of_the_archive_as_a_whole_is_told(figures, archive, said):
    assert said in shown(figures, **archive).text


def test_where_there_is_nothing_that_is_said():
    text = shown(Figures(now=NOW)).text
    assert "By the records no account stands." in text
    assert "Refused and failed runs None." in text


def test_a_span_is_named(figures):
    assert "Runs since 23 November 2026, 12:00:00 UTC." in shown(figures, since=NOW).text
    assert "Runs since" not in shown(figures).text


def test_clients_are_listed_here_or_lead_to_their_lists(figures):
    story = ClientStory("alpine-books", HOSTILE, standing=standing([creation()]), runs=1)
    story.rows = (row(),)
    text = shown(figures, clients=[overview_page.client_row(story)]).text
    assert f"{HOSTILE} {NAME} {ROLE} 23 November 2026 1 {run_id(0)} ✓ done" in text
    link = Words("Clients a to b", address="clients-1.html")
    assert "clients-1.html" in shown(figures, client_pages=[link]).addresses
    listed = Seen(render(overview_page.clients_page([overview_page.client_row(story)], number=3)))
    assert listed.titles[0] == (1, "Clients, page 3")
    assert "clients/alpine-books.html" in listed.addresses


def test_a_client_without_runs_has_a_row_too():
    cells = overview_page.client_row(ClientStory("a"))
    assert len(cells) == len(overview_page.CLIENT_COLUMNS)
    assert cells[1] == "none"


def test_more_rows_than_are_shown_are_counted():
    made = Figures(now=NOW)
    for number in range(60):
        bad = row(number, "failed", "not sealed")
        made.add_run(bad)
        made.add_client(standing([creation()]), [Trouble(bad, "")], has_runs=True)
    text = shown(made).text
    assert text.count("10 more runs in runs.csv.") == 2
    assert "10 more accounts on the pages of their clients." in text
    assert "The 50 that have stood longest" in text
