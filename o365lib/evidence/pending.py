"""Batches that are open: runs that were begun, and signed files, that no digest covers yet.

- A run is noted here before its folder is made, and the note goes with the digest that covers its
  seal. So a process that is killed at any moment leaves behind what is to be finished, and nothing
  has to be searched for.
- Each batch is a folder in `.pending`, locked by the process that has it open. The lock is the
  operating system's and ends with the process.
- The notes are no evidence. Whoever deletes one only hides that something was left unfinished,
  which verifying tells by the run that has no seal.
"""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import RunFolder, new_run_id, opening_of
from o365lib.evidence.file_lock import FileLock, take
from o365lib.evidence.files import create_atomically, make_folder, make_root
from o365lib.evidence.layout import PENDING, is_signed_file
from o365lib.evidence.record import Operator

_logger = logging.getLogger(__name__)

_LOCK = ".lock"
_NOTE = ".json"
_SEALED = ".seal"
# A batch without any note may be one that another process is just about to open.
_EMPTY_FOR_SECONDS = 3600


def _signed_file(name: str) -> str:
    # A digest would speak of it: nothing but what is ours may be named.
    if name and not is_signed_file(name):
        raise ValueError("no file that a digest may cover")
    return name


class Note(BaseModel):
    """What was begun: a run, or one signed file.

    Attributes:
        client: whose run it is; empty for a file.
        run_id: the run's id; empty for a file.
        runbook: the notebook's name.
        user_name: who runs it.
        host_name: on which machine.
        begun: when.
        file: a signed file's path from the archive's root, with `/`; empty for a run.
        seal: the path of the run's seal, once it has one; it is kept beside the note.
        sha256: the seal's.
        adopted: when a run was adopted that had been archived before; None for a new one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    client: str = ""
    run_id: str = ""
    runbook: str = ""
    user_name: str = ""
    host_name: str = ""
    begun: datetime
    file: Annotated[str, AfterValidator(_signed_file)] = ""
    seal: str = ""
    sha256: str = ""
    adopted: datetime | None = None


@dataclass(frozen=True)
class PendingBatch:
    """A batch that this process has open; made by `begin` or `left_behind`.

    Attributes:
        root: the archive's.
        batch_id: sorts by time.
        started: when it was begun.
    """

    root: Path
    batch_id: str
    started: datetime
    _lock: FileLock

    @classmethod
    def begin(cls, root: Path) -> Self:
        """Open a batch.

        Raises:
            EvidenceError: the archive cannot be written, or its drive has no locks.
        """
        batch_id = new_run_id("batch")
        folder = root / PENDING / batch_id
        try:
            make_root(root)
            make_folder(root / PENDING)
            make_folder(folder)
            lock = _acquire(folder)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise EvidenceError(
                f"The archive {root} cannot be written ({why}).",
                state="Nothing was started.",
                remedy="Make room or give yourself the right to write there, and keep the archive"
                " on a drive that has file locks; or name another archive.",
            ) from error
        if lock is None:  # whoever finishes what was left behind was just looking at it
            return cls.begin(root)
        return cls(root, batch_id, clock.now(), lock)

    def add_run(self, run: RunFolder, runbook: str, *, adopted: datetime | None = None) -> str:
        """Note a run, before its folder is made; return the note's name.

        Raises:
            EvidenceError: it could not be noted; the run must not begin.
        """
        operator, name = Operator.here(), run_note(run)
        self._note(
            name,
            Note(
                client=run.client,
                run_id=run.run_id,
                runbook=runbook,
                user_name=operator.user_name,
                host_name=operator.host_name,
                begun=clock.now(),
                adopted=adopted,
            ),
        )
        return name

    def add_seal(self, run: RunFolder, seal: str, sha256: str) -> None:
        """Note the seal that a run has got, so that the digest names it whatever becomes of it.

        Args:
            run: was noted before.
            seal: the seal's path from the archive's root, with `/`.
            sha256: the seal's.

        Raises:
            EvidenceError: it could not be noted; the seal is found by reading.
        """
        # Not flushed: what a power cut takes away is found by reading the client's seals.
        path = (self._folder / run_note(run)).with_suffix(_SEALED)
        try:
            path.touch(mode=0o600, exist_ok=True)
            path.write_text(f"{sha256} {seal}\n", "utf-8")
        except OSError as error:
            raise EvidenceError(
                f"The seal of {run.run_id} cannot be noted in {path} ({error.strerror}).",
                state="The run is sealed.",
                remedy="Make room or give yourself the right to write there; `o365 evidence seal`"
                " then finishes what is left.",
            ) from error

    def add_file(self, name: str) -> str:
        """Note a signed file that the batch's digest is to cover; return the note's name.

        Args:
            name: its path from the archive's root, with `/`; it need not be there yet.

        Raises:
            EvidenceError: it could not be noted.
        """
        note = name.replace("/", "--").removesuffix(_NOTE) + _NOTE
        self._note(note, Note(file=name, begun=clock.now()))
        return note

    def notes(self) -> dict[str, Note]:
        """Return what was begun, by names for `forget`, in the order of the runs' ids."""
        return dict(_notes(self._folder))

    def forget(self, names: Iterable[str]) -> None:
        """Remove notes: a digest covers what they name, or there is nothing to cover.

        One that cannot be removed is found again, and found to be done.
        """
        for name in names:
            path = self._folder / name
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                path.with_suffix(_SEALED).unlink(missing_ok=True)

    def let_go(self) -> None:
        """Unlock the batch, and remove it if nothing in it is left to do."""
        if not any(self._folder.glob(f"*{_NOTE}")):
            # Windows does not remove what is locked; then an empty folder is removed later.
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    @property
    def _folder(self) -> Path:
        return self.root / PENDING / self.batch_id

    def _note(self, name: str, note: Note) -> None:
        try:
            content = note.model_dump_json(indent=1).encode() + b"\n"
            create_atomically(self._folder / name, content)
        except OSError as error:
            raise EvidenceError(
                f"What is begun cannot be noted in {self._folder} ({error.strerror}).",
                state="It was not begun.",
                remedy="Make room or give yourself the right to write there.",
            ) from error


