import json

import pytest

from o365lib.evidence.archive import Archive
from tests.evidence.small_records import change, make


@pytest.fixture
def archive(project):
    archive = Archive(project / "evidence")
    for number, (client, fields) in enumerate(
        [
            ("alpine-books", {"reason": "Exchange Administrator assigned"}),
            ("alpine-books", {"reason": "no\x1b[31m exchange", "ticket": "INC-1042"}),
            ("bayside-legal", {"changes": [change()], "facts": {"domains": ["legal.example"]}}),
        ],
        start=1,
    ):
        run = archive.new_run(client, f"2026-{number}")
        run.record_file.write_text(make(run.run_id, **fields).model_dump_json(), "utf-8")
    return archive


def found(o365, *words) -> list[tuple[str, str, str]]:
    result = o365("evidence", "search", "--json", *words)
    assert result.exit_code == 0, result.stderr
    runs = json.loads(result.stdout)["runs"]
    return [(run["run_id"], run["found"]["place"], run["found"]["text"]) for run in runs]


@pytest.mark.usefixtures("archive")
def test_runs_are_found_by_their_words_oldest_first(o365):
    assert found(o365, "exchange") == [
        ("2026-1", "reason", "unfinished · Exchange Administrator assigned"),
        ("2026-2", "reason", "unfinished · no[31m exchange"),
    ]
    assert [run for run, *_ in found(o365, "exchange admin")] == ["2026-1"]
    assert found(o365, "LEGAL.EXAMPLE") == [("2026-3", "domains", "legal.example")]
    assert found(o365, "nowhere") == []


@pytest.mark.usefixtures("archive")
def test_what_is_found_is_shown_with_its_place_and_steers_no_terminal(o365):
    shown = o365("evidence", "search", "exchange").stdout
    assert "reason: unfinished · »Exchange« Administrator assigned" in shown
    assert "reason: unfinished · no[31m »exchange«" in shown
    assert "\x1b" not in shown
    assert "\x01" not in shown


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--client", "alpine-books"], ["2026-1", "2026-2"]),
        (["--ticket", "INC-1042"], ["2026-2"]),
        (["--limit", "1"], ["2026-3"]),
        (["--outcome", "done"], []),
    ],
)
def test_the_same_choices_hold_as_in_a_list(o365, options, expected):
    assert [run for run, *_ in found(o365, "kim", *options)] == expected


def test_nothing_found_is_said(o365, archive):
    assert o365("evidence", "search", "nowhere").stdout == f"No such runs in {archive.root}.\n"


@pytest.mark.usefixtures("archive")
def test_that_there_are_more_is_said(o365):
    shown = o365("evidence", "search", "kim", "--limit", "2").stdout
    assert shown.endswith("The newest 2 of 3; --all shows all, --limit as many as you say.\n")


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("text", ["", " ", "--", '"*"'])
def test_text_without_a_word_is_wrong_usage(error_line, text):
    status, line = error_line("evidence", "search", "--", text)
    assert (status, "There is no word to search for" in line) == (2, True)


@pytest.mark.usefixtures("archive")
def test_no_text_at_all_is_wrong_usage(o365):
    assert o365("evidence", "search").exit_code == 2


def test_in_no_archive_nothing_is_searched(error_line, project):
    status, line = error_line("--evidence", str(project / "gone"), "evidence", "search", "x")
    assert (status, "There is no archive" in line) == (2, True)
