"""What the summary of a batch shows: figures as tables of plain text. Pure.

Tables are short whatever the number of clients: what is left out is counted, and the record names
the file that has all.
"""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from o365lib import clock
from o365lib.evidence.batches.batch_file import BatchFile, ClientResult
from o365lib.evidence.record import Outcome
from o365lib.runbook.batch_charts import bins, percentile
from o365lib.runbook.batch_reading import (
    GOOD,
    NOT_STARTED,
    BatchFigures,
    outcome_counts,
)
from o365lib.runbook.charts import text_bar
from o365lib.runbook.results import StepResult

MOST_ROWS = 200
_MOST_NAMES = 5
_DIGEST = 12

# Who is told first: of whose tenant least is known.
_URGENT = (
    Outcome.UNVERIFIED.value,
    Outcome.UNFINISHED.value,
    Outcome.FAILED.value,
    Outcome.REFUSED.value,
    NOT_STARTED,
)

_TWO = ("What", "Value")


def counted(number: int, one: str) -> str:
    """Return a number with its noun: `1 client`, `2 clients`."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def sentence(batch: BatchFile) -> str:
    """Return what came of a batch in one line: `7 clients: 5 done, 2 refused`."""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in outcome_counts(batch))
    return f"{counted(len(batch.clients), 'client')}: {told or 'none'}"


def batch(found: BatchFigures, faults: Sequence[str]) -> StepResult:
    """Show what was run, by whom, when, and whether the records agree."""
    of = found.batch
    parameters = ", ".join(f"{name}={value}" for name, value in of.parameters.items() if value)
    rows = [
        ("Batch", of.batch_id),
        ("Runbook", f"{of.runbook} ({of.runbook_sha256[:_DIGEST]})"),
        ("Parameters", parameters or "none"),
        ("Begun by", f"{of.operator.user_name} on {of.operator.host_name}"),
        ("Clients", f"{len(of.clients):,}"),
        ("Runs", f"{sum(len(each.attempts) for each in of.clients):,}"),
    ]
    for number, drive in enumerate(of.drives, start=1):
        until = f"until {clock.iso(drive.ended)}" if drive.ended else "and did not end"
        where = drive.scheduler or drive.host_name
        told = f"{clock.iso(drive.started)} {until}, {counted(drive.jobs, 'run')} at once, {where}"
        cut_off = f"; {drive.interrupted}" if drive.interrupted else ""
        rows.append((f"Drive {number}", f"{told}{cut_off}"))
    rows.append(("Time in all", duration(of.seconds)))
    notes = [f"✗ {fault}" for fault in faults] or ["✓ Counts, claims and records add up."]
    return StepResult(title=sentence(of), columns=_TWO, rows=rows, notes=notes)


def outcomes(found: BatchFigures) -> StepResult:
    """Show how many clients ended how."""
    total = max(len(found.batch.clients), 1)
    counts = found.outcomes
    most = max((number for _, number in counts), default=0)
    rows = [
        (_signed(outcome), f"{number:,}", f"{number / total:.1%}", text_bar(number, most))
        for outcome, number in counts
    ]
    return StepResult(
        title=sentence(found.batch), columns=("Outcome", "Clients", "Share", ""), rows=rows
    )


def needing_a_person(found: BatchFigures) -> StepResult:
    """Show the clients that did not end well: why, and what to do."""
    troubled = sorted(found.needing_a_person, key=lambda each: _urgency(each.outcome))
    rows = [
        (each.client, each.outcome, each.reason, _remedy(found, each), each.run_id)
        for each in troubled[:MOST_ROWS]
    ]
    return StepResult(
        title=f"{counted(len(troubled), 'client')} to look at" if troubled else "Nobody is needed",
        columns=("Client", "Outcome", "Reason", "What to do", "Run"),
        rows=rows,
        notes=_left_out(len(troubled)),
    )


def remedies(found: BatchFigures) -> StepResult:
    """Show what to do, each remedy once, and for whom."""
    clients: dict[str, list[str]] = {}
    for each in found.needing_a_person:
        clients.setdefault(_remedy(found, each), []).append(each.client)
    by_number = sorted(clients.items(), key=lambda each: -len(each[1]))
    rows = [(f"{len(names):,}", remedy, _some(names)) for remedy, names in by_number[:MOST_ROWS]]
    return StepResult(
        title=f"{counted(len(by_number), 'thing')} to do" if rows else "Nothing is to be done",
        columns=("Clients", "What to do", "For whom"),
        rows=rows,
        notes=_left_out(len(by_number)),
    )


def durations(found: BatchFigures) -> StepResult:
    """Show how many runs took how long."""
    spans = bins(found.seconds)
    most = max((number for _, number in spans), default=0)
    rows = [(f"{label} s", f"{number:,}", text_bar(number, most)) for label, number in spans]
    notes = []
    if found.seconds:
        half, most_of_all = percentile(found.seconds, 50), percentile(found.seconds, 95)
        notes.append(
            f"Half of the runs took at most {half:,.1f} s, 95 in 100 at most {most_of_all:,.1f} s,"
            f" the longest {max(found.seconds):,.1f} s."
        )
    return StepResult(
        title=f"{counted(len(found.seconds), 'run')} timed",
        columns=("Took", "Runs", ""),
        rows=rows,
        notes=notes,
    )


def slowest(found: BatchFigures) -> StepResult:
    """Show the runs that took longest."""
    rows = [
        (each.client, f"{each.seconds:,.1f}", each.longest_step, each.outcome, each.run_id)
        for each in found.slowest
    ]
    return StepResult(
        title=f"The slowest {counted(len(rows), 'run')}" if rows else "No run was timed",
        columns=("Client", "Seconds", "Longest step", "Outcome", "Run"),
        rows=rows,
    )


def steps(found: BatchFigures) -> StepResult:
    """Show how long each step took."""
    medians = {name: percentile(taken, 50) for name, taken in found.steps.items()}
    most = max(medians.values(), default=0.0)
    rows = [
        (
            name,
            f"{len(taken):,}",
            f"{medians[name]:,.2f}",
            f"{percentile(taken, 95):,.2f}",
            f"{max(taken):,.2f}",
            text_bar(medians[name], most),
        )
        for name, taken in found.steps.items()
    ]
    return StepResult(
        title="Seconds a step took",
        columns=("Step", "Times", "Half at most", "95 in 100 at most", "Longest", ""),
        rows=rows,
    )


def requests(found: BatchFigures) -> StepResult:
    """Show how many requests were made, and how many were told to wait."""
    total, waited = sum(found.requests), found.told_to_wait.total()
    rows = [("Requests", f"{total:,}")]
    if found.requests:
        half = statistics.median(found.requests)
        rows.append(
            ("Requests a run", f"{half:,.0f} in the middle, {max(found.requests):,} at most")
        )
    rows.append(("Told to wait (throttled)", f"{waited:,} ({waited / max(total, 1):.1%})"))
    if waited:
        some = [f"{name} ({number:,})" for name, number in _most(found.waiting_clients)]
        rows.append(("Clients told to wait", f"{len(found.waiting_clients):,}: {_some(some)}"))
        rows.append(("Longest wait asked for", f"{found.longest_wait:,.1f} s"))
    if found.minutes:
        minute, number = max(found.minutes.items(), key=lambda each: (each[1], each[0]))
        rows.append(("Busiest minute", f"{minute.replace('T', ' ')} UTC: {number:,}"))
    for status, number in sorted(found.errors.items()):
        rows.append((f"Answered {status}" if status else "Without an answer", f"{number:,}"))
    by_hearing = found.batch.requests
    notes = (
        [f"While they ran, the runs had told of {counted(by_hearing, 'request')}."]
        if by_hearing and by_hearing != total
        else []
    )
    return StepResult(title=counted(total, "request"), columns=_TWO, rows=rows, notes=notes)


def attempts(found: BatchFigures) -> StepResult:
    """Show who was run again, and which machines executed runs."""
    again = found.repeated
    rows = [
        (
            each.client,
            str(len(each.attempts)),
            " → ".join(attempt.outcome for attempt in each.attempts),
            _some(list(dict.fromkeys(_hosts(found, each)))) or "not known",
        )
        for each in again[:MOST_ROWS]
    ]
    claims = [claim for each in found.claims.values() for claim in each]
    notes = _left_out(len(again))
    if torn := sum(claim.is_torn for claim in claims):
        notes.append(f"{counted(torn, 'claim')} cannot be read: torn by a power cut, perhaps.")
    hosts = Counter(claim.host_name for claim in claims if claim.host_name)
    if hosts:
        told = [f"{name} ({number:,})" for name, number in _most(hosts)]
        notes.append(f"Executed on {_some(told)}.")
    return StepResult(
        title=f"{counted(len(again), 'client')} run again" if again else "Each client was run once",
        columns=("Client", "Attempts", "Outcomes", "Executed on"),
        rows=rows,
        notes=notes,
    )


def changed_files(found: BatchFigures) -> StepResult:
    """Show the files of parameters that were edited while the batch was under way."""
    changed = found.batch.changed_files
    notes = _left_out(len(changed))
    if changed:
        notes.append(
            "The batch went on with what it had started with. What was edited is in no run of it:"
            " run these clients once more."
        )
    return StepResult(
        title=f"{counted(len(changed), 'file')} changed" if changed else "No file was changed",
        columns=("File",),
        rows=[(name,) for name in changed[:MOST_ROWS]],
        notes=notes,
    )


def duration(seconds: float) -> str:
    """Return a time as people say it: `4.2 s`, `3 min 20 s`, `1 h 05 min`."""
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{seconds:,.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours:,} h {minutes_left:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _urgency(outcome: str) -> int:
    return _URGENT.index(outcome) if outcome in _URGENT else -1


def _signed(outcome: str) -> str:
    return f"{'✓' if outcome in GOOD else '✗'} {outcome}"


def _remedy(found: BatchFigures, result: ClientResult) -> str:
    again = f"Continue the batch: `o365 run --resume {found.batch.batch_id}`."
    default = again if result.outcome in {NOT_STARTED, Outcome.UNFINISHED.value} else ""
    return found.remedies.get(result.client) or default or "The record of its run tells more."


def _left_out(number: int) -> list[str]:
    if number <= MOST_ROWS:
        return []
    return [f"These are the first {MOST_ROWS}; `batch.json`, beside this notebook, has all."]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _hosts(found: BatchFigures, result: ClientResult) -> Iterator[str]:
    yield from (each.host_name for each in found.claims.get(result.client, ()) if each.host_name)
