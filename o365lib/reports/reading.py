"""A run as it is archived: its record, its files with their digests, and its seal.

- The digest of the record is that of the very bytes that the report tells of.
- One run at a time: whatever the archive's size, no more than that is held.
- Links are not followed, and what cannot be read is told, not skipped.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from o365lib.evidence.archive import RECORD_FILE, Archive, RunFolder
from o365lib.evidence.files import PART
from o365lib.evidence.record import Record
from o365lib.reports.seal_status import SealReader, SealStatus

# Far more than any run writes: what is larger is not ours, and is not read into memory.
_LARGEST_RECORD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ArchivedFile:
    """One file of a run.

    Attributes:
        name: within the run's folder.
        path: where it is.
        size: in bytes.
        sha256: in hexadecimal; empty where it could not be read.
    """

    name: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ArchivedRun:
    """One run; its files and its seal are looked at when they are first asked for.

    Attributes:
        folder: where it is; names client and run.
        record: None where it cannot be read.
        problem: why it cannot be read, in one sentence.
        record_sha256: of the bytes that `record` was read from; empty where there are none.
        seals: who is asked about the seal.
    """

    folder: RunFolder
    record: Record | None
    problem: str
    record_sha256: str
    seals: SealReader

    @cached_property
    def files(self) -> tuple[ArchivedFile, ...]:
        """The run's files, in the order of their names."""
        return tuple(
            _file(path, self.record_sha256 if path.name == RECORD_FILE else _digest_of(path))
            for path in _paths(self.folder.path)
        )

    @cached_property
    def seal(self) -> SealStatus:
        """What is known of its seal."""
        return self.seals.of_run(self.folder, {file.name: file.sha256 for file in self.files})

    def sha256_of(self, name: str) -> str:
        """Return a file's digest; empty where there is no such file."""
        return next((file.sha256 for file in self.files if file.name == name), "")


def archived_runs(archive: Archive, client: str, seals: SealReader) -> Iterator[ArchivedRun]:
    """Yield a client's runs, oldest first.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    for folder in archive.runs(client):
        yield archived_run(folder, seals)


def archived_run(folder: RunFolder, seals: SealReader) -> ArchivedRun:
    """Return one run as it is archived; what is wrong with it is told in it."""
    raw, problem = _bytes_of(folder.record_file)
    record = None
    if not problem:
        try:
            record = Record.from_json(raw)
        except ValidationError:
            problem = "The record is not of the schema that this version knows."
    return ArchivedRun(
        folder=folder,
        record=record,
        problem=problem,
        record_sha256=hashlib.sha256(raw).hexdigest() if raw else "",
        seals=seals,
    )


def _bytes_of(path: Path) -> tuple[bytes, str]:
    """Return a record's bytes, or why there are none."""
    try:
        if path.is_symlink():
            return b"", "The record is a link, which is not followed."
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST_RECORD_BYTES + 1)
    except FileNotFoundError:
        return b"", "There is no record."
    except OSError as error:
        return b"", f"The record cannot be read ({error.strerror or type(error).__name__})."
    if len(raw) > _LARGEST_RECORD_BYTES:
        return b"", "The record is larger than any run writes."
    return raw, ""


def _paths(folder: Path) -> list[Path]:
    """Return the run's files; links are none, nor is what a broken-off write left behind."""
    try:
        paths = sorted(folder.iterdir())
        return [
            path
            for path in paths
            if not path.is_symlink() and path.is_file() and not _is_left_behind(path.name)
        ]
    except OSError:
        return []


def _is_left_behind(name: str) -> bool:
    return name.startswith(".") and name.endswith(PART)


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _file(path: Path, sha256: str) -> ArchivedFile:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return ArchivedFile(name=path.name, path=path, size=size, sha256=sha256)
