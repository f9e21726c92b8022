"""From the beginning of a run to its seal, and from seals to the batch's digest.

- `OpenBatch` is what a driver or a JupyterLab kernel holds while it runs runbooks: it notes each
  run before it begins, seals it when it has ended, and signs one digest over all at the end.
- Before a run is sealed its files are searched for secrets; a run in whose files one is found is
  put into quarantine, and what is sealed is a record that says so.
- `finish_left_behind` does the rest for processes that were killed: it closes their records, seals
  what has no seal and signs what no digest covers. Doing it twice does nothing twice.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from o365lib import __version__, secret
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, digest, gate, quarantine, seal
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.envelope import Signer
from o365lib.evidence.key_store import KeyStore, passphrase_here
from o365lib.evidence.layout import KEYS
from o365lib.evidence.pending import Note, PendingBatch, left_behind, run_note
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.evidence.run_lock import RunLock
from o365lib.secret import Secret

_BROKE_OFF = "The process that ran it ended before it could close the record."
_NEVER_BEGAN = "The process that was to run it ended before the runbook began."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Elsewhere:
    """What another process says, in which the run was executed and whose secrets it alone knows.

    Attributes:
        own_secrets: the lines of each file in which it has found a secret of its own; None where it
            could not be asked.
    """

    own_secrets: Mapping[str, Sequence[int]] | None


@dataclass(frozen=True)
class Sealed:
    """A run that has its seal.

    Attributes:
        run: where.
        record: as it was sealed; None where it cannot be read.
        seal: the seal.
    """

    run: RunFolder
    record: Record | None
    seal: seal.Seal


@dataclass
class OpenBatch:
    """A batch whose digest is still to be signed; made by `begin`.

    Attributes:
        archive: where its runs are.
        signer: whose key signs.
    """

    archive: Archive
    signer: Signer
    _pending: PendingBatch
    _signed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        archive: Archive,
        keys: KeyStore,
        passphrase: Callable[[], Secret] | None = None,
    ) -> Self:
        """Open a batch, and publish the public key that will sign it with the archive.

        Args:
            archive: where its runs will be.
            keys: has the signing key; one is made if there is none yet.
            passphrase: asks for the key's passphrase, if it has one; without it the file that the
                environment names is read.

        Raises:
            EvidenceError: the key cannot be used, or the archive not be written. No run may begin.
        """
        signer = keys.signer(passphrase or passphrase_here())
        pending = PendingBatch.begin(archive.root)
        try:
            known = _endorsements(archive.root)
            keys.publish(archive.root)
            batch = cls(archive, signer, pending)
            for name in sorted(_endorsements(archive.root) - known):
                batch.add_file(name)
        except BaseException:
            pending.let_go()
            raise
        return batch

    def begin_run(self, client: str, run_id: str, runbook: str) -> RunFolder:
        """Make a new run's folder and return it; from here on the run will end in a seal.

        Raises:
            EvidenceError: a name is unfit, the run is there already, or the disk says no. The run
                must not begin.
        """
        self._pending.add_run(self.archive.run(client, run_id), runbook)
        return self.archive.new_run(client, run_id)

    def add_file(self, name: str) -> None:
        """Let the batch's digest cover a signed file, given by its path from the archive's root.

        Raises:
            EvidenceError: it could not be noted.
        """
        self._signed[self._pending.add_file(name)] = name

    def seal(self, run: RunFolder, *, elsewhere: Elsewhere | None = None) -> Sealed:
        """Search a run's files for secrets, seal the run, and return what was sealed.

        Args:
            run: its record is closed, and nothing will be written any more.
            elsewhere: what the process says that ran it; None where this process did.

        Raises:
            EvidenceError: it could not be sealed. It stays noted, and whoever finishes what was
                left behind seals it.
        """
        sealed = _seal(run, self.signer, elsewhere)
        self._signed[run_note(run)] = sealed.seal.name
        return sealed

    def close(self) -> chain.Link | None:
        """Sign the digest over the seals and files of this batch, and return it.

        A run that has no seal stays noted, for whoever finishes what was left behind. None where
        there is nothing to sign.

        Raises:
            EvidenceError: the digest could not be written; all stays noted.
        """
        try:
            return _sign_off(self._pending, self._signed, self.signer, covered=())
        finally:
            self._pending.let_go()


@dataclass(frozen=True)
class Finished:
    """What was finished of one batch that a process had left behind.

    Attributes:
        batch_id: the batch's.
        sealed: the runs that got their seals now.
        digest: the digest that got signed now; None if there was nothing to sign.
        problem: what could not be finished, in one line.
    """

    batch_id: str
    sealed: tuple[Sealed, ...]
    digest: chain.Link | None
    problem: str = ""


def finish_left_behind(archive: Archive, signer: Signer) -> Iterator[Finished]:
    """Finish what processes that are no longer there have begun; yield what was done, by batch.

    Raises:
        EvidenceError: the archive cannot be read, or its drive has no locks.
    """
    for pending in left_behind(archive.root):
        sealed: list[Sealed] = []
        link, problem = None, ""
        try:
            signed: dict[str, str] = {}
            for name, note in pending.notes().items():
                if note.file:
                    signed[name] = note.file
                    continue
                try:
                    found = _finish(archive, note, signer, sealed)
                except EvidenceError as error:
                    problem = problem or f"{note.run_id} of {note.client}: {error.message}"
                    continue
                if found:
                    signed[name] = found
                elif found is None:
                    pending.forget([name])
            # It may have been killed between its digest and the last note.
            covered = digest.covered(archive.root, pending.batch_id)
            link = _sign_off(pending, signed, signer, covered=covered)
        except EvidenceError as error:
            problem = problem or error.message
        finally:
            pending.let_go()
        if sealed or link or problem:
            yield Finished(pending.batch_id, tuple(sealed), link, problem)


def _finish(archive: Archive, note: Note, signer: Signer, sealed: list[Sealed]) -> str | None:
    """Seal a run if it has no seal and nobody is at it; return its seal's name.

    None where there is nothing to seal; empty where its kernel is still ending.
    """
    run = archive.run(note.client, note.run_id)
    if not run.exists():
        return None
    lock = RunLock(run)
    if not lock.take():
        return ""
    try:
        if found := seal.seal_of(run):
            return found.name
        _close(run, note)
        sealed.append(_seal(run, signer, Elsewhere(own_secrets=None)))
    finally:
        lock.remove()
    return sealed[-1].seal.name


def _close(run: RunFolder, note: Note) -> None:
    """Close the record that a process has left open, or write one where it wrote none."""
    if run.record_file.exists():
        try:
            record = run.read_record()
        except EvidenceError as error:
            _logger.warning("%s", error)
            return
        message = _BROKE_OFF
    else:
        record, message = _record_of(note), _NEVER_BEGAN
    if record.outcome is Outcome.UNFINISHED:
        close_unfinished(record, closed_by="driver", message=message)
        run.write_record(record)


def _record_of(note: Note) -> Record:
    return Record(
        run_id=note.run_id,
        client=note.client,
        runbook=note.runbook,
        package_version=__version__,
        operator=Operator(user_name=note.user_name, host_name=note.host_name),
        started=note.begun,
    )


def _seal(run: RunFolder, signer: Signer, elsewhere: Elsewhere | None) -> Sealed:
    record = _readable(run)
    findings = gate.search(run, known=secret.find)
    if elsewhere is not None:
        findings = findings.with_own_secrets(elsewhere.own_secrets)
    if findings or quarantine.is_begun(run):
        record = quarantine.quarantine(run, record, findings)
    found = seal.seal_run(run, record, signer, search=findings.to_predicate())
    RunLock(run).remove()
    return Sealed(run, record, found)


def _readable(run: RunFolder) -> Record | None:
    try:
        return run.read_record()
    except EvidenceError as error:
        _logger.warning("%s", error)
        return None


def _sign_off(
    pending: PendingBatch, files: Mapping[str, str], signer: Signer, *, covered: Collection[str]
) -> chain.Link | None:
    """Sign a digest over signed files, given by their notes, and forget the notes.

    Args:
        pending: the batch.
        files: paths from the archive's root, by the names of their notes.
        signer: whose key signs.
        covered: what a digest of this batch covers already.
    """
    there = {name: file for name, file in files.items() if (pending.root / file).exists()}
    link = None
    if left := set(there.values()) - set(covered):
        link = digest.write_digest(
            pending.root, left, signer, batch_id=pending.batch_id, started=pending.started
        )
    pending.forget(there)
    return link


def _endorsements(root: Path) -> set[str]:
    try:
        return {f"{KEYS}/{path.name}" for path in (root / KEYS).glob("*.json")}
    except OSError:
        return set()
