import io
import json
import sys

import pytest

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


RUNS = [
    (
        "gumtree-veterinarians-of-the-north",
        "nothing to do",
        "practiceprotect@gumtreevets.onmicrosoft.com exists as Practice Protect",
        "20261123T142003344Z-create-40dcf4",
    ),
    (
        "bayside-legal",
        "refused",
        "first of two\nsecond of two",
        "20261123T142003348Z-create-9f65a0",
    ),
]
COLUMNS = ("Client", "Outcome", "Reason", "Run")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 160, 200])
def test_at_no_width_is_a_word_or_name_broken_or_a_line_wider_than_it_must_be(
    capsys, monkeypatch, width
):
    monkeypatch.setenv("COLUMNS", str(width))
    output.show_table(COLUMNS, RUNS, title="Runs")
    lines = capsys.readouterr().out.splitlines()
    words = [word for line in lines for word in line.split()]
    for row in RUNS:
        assert set(" ".join(row).split()) <= set(words)
    longest = max(len(word) for word in words if not word.startswith("─"))
    assert max(map(len, lines)) <= max(width, longest + len("    "))


def test_a_screen_too_narrow_for_a_table_shows_a_block_of_lines_a_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    output.show_table(COLUMNS, [*RUNS, ("cedar", "done", "", "1")])
    assert (
        capsys.readouterr().out
        == """
Client: gumtree-veterinarians-of-the-north
  Outcome: nothing to do
  Reason: practiceprotect@gumtreevets.onmicrosoft.com exists
    as Practice Protect
  Run: 20261123T142003344Z-create-40dcf4
Client: bayside-legal   Outcome: refused
  Reason: first of two
    second of two
  Run: 20261123T142003348Z-create-9f65a0
Client: cedar   Outcome: done   Run: 1

"""
    )


def test_a_narrow_table_of_two_columns_is_names_with_their_values(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    output.show_table(("What", "Value"), [("Digest", "0" * 40), ("Client", "cedar")], title="Run 1")
    assert capsys.readouterr().out == f"Run 1\nDigest:\n    {'0' * 40}\nClient: cedar\n\n"


def test_a_sentence_is_wrapped_between_words_on_a_screen_only(capsys, monkeypatch):
    text = "Records are in /a/folder/with-a-long/name."
    monkeypatch.delenv("COLUMNS", raising=False)
    output.show_text(text)
    monkeypatch.setenv("COLUMNS", "20")
    output.show_text(text, indent="  ")
    told = capsys.readouterr().out
    assert told == f"{text}\n  Records are in\n  /a/folder/with-a-long/name.\n"


def test_a_sentence_can_steer_no_terminal(capsys):
    Secret("correct-horse-battery")
    text = "file \x1b]0;owned\x07\x1b[2Jx\n\u202ecorrect-horse-battery"
    output.show_text(text)
    output.say(text)
    shown = f"file ]0;owned[2Jx {MASK}\n"
    assert capsys.readouterr() == (shown, shown)


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


def test_json_says_the_same_and_can_steer_no_terminal(capsys):
    text = "a\x1b]0;x\x07\x7f\x9b2J\u202eb\nSöhne"
    output.show_json({"name": text})
    output.show_json_rows({"head": text}, "rows", [{"name": text}])
    output.show_json({})
    told = capsys.readouterr().out
    assert not set(told) & set("\x1b\x07\x7f\x9b\u202e")
    first, rest = told.split("}\n", 1)
    assert json.loads(first + "}") == {"name": text}
    assert "Söhne" in rest


def test_a_name_beside_its_value_stands_on_one_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    output.show_table(("What", "Value"), [("Signed in as", "0" * 60)])
    assert f" Signed in as   {'0' * 60}" in capsys.readouterr().out


@pytest.mark.parametrize("told", ["0", "00", "", "x", "-5", "+5", "8.5", "²"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_columns_that_are_no_positive_number_are_as_if_they_were_not_set(
    capsys, monkeypatch, told, is_terminal
):
    def shown():
        monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
        output.show_table(COLUMNS, RUNS, title="Runs")
        output.show_text("A sentence of many words. " * 20)
        return output.console().width, capsys.readouterr().out

    monkeypatch.delenv("COLUMNS", raising=False)
    wanted = shown()
    monkeypatch.setenv("COLUMNS", told)
    assert shown() == wanted


def test_a_screen_of_one_column_breaks_no_word(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1")
    output.show_table(COLUMNS, RUNS)
    assert RUNS[0][0] in capsys.readouterr().out


def test_rows_for_machines_are_one_document_however_many_they_are(capsys):
    for count in (0, 1, 500, 1001):
        output.show_json_rows({"of": "Söhne"}, "rows", ({"n": number} for number in range(count)))
        told = capsys.readouterr().out
        assert json.loads(told) == {"of": "Söhne", "rows": [{"n": n} for n in range(count)]}
        assert told.count("\n") == count + 2


def test_a_short_list_of_rows_is_a_table_and_none_is_nothing(capsys):
    assert output.show_rows(("Run", "Reason"), []) == 0
    assert capsys.readouterr().out == ""
    assert output.show_rows(("Run", "Reason"), [("1", "because")]) == 1
    assert "──" in capsys.readouterr().out


def test_a_long_list_of_rows_is_plain_lines_in_columns(capsys):
    rows = ((f"r{number}", "東京" if number == 7 else "", "a\x1b[31m\nb") for number in range(1001))
    assert output.show_rows(("Run", "Client", "Reason"), rows) == 1001
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1002
    assert lines[0] == "Run   Client  Reason"
    assert lines[8] == "r7    東京    a[31m b"
    assert lines[1000] == "r999          a[31m b"
    assert lines[1001] == "r1000          a[31m b"  # wider than the first rows: nothing is cut


def test_a_standard_error_that_nobody_reads_any_more_ends_no_work(monkeypatch):
    class Torn(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Torn())
    assert output.say("nobody hears this") is None
