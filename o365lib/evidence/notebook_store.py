"""Where papermill stores an executed notebook: in the archive, by way of its own entry point.

- papermill hands over the whole notebook at the beginning and the end of every cell; each time the
  file in the archive is replaced as a whole.
- What is archived is what ran: the two red cells that papermill adds around an error are left out.
  The failing cell keeps its error.

https://papermill.readthedocs.io/en/stable/extending-entry-points.html
"""

import json
import os
import re
from pathlib import Path, PurePath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import NOTEBOOK_FILE, RunFolder

SCHEME = "evidence://"

# papermill's name for the cells that it adds; see papermill/execute.py.
_ADDED_TAG = "papermill-error-cell-tag"


def address(run: RunFolder) -> str:
    """Return papermill's address of a run's notebook.

    It is the file's URL under our scheme. Braces are quoted in it, which papermill would otherwise
    take for its placeholders.
    """
    return SCHEME + run.notebook_file.absolute().as_uri().removeprefix("file://")


def folder_of(notebook_address: str) -> RunFolder:
    """Return the run whose notebook this address names.

    Raises:
        EvidenceError: it is not an address of `address`'s making.
    """
    path = Path(_local_path(notebook_address, windows=os.name == "nt"))
    if not notebook_address.startswith(SCHEME) or path.name != NOTEBOOK_FILE:
        raise EvidenceError(
            f"{notebook_address!r} is not a notebook in the archive.",
            remedy=f"Such an address is {SCHEME}/archive/client/run-id/{NOTEBOOK_FILE}",
        )
    return RunFolder(path.parent)


def _local_path(notebook_address: str, *, windows: bool) -> PurePath:
    parts = urlsplit(notebook_address)
    path = unquote(parts.path)
    if not windows:
        return PurePath(path)
    if parts.netloc:  # a share: evidence://server/share/...
        return PureWindowsPath(f"//{parts.netloc}{path}")
    drive = re.match(r"/([A-Za-z]:)", path)
    return PureWindowsPath(path[1:] if drive else path)


class NotebookStore:
    """papermill's handler of addresses that begin with `evidence://`; it keeps nothing itself."""

    @staticmethod
    def read(notebook_address: str) -> str:
        """Return an archived notebook's text.

        Raises:
            EvidenceError: it is not there, or cannot be read.
        """
        file = folder_of(notebook_address).notebook_file
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise EvidenceError(
                f"The executed notebook {file} cannot be read ({type(error).__name__}).",
                remedy="It was left as it is. `o365 evidence list` shows what there is.",
            ) from error

    @staticmethod
    def write(text: str, notebook_address: str) -> None:
        """Replace the archived notebook as a whole.

        Raises:
            EvidenceError: it could not be written; the version before it is intact.
        """
        folder_of(notebook_address).write_notebook(_without_added_cells(text))

    @staticmethod
    def listdir(notebook_address: str) -> list[str]:
        """Return the addresses of the notebooks in a run's folder: one, or none."""
        run = folder_of(notebook_address)
        return [address(run)] if run.notebook_file.is_file() else []

    @staticmethod
    def pretty_path(notebook_address: str) -> str:
        """Return the address as people read it: the file's path."""
        return str(folder_of(notebook_address).notebook_file)


def _without_added_cells(text: str) -> str:
    if _ADDED_TAG not in text:
        return text
    notebook = json.loads(text)
    notebook["cells"] = [
        cell for cell in notebook["cells"] if _ADDED_TAG not in cell["metadata"].get("tags", [])
    ]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
