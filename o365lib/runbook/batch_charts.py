"""The charts of a batch: outcomes, course, durations, steps, requests. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from o365lib.runbook.batch_reading import GOOD, BatchFigures
from o365lib.runbook.charts import Bar, Chart

_MOST_BINS = 12
_MOST_BARS = 14


def charts(found: BatchFigures) -> tuple[Chart, ...]:
    """Return the charts of a batch."""
    named = list(found.steps.items())[:_MOST_BARS]
    return (
        Chart(
            title="Clients by outcome",
            bars=[
                Bar(outcome, number, is_trouble=outcome not in GOOD)
                for outcome, number in found.outcomes
            ],
        ),
        Chart(
            title="Clients that had ended, by time (UTC)",
            bars=_course(found.ended),
            is_upright=True,
            nothing="No run has ended.",
        ),
        Chart(
            title="Runs by seconds that they took",
            bars=[Bar(label, number) for label, number in bins(found.seconds)],
            is_upright=True,
            nothing="No run was timed.",
        ),
        Chart(
            title="Seconds a step took: half at most, and 95 in 100",
            bars=[
                Bar(name, percentile(taken, 50), mark=percentile(taken, 95))
                for name, taken in named
            ],
            decimals=2,
            mark="95 in 100:",
            nothing="No step was timed.",
        ),
        Chart(
            title="Requests a minute (UTC)",
            bars=_by_minute(found.minutes, found.minutes),
            is_upright=True,
            nothing="No request was made.",
        ),
        Chart(
            title="Requests told to wait, a minute (UTC)",
            bars=_by_minute(found.told_to_wait, found.minutes),
            is_upright=True,
            nothing="Nobody was told to wait.",
        ),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the least of the values that so many in a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def bins(seconds: Sequence[float]) -> list[tuple[str, int]]:
    """Return how many values lie in which span; spans are as wide as people count.

    What is far beyond the others is in the last one, so that one run that took an hour does not
    make one bar of all the rest.
    """
    if not seconds:
        return []
    ordinary = max(percentile(seconds, 99), 0.0)
    lowest = max(min(seconds), 0.0)
    width = _round_width((ordinary - lowest) / (_MOST_BINS - 1))
    first = math.floor(lowest / width)
    last = math.floor(ordinary / width)
    counts = Counter(min(max(math.floor(each / width), first), last + 1) for each in seconds)
    decimals = max(0, -math.floor(math.log10(width)))
    found = []
    for number in range(first, last + 1):
        label = f"{number * width:,.{decimals}f}-{(number + 1) * width:,.{decimals}f}"
        found.append((label, counts[number]))
    if counts[last + 1]:
        found.append((f"over {(last + 1) * width:,.{decimals}f}", counts[last + 1]))
    return found


def _round_width(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten: the least that is not below, nor below 0.1."""
    least = max(least, 0.1)
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        (each * power for each in (1, 2, 5) if each * power >= least * (1 - 1e-9)), 10 * power
    )


def _course(ended: Sequence[datetime]) -> list[Bar]:
    """Return how many had ended at some instants from the first to the last."""
    if not ended:
        return []
    ordered = sorted(ended)
    span = (ordered[-1] - ordered[0]).total_seconds()
    parts = min(2 * _MOST_BINS, max(len(ordered), 1))
    shape = "%H:%M:%S" if span < 600 else "%H:%M"  # noqa: PLR2004 -- ten minutes
    bars, number = [], 0
    for part in range(1, parts + 1):
        until = ordered[0] + timedelta(seconds=span * part / parts)
        while number < len(ordered) and (ordered[number] <= until or part == parts):
            number += 1
        bars.append(Bar(until.strftime(shape), number))
    return bars


def _by_minute(counts: Mapping[str, int], all_minutes: Iterable[str]) -> list[Bar]:
    """Return counts a minute over a batch's whole time; long times have fewer, longer parts."""
    instants = sorted(filter(None, map(_minute, all_minutes)))
    if not instants:
        return []
    first, minutes = instants[0], int((instants[-1] - instants[0]).total_seconds() // 60) + 1
    width = math.ceil(minutes / (2 * _MOST_BINS))
    sums = [0] * math.ceil(minutes / width)
    for name, number in counts.items():
        if instant := _minute(name):
            sums[int((instant - first).total_seconds() // 60) // width] += number
    return [
        Bar((first + timedelta(minutes=place * width)).strftime("%H:%M"), number / width)
        for place, number in enumerate(sums)
    ]


def _minute(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 -- all are UTC
    except ValueError:
        return None
