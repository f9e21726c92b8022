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
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from o365lib import __version__, clock, secret
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, digest, gate, quarantine, seal
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.envelope import Signer
from o365lib.evidence.files import sha256_of
from o365lib.evidence.key_store import KeyStore, passphrase_here
from o365lib.evidence.pending import Note, PendingBatch, left_behind, run_note
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.evidence.run_lock import RunLock
from o365lib.secret import Secret

_BROKE_OFF = "The process that ran it ended before it could close the record."
_NEVER_BEGAN = "The process that was to run it ended before the runbook began."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _SignedFile:
    """A file that a digest is to cover.

    Attributes:
        name: its path from the archive's root, with `/`.
        sha256: what it had when it was signed; empty where the digest may read it.
    """

    name: str
    sha256: str = ""


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
        problems: what was found wrong when the digest was signed, each as a sentence.
    """

    archive: Archive
    signer: Signer
    _pending: PendingBatch
    _signed: dict[str, _SignedFile] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

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
            batch = cls(archive, signer, pending)
            for name in keys.endorsements():
                if not (archive.root / name).exists():
                    batch.add_file(name)
            keys.publish(archive.root)
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
        note = self._pending.add_run(self.archive.run(client, run_id), runbook)
        try:
            return self.archive.new_run(client, run_id)
        except EvidenceError:
            # Where there is a run of this id, it is another one's to seal.
            self._pending.forget([note])
            raise

    def add_file(self, name: str) -> None:
        """Let the batch's digest cover a signed file, given by its path from the archive's root.

        Raises:
            EvidenceError: it could not be noted.
        """
        self._signed[self._pending.add_file(name)] = _SignedFile(name)

    def seal(self, run: RunFolder, *, elsewhere: Elsewhere | None = None) -> Sealed:
        """Search a run's files for secrets, seal the run, and return what was sealed.

        Args:
            run: its record is closed, and nothing will be written any more.
            elsewhere: what the process says that ran it; None where this process did.

        Raises:
            EvidenceError: it could not be sealed. It stays noted, and whoever finishes what was
                left behind seals it.
        """
        return self._sign(run, _seal(run, self.signer, elsewhere))

    def adopt(self, run: RunFolder) -> Sealed:
        """Seal a run that is in the archive already and has no seal, and return what was sealed.

        The seal says `adopted`, and when. A record that nobody closed is closed first.

        Args:
            run: nobody is at it; the caller holds its lock.

        Raises:
            EvidenceError: as `seal`.
        """
        now = clock.now()
        self._pending.add_run(run, "", adopted=now)
        return self._sign(run, _adopt(run, now, self.signer))

    def _sign(self, run: RunFolder, sealed: Sealed) -> Sealed:
        name, sha256 = sealed.seal.name, sealed.seal.link.sha256
        self._signed[run_note(run)] = _SignedFile(name, sha256)
        self._pending.add_seal(run, name, sha256)
        return sealed

    def close(self) -> chain.Link | None:
        """Sign the digest over the seals and files of this batch, and return it.

        A run that has no seal stays noted, for whoever finishes what was left behind. A seal that
        is not in the archive any more, or not as it was signed, is one of the `problems`. None
        where there is nothing to sign.

        Raises:
            EvidenceError: the digest could not be written; all stays noted.
        """
        try:
            self.problems += _differences(self._pending.root, self._signed)
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
        link, problems = None, list[str]()
        try:
            signed: dict[str, _SignedFile] = {}
            for name, note in pending.notes().items():
                try:
                    found = _finish(archive, note, signer, sealed)
                except _NobodyHasIt as error:
                    problems.append(error.message)
                    pending.forget([name])
                except EvidenceError as error:
                    problems.append(f"{note.run_id} of {note.client}: {error.message}")
                else:
                    if found:
                        signed[name] = found
            problems += _differences(archive.root, signed)
            # It may have been killed between its digest and the last note.
            covered = digest.covered(archive.root) if signed else ()
            link = _sign_off(pending, signed, signer, covered=covered)
        except EvidenceError as error:
            problems.append(error.message)
        finally:
            pending.let_go()
        if sealed or link or problems:
            yield Finished(pending.batch_id, tuple(sealed), link, " ".join(problems))


class _NobodyHasIt(EvidenceError):
    """What was begun is not in the archive: it was never made, or somebody has removed it."""


def _finish(
    archive: Archive, note: Note, signer: Signer, sealed: list[Sealed]
) -> _SignedFile | None:
    """Seal a run if it has no seal and nobody is at it; return its seal, or the file of the note.

    None where the run's kernel is still ending.

    Raises:
        _NobodyHasIt: there is no such file, and no run's folder.
    """
    if note.file:
        if not (archive.root / note.file).exists():
            raise _NobodyHasIt(f"{note.file} was to be signed and is not there.")
        return _SignedFile(note.file)
    if note.seal:
        return _SignedFile(note.seal, note.sha256)
    run = archive.run(note.client, note.run_id)
    if not run.exists():
        raise _NobodyHasIt(
            f"The run {note.run_id} of {note.client}, begun at {clock.iso(note.begun)}, is not"
            " there: its folder was never made, or somebody has removed it."
        )
    lock = RunLock(run)
    if not lock.take():
        return None
    try:
        found = seal.seal_of(run)
        if found is None and note.adopted:
            sealed.append(_adopt(run, note.adopted, signer))
            found = sealed[-1].seal
        elif found is None:
            _close(run, note)
            begun_by = {"user_name": note.user_name, "host_name": note.host_name}
            elsewhere = Elsewhere(own_secrets=None)
            sealed.append(_seal(run, signer, elsewhere, also={"finished": begun_by}))
            found = sealed[-1].seal
    finally:
        lock.remove()
    return _SignedFile(found.name, found.link.sha256)


def _adopt(run: RunFolder, now: datetime, signer: Signer) -> Sealed:
    _close(run, None)
    elsewhere = Elsewhere(own_secrets=None)
    return _seal(run, signer, elsewhere, also={"adopted": clock.iso(now)})


def _close(run: RunFolder, note: Note | None) -> None:
    """Close the record that a process has left open; where it wrote none, write that of a note."""
    message = _BROKE_OFF
    if note is None or run.record_file.exists():
        record = _readable(run)
    else:
        record, message = _record_of(note), _NEVER_BEGAN
    if record and record.outcome is Outcome.UNFINISHED:
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


def _seal(
    run: RunFolder,
    signer: Signer,
    elsewhere: Elsewhere | None,
    *,
    also: Mapping[str, Any] | None = None,
) -> Sealed:
    record = _readable(run)
    findings = gate.search(run, known=secret.find)
    if elsewhere is not None:
        findings = findings.with_own_secrets(elsewhere.own_secrets)
    if findings or quarantine.is_begun(run):
        record = quarantine.quarantine(run, record, findings)
    found = seal.seal_run(run, record, signer, search=findings.to_predicate(), also=also)
    RunLock(run).remove()
    return Sealed(run, record, found)


def _readable(run: RunFolder) -> Record | None:
    try:
        return run.read_record()
    except EvidenceError as error:
        _logger.warning("%s", error)
        return None


def _differences(root: Path, files: Mapping[str, _SignedFile]) -> list[str]:
    """Tell which signed files are not in the archive any more as they were signed."""
    told = []
    for each in files.values():
        try:
            is_same = not each.sha256 or sha256_of(root / each.name) == each.sha256
        except OSError:
            is_same = False
        if not is_same:
            told.append(f"{each.name} was removed or edited after it was signed.")
    return told


def _sign_off(
    pending: PendingBatch,
    files: Mapping[str, _SignedFile],
    signer: Signer,
    *,
    covered: Collection[str],
) -> chain.Link | None:
    """Sign a digest over signed files, given by their notes, and forget the notes.

    A seal is named as it was signed, also where it is gone: verifying then tells that it is.

    Args:
        pending: the batch.
        files: by the names of their notes.
        signer: whose key signs.
        covered: what a digest covers already.
    """
    there = {
        name: file
        for name, file in files.items()
        if file.sha256 or (pending.root / file.name).exists()
    }
    link = None
    if left := {file.name for file in there.values()} - set(covered):
        link = digest.write_digest(
            pending.root,
            left,
            signer,
            batch_id=pending.batch_id,
            started=pending.started,
            known={file.name: file.sha256 for file in there.values() if file.sha256},
        )
    pending.forget(there)
    return link
