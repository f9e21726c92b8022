import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.runbook.results import StepResult, plain
from o365lib.secret import MASK, Secret

TRICKY = "Fernhill & Söhne <Motors>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("one\r\ntwo\ttwo\u2028three\x85four", "one two two three four"),
        ("bell\x07 nul\x00", "bell nul"),
        ("private \ue000 use", "private  use"),
        ("Zürich 東京 🚗", "Zürich 東京 🚗"),
        (404, "404"),
        (None, "None"),
    ],
)
def test_what_could_steer_a_terminal_or_turn_a_line_is_taken_out(text, shown):
    assert plain(text) == shown


@given(st.text())
def test_a_plain_text_is_one_printable_line(text):
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", shown)


def test_known_secrets_are_masked_wherever_a_step_shows_them():
    Secret("canary-4711-aa")
    result = StepResult(
        title="title canary-4711-aa",
        columns=("Key",),
        rows=[("cell canary-4711-aa",)],
        notes=["note canary-4711-aa"],
    )
    for shown in (repr(result), result._repr_html_()):
        assert "canary" not in shown
        assert shown.count(MASK) == 3


def test_html_escapes_title_heads_cells_and_notes():
    result = StepResult(title=TRICKY, columns=(TRICKY,), rows=[(TRICKY,)], notes=[TRICKY])
    shown = result._repr_html_()
    assert "<Motors>" not in shown
    assert shown.count("Fernhill &amp; Söhne &lt;Motors&gt;") == 4


def test_a_cell_that_looks_like_a_number_or_markup_stays_text():
    result = StepResult(
        title="Ids", columns=("", "Id"), rows=[("1", "00123"), ("2", "<script>alert(1)</script>")]
    )
    assert list(result.table["Id"]) == ["00123", "<script>alert(1)</script>"]
    assert "<script>" not in result._repr_html_()


def test_long_cells_are_shown_whole():
    long = "x" * 300
    assert long in StepResult(title="Long", columns=("A",), rows=[(long,)])._repr_html_()


def test_plain_text_has_its_columns_below_each_other():
    result = StepResult(
        title="Checks",
        columns=("Check", "Found"),
        rows=[("role", "Exchange Administrator"), ("user principal name", "p@x")],
        notes=["Go on."],
    )
    assert repr(result).splitlines() == [
        "Checks",
        "Check                Found",
        "role                 Exchange Administrator",
        "user principal name  p@x",
        "Go on.",
    ]


def test_without_rows_neither_form_has_a_table():
    result = StepResult(title="Roles", columns=("A", "B"), notes=["It holds no role"])
    assert repr(result) == "Roles\nIt holds no role"
    assert "<table" not in result._repr_html_()


def test_a_row_of_another_length_than_the_head_is_an_error_and_not_cut_off():
    with pytest.raises(ValueError, match="zip"):
        repr(StepResult(title="Wrong", columns=("A",), rows=[("1", "2")]))
