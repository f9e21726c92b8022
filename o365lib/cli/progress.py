"""Progress of a batch on standard error: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from o365lib import clock
from o365lib.plain_text import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import Progress, TaskID

    from o365lib.evidence.sealing import OpenBatch
    from o365lib.runs.batch import Event, Stop
    from o365lib.runs.request import RunRequest
    from o365lib.runs.summary import RunResult


class Display(Protocol):
    """What shows progress."""

    def show(self, event: Event) -> None:
        """Show what happened to a run."""

    def say(self, text: str) -> None:
        """Tell the person something."""


class Lines:
    """One line an event, with its time: for files, pipes and build servers."""

    def __init__(self, total: int) -> None:
        self._total, self._ended = total, 0

    def show(self, event: Event) -> None:
        """Print what happened to a run."""
        text = event.text
        if event.kind == "started":
            text = "started"
        elif event.result:
            self._ended += 1
            text = f"{_ending(event.result)} ({self._ended} of {self._total})"
        self.say(f"{event.client}: {visible(text)}")

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(f"{clock.iso(clock.now())} {text}", err=True)


class LiveDisplay:
    """One line a running client with its step, and a bar of all: for a terminal."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._whole = progress.add_task("", total=total, step="")
        self._tasks: dict[str, TaskID] = {}

    def show(self, event: Event) -> None:
        """Bring the display up to date; what needs a person stays on the screen."""
        if event.kind == "started":
            self._tasks[event.client] = self._progress.add_task(
                event.client, total=None, step="starting"
            )
        elif event.kind == "step":
            self._progress.update(self._tasks[event.client], step=visible(event.text))
        elif event.kind == "prompt":
            self.say(f"{event.client}: {visible(event.text)}")
        elif event.result:
            self._progress.remove_task(self._tasks.pop(event.client))
            self._progress.advance(self._whole)
            if not event.result.is_good:
                self.say(f"{event.client}: {_ending(event.result)}")

    def say(self, text: str) -> None:
        """Print a line above the display."""
        from rich.text import Text

        self._progress.console.print(Text(text))


def _ending(result: RunResult) -> str:
    return f"{result.outcome}: {result.reason}" if result.reason else result.outcome


def visible(text: str) -> str:
    """Return a text of several lines without what could steer a terminal."""
    lines = text.splitlines()
    return "\n".join(without_controls(line) for line in lines)


@contextmanager
def displayed(total: int) -> Iterator[Display]:
    """Give what shows the progress of so many runs, for the length of a `with` block."""
    from o365lib.cli.output import console

    terminal = console(stderr=True)
    if not terminal.is_terminal or terminal.is_dumb_terminal:
        yield Lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[step]}", markup=False),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
    ) as progress:
        yield LiveDisplay(progress, total)


def execute(
    requests: Sequence[RunRequest], *, evidence: OpenBatch, jobs: int, stop: Stop
) -> list[RunResult]:
    """Run a batch, showing its progress and heeding Ctrl-C; return its results.

    Args:
        requests: what to run.
        evidence: where records and executed notebooks go; the caller has its digest signed.
        jobs: how many at once.
        stop: is pressed by Ctrl-C; what was pressed in an earlier batch still holds.

    Raises:
        UsageError: a notebook does not know a parameter. Nothing was started.
    """
    from o365lib.runs.batch import run_batch, stopped_by_signals

    with displayed(len(requests)) as display, stopped_by_signals(stop):
        return run_batch(
            requests,
            evidence=evidence,
            jobs=jobs,
            stop=stop,
            on_event=display.show,
            say=display.say,
        )
