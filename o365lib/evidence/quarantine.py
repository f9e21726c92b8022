"""Quarantine: where the files of a run go in which a secret was found, beside the archive.

- `<root>.quarantine/<client>/<run id>/` is the owner's alone, and no part of the evidence. In the
  archive stays a record that says so: the same without the secret, with the outcome `failed`.
- First every file is in quarantine, then the record is replaced, then the others leave the archive.
  Nothing is lost at any moment, and whoever is asked again goes on where it broke off.
- Where the record cannot be replaced, a full disk say, the others leave the archive all the same.
- A record that cannot be read stays one: later runs must not take it for a run that did nothing.
"""

import contextlib
import filecmp
import json
import os
from collections.abc import Iterator
from pathlib import Path

from o365lib import secret
from o365lib.errors import EvidenceError, SecretFound
from o365lib.evidence import gate, index_file, quarantined_record
from o365lib.evidence.archive import RECORD_FILE, RunFolder
from o365lib.evidence.files import (
    PART,
    is_shared,
    make_folder,
    sha256_of,
    sync_folder,
    write_atomically,
)
from o365lib.evidence.gate import Findings
from o365lib.evidence.record import Quarantined, Record
from o365lib.secret import MASK

_PIECE = 1 << 20

_FINISH = "`o365 evidence seal` then does what is left."


def folder_of(run: RunFolder) -> Path:
    """Return where a run's files are if it is in quarantine."""
    root = run.path.absolute().parent.parent
    return root.with_name(f"{root.name}.quarantine") / run.client / run.run_id


def is_begun(run: RunFolder) -> bool:
    """Whether files of this run are in quarantine; that may have broken off on the way."""
    return folder_of(run).is_dir()


def quarantine(run: RunFolder, record: Record | None, findings: Findings) -> Record | None:
    """Move a run's files out of the archive, and leave a record that says so.

    Done again, after it broke off, it does what is left.

    Args:
        run: nobody writes its files any more.
        record: as it is on file; None where it cannot be read.
        findings: which secrets were found where; none where it broke off before.

    Returns:
        The record that is on file now. None where it could not be read: what stands in its place
        is no record either.

    Raises:
        EvidenceError: it did not come to its end, and says what is true now. Nothing is lost.
    """
    folder = folder_of(run)
    try:
        names = _keep(run, folder, record)
        files = _files(folder, findings, record)
    except OSError as error:
        raise EvidenceError(
            f"The files of run {run.run_id} of {run.client}, in which a secret was found, cannot be"
            f" put into {folder} ({error.strerror or type(error).__name__}).",
            state="They are in the archive, with the secret, and the run is not sealed.",
            remedy=f"Make room or give yourself the right to write there; {_FINISH}",
        ) from error
    try:
        left = _replace_record(run, record, findings, files)
    except EvidenceError as error:
        _remove(run, names)
        raise EvidenceError(
            error.message,
            state=f"All its files are in {folder}. In the archive is the record alone, as it was,"
            " and the run is not sealed.",
            remedy=f"Make room or give yourself the right to write there; {_FINISH}",
        ) from error
    # The index may have copied a text while the run was under way, and pages of a database keep
    # what was deleted from them.
    index_file.throw_away(run.path.absolute().parent.parent)
    _remove(run, names)
    return left


def error_of(record: Record) -> SecretFound | None:
    """Return the error of a run that is in quarantine; None of any other."""
    error = record.error
    if not record.quarantined or error is None:
        return None
    return SecretFound(error.message, state=error.state, remedy=error.remedy)


