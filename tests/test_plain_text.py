import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.plain_text import one_line, without_controls
from o365lib.secret import MASK, Secret


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
    assert one_line(text) == shown


@given(st.text())
def test_a_plain_text_is_one_printable_line(text):
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", shown)


def test_a_known_secret_is_masked():
    Secret("canary-0815-bb")
    assert one_line("password canary-0815-bb") == f"password {MASK}"


def test_what_is_too_long_is_cut():
    assert one_line("x" * 10, longest=4) == "xxx…"
    assert one_line("xxxx", longest=4) == "xxxx"


def test_without_controls_keeps_blanks():
    assert without_controls("two  blanks\x1b") == "two  blanks"
