"""Progress on a terminal: a table that stays a few lines high, whatever the number of clients.

- It is drawn a few times a second at most, and only where something changed or a second is over.
- What needs a person (prompts; of a small batch, what did not end well) stays on the screen above
  it. Of a large batch the table names the latest.
- It says the same without colours. What comes from a tenant is text to it, never markup.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.live import Live
from rich.text import Text

from o365lib import clock
from o365lib.cli.progress_lines import SMALL_BATCH, visible
from o365lib.evidence.record import Outcome
from o365lib.plain_text import one_line
from o365lib.runs.watching import Watch, counts, duration, ending, pace, time_left

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from o365lib.runs.events import Event
    from o365lib.runs.summary import RunResult
    from o365lib.runs.watching import Figures, Running

_MOST_LINES = 15
_MOST_RUNNING = 8
_MOST_NEWS = 2

_WIDEST_BAR, _NARROWEST_BAR = 40, 8
_NARROWEST_NAME = 16
_LONGEST_SECONDS = 1.0

_STOPS = (
    "Ctrl-C: start no more; twice: interrupt those under way.",
    "No further run starts. Ctrl-C: interrupt those under way.",
    "Being interrupted; the records are being closed.",
)


class LiveTable:
    """Figures, a bar, the clients that take longest, the latest problems, the latest news."""

    SECONDS = 0.25

    def __init__(self, total: int, console: Console) -> None:
        """Begin: draws the table.

        Args:
            total: how many clients the batch has.
            console: a terminal.
        """
        self._is_large = total > SMALL_BATCH
        self._watch = Watch(total, at=clock.monotonic())
        self._lock = threading.Lock()
        self._has_changed, self._drawn = True, 0.0
        self._stage, self._news, self._unprinted = 0, "", ""
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()
        self.tick()

    def show(self, event: Event) -> None:
        """Take in what happened; what needs a person is printed at once."""
        if event.kind == "told":
            self._tell(event.text)
            return
        with self._lock:
            self._watch.hear(event, at=clock.monotonic())
            self._has_changed = True
        if event.kind == "prompt":
            self._print(f"{event.client}: {visible(event.text)}")
        elif event.result and not event.result.is_good and not self._is_large:
            self._print(f"{event.client}: {ending(event.result)}")

    def stopping(self, stage: int, /) -> None:
        """Say what Ctrl-C means from now on."""
        with self._lock:
            self._has_changed |= stage != self._stage
            self._stage = stage

    def tick(self) -> None:
        """Draw the table, if it would be another one."""
        at = clock.monotonic()
        with self._lock:
            if not self._has_changed and at - self._drawn < _LONGEST_SECONDS:
                return
            self._has_changed, self._drawn = False, at
            drawing = self._drawing(at)
        self._live.update(Group(*drawing), refresh=True)

    def end(self) -> None:
        """Take the table off the screen, and leave the latest news there."""
        self._live.update(Text(""), refresh=False)
        self._live.stop()
        if self._unprinted:
            self._print(self._unprinted)

    def _tell(self, text: str) -> None:
        # The latest news stand in the table, those before it above, where long ones are at once.
        news = f"{clock.now().astimezone():%H:%M:%S} {one_line(text)}"
        is_long = len(self._news_lines(news)) > _MOST_NEWS
        with self._lock:
            above = [self._unprinted] if self._unprinted else []
            self._news, self._unprinted = news, "" if is_long else news
            self._has_changed = True
        self.tick()
        for each in [*above, news] if is_long else above:
            self._print(each)

    def _news_lines(self, news: str) -> list[Text]:
        return _laid_out(news.split(), self._width, between=" ")

    @property
    def _width(self) -> int:
        return max(1, self._console.width - 1)  # in the last column some terminals break the line

    def _drawing(self, at: float) -> list[Text]:
        width = self._width
        figures = self._watch.figures(at=at, is_stopping=self._stage > 0)
        above = [
            _bar(figures, width, is_ascii=self._console.options.ascii_only),
            *_laid_out(counts(figures), width, between="   "),
            *_laid_out(pace(figures), width, between="   "),
        ]
        below = [
            *self._news_lines(self._news)[:_MOST_NEWS],
            _line(_STOPS[self._stage], width, "dim"),
        ]
        # One line is left to the prompt.
        room = min(_MOST_LINES, self._console.height - 1) - len(above) - len(below)
        problems = self._watch.problems if self._is_large else ()
        problems = problems[max(0, len(problems) - max(1, room // 2)) :]
        room = min(_MOST_RUNNING + 1, max(1, room - len(problems)))
        running = self._watch.longest(min(room, _MOST_RUNNING), at=at)
        if figures.running > len(running):
            running = running[: room - 1]
        return [
            *above,
            *_running(running, width, more=figures.running - len(running)),
            *(_problem(each, width) for each in problems),
            *below,
        ]

    def _print(self, text: str) -> None:
        self._console.print(Text(text))


def _line(text: str, width: int, style: str = "") -> Text:
    return Text(_fitted(text, width), style=style, no_wrap=True)


def _fitted(text: str, width: int) -> str:
    """Return a text that is no wider than this."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


def _padded(text: str, width: int) -> str:
    return set_cell_size(_fitted(text, width), width)


def _bar(figures: Figures, width: int, *, is_ascii: bool) -> Text:
    share = figures.ended / figures.total if figures.total else 1.0
    told = (
        f"{figures.ended:,} of {figures.total:,}   {int(share * 100)} %   "
        f"{duration(figures.elapsed_seconds)}   left: {time_left(figures)}"
    )
    length = min(_WIDEST_BAR, width - len(told) - 2)
    if length < _NARROWEST_BAR:
        return _line(told, width, "bold")
    done, rest = "#." if is_ascii else "█░"
    full = int(share * length)
    line = Text(no_wrap=True)
    return line.append(done * full, "green").append(rest * (length - full)).append(f"  {told}")


def _laid_out(parts: Iterable[str], width: int, *, between: str) -> list[Text]:
    """Return parts beside one another, on as few lines as they need."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines else part
        if lines and cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return [_line(line, width) for line in lines]


def _running(running: Sequence[Running], width: int, *, more: int) -> Iterator[Text]:
    times = [duration(each.seconds) for each in running]
    steps = [one_line(each.step) or "starting" for each in running]
    time_width = max(map(len, times), default=0)
    name_width = min(
        max((cell_len(each.client) for each in running), default=0),
        max(_NARROWEST_NAME, width // 3),
    )
    # Two spaces at the beginning and between the columns.
    step_width = min(
        max(map(cell_len, steps), default=0), max(1, width - name_width - time_width - 6)
    )
    for each, step, seconds in zip(running, steps, times, strict=True):
        name = _padded(one_line(each.client), name_width)
        yield _line(f"  {name}  {_padded(step, step_width)}  {seconds:>{time_width}}", width)
    if more:
        yield _line(f"  and {more:,} more", width)


def _problem(result: RunResult, width: int) -> Text:
    style = "yellow" if result.outcome == Outcome.REFUSED.value else "red"
    return _line(f"! {one_line(result.client)}: {ending(result)}", width, style)
