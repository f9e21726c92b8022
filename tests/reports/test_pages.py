import csv
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.record import Outcome
from o365lib.reports.output_folder import OutputFolder
from o365lib.reports.overview_page import CLIENTS_A_PAGE
from o365lib.reports.pages import PagesWriter
from o365lib.reports.report import Wanted, walk
from o365lib.reports.seal_status import SealStatus
from o365lib.reports.second_witness import Witness
from o365lib.reserved import BATCHES
from tests.reports.examples import (
    HOSTILE,
    NAME,
    NOW,
    ROLE,
    Seen,
    Told,
    creation,
    folder_of,
    record,
    refusal,
    removal,
    run_id,
    write,
)


def report(archive, root: Path, status=None, **wanted) -> Path:
    asked = Wanted(archive=archive, now=NOW + timedelta(days=1), **wanted)
    seals = Told(status) if status else Told()
    folder = OutputFolder(root, archive_root=archive.root)
    with PagesWriter(asked, folder, seals) as pages:
        walk(asked, [pages], seals=seals)
    return pages.first_page


def see(path: Path) -> Seen:
    return Seen(path.read_text("utf-8"))


@pytest.fixture
def whole(tmp_path):
    """A report of three clients, one of them without any account."""
    other = creation(5).model_copy(update={"client": "bayside-legal"})
    refused = refusal().model_copy(update={"client": "cedar-dental"})
    archive = write(tmp_path, creation(), removal(), other, refused)
    return report(archive, tmp_path / "report")


def test_there_is_an_overview_a_page_a_client_a_page_a_run_and_a_table(whole):
    found = {str(path.relative_to(whole.parent)) for path in whole.parent.rglob("*.*")}
    assert found == {
        "index.html",
        "runs.csv",
        *(f"clients/{name}.html" for name in ("alpine-books", "bayside-legal", "cedar-dental")),
        f"runs/alpine-books/{creation().run_id}.html",
        f"runs/alpine-books/{removal().run_id}.html",
        f"runs/bayside-legal/{creation(5).run_id}.html",
        f"runs/cedar-dental/{refusal().run_id}.html",
    }


def test_every_link_leads_to_something_that_is_there(whole):
    count = 0
    for page in whole.parent.rglob("*.html"):
        for address in see(page).addresses:
            assert (page.parent / unquote(address)).is_file(), (page, address)
            count += 1
    assert count > 20


def test_the_table_has_all_runs(whole):
    with (whole.parent / "runs.csv").open(newline="") as stream:
        rows = [*csv.DictReader(stream)]
    assert [row["run_id"] for row in rows] == [
        creation().run_id,
        removal().run_id,
        creation(5).run_id,
        refusal().run_id,
    ]


def test_the_overview_counts_what_the_records_tell(whole):
    text = see(whole).text
    assert "clients 3 runs 4 accounts stand 2" in text.replace("In short ", "")
    assert "✓ done 3" in text
    assert "■ refused 1" in text
    assert "Made 24 November 2026" in text


def test_a_clients_page_tells_its_story_with_what_remains(whole):
    gone = see(whole.parent / "clients" / "alpine-books.html").text
    assert "no such account stands" in gone
    assert f"{NAME} was deleted and can be restored until 23 December 2026" in gone
    assert gone.index("Create service account") < gone.index("Remove service account")
    stands = see(whole.parent / "clients" / "bayside-legal.html").text
    assert f"{NAME} holds {ROLE}" in stands
    assert "A temporary password was handed over by mail" in stands
    assert "kim SHA256:abab" in stands


def test_what_tenants_own_logs_tell_is_counted_over_all_clients(tmp_path):
    other = creation(5).model_copy(update={"client": "bayside-legal"})
    archive = write(tmp_path, creation(), other)
    seals = Told(witness=Witness(is_signed=True, strange=("one", "two")))
    asked = Wanted(archive=archive, now=NOW)
    folder = OutputFolder(tmp_path / "report", archive_root=archive.root)
    with PagesWriter(asked, folder, seals) as pages:
        walk(asked, [pages], seals=seals)
    assert "changes in tenants' own logs have no record 4" in see(pages.first_page).text
    assert (
        "✗ In the log, and in no record: one"
        in see(folder.root / "clients" / "bayside-legal.html").text
    )


def test_what_was_restored_is_not_told_as_deleted(tmp_path):
    again = creation(30, facts=refusal(30).facts, changes=[])
    archive = write(tmp_path, creation(), removal(), again)
    first = report(archive, tmp_path / "report")
    assert "was deleted and can" not in see(first.parent / "clients" / "alpine-books.html").text


def test_one_run_alone_is_one_page_that_leads_to_its_files_only(tmp_path):
    archive = write(tmp_path, creation(), removal())
    run = folder_of(archive, removal())
    page = report(archive, tmp_path / "report", run=run)
    assert [*(tmp_path / "report").rglob("*.*")] == [page]
    seen = see(page)
    assert "Remove service account: Alpine Books" in seen.titles[0][1]
    assert {(page.parent / each).resolve() for each in seen.addresses} == {
        run.record_file,
        run.notebook_file,
    }


def test_a_client_without_wanted_runs_is_there_if_its_account_stands_or_it_was_asked_for(tmp_path):
    other = removal(5).model_copy(update={"client": "bayside-legal"})
    archive = write(tmp_path, creation(), other)
    since = NOW + timedelta(days=1)
    first = report(archive, tmp_path / "one", since=since)
    assert {path.name for path in (first.parent / "clients").iterdir()} == {"alpine-books.html"}
    assert "clients 0 runs 0 accounts stand 1" in see(first).text
    report(archive, tmp_path / "two", since=since, client="bayside-legal")
    assert (tmp_path / "two" / "clients" / "bayside-legal.html").is_file()


