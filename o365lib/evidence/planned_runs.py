"""Dry runs whose plans wait for an approval.

A plan is overtaken by a later plan of the same runbook for the client, by a run that found nothing
to do, and by any that changed the tenant. A run that was refused, for want of the approval say, or
that failed before it changed anything has overtaken nothing.
"""

from collections.abc import Iterator
from datetime import datetime

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import chain, seal
from o365lib.evidence.archive import Archive, RunFolder, opening_of
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.layout import DIGESTS, SEALS
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.statement import Statement

_LAST_WORD = {Outcome.PLANNED, Outcome.NOTHING_TO_DO}


def planned(run: RunFolder) -> Record:
    """Return the record of a dry run that has left a plan.

    Raises:
        EvidenceError: it cannot be read.
        UsageError: the run has left nothing to approve.
    """
    record = run.read_record()
    if record.outcome is not Outcome.PLANNED:
        raise UsageError(
            f"Run {record.run_id} of {record.client} ended as {record.outcome.value!r}: it has no "
            "plan to approve.",
            remedy="Approve the plan of a dry run: `o365 run ... --dry-run` makes one, and "
            "`o365 evidence list --outcome planned` shows those that there are.",
        )
    return record


def waiting(archive: Archive, *, since: datetime) -> Iterator[Record]:
    """Yield the records of the dry runs whose plans were not overtaken.

    Records that cannot be read are passed by, and so is what they may have overtaken.

    Args:
        archive: where they are.
        since: only runs that were opened then or later.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    for client in archive.clients():
        seen: set[str] = set()
        for run in reversed(archive.runs(client)):
            opened = opening_of(run.run_id)
            if opened is not None and opened[0] < since:
                break
            try:
                record = run.read_record()
            except EvidenceError:
                break
            if record.is_changed:
                break
            if record.outcome is Outcome.PLANNED and record.runbook not in seen:
                yield record
            if record.outcome in _LAST_WORD:
                seen.add(record.runbook)


def of_the_same_batch(archive: Archive, run: RunFolder) -> list[Record]:
    """Return the records of all dry runs with a plan that were run together with one of them.

    Raises:
        EvidenceError: there is no digest that covers the run, or a seal or record of its batch
            cannot be read.
    """
    found = seal.seal_of(run)
    names = _together_with(archive, found.name) if found else []
    if not names:
        raise EvidenceError(
            f"No digest covers run {run.run_id} of {run.client}: its batch is not known.",
            remedy="`o365 evidence seal` finishes what a command left behind; or name each run.",
        )
    records = []
    for name in names:
        client, _, file = name.split("/")
        said = seal.read_seal(archive.root / client / SEALS / file).predicate
        if said.get("outcome") == Outcome.PLANNED.value:
            records.append(planned(archive.run(client, str(said.get("run_id")))))
    return records


def _together_with(archive: Archive, seal_name: str) -> list[str]:
    """The seals in the newest digest that has this one."""
    folder = archive.root / DIGESTS
    for number in reversed(chain.numbers(folder)):
        raw = chain.read(chain.path_of(folder, number))
        subjects = Statement.from_bytes(Envelope.from_json(raw).payload).subjects
        names = [each.name for each in subjects]
        if seal_name in names:
            return [name for name in names if name.split("/")[1:2] == [SEALS]]
    return []
