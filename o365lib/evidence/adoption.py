"""Runs from before there were seals: which they are, and their adoption by a seal of today.

- A run that nothing signed speaks of may be an old one, or one that somebody has put in, or one
  whose seal somebody has taken away. The first two look alike, and a person has to tell them apart;
  the third leaves a gap in the client's seals or in the digests, and then nothing is adopted.
- The seal of such a run says `adopted` and when: what the run's files say is vouched for from that
  instant on, and not from the run's own.
- Adopting twice does nothing twice. What is broken off is finished like any other batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, layout, pending
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.record import Record
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.seal import read_seal
from o365lib.evidence.sealing import OpenBatch, Sealed
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import Kind, Problem, Report, verify

# These say nothing about which seals there were.
_NO_MATTER = {Kind.INSERTED, Kind.TIME_STAMP}


@dataclass(frozen=True)
class Unsealed:
    """Runs that have no seal, and of which no process has noted that it began them.

    Attributes:
        runs: that can be adopted, each with its record or, where that cannot be read, None; oldest
            first.
        left_out: why others cannot, each as a sentence.
    """

    runs: tuple[tuple[RunFolder, Record | None], ...]
    left_out: tuple[str, ...]


def unsealed(archive: Archive, clients: Sequence[str]) -> Unsealed:
    """Look through clients' runs for those that have no seal. Nothing is changed.

    Args:
        archive: all of what these clients have in it is read.
        clients: whose runs are looked through; none for all.

    Raises:
        EvidenceError: the archive cannot be read, or what was sealed in it is not as it was: a run
            without a seal may be one whose seal was taken away.
    """
    found: list[tuple[RunFolder, Record | None]] = []
    left_out: list[str] = []
    for client in clients or archive.clients():
        report = verify(
            FolderStore(archive.root),
            clients=[client],
            under_way=lambda: pending.under_way(archive.root),
        )
        _check(report, client)
        lone = {each.run_id for each in report.problems if _is_unsealed(each)}
        noted = pending.open_runs(archive.root)
        for run_id in sorted(lone):
            run = archive.run(client, run_id)
            if (client, run_id) in noted:
                left_out.append(f"{_named(run)}: `o365 evidence seal` finishes it.")
                continue
            record = _record_of(run)
            others = [
                each for each in report.problems if each.run_id == run_id and not _is_unsealed(each)
            ]
            if others:
                left_out.append(f"{_named(run)}: {others[0].file}: {others[0].sentence}")
            elif record and (record.client, record.run_id) != (client, run_id):
                left_out.append(
                    f"{_named(run)}: its record is of the run {record.run_id} of {record.client}."
                )
            else:
                found.append((run, record))
    return Unsealed(tuple(sorted(found, key=lambda each: each[0].run_id)), tuple(left_out))


def adopt(batch: OpenBatch, runs: Sequence[RunFolder]) -> Iterator[Sealed | str]:
    """Seal runs that have no seal; yield what was sealed, or in a sentence why it was not.

    The caller closes the batch. A run that has got a seal since is passed by.

    Args:
        batch: its digest will cover the seals.
        runs: from `unsealed`.
    """
    seals: dict[str, _Seals] = {}
    for run in runs:
        known = seals.setdefault(run.client, _Seals())
        lock = RunLock(run)
        try:
            if not lock.take():
                yield f"{_named(run)}: a process is at it."
                continue
            try:
                if run.exists() and not known.speak_of(run):
                    yield batch.adopt(run)
            finally:
                lock.remove()
        except EvidenceError as error:
            yield f"{_named(run)}: {error.message}"


@dataclass
class _Seals:
    """A client's seals, each of which is read once, also those that come meanwhile."""

    _runs: set[str] = field(default_factory=set)
    _number: int = 0

    def speak_of(self, run: RunFolder) -> bool:
        folder = run.path.parent / layout.SEALS
        while (path := chain.path_of(folder, self._number + 1)).exists():
            self._runs.add(str(read_seal(path).predicate.get("run_id")))
            self._number += 1
        return run.run_id in self._runs


def _check(report: Report, client: str) -> None:
    """Refuse to adopt where a seal may have been taken away or cannot be read."""
    chains = (f"{client}/{layout.SEALS}/", f"{layout.DIGESTS}/")
    for each in report.problems:
        if each.kind not in _NO_MATTER and (not each.file or each.file.startswith(chains)):
            raise EvidenceError(
                f"Nothing of {client} can be adopted: {each.file} {each.kind.value}."
                f" {each.sentence}",
                state="A run without a seal may be one whose seal was taken away. Nothing was"
                " changed.",
                remedy="`o365 evidence verify` tells all; put back from a copy what is missing.",
            )
    if report.more_problems:
        raise EvidenceError(
            f"{client} has more problems than are told, so that nothing of it can be adopted.",
            state="Nothing was changed.",
            remedy="`o365 evidence verify` tells what is wrong.",
        )


def _is_unsealed(problem: Problem) -> bool:
    folder = f"{problem.client}/{problem.run_id}"
    return problem.kind is Kind.UNSIGNED and problem.file == folder


def _record_of(run: RunFolder) -> Record | None:
    try:
        return run.read_record()
    except EvidenceError:
        return None


def _named(run: RunFolder) -> str:
    return f"{run.run_id} of {run.client}"
