"""Whether the files that were imported are still as they were.

To look at two thousand files takes milliseconds, so it is done at most once a second; a person's
own modules, which she edits beside the notebook, are few and are looked at each time.
"""

import os
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from types import ModuleType

from o365lib import clock

_SECONDS = 1.0


class ImportedFiles:
    """The files of the modules that are imported by now."""

    def __init__(self, began: float, modules: Mapping[str, ModuleType] = sys.modules) -> None:
        """Note what the files are like.

        Args:
            began: when the first of them was imported, in the system's clock. A file that was
                written since may have been imported as it was before.
            modules: those to note.
        """
        settled = tuple(
            f"{os.path.realpath(sysconfig.get_path(name))}{os.sep}"
            for name in ("stdlib", "platstdlib", "purelib", "platlib")
        )
        files = {
            file
            for module in list(modules.values())
            if isinstance(file := getattr(module, "__file__", None), str) and file.startswith("/")
        }
        self._settled = {file for file in files if os.path.realpath(file).startswith(settled)}
        self._own = files - self._settled
        self._stamps = {file: _stamp(file) for file in files}
        now = time.time_ns()
        self._changed = any(
            stamp is not None and began * 1e9 <= stamp[0] <= now for stamp in self._stamps.values()
        )
        self._looked = clock.monotonic()

    def have_changed(self) -> bool:
        """Whether one of the files is another than was imported; once true, always true."""
        if not self._changed:
            self._changed = self._differ(self._own)
        if not self._changed and clock.monotonic() - self._looked >= _SECONDS:
            self._looked = clock.monotonic()
            self._changed = self._differ(self._settled)
        return self._changed

    def _differ(self, files: Iterable[str]) -> bool:
        return any(_stamp(file) != self._stamps[file] for file in files)


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        state = os.stat(file)  # noqa: PTH116 -- many of them: a Path for each costs as much again
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
