import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from o365lib import clock
from o365lib.cli.evidence import reporting
from o365lib.evidence.key_store import KeyStore
from o365lib.reports.run_row import Report
from tests.reports.examples import NOW, Seen, creation, folder_of, refusal, removal, sealed

ROOT = Path(__file__).parents[3]
OTHER = creation(5).model_copy(update={"client": "bayside-legal"})


class Later(clock.SystemClock):
    """A day after the runs."""

    def now(self):
        return NOW + timedelta(days=1)


@pytest.fixture
def archive(project):
    return sealed(project, creation(), removal(), OTHER)


@pytest.fixture
def report(o365, archive):
    """Run the command on a sealed archive, a day after its runs."""

    def run(*options):
        with clock.use(Later()):
            return o365("evidence", "report", *options)

    return run


def ids(text: str) -> list[str]:
    return [row["run_id"] for row in csv.DictReader(io.StringIO(text))]


def test_pages_go_to_a_folder_beside_the_archive(report, project):
    result = report()
    index = project / "evidence.report" / "index.html"
    assert (result.exit_code, result.stdout) == (0, f"The report is in {index}\n")
    assert (
        "✓ sealed, number 1"
        in Seen(
            (index.parent / "runs" / "alpine-books" / f"{creation().run_id}.html").read_text(
                "utf-8"
            )
        ).text
    )
    assert len([*index.parent.rglob("*.html")]) == 6


def test_the_archive_is_as_it_was(report, archive, o365):
    before = {path: path.read_bytes() for path in archive.root.rglob("*") if path.is_file()}
    report()
    report("--json")
    after = {path: path.read_bytes() for path in archive.root.rglob("*") if path.is_file()}
    assert after == before


def test_rows_are_printed_for_spreadsheets(report):
    result = report("--csv")
    assert result.exit_code == 0
    assert ids(result.stdout) == [creation().run_id, removal().run_id, OTHER.run_id]


def test_a_document_is_printed_for_machines(report):
    found = Report.model_validate_json(report("--json").stdout)
    assert [row.seal for row in found.runs] == ["sealed"] * 3
    assert [row.client for row in found.standing] == ["bayside-legal"]
    assert found.counts == {"done": 3}
    assert found.made == Later().now()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--client", "alpine-books"], [creation(), removal()]),
        (["--since", "2026-11-23T12:05"], [removal(), OTHER]),
        (["--since", "23h"], []),
        (["--client", "alpine-books", "--since", "2026-11-23T12:05"], [removal()]),
        (["--run", removal().run_id], [removal()]),
        (["--run", "remove-abcdef"], [removal()]),
    ],
)
def test_runs_are_chosen_by_client_time_and_id(report, options, wanted):
    result = report("--csv", *options)
    assert (result.exit_code, ids(result.stdout)) == (0, [each.run_id for each in wanted])


def test_all_kinds_can_be_written_at_once_to_a_folder_of_ones_choice(report, project):
    result = report("--html", "--csv", "--json", "--output", "out")
    assert result.exit_code == 0
    found = {path.name for path in (project / "out").iterdir()}
    assert found == {"index.html", "runs.csv", "report.json", "clients", "runs"}
    told = [project / "out" / name for name in ("index.html", "runs.csv", "report.json")]
    assert result.stdout == "".join(f"The report is in {path}\n" for path in told)
    json.loads((project / "out" / "report.json").read_text("utf-8"))


def test_csv_alone_is_written_without_pages(report, project):
    report("--csv", "--output", "out")
    assert [path.name for path in (project / "out").iterdir()] == ["runs.csv"]


def test_one_run_is_one_page_whose_place_is_told(report, project):
    result = report("--run", removal().run_id, "--output", "out")
    page = project / "out" / "runs" / "alpine-books" / f"{removal().run_id}.html"
    assert result.stdout == f"The report is in {page}\n"
    assert [path for path in (project / "out").rglob("*") if path.is_file()] == [page]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--csv", "--json"], "cannot be printed at once"),
        (["--client", "nobody"], "There are no runs of a client 'nobody'"),
        (["--run", removal().run_id, "--client", "alpine-books"], "say nothing more"),
        (["--run", removal().run_id, "--since", "7d"], "say nothing more"),
        (["--output", "evidence"], "lies in the archive"),
        (["--output", "evidence/report"], "lies in the archive"),
        (["--public-key", "nothing.pem"], "'nothing.pem' does not exist"),
        (["--since", "yesterday"], "a span such as 7d"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_written(report, project, options, said):
    result = report(*options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())
    assert not (project / "evidence.report").exists()


def test_a_run_that_nobody_knows_is_an_error(report):
    assert report("--run", "2031").exit_code == 2


def test_an_archive_that_is_not_there_is_no_report(o365, project):
    result = o365("--evidence", "nowhere", "evidence", "report")
    assert result.exit_code == 2
    assert not (project / "nowhere.report").exists()


def test_a_record_that_was_edited_is_told_on_its_page_and_at_the_end(report, archive):
    file = folder_of(archive, creation()).record_file
    file.write_text(file.read_text("utf-8").replace("T-1", "T-2"), "utf-8")
    result = report()
    assert result.exit_code == 0
    assert "The archive is not as it was sealed: 1 problem(s)" in result.stdout
    page = archive.root.with_name("evidence.report") / "runs" / "alpine-books"
    seen = Seen((page / f"{creation().run_id}.html").read_text("utf-8"))
    assert "✗ SEAL NOT VALID" in seen.text
    assert "edited" in seen.text


def test_a_key_that_is_named_is_the_one_that_is_believed(report, project):
    (project / "key.pem").write_bytes(KeyStore(project / "keys").public_key().pem)
    result = report("--public-key", "key.pem")
    overview = (project / "evidence.report" / "index.html").read_text("utf-8")
    assert result.exit_code == 0
    assert "a public key that came from outside the archive" in Seen(overview).text
    (project / "other.pem").write_bytes(KeyStore(project / "others").signer().key.pem)
    seals = [
        row.seal
        for row in Report.model_validate_json(
            report("--json", "--public-key", "other.pem").stdout
        ).runs
    ]
    assert seals == ["invalid"] * 3


def test_a_file_that_holds_no_key_is_wrong_usage(report, project):
    (project / "key.pem").write_text("no key")
    assert report("--public-key", "key.pem").exit_code == 2


def test_an_archive_without_seals_is_reported_as_such(o365, project):
    from tests.reports.examples import write

    write(project, refusal())
    result = o365("evidence", "report", "--json")
    assert [row.seal for row in Report.model_validate_json(result.stdout).runs] == ["not sealed"]


def test_progress_goes_to_standard_error(o365, project, archive):
    class Slow(Later):
        seconds = 0.0

        def monotonic(self):
            Slow.seconds += 1
            return Slow.seconds

    with clock.use(Slow()):
        result = o365("evidence", "report", "--csv")
    assert "runs reported" in result.stderr
    assert "runs reported" not in result.stdout


def test_the_page_about_reports_names_every_option():
    page = (ROOT / "docs" / "reports.md").read_text("utf-8")
    missing = [
        name for option in reporting.report.params for name in option.opts if f"`{name}" not in page
    ]
    assert missing == []
