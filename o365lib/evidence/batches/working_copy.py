"""A batch's inputs as files, for the kernels that read them: a folder of parameters, a notebook.

The folder is somebody's private and temporary one: nothing is flushed to the disk, all is the
owner's alone. Several threads may write into one folder, each what its own run needs.
"""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.layout import is_client

# Not those of `o365lib.parameters`: taking up a batch need not wait for what reads parameters.
DEFAULTS_FILE = "defaults.yaml"
CLIENTS_FOLDER = "clients"
_SUFFIX = ".yaml"

_PARAMETERS, _NOTEBOOKS, _NOTEBOOK = "parameters", "notebooks", ".ipynb"


@dataclass(frozen=True)
class WorkingCopy:
    """Where the files are.

    Attributes:
        parameters: the folder with `defaults.yaml` and `clients/`.
        notebook: the runbook's file; None where none was asked for.
    """

    parameters: Path
    notebook: Path | None


def materialize(
    folder: Path,
    *,
    defaults: str,
    clients: Mapping[str, str],
    runbook: str = "",
    notebook: str = "",
) -> WorkingCopy:
    """Write texts as files into a folder and return where they are.

    What is there already with the same content is left as it is, so that one folder can serve many
    runs; what other runs have there stays.

    Args:
        folder: made if it is not there; the one above it must be.
        defaults: the text of `defaults.yaml`; empty for no such file.
        clients: the texts of client files, by client.
        runbook: the notebook's name, without `.ipynb`; empty for no notebook.
        notebook: its text.

    Raises:
        EvidenceError: a name is unfit, or the disk says no.
    """
    for name in clients:
        if not is_client(name):
            raise EvidenceError(f"{name!r} is not a client's name.")
    if runbook and (Path(runbook).name != runbook or runbook.startswith(".")):
        raise EvidenceError(f"{runbook!r} is not a notebook's name.")
    parameters = folder / _PARAMETERS
    copy = folder / _NOTEBOOKS / f"{runbook}{_NOTEBOOK}" if runbook else None
    try:
        for each in (folder, parameters, parameters / CLIENTS_FOLDER):
            each.mkdir(mode=0o700, exist_ok=True)
        if defaults:
            _put(parameters / DEFAULTS_FILE, defaults)
        for client, text in clients.items():
            _put(client_file(parameters, client), text)
        if copy:
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            _put(copy, notebook)
    except OSError as error:
        raise EvidenceError(
            f"The batch's inputs cannot be written to {folder} ({error.strerror}).",
            state="The run was not begun.",
            remedy="Make room or give yourself the right to write there.",
        ) from error
    return WorkingCopy(parameters, copy)


def client_file(parameters_folder: Path, client: str) -> Path:
    """Return where a client's file is in a folder of parameters."""
    return parameters_folder / CLIENTS_FOLDER / f"{client}{_SUFFIX}"


def sweep(folder: Path, prefix: str, *, older_than_seconds: float) -> list[Path]:
    """Remove working copies that killed processes have left; return which.

    Args:
        folder: where they were made.
        prefix: their names begin with it.
        older_than_seconds: since they were last written to; younger ones may be in use.
    """
    removed = []
    uid = getattr(os, "getuid", lambda: 0)()
    limit = clock.now().timestamp() - older_than_seconds
    for path in folder.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()  # a link is nobody's working copy
            if stat.S_ISDIR(found.st_mode) and found.st_uid == uid and found.st_mtime < limit:
                shutil.rmtree(path)
                removed.append(path)
    return removed


def _put(path: Path, text: str) -> None:
    content = text.encode()
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
            stream.write(content)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
