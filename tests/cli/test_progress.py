import logging
import threading
from pathlib import Path

import pytest

from o365lib.cli.live_table import LiveTable
from o365lib.cli.output import console
from o365lib.cli.progress import MODES, displayed
from o365lib.cli.progress_lines import JsonLines, Lines, Quiet
from o365lib.runs.watching import Watch
from tests.batch_news import ended, started

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def terminal(monkeypatch):
    """Make standard error a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert console(stderr=True).is_terminal


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(JsonLines, "SECONDS", 0.01)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("auto", Lines), ("table", Lines), ("lines", Lines), ("json", JsonLines), ("none", Quiet)],
)
def test_off_a_terminal_nothing_moves_a_cursor(mode, kind, capsys):
    with displayed(2, mode) as display:
        assert isinstance(display, kind)
        display.show(started("alpine-books"))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("auto", LiveTable),
        ("table", LiveTable),
        ("lines", Lines),
        ("json", JsonLines),
        ("none", Quiet),
    ],
)
def test_on_a_terminal_there_is_a_table_unless_something_else_was_asked_for(mode, kind):
    with displayed(2, mode) as display:
        assert isinstance(display, kind)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with displayed(2) as display:
        assert isinstance(display, Lines)


@pytest.mark.usefixtures("terminal")
def test_without_colours_the_table_says_the_same(monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    with displayed(60) as display:
        display.show(started("alpine-books"))
        display.show(ended("bayside-legal", "failed", "No answer."))
        display.tick()
    text = capsys.readouterr().err
    assert "! bayside-legal: failed: No answer." in text
    assert "\x1b[3" not in text


@pytest.mark.usefixtures("terminal")
def test_the_terminal_is_as_before_when_a_batch_breaks_off(capsys):
    with pytest.raises(KeyboardInterrupt), displayed(2):
        raise KeyboardInterrupt
    text = capsys.readouterr().err
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert text.rindex(shown) > text.rindex(hidden)


@pytest.mark.usefixtures("quick")
def test_figures_come_while_nothing_happens_and_none_after_the_end(monkeypatch, capsys):
    enough = threading.Event()
    numbers = iter(range(1000))
    tick = JsonLines.tick

    def counted(display):
        tick(display)
        if next(numbers) == 3:
            enough.set()

    monkeypatch.setattr(JsonLines, "tick", counted)
    with displayed(2, "json"):
        assert enough.wait(20)
    assert capsys.readouterr().err.count('"figures"') >= 4
    assert not [each for each in threading.enumerate() if each.name == "progress"]


@pytest.mark.usefixtures("quick")
def test_progress_that_cannot_be_shown_ends_no_batch(monkeypatch, caplog):
    failed = threading.Event()

    def torn(_display):
        failed.set()
        raise BrokenPipeError

    monkeypatch.setattr(JsonLines, "tick", torn)
    with caplog.at_level(logging.WARNING), displayed(2, "json"):
        assert failed.wait(20)
    # Once for the figures, which come no more, and once for the end.
    assert caplog.text.count("progress could not be shown") == 2


def test_each_way_of_showing_and_each_figure_is_documented():
    page = (ROOT / "docs" / "large-batches.md").read_text("utf-8")
    assert [mode for mode in MODES if f"| `{mode}` |" not in page] == []
    figures = Watch(1, at=0.0).figures(at=0.0).to_json()
    assert [name for name in figures if f"`{name}`" not in page] == []
