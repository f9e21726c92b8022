import pytest

from o365lib.runbook.results import StepResult
from o365lib.secret import MASK, Secret

TRICKY = "Fernhill & Söhne <Motors>"


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


def test_words_are_set_flush_left_in_every_cell():
    shown = StepResult(title="Ids", columns=("A", "B"), rows=[("1", "<td>")])._repr_html_()
    assert shown.count('<td style="text-align: left">') == 2
    assert shown.count('<th style="text-align: left">') == 2
    assert "<td>" not in shown


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


def test_html_tables_are_written_as_pandas_writes_them():
    rows = [(TRICKY, ' "quoted" '), ("", "two \u202e spaces"), ("{}%$\\", "it's")]
    result = StepResult(title="T", columns=("A & B", "C"), rows=rows)
    wanted = result.table.to_html(index=False, border=0, escape=True, justify="left")
    for tag in ("th", "td"):
        wanted = wanted.replace(f"<{tag}>", f'<{tag} style="text-align: left">')
    assert result._repr_html_() == f"<h4>T</h4>\n{wanted}"
