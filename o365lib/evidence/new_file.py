"""Files that are written once: made whole, or not at all, and never over another.

- Whoever reads, at any moment and after any crash, finds no file or the whole one.
- Of several writers of one name exactly one succeeds; the name is the claim.
- What was written outlasts a power cut from the moment of return.
"""

import contextlib
import errno
import os
import secrets
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# What file systems without hard links answer: FAT, and some network drives.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def create(path: Path, content: bytes) -> None:
    """Make a file (0600) with this content; missing folders are made too (0700).

    Where the file system has no hard links, a crash may leave a part of the file under its name.

    Raises:
        FileExistsError: there is something of that name; it is as it was.
        OSError: it could not be written; there is no such file.
    """
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _write(part, content)
        _give_name(part, path, content)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, for their owner alone (0700).

    Raises:
        OSError: one could not be made; those above it may have been.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for each in reversed(missing):
        # Another process may be quicker; a file of that name is an error all the same.
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable; where folders cannot be flushed, the system does it.

    Raises:
        OSError: the folder is gone, or the disk failed.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, _FLAGS, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _give_name(part: Path, path: Path, content: bytes) -> None:
    if os.name == "nt":  # refuses to rename over another file
        part.rename(path)
        return
    try:
        os.link(part, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    try:
        _write(path, content)
    except FileExistsError:
        raise
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise
