import dataclasses
import io

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from o365lib.cli.progress import Lines, LiveDisplay, displayed, visible
from o365lib.runs.batch import Event
from o365lib.runs.summary import RunResult


def ended(outcome="done", reason="As planned."):
    result = RunResult(client="alpine-books", runbook="create", outcome=outcome, reason=reason)
    return Event("ended", "alpine-books", result=result)


def test_off_a_terminal_each_event_is_a_line_with_its_time(capsys):
    with displayed(2) as display:
        assert isinstance(display, Lines)
        for event in (
            Event("started", "alpine-books"),
            Event("step", "alpine-books", "create-user"),
            Event("prompt", "alpine-books", "Enter AB12\x1b[2J at https://login.example"),
            ended(),
        ):
            display.show(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line.partition("Z ")[2] for line in lines] == [
        "alpine-books: started",
        "alpine-books: create-user",
        "alpine-books: Enter AB12[2J at https://login.example",
        "alpine-books: done: As planned. (1 of 2)",
    ]


@pytest.fixture
def live():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    column = TextColumn("{task.description} {task.fields[step]}", markup=False)
    progress = Progress(column, console=console, auto_refresh=False)
    return LiveDisplay(progress, 2), progress, screen


def shown(progress) -> list[str]:
    return [f"{task.description} {task.fields['step']}" for task in progress.tasks[1:]]


def test_on_a_terminal_each_running_client_has_a_line_with_its_step(live):
    display, progress, _ = live
    display.show(Event("started", "alpine-books"))
    display.show(Event("started", "bayside-legal"))
    display.show(Event("step", "alpine-books", "[red]look"))
    assert shown(progress) == ["alpine-books [red]look", "bayside-legal starting"]
    display.show(ended())
    assert shown(progress) == ["bayside-legal starting"]
    assert progress.tasks[0].completed == 1


def test_on_a_terminal_what_needs_a_person_stays_on_the_screen(live):
    display, _, screen = live
    display.show(Event("started", "alpine-books"))
    display.show(Event("prompt", "alpine-books", "Enter [b]AB12[/b]"))
    assert "alpine-books: Enter [b]AB12[/b]" in screen.getvalue()
    display.show(ended("refused", "Federated"))
    assert "alpine-books: refused: Federated" in screen.getvalue()


def test_on_a_terminal_what_went_well_leaves_no_line(live):
    display, _, screen = live
    display.show(Event("started", "alpine-books"))
    display.show(ended())
    assert "As planned" not in screen.getvalue()


def test_on_a_terminal_a_run_that_is_done_with_a_problem_stays_on_the_screen(live):
    display, _, screen = live
    display.show(Event("started", "alpine-books"))
    result = dataclasses.replace(ended().result, problem="full", reason="As planned. But: full")
    display.show(dataclasses.replace(ended(), result=result))
    assert "alpine-books: done: As planned. But: full" in screen.getvalue()


def test_text_keeps_its_lines_and_loses_what_steers_a_terminal():
    assert visible("one\r\ntwo\x07\u200b\nthree") == "one\ntwo\nthree"
