"""The archive on disk: `<root>/<client>/<run id>/` with `runbook.ipynb` and `record.json`.

- A file is replaced as a whole or not at all: whoever reads, at any moment and after any crash,
  finds the earlier version or the later one, never half of one.
- A run's folder outlasts a power cut from the moment it is made.
- Folders are the owner's alone (0700), files too (0600), unless the archive's was opened to a group
  (2770): then they are the group's too. A run's folder is made once, and never
  taken over by another run.
- Run ids sort by time and are file names everywhere, Windows included; names of clients and runs
  that would lead out of the archive are refused.
- A record that cannot be read is told and left where it is; it hides no other.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.files import claim_folder, make_folder, make_root, write_atomically
from o365lib.evidence.layout import BATCH_FILE, is_client, is_run_id

if TYPE_CHECKING:
    from o365lib.evidence.record import Record

RECORD_FILE = "record.json"
NOTEBOOK_FILE = "runbook.ipynb"
APPROVAL_FILE = "approval.json"

_logger = logging.getLogger(__name__)

_OUR_RUN_ID = re.compile(r"([0-9]{8}T[0-9]{9})Z-([0-9a-z]{1,24})-[0-9a-f]{6}")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)

_MOST_NAMED = 5

_NOT_ON_FILE = "What was archived before is intact; what this run did since is not on file."


def new_run_id(runbook: str) -> str:
    """Return a new id such as `20261123T104500123Z-create-7f3a9c`.

    Args:
        runbook: the notebook's name; its first word becomes part of the id.
    """
    instant = clock.now()
    milliseconds = instant.microsecond // 1000
    word = re.split(r"[^0-9a-z]", runbook.lower(), maxsplit=1)[0] or "run"
    stamp = f"{instant:%Y%m%dT%H%M%S}{milliseconds:03d}Z"
    return f"{stamp}-{word[:24]}-{secrets.token_hex(3)}"


def opening_of(run_id: str) -> tuple[datetime, str] | None:
    """Return when a run was opened and the first word of its runbook, by its id.

    None where the id is not of the form of `new_run_id`: ids may be given by hand.
    """
    match = _OUR_RUN_ID.fullmatch(run_id)
    if match is None:
        return None
    try:
        instant = datetime.strptime(f"{match[1]}000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:  # no such day
        return None
    return instant, match[2]


@dataclass(frozen=True)
class RunFolder:
    """One run's folder; it need not exist yet."""

    path: Path

    @property
    def client(self) -> str:
        """The customer whose run it is."""
        return self.path.parent.name

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def record_file(self) -> Path:
        """Where the record is."""
        return self.path / RECORD_FILE

    @property
    def notebook_file(self) -> Path:
        """Where the executed notebook is."""
        return self.path / NOTEBOOK_FILE

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.path.is_dir()

    def read_record(self) -> "Record":
        """Return the run's record.

        Raises:
            EvidenceError: there is none, or it cannot be read.
        """
        # Late: to list the archive takes none of what reads a record.
        from o365lib.evidence.record import Record

        try:
            return Record.from_json(self.record_file.read_bytes())
        except FileNotFoundError as error:
            raise EvidenceError(
                f"Run {self.run_id} of {self.client} has no record in {self.path}.",
                remedy="Look into that folder: the run ended before it could write one.",
            ) from error
        except (OSError, ValueError) as error:
            raise EvidenceError(
                f"The record {self.record_file} cannot be read ({_reason(error)}).",
                remedy="It was left as it is. Compare it with a copy from a backup.",
            ) from error

    def write_record(self, record: "Record") -> None:
        """Replace the run's record by one that can be read again.

        Raises:
            EvidenceError: it could not be written; the version before it is intact.
        """
        text = record.to_json()
        try:
            record.from_json(text)
        except ValueError as error:  # pydantic's and a character's that UTF-8 does not know
            raise EvidenceError(
                f"The record of run {self.run_id} could not be read again ({_reason(error)}).",
                state=_NOT_ON_FILE,
                remedy="It was not written. Report this, with the version of o365-runbooks.",
            ) from error
        self._write(self.record_file, text, what="record")

    def write_notebook(self, text: str) -> None:
        """Replace the run's executed notebook.

        Raises:
            EvidenceError: it could not be written; the version before it is intact.
        """
        self._write(self.notebook_file, text, what="executed notebook")

    def write_approval(self, raw: bytes) -> None:
        """Keep a copy of the signed approval by which the run changes its tenant.

        Raises:
            EvidenceError: it could not be written; a copy of another one is intact.
        """
        self._write(self.path / APPROVAL_FILE, raw.decode(), what="approval")

    def write_batch(self, raw: bytes) -> None:
        """Keep a copy of the `batch.json` that the run, a batch's summary, was made of.

        Raises:
            EvidenceError: it could not be written; a copy of another one is intact.
        """
        self._write(self.path / BATCH_FILE, raw.decode(), what="batch")

    def _write(self, path: Path, text: str, *, what: str) -> None:
        try:
            write_atomically(path, text)
        except OSError as error:
            raise EvidenceError(
                f"The {what} of run {self.run_id} cannot be written to {self.path}"
                f" ({_reason(error)}).",
                state=_NOT_ON_FILE,
                remedy="Make room or give yourself the right to write there, then run the runbook"
                " again: it reads the tenant first and does only what is left.",
            ) from error


