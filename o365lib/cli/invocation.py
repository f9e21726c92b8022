"""A command of ours as one could type it now: as this program was called, with its options."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from o365lib.cli.options import Options

_NAME = "o365"


def evidence_line(options: Options, *words: str) -> str:
    """Return `o365 evidence ...` as it works from the folder in which we are.

    Args:
        options: where a folder was named, the archive is named in the line.
        words: what follows `evidence`.
    """
    is_named = options.evidence or options.parameters
    root = options.archive_url or str(options.archive_root())
    archive = ["--evidence", root] if is_named else []
    return as_typed([*_program(), *archive, "evidence", *words])


def _program() -> list[str]:
    """Return how to call this program: it need not be on the search path."""
    called = Path(sys.argv[0])
    if called.parts[-2:] == ("o365lib", "__main__.py"):
        return [sys.executable, "-m", "o365lib"]
    if called.stem != _NAME:
        return [_NAME]
    found = shutil.which(_NAME)
    if found and _is_same(Path(found), called):
        return [_NAME]
    return [sys.argv[0]]


def _is_same(found: Path, called: Path) -> bool:
    # On Windows the search path leads to `o365.EXE`, and its launcher tells us `o365`.
    paths = [each.with_suffix("") if _is_exe(each) else each for each in (found, called)]
    one, other = (os.path.normcase(each.absolute()) for each in paths)
    return one == other


def _is_exe(path: Path) -> bool:
    return path.suffix.lower() == ".exe"


def as_typed(words: Sequence[str], *, windows: bool = os.name == "nt") -> str:
    """Return a command as one types it into a shell.

    Args:
        words: the program and its arguments.
        windows: for PowerShell, to which a quoted program is a mere string without `&`.
    """
    if not windows:
        return shlex.join(words)
    line = subprocess.list2cmdline(words)
    return f"& {line}" if line.startswith('"') else line