def _keep(run: RunFolder, folder: Path, record: Record | None) -> list[str]:
    """Put every file into quarantine too, durably, and return the names."""
    archive, top = run.path.parent.parent, folder.parent.parent
    make_folder(top)
    if is_shared(archive):
        with contextlib.suppress(PermissionError):  # another account's, which has done so
            os.chown(top, -1, archive.stat().st_gid)
            top.chmod(0o2770)
    else:
        top.chmod(0o700)
    make_folder(folder.parent)
    make_folder(folder)
    # Whoever shares the archive may put away there too, and not look at what this account has.
    for each in (folder,) if is_shared(top) else (folder.parent, folder):
        each.chmod(0o700)
    names = []
    for name, file in gate.files_of(run.path):
        if name == RECORD_FILE and _says_so(file, record):
            continue
        names.append(name)
        for parent in reversed(Path(name).parents[:-1]):
            make_folder(folder / parent)
        target = next(each for each in _targets(folder, name) if _is_free(each, file))
        if not target.exists():
            _copy(file, target)
        with contextlib.suppress(PermissionError):  # another account's; the folder is closed
            target.chmod(0o600)
        sync_folder(target.parent)
    return names


def _says_so(file: Path, record: Record | None) -> bool:
    """Whether a record's file is the one that an earlier quarantine has left."""
    if record is not None:
        return bool(record.quarantined)
    try:
        return _NOTE in json.loads(file.read_bytes())
    except (ValueError, TypeError, RecursionError):
        return False


def _targets(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    number = 1
    while number := number + 1:
        yield folder / f"{name}.{number}"


def _is_free(target: Path, file: Path) -> bool:
    return not target.exists() or filecmp.cmp(file, target, shallow=False)


def _copy(file: Path, target: Path) -> None:
    """Give a file a second name; where that cannot be, on another drive say, copy it."""
    with contextlib.suppress(OSError):
        os.link(file, target, follow_symlinks=False)
        return
    part = target.with_name(f".{target.name}{PART}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    with file.open("rb") as source, os.fdopen(os.open(part, flags, 0o600), "wb") as copy:
        while piece := source.read(_PIECE):
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    part.replace(target)


def _files(folder: Path, findings: Findings, record: Record | None) -> list[Quarantined]:
    """Return what is or was in quarantine; also from a time before that broke off."""
    files = list(record.quarantined) if record else []
    told = {each.sha256 for each in files}
    there = gate.search(RunFolder(folder), known=secret.find)
    for name, file in gate.files_of(folder):
        digest = sha256_of(file)
        if digest not in told and not name.endswith(PART):
            shown = MASK if gate.kinds_in(name, known=secret.find) else name
            kinds = sorted({*findings.kinds_of(name), *there.kinds_of(name)})
            files.append(Quarantined(name=shown, sha256=digest, kinds=kinds))
    return files


def _replace_record(
    run: RunFolder, record: Record | None, findings: Findings, files: list[Quarantined]
) -> Record | None:
    if record is None:
        if run.record_file.exists():
            _write_note(run, files)
        return None
    if record.quarantined == files:
        return record
    left = quarantined_record.made_of(record, findings, files)
    run.write_record(left)
    return left


_NOTE = "unreadable record in quarantine"


def _write_note(run: RunFolder, files: list[Quarantined]) -> None:
    """Leave something that is no record in place of a record that could not be read."""
    note = {_NOTE: run.run_id, "quarantined": [each.model_dump(mode="json") for each in files]}
    try:
        write_atomically(run.record_file, json.dumps(note, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise EvidenceError(
            f"{run.record_file} cannot be replaced ({error.strerror or type(error).__name__})."
        ) from error


def _remove(run: RunFolder, names: list[str]) -> None:
    """Take files that are in quarantine, but for the record, out of the archive."""
    try:
        for name in names:
            if name == RECORD_FILE:
                continue
            (run.path / name).unlink(missing_ok=True)
            for parent in Path(name).parents[:-1]:
                with contextlib.suppress(OSError):  # another file is left in it
                    (run.path / parent).rmdir()
        sync_folder(run.path)
    except OSError as error:
        raise EvidenceError(
            f"A file of run {run.run_id} of {run.client}, in which a secret was found, cannot be"
            f" removed from {run.path} ({error.strerror or type(error).__name__}).",
            state=f"All its files are in {folder_of(run)} too, and the run is not sealed.",
            remedy=f"Close the program that has it open; {_FINISH}",
        ) from error
