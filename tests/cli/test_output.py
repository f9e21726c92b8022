import json

from o365lib.cli import output
from o365lib.secret import MASK, Secret


def test_markup_and_control_characters_in_a_cell_are_text(capsys):
    Secret("correct-horse-battery")
    cells = ["[red]x[/red]", "a\x1b[31mb\u202e", "correct-horse-battery", "first\nsecond"]
    output.show_table(["A", "B", "C", "D"], [cells], title="[b]T[/b]")
    told = capsys.readouterr().out
    assert "[red]x[/red]" in told
    assert "a[31mb" in told
    assert "\x1b" not in told
    assert MASK in told
    assert [line.split()[-1] for line in told.splitlines() if "first" in line] == ["first"]


def test_a_long_reason_is_shown_whole(capsys):
    reason = " ".join(f"word{number}" for number in range(200))
    output.show_table(["Run", "Reason"], [["1", reason]])
    assert "word199" in capsys.readouterr().out


def test_off_a_terminal_tables_are_wide_unless_told_otherwise(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert output.console().width == 160
    monkeypatch.setenv("COLUMNS", "50")
    assert output.console().width == 50


def test_json_is_one_document_with_letters_as_they_are(capsys):
    output.show_json({"name": "Söhne"})
    told = capsys.readouterr().out
    assert "Söhne" in told
    assert json.loads(told) == {"name": "Söhne"}