def test_what_a_later_run_put_right_is_told_as_such(tmp_path):
    failed = record(outcome=Outcome.FAILED, reason="it rained")
    first = report(write(tmp_path, failed, record(5)), tmp_path / "report")
    text = see(first).text
    assert f"✗ failed it rained ✓ done {failed.run_id}" in text
    assert "not put right since 0" in text


def test_a_wrong_seal_shows_on_all_three_pages(tmp_path):
    status = SealStatus(state="invalid", number=1, problems=("record.json: edited.",))
    first = report(write(tmp_path, creation()), tmp_path / "report", status)
    pages = [*first.parent.rglob("*.html")]
    assert len(pages) == 3
    for page in pages:
        assert "✗ SEAL NOT VALID" in see(page).text
        assert "✓ sealed" not in see(page).text


def test_a_run_that_cannot_be_read_has_a_page_and_is_counted(tmp_path):
    archive = write(tmp_path, creation())
    folder_of(archive, creation()).record_file.write_text("{")
    first = report(archive, tmp_path / "report")
    assert "✗ unreadable 1" in see(first).text
    page = first.parent / "runs" / "alpine-books" / f"{creation().run_id}.html"
    assert "✗ unreadable" in see(page).text


def test_many_clients_fill_pages_of_their_own(tmp_path):
    many = [
        record().model_copy(update={"client": f"client-{number:04}"})
        for number in range(CLIENTS_A_PAGE + 2)
    ]
    first = report(write(tmp_path, *many), tmp_path / "report")
    lists = sorted(path.name for path in first.parent.glob("clients-*.html"))
    assert lists == ["clients-1.html", "clients-2.html"]
    links = [each for each in see(first).addresses if each.startswith("clients-")]
    assert links == lists
    listed = [
        each
        for name in lists
        for each in see(first.parent / name).addresses
        if each.startswith("clients/")
    ]
    assert len(listed) == len({*listed}) == CLIENTS_A_PAGE + 2


def test_a_hostile_tenant_gets_no_tag_onto_any_page(tmp_path):
    hostile = creation(client_display_name=HOSTILE, reason=HOSTILE, ticket=HOSTILE, cloud=HOSTILE)
    first = report(write(tmp_path, hostile), tmp_path / "report")
    for page in first.parent.rglob("*.html"):
        assert "img" not in {tag for tag, _ in see(page).tags}
        assert HOSTILE in see(page).text


def test_no_page_names_a_place_on_the_machine(whole, tmp_path):
    for page in whole.parent.rglob("*.html"):
        assert str(tmp_path) not in page.read_text("utf-8")


def test_what_breaks_off_leaves_the_table_before_as_it_was(tmp_path):
    archive = write(tmp_path, creation())
    first = report(archive, tmp_path / "report")
    table = first.parent / "runs.csv"
    before = table.read_bytes()
    page = first.parent / "runs" / "alpine-books" / f"{creation().run_id}.html"
    page.unlink()
    page.mkdir()
    with pytest.raises(EvidenceError, match="cannot be written"):
        report(archive, tmp_path / "report")
    assert table.read_bytes() == before
    assert not [*first.parent.rglob(".*.part")]


def test_the_same_records_make_the_same_pages(tmp_path):
    archive = write(tmp_path, creation(), removal())
    texts = [
        {
            path.relative_to(root): re.sub("one|two", "", path.read_text("utf-8"))
            for path in root.rglob("*.*")
        }
        for root in (tmp_path / "one", tmp_path / "two")
        if report(archive, root)
    ]
    assert texts[0] == texts[1]


def summary(minutes=60, **fields):
    """The record of a batch's summary."""
    return record(
        minutes,
        client=BATCHES,
        client_display_name="",
        cloud="",
        tenant_id="",
        purpose="",
        run_id=run_id(minutes, "summarize"),
        reason="batch 1: 3 clients: 2 done, 1 refused",
        **fields,
    ).model_copy(update={"runbook": "summarize_batch"})


def test_the_summary_of_a_batch_is_no_client_without_an_account(tmp_path):
    archive = write(tmp_path, creation(), summary(), summary(70, outcome=Outcome.FAILED))
    first = report(archive, tmp_path / "report")
    text = see(first).text
    assert "clients 1 runs 1 accounts stand 1" in text.replace("In short ", "")
    assert "3 clients: 2 done, 1 refused" in text[text.index("Batches") :]
    assert not (first.parent / "clients" / f"{BATCHES}.html").exists()
    assert (first.parent / "runs" / BATCHES / f"{summary().run_id}.html").is_file()
    pages = [*first.parent.rglob("*.html")]
    for page in pages:
        for address in see(page).addresses:
            assert (page.parent / unquote(address)).is_file(), (page, address)


def test_the_page_of_a_summary_says_that_no_tenant_was_asked(tmp_path):
    archive = write(tmp_path, summary())
    first = report(archive, tmp_path / "report", client=BATCHES)
    text = see(first.parent / "runs" / BATCHES / f"{summary().run_id}.html").text
    assert "No tenant was asked anything" in text
    assert "read back from the tenant" not in text
    assert "The client's page" not in text


def test_a_summary_without_a_seal_is_told_as_any_run_is(tmp_path):
    archive = write(tmp_path, summary())
    text = see(report(archive, tmp_path / "report", status=SealStatus(state="not sealed"))).text
    assert "runs are not sealed 1" in text
    assert BATCHES in text
