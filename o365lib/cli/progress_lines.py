"""Progress as lines on standard error: for people who read a log, for machines, and for nobody.

- Each line is written as a whole: displays are told things by several threads.
- What a person has to do to sign in (`prompt`) is shown by each of them, and kept by none.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.plain_text import without_controls
from o365lib.runs.watching import Watch, counts, duration, ending, pace, time_left

if TYPE_CHECKING:
    from o365lib.runs.events import Event
    from o365lib.runs.watching import Figures

# In a larger batch nobody reads each step of each client.
SMALL_BATCH = 50


def visible(text: str) -> str:
    """Return a text of several lines without what could steer a terminal."""
    lines = text.splitlines()
    return "\n".join(without_controls(line) for line in lines)


class Lines:
    """One line an event, with its time: for files, pipes and build servers.

    Of a large batch only what ended has lines, and every so often there is one with the figures.
    """

    SECONDS = 10.0

    def __init__(self, total: int) -> None:
        """Begin: no line yet."""
        self._is_stopping = False
        self._is_large = total > SMALL_BATCH
        self._total, self._watch = total, Watch(total, at=clock.monotonic())
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Print what happened to a run."""
        with self._lock:
            self._watch.hear(event, at=clock.monotonic())
            if text := self._text_of(event):
                _print_line(f"{event.client}: {text}" if event.client else text)

    def stopping(self, stage: int, /) -> None:
        """Count what waits no longer in the time left."""
        self._is_stopping = stage > 0

    def tick(self) -> None:
        """Print the figures of a large batch."""
        if self._is_large:
            with self._lock:
                _print_line(_figures_line(self._figures()))

    def end(self) -> None:
        """Print the last figures of a large batch."""
        self.tick()

    def _figures(self) -> Figures:
        return self._watch.figures(at=clock.monotonic(), is_stopping=self._is_stopping)

    def _text_of(self, event: Event) -> str:
        if event.result:
            return f"{ending(event.result)} ({self._watch.ended:,} of {self._total:,})"
        if event.kind == "traffic":
            return ""
        if event.kind in ("started", "step") and self._is_large:
            return ""
        return "started" if event.kind == "started" else visible(event.text)


class JsonLines:
    """One JSON object a line, each with its `event` and `time`: for machines."""

    SECONDS = 2.0

    def __init__(self, total: int) -> None:
        """Begin: no line yet."""
        self._is_stopping = False
        self._watch = Watch(total, at=clock.monotonic())
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        """Write what happened; requests are written as figures, every so often."""
        with self._lock:
            self._watch.hear(event, at=clock.monotonic())
            if event.result:
                _write_object("ended", **event.result.to_json())
            elif event.kind == "step":
                _write_object("step", client=event.client, step=event.text)
            elif event.kind == "prompt":
                _write_object("prompt", client=event.client, text=event.text)
            elif event.kind == "started":
                _write_object("started", client=event.client)
            elif event.kind == "told":
                _write_object("told", text=event.text)

    def stopping(self, stage: int, /) -> None:
        """Count what waits no longer in the time left."""
        self._is_stopping = stage > 0

    def tick(self) -> None:
        """Write the figures."""
        with self._lock:
            _write_object("figures", **self._figures().to_json())

    def end(self) -> None:
        """Write the last figures."""
        self.tick()

    def _figures(self) -> Figures:
        return self._watch.figures(at=clock.monotonic(), is_stopping=self._is_stopping)


class Quiet:
    """Nothing but what a person has to know now: prompts, and news of the whole batch."""

    SECONDS = 60.0

    def show(self, event: Event) -> None:
        """Print a prompt, or what is told."""
        if event.kind == "prompt":
            click.echo(f"{event.client}: {visible(event.text)}", err=True)
        elif event.kind == "told":
            click.echo(visible(event.text), err=True)

    def stopping(self, _stage: int, /) -> None:
        """Do nothing: what it means is said."""

    def tick(self) -> None:
        """Do nothing: there are no figures."""

    def end(self) -> None:
        """Do nothing: there are no figures."""


def _print_line(text: str) -> None:
    click.echo(f"{clock.iso(clock.now())} {text}", err=True)


def _write_object(event: str, **content: Any) -> None:
    from o365lib.cli.output import escaped

    line = {"event": event, "time": clock.iso(clock.now()), **content}
    click.echo(escaped(json.dumps(line, ensure_ascii=False)), err=True)


def _figures_line(figures: Figures) -> str:
    over = f"{figures.ended:,} of {figures.total:,} ended in {duration(figures.elapsed_seconds)}"
    return f"{over}: {', '.join(counts(figures))}; {', '.join(pace(figures))}; " + (
        "time left: " + time_left(figures)
    )
