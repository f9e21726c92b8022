"""Where a report is written: a folder for its owner alone, each file made or replaced as a whole.

A reader finds the page before or the page after, never half of one. A report can be made again at
any time, so that nothing here waits for the disk as the archive does.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from o365lib.errors import EvidenceError, UsageError


class OutputFolder:
    """The folder of a report.

    Args:
        root: where; folders that are missing are made with mode 0700.
        archive_root: the archive that is reported.

    Raises:
        UsageError: it would lie in the archive, where every file is evidence, or around it.
        EvidenceError: it cannot be made.
    """

    def __init__(self, root: Path, *, archive_root: Path) -> None:
        self.root = root.absolute()
        here, there = self.root.resolve(), archive_root.resolve()
        if here == there or there in here.parents:
            raise UsageError(
                f"The report cannot be written to {self.root}: it lies in the archive.",
                remedy="Name a folder outside of it with --output.",
            )
        self._made: set[Path] = set()
        self._make(self.root)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the report.

        Args:
            name: below the folder, with `/`.
            text: its content.

        Raises:
            EvidenceError: it cannot be written; the version before it is intact.
        """
        with self.stream(name) as stream:
            stream.write(text)
        return self.root / name

    @contextmanager
    def stream(self, name: str) -> Iterator[IO[str]]:
        """Open a file of the report for text; it takes its place when the block ends well.

        Raises:
            EvidenceError: it cannot be written; the version before it is intact.
        """
        path = self.root / name
        self._make(path.parent)
        part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(part, flags, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
                yield stream
            part.replace(path)
        except OSError as error:
            raise _not_written(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def address_of(self, path: Path, *, page: str) -> str:
        """Return how a page of the report leads to a file outside of it.

        Args:
            path: the file.
            page: the page's name below the folder.
        """
        folder = (self.root / page).parent
        try:
            relative = os.path.relpath(path.absolute(), folder)
        except ValueError:  # another drive
            return path.absolute().as_uri()
        return quote(Path(relative).as_posix())

    def _make(self, folder: Path) -> None:
        if folder in self._made:
            return
        try:
            missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
            for each in reversed(missing):
                each.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _not_written(folder, error) from error
        self._made.add(folder)


def _not_written(path: Path, error: OSError) -> EvidenceError:
    return EvidenceError(
        f"The report cannot be written to {path} ({error.strerror or type(error).__name__}).",
        state="The archive was only read.",
        remedy="Make room, or name another folder with --output.",
    )