def run_note(run: RunFolder) -> str:
    """Return the name of the note of a run."""
    return f"{run.run_id}--{run.client}{_NOTE}"


def left_behind(root: Path) -> Iterator[PendingBatch]:
    """Open, one after the other, the batches that no living process has open.

    The caller finishes what is noted in each and lets it go. What another account has closed to
    this one is logged and left to it.

    Raises:
        EvidenceError: the archive cannot be read, or its drive has no locks.
    """
    for folder in _folders(root):
        try:
            lock = _acquire(folder)
        except (PermissionError, FileNotFoundError) as error:
            # Another account's, which will finish it itself; or finished since it was listed.
            _logger.warning("%s is left alone (%s).", folder, error.strerror)
            continue
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise EvidenceError(
                f"What was left unfinished in {folder} cannot be locked ({why}).",
                remedy="Give yourself the right to write there.",
            ) from error
        if lock is None:
            continue
        batch = PendingBatch(root, folder.name, _began(folder), lock)
        if batch.notes() or clock.now().timestamp() - folder.stat().st_mtime > _EMPTY_FOR_SECONDS:
            yield batch
        else:
            lock.release()


def open_runs(root: Path) -> dict[tuple[str, str], bool]:
    """Return the runs (client, run id) that no digest covers, and whether a process is at them.

    Nothing is changed. Where the drive cannot be asked who holds a lock, nobody is said to.
    """
    found: dict[tuple[str, str], bool] = {}
    for folder in _folders(root):
        is_alive = _is_held(folder)
        for _, note in _notes(folder):
            if note.run_id:
                found[note.client, note.run_id] = is_alive
    return found


def under_way(root: Path) -> frozenset[str]:
    """Return what living processes have begun and no digest covers, as paths from the root.

    Runs as `<client>/<run id>`, signed files by their names. Nothing is changed.

    Raises:
        EvidenceError: the archive cannot be read.
    """
    return frozenset(
        note.file or f"{note.client}/{note.run_id}"
        for folder in _folders(root)
        if _is_held(folder)
        for _, note in _notes(folder)
    )


def _notes(folder: Path) -> Iterator[tuple[str, Note]]:
    for path in sorted(folder.glob(f"*{_NOTE}")):
        # A note that cannot be read is none of ours: ours are written as a whole.
        with contextlib.suppress(OSError, ValidationError):
            note = Note.model_validate_json(path.read_bytes())
            yield path.name, note.model_copy(update=_seal_beside(path))


def _seal_beside(path: Path) -> dict[str, str]:
    """Return the seal that was noted for a run, if one was, and as a whole."""
    try:
        sha256, _, name = path.with_suffix(_SEALED).read_text("utf-8").rstrip("\n").partition(" ")
    except (OSError, ValueError):
        return {}
    return {"seal": name, "sha256": sha256} if _is_seal(sha256, name) else {}


def _is_seal(sha256: str, name: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", sha256) is not None and is_signed_file(name)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in (root / PENDING).iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise EvidenceError(
            f"The archive {root} cannot be read ({error.strerror}).",
            remedy="Give yourself the right to read there.",
        ) from error


def _began(folder: Path) -> datetime:
    opening = opening_of(folder.name)
    return opening[0] if opening else clock.now()


def _acquire(folder: Path) -> FileLock | None:
    """Return the batch's lock, held; None where another process holds it."""
    return take(folder / _LOCK)


def _is_held(folder: Path) -> bool:
    if not (folder / _LOCK).exists() or not os.access(folder / _LOCK, os.W_OK):
        return False
    try:
        lock = _acquire(folder)
    except OSError:
        return False
    if lock is None:
        return True
    lock.release()
    return False
