"""What is to be run: a notebook, for one client, with parameters that the notebook knows."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from o365lib.errors import UsageError
from o365lib.places import Places

Parameter = str | bool | int | float


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be run.

    Attributes:
        runbook: the notebook.
        client: the customer.
        places: the project.
        parameters: for the notebook's parameters cell; `client` and `run_id` are added.
        timeout_seconds: after which the run is stopped; `None` is never.
        folder: the kernel's working directory; `None` for the notebook's.
    """

    runbook: Path
    client: str
    places: Places
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    timeout_seconds: float | None = None
    folder: Path | None = None


def known_parameters(runbook: Path) -> set[str]:
    """Return the names that a notebook's parameters cell assigns.

    Raises:
        UsageError: the notebook cannot be read, or has no such cell.
    """
    try:
        cells = json.loads(runbook.read_bytes())["cells"]
        tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        tree = ast.parse("".join(tagged[0]["source"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError, SyntaxError) as error:
        raise UsageError(
            f"{runbook} is not a runbook ({type(error).__name__}).",
            remedy="A runbook is a notebook with one cell tagged `parameters`.",
        ) from error
    targets = [
        target
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (
            statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        )
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def check_request(request: RunRequest) -> None:
    """Make sure that the notebook knows every parameter, where papermill would only warn.

    Raises:
        UsageError: it does not. Nothing was started.
    """
    known = known_parameters(request.runbook)
    if unknown := sorted({*request.parameters, "client", "run_id"} - known):
        raise UsageError(
            f"{request.runbook.name} has no parameter {', '.join(unknown)}.",
            remedy=f"Those that it has: {', '.join(sorted(known))}.",
        )