@dataclass(frozen=True)
class Archive:
    """All runs, one folder a client, one folder a run.

    Attributes:
        root: the archive's folder; made with the first run.
    """

    root: Path

    def new_run(self, client: str, run_id: str) -> RunFolder:
        """Make the folder of a new run and return it.

        Raises:
            EvidenceError: a name is unfit, the run is there already, or the disk says no. Nothing
                else was written.
        """
        folder = self.run(client, run_id)
        try:
            make_root(self.root)
            make_folder(folder.path.parent)
            claim_folder(folder.path)
        except FileExistsError as error:
            if not folder.exists():
                raise _no_folder(folder, error) from error
            raise EvidenceError(
                f"Run {run_id} of {client} is in the archive already.",
                remedy="A run is written once: start a new one.",
            ) from error
        except OSError as error:
            raise _no_folder(folder, error) from error
        return folder

    def run(self, client: str, run_id: str) -> RunFolder:
        """Return the folder of a run, whether it exists or not.

        Raises:
            EvidenceError: a name is not fit to be a folder's name.
        """
        if not is_client(client) or _DEVICE.fullmatch(client):
            raise EvidenceError(
                f"{client!r} is not a client's name.",
                remedy="Small letters, digits and hyphens, at most 63, no name of a device.",
            )
        if not is_run_id(run_id) or _DEVICE.fullmatch(run_id):
            raise EvidenceError(
                f"{run_id!r} is not a run's id.",
                remedy="`o365 evidence list` shows the ids that there are.",
            )
        return RunFolder(self.root / client / run_id)

    def clients(self) -> list[str]:
        """Return the names of all clients that have a folder, in order.

        Raises:
            EvidenceError: the archive cannot be listed.
        """
        return sorted(path.name for path in _folders(self.root) if is_client(path.name))

    def runs(self, client: str | None = None) -> list[RunFolder]:
        """Return the folders of all runs, or of one client's, oldest first.

        Raises:
            EvidenceError: the archive cannot be listed, or the client's name is unfit.
        """
        if client is not None:
            folders = [self.run(client, "any").path.parent]
        else:
            folders = [self.root / name for name in self.clients()]
        found = [
            RunFolder(path)
            for folder in folders
            for path in _folders(folder)
            if is_run_id(path.name)
        ]
        return sorted(found, key=lambda run: (run.run_id, run.client))

    def find(self, text: str) -> RunFolder:
        """Return the run with this id, or the only one whose id begins or ends with this text.

        Raises:
            UsageError: there is none, or more than one.
            EvidenceError: the archive cannot be listed.
        """
        runs = self.runs() if text else []
        found = [run for run in runs if run.run_id == text] or [
            run for run in runs if run.run_id.startswith(text) or run.run_id.endswith(text)
        ]
        return only_run(found, text, root=self.root)

    def records(self, client: str) -> list["Record"]:
        """Return a client's records that can be read, oldest first; the others are logged.

        Raises:
            EvidenceError: the archive cannot be listed, or the client's name is unfit.
        """
        return self.read(client)[0]

    def read(self, client: str) -> tuple[list["Record"], list[RunFolder]]:
        """Return a client's records, and its runs whose record cannot be read; oldest first.

        What such a run did is not known here: it may have set a password that nobody was given. A
        folder without a record is none of them: a record is written before the first change. Both
        kinds are logged.

        Raises:
            EvidenceError: the archive cannot be listed, or the client's name is unfit.
        """
        records: list[Record] = []
        unreadable: list[RunFolder] = []
        for run in self.runs(client):
            try:
                records.append(run.read_record())
            except EvidenceError as error:
                _logger.warning("%s", error)
                if not isinstance(error.__cause__, FileNotFoundError):
                    unreadable.append(run)
        return records, unreadable


def only_run(found: Sequence[RunFolder], text: str, *, root: Path) -> RunFolder:
    """Return the one run that fits a text.

    Args:
        found: all that fit.
        text: that was asked for.
        root: the archive's folder.

    Raises:
        UsageError: there is none, or more than one.
    """
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"There is no run {text!r} in {root}.",
            remedy="`o365 evidence list` shows the ids that there are.",
        )
    some = ", ".join(f"{run.run_id} ({run.client})" for run in found[:_MOST_NAMED])
    more = ", ..." if len(found) > _MOST_NAMED else ""
    raise UsageError(
        f"{len(found)} runs fit {text!r}: {some}{more}.", remedy="Give more of the id."
    )


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EvidenceError(
            f"The archive {folder} cannot be listed ({_reason(error)}).",
            remedy="Give yourself the right to read there, or name another archive.",
        ) from error


def _no_folder(folder: RunFolder, error: OSError) -> EvidenceError:
    return EvidenceError(
        f"A folder for the run cannot be made at {folder.path} ({_reason(error)}).",
        state="Nothing was started.",
        remedy="Make room or give yourself the right to write there, or name another archive.",
    )


def _reason(error: Exception) -> str:
    """What went wrong in a few words, without the content that may stand in a message."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not of the schema of docs/record.schema.json"
