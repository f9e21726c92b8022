"""An error as a box: what to do first, then what happened, and the technical part folded away."""

import traceback
from typing import Any

from o365lib import secret
from o365lib.errors import ParametersError, Refused, RunbookError
from o365lib.runbook.panels.markup import box, folded, labelled

_ORDER = ("What to do", "What happened", "In the tenant")


def error_html(error: RunbookError) -> str:
    """Return an error as HTML; no secret that the process knows is in it."""
    said = dict(error.sentences())
    parts = [labelled(label, said[label]) for label in _ORDER if label in said]
    return box("trouble", _title(error), [*parts, _technical(error)], role="alert")


class ErrorBox:
    """An error, to be displayed: a box in JupyterLab, its sentences elsewhere."""

    def __init__(self, error: RunbookError) -> None:
        self._error = error

    def _repr_html_(self) -> str:
        return error_html(self._error)

    def __repr__(self) -> str:
        return "\n".join(secret.mask(line) for line in self._error.lines())


def _title(error: RunbookError) -> str:
    if isinstance(error, Refused):
        return f"{error.title}: {error.code}"
    if isinstance(error, ParametersError):
        count = len(error.problems)
        return f"{error.title}: {count} problem{'' if count == 1 else 's'}"
    return error.title


def _technical(error: RunbookError) -> str:
    found: dict[str, Any] = {
        name: getattr(error, name, "") for name in ("status", "code", "request_id")
    }
    told = [f"{name}: {value}" for name, value in found.items() if value]
    frames = "".join(traceback.format_exception(error, chain=True))
    return folded("For whoever is asked to help", secret.mask("\n".join([*told, frames])))
