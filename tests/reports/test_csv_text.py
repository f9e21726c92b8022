import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.reports.csv_text import COLUMNS, CsvReport, cell
from o365lib.reports.run_row import row_of
from tests.reports.examples import HOSTILE, archived, creation

FORMULA = "=HYPERLINK(0)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (FORMULA, f"'{FORMULA}"),
        ("+61 2 1234", "'+61 2 1234"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ("\u200b=1", "'=1"),
        ("  =1", "'=1"),
        ("＝1", "'＝1"),  # noqa: RUF001 -- look-alikes are the point
        ('plain, with "quotes"', 'plain, with "quotes"'),
        ("a=1", "a=1"),
        (-1, "-1"),
        (True, "yes"),
        (False, "no"),
        (None, ""),
        ((), ""),
        (("=one", "two"), "'=one; two"),
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00.000Z"),
    ],
)
def test_a_cell_is_shown_and_never_calculated(value, shown):
    assert cell(value) == shown


@given(st.text())
def test_no_text_makes_a_formula_or_a_second_line(text):
    shown = cell(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert len(shown.splitlines()) <= 1


def test_all_runs_are_written_one_a_row_under_their_names(tmp_path):
    run = archived(tmp_path, creation(reason=FORMULA, ticket='a,"b"', client_display_name=HOSTILE))
    stream = io.StringIO(newline="")
    report = CsvReport(stream)
    report.run(run, row_of(run))
    report.client("alpine-books", [], [])
    report.end()
    heading, row = csv.reader(io.StringIO(stream.getvalue()))
    told = dict(zip(heading, row, strict=True))
    assert tuple(heading) == COLUMNS
    assert told["reason"] == f"'{FORMULA}"
    assert (told["ticket"], told["client_display_name"]) == ('a,"b"', HOSTILE)
    assert told["seal_problems"] == ""
