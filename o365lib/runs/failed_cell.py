"""What the cell that failed says: the error's step, its type, what happened, what to do."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from o365lib.plain_text import one_line
from o365lib.runs.summary import reason_of

# As the package's errors head their sentences, in the box that stands in place of the frames.
_REMEDY_HEADING = "What to do:"


@dataclass(frozen=True, kw_only=True)
class FailedCell:
    """How a notebook ended.

    Attributes:
        step: the cell's id; empty where no cell has an error.
        error_type: the name of the error's class.
        message: one line.
        remedy: one line; empty where the error has none.
    """

    step: str = ""
    error_type: str = "RunError"
    message: str
    remedy: str = ""


def find_failed_cell(notebook_file: Path) -> FailedCell | None:
    """Return the first cell that holds an error, or None where none does or none can be read."""
    try:
        cells = json.loads(notebook_file.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return None
    for cell in cells:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                remedy = remedy_in(output.get("traceback", []))
                whole = one_line(output["evalue"])
                return FailedCell(
                    step=cell.get("id", ""),
                    error_type=output["ename"],
                    # An error's text ends with its remedy, which is told apart here.
                    message=reason_of(whole.removesuffix(remedy)) or reason_of(whole),
                    remedy=remedy,
                )
    return None


def remedy_in(traceback: Iterable[str]) -> str:
    """Return what to do, as one of the package's errors says it in a notebook; else nothing."""
    lines = [line for entry in traceback for line in entry.splitlines()]
    if _REMEDY_HEADING not in lines:
        return ""
    after = lines[lines.index(_REMEDY_HEADING) + 1 :]
    ends = next((number for number, line in enumerate(after) if not line.strip()), len(after))
    return one_line(" ".join(after[:ends]))
