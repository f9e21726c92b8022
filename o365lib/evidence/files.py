"""Files that are written as a whole or not at all, and outlast a power cut.

- `write_atomically` replaces; `create_atomically` refuses where the name is taken: it is how a
  number of a chain is claimed, whoever else writes at the same time.
- What is made is its owner's alone, unless the folder was opened to a group on purpose (2770).
- `sha256_of` reads in pieces and follows no symbolic link, so that neither a huge file nor one that
  leads out of the archive is trusted.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from o365lib import clock

PART = ".part"

_SHARED = stat.S_IWGRP | stat.S_ISGID

# Windows refuses to replace a file that somebody has open for a moment, a virus scanner say.
_REPLACE_ATTEMPTS = 10
_REPLACE_PAUSE_SECONDS = 0.05

_PIECE = 1 << 20
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for somebody who writes


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content by `text`, as a whole and durably.

    The new content is written beside it, flushed to the disk and moved into place.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    part = _write_part(path, [text.encode()])
    try:
        _replace(part, path)
    except BaseException:
        _forget(part)
        raise
    sync_folder(path.parent)


def create_atomically(path: Path, content: bytes) -> None:
    """Make a file that is not there yet, as a whole and durably.

    Raises:
        FileExistsError: the name is taken; the file that has it is as it was.
        OSError: it could not be written; there is none.
    """
    create_from_pieces(path, [content])


def create_from_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Make a file that is not there yet, of any size, as a whole and durably.

    Raises:
        FileExistsError: the name is taken; the file that has it is as it was.
        OSError: it could not be written; there is none. Errors of `pieces` pass: there is none.
    """
    part = _write_part(path, pieces)
    try:
        _claim(part, path)
    finally:
        _forget(part)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name durable; where folders cannot be flushed (Windows), the system does it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_shared(folder: Path) -> bool:
    """Whether a folder was opened to a group: it may write there, and owns what is made (setgid).

    Write access alone may be no more than somebody's umask.

    Raises:
        OSError: the folder is not there, or cannot be looked at.
    """
    return folder.stat().st_mode & _SHARED == _SHARED


def mode_for(folder: Path) -> int:
    """Return the mode of a new file in a folder: 0600, or 0660 where a group shares the folder.

    Raises:
        OSError: the folder is not there, or cannot be looked at.
    """
    return 0o660 if is_shared(folder) else 0o600


def make_folder(folder: Path) -> None:
    """Make a folder durably; one that is there is left as it is.

    It is the owner's alone, or the group's too where the group shares the folder above it.

    Raises:
        OSError: it cannot be made; the folder above it is missing, say.
    """
    try:
        claim_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise


def claim_folder(folder: Path) -> None:
    """Make a folder as `make_folder` does, of which only one process can be the maker.

    Raises:
        FileExistsError: the name is taken.
        OSError: it cannot be made.
    """
    is_groups = is_shared(folder.parent)
    folder.mkdir(mode=0o700)
    if is_groups:
        # Not by `mkdir`: the umask takes away there. It has the setgid bit of the folder above.
        with contextlib.suppress(PermissionError):  # a drive that knows no modes
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o070)
    sync_folder(folder.parent)


def make_root(folder: Path) -> None:
    """Make an archive's own folder, and those above it as the system makes folders.

    Raises:
        OSError: it cannot be made.
    """
    for each in reversed([each for each in folder.parents if not each.is_dir()]):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)
    make_folder(folder)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal.

    Raises:
        OSError: it cannot be read, or is a symbolic link, a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | _BINARY | _NO_LINK | _NO_WAITING)
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "It is no regular file", str(path))
        while piece := os.read(descriptor, _PIECE):
            digest.update(piece)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _write_part(path: Path, pieces: Iterable[bytes]) -> Path:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
    is_groups = is_shared(path.parent)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
            if is_groups:  # not by `open`: the umask takes away there
                with contextlib.suppress(PermissionError):  # a drive that knows no modes
                    part.chmod(mode_for(path.parent))
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        _forget(part)
        raise
    return part


def _forget(part: Path) -> None:
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def _replace(part: Path, path: Path) -> None:
    for attempt in range(1, _REPLACE_ATTEMPTS + 1):
        try:
            part.replace(path)
        except PermissionError:
            if os.name != "nt" or attempt == _REPLACE_ATTEMPTS:
                raise
            clock.sleep(_REPLACE_PAUSE_SECONDS)
        else:
            return


def _claim(part: Path, path: Path) -> None:
    """Give a complete file its name, unless the name is taken."""
    if os.name == "nt":
        part.rename(path)  # Windows never replaces by renaming
        return
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        with _only_one_in(path.parent) as is_alone:  # a drive without hard links
            if not is_alone:
                # The empty file claims the name; a crash before the next line leaves it empty,
                # which reading tells from a file that was ever complete.
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode_for(path.parent)))
            elif os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            part.replace(path)


@contextlib.contextmanager
def _only_one_in(folder: Path) -> Iterator[bool]:
    """Keep others out who claim a name in a folder; False where the drive cannot do that."""
    import fcntl  # there is none on Windows, which claims by renaming

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
