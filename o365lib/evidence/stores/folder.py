"""An archive in a folder: the default, and on a mounted share.

- A file is there as a whole or not at all: it is written beside its place under a name of a dot,
  flushed to the disk, and linked into place, which fails where the name is taken.
- Symbolic links are never followed below the archive's root; the root itself may be one.
- A folder protects nothing by itself: who may write there may delete there.
"""

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from o365lib.errors import EvidenceError
from o365lib.evidence import files
from o365lib.evidence.stores.store import (
    PIECE_BYTES,
    Entry,
    Protection,
    Retention,
    blocks_of,
    checked_name,
    is_same,
    name_taken,
)

# A pipe in place of a file must not make a reader wait for ever; Windows has neither flag.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


@dataclass(frozen=True)
class FolderStore:
    """The files below one folder.

    Attributes:
        root: the archive's folder; it must exist.
    """

    root: Path

    @property
    def url(self) -> str:
        """The folder's path: what people type."""
        return str(self.root)

    @property
    def retention(self) -> Retention | None:
        """None: a folder cannot be asked for any."""
        return None

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield all names that begin with `prefix`, in the order of the names.

        Memory grows with the largest single folder's number of names, by some 100 bytes each.

        Raises:
            EvidenceError: a folder cannot be listed, or the archive's is not there.
        """
        if not self.root.is_dir():
            quoted = shlex.quote(str(self.root))
            raise EvidenceError(
                f"There is no folder {self.root}.",
                remedy=f"If it is the right one, make it first: mkdir {quoted}",
            )
        return _walk(f"{self.root}/", prefix)

    def empty_folders(self) -> Iterator[str]:
        """Yield folders of the second level, a run's for example, in which nothing is.

        In no order. What cannot be listed is passed by: `entries` tells of it.
        """
        for above in _folders_in(str(self.root)):
            for folder in _folders_in(above.path):
                with suppress(OSError), os.scandir(folder.path) as listing:
                    if not any(True for _ in listing):
                        yield f"{above.name}/{folder.name}"

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's bytes.

        Raises:
            EvidenceError: there is no such file, it is no file, it cannot be read, or the name
                leads outside or through a symbolic link.
        """
        descriptor = self._open(name)
        try:
            # One byte more than there is, so that most files take one allocation of their size.
            size = min(os.fstat(descriptor).st_size + 1, PIECE_BYTES)
            while piece := os.read(descriptor, size):
                yield piece
        except OSError as error:
            raise self._unreadable(name, error) from error
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        *folders, _ = checked_name(name).split("/")
        path = str(self.root)
        try:
            for folder in folders:
                path = f"{path}/{folder}"
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise _no_file(f"{self.root}/{name}")
            path = f"{self.root}/{name}"
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise _no_file(path)
            descriptor = os.open(path, _READ)
        except OSError as error:
            raise self._unreadable(name, error) from error
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise _no_file(path)

    def _unreadable(self, name: str, error: OSError) -> EvidenceError:
        return EvidenceError(
            f"{name} in {self.root} cannot be read ({error.strerror or type(error).__name__}).",
            remedy="Nothing was changed. Give yourself the right to read there.",
        )

    def create(self, name: str, source: Path, *, sha256: str) -> bool:
        """Write a file's content under a new name, as a whole or not at all.

        Returns:
            True: written. False: the very same bytes are there already.

        Raises:
            NameTaken: other bytes stand there.
            EvidenceError: it could not be written, or `source` has not this digest; there is
                nothing under the name.
        """
        return self.create_from(name, blocks_of(source, sha256=sha256)) or self._holds(
            name, source, sha256=sha256
        )

    def create_from(self, name: str, blocks: Iterator[bytes]) -> bool:
        """Write blocks under a new name, as a whole or not at all.

        Returns:
            True: written. False: something stands there; it was left as it is.

        Raises:
            EvidenceError: it could not be written; there is nothing under the name. Errors of
                `blocks` pass.
        """
        target = self.root / checked_name(name)
        try:
            if os.path.lexists(target):
                return False
            self._make_folders(target.parent)
            files.create_from_pieces(target, blocks)
        except FileExistsError:
            return False
        except OSError as error:
            raise EvidenceError(
                f"{name} cannot be written to {self.root}"
                f" ({error.strerror or type(error).__name__}).",
                remedy="Nothing stands under that name. Make room or give yourself the right to"
                " write there, then do the same again: only what is missing is written.",
            ) from error
        return True

    def _make_folders(self, folder: Path) -> None:
        below = folder.relative_to(self.root).parts
        for depth in range(1, len(below) + 1):
            each = self.root.joinpath(*below[:depth])
            try:
                files.claim_folder(each)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(each).st_mode):
                    raise NotADirectoryError(0, "a link or a file in place of a folder") from None

    def _holds(self, name: str, source: Path, *, sha256: str) -> bool:
        """Return False, for "was there already"; anything else raises."""
        path = self.root / name
        try:
            status = os.lstat(path)
        except OSError as error:
            raise self._unreadable(name, error) from error
        is_file = stat.S_ISREG(status.st_mode)
        if is_file and is_same(self, name, size=status.st_size, source=source, sha256=sha256):
            return False
        raise name_taken(self, name)

    def protection(self, name: str) -> Protection:
        """Return that there is none.

        Raises:
            EvidenceError: there is no such file.
        """
        os.close(self._open(name))
        return Protection(
            kind="not supported by this store",
            until=None,
            detail="A folder protects nothing: who may write there may delete there.",
        )


def _folders_in(path: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as listing:
        yield from (each for each in listing if each.is_dir(follow_symlinks=False))


def _walk(root: str, prefix: str) -> Iterator[Entry]:
    # Names still to come, the next one last; a stack, since folders may be nested to any depth.
    waiting = _listed(root, "", prefix)
    while waiting:
        name, is_folder = waiting.pop()
        if is_folder:
            waiting += _listed(root, name, prefix)
            continue
        try:
            status = os.lstat(root + name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unlistable(root + name, error) from error
        mode = status.st_mode
        is_link = stat.S_ISLNK(mode)
        yield Entry(name, status.st_size, is_link, not is_link and not stat.S_ISREG(mode))


def _listed(root: str, base: str, prefix: str) -> list[tuple[str, bool]]:
    """Return the names in a folder that may lead to the prefix, last first."""
    # Folders sort with their slash, so that the whole is in the order of whole names, as stores
    # in the cloud list them: "a-b" and "a.b" stand before "a/b".
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(root + base) as listing:
            for each in listing:
                is_folder = each.is_dir(follow_symlinks=False)
                name = f"{base}{each.name}/" if is_folder else f"{base}{each.name}"
                if name.startswith(prefix) or (is_folder and prefix.startswith(name)):
                    found.append((name, is_folder))
    except FileNotFoundError:  # removed since its name was read
        return []
    except OSError as error:
        raise _unlistable(root + base, error) from error
    found.sort(reverse=True)
    return found


def _no_file(path: str) -> EvidenceError:
    return EvidenceError(
        f"{path} is not a file of the archive: it is a symbolic link, a folder or a device.",
        remedy="It was not read. Look who put it there.",
    )


def _unlistable(folder: str, error: OSError) -> EvidenceError:
    return EvidenceError(
        f"{folder} cannot be listed ({error.strerror or type(error).__name__}).",
        remedy="Give yourself the right to read there, or name another archive.",
    )
