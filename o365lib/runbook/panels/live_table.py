"""A table in a cell's output that changes while the cell is being executed, and stays as it ended.

It is an output, not a widget: what happened is still there when the notebook is opened again.
"""

from collections.abc import Sequence
from typing import Any

from IPython.display import display

from o365lib.plain_text import one_line
from o365lib.runbook.panels.markup import SIGNS, Kind, box, safe


class LiveTable:
    """Lines that are ticked off as things happen.

    Args:
        title: what is being done.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._lines: Sequence[tuple[Kind, str]] = ()
        self._handle: Any = None

    def show(self, lines: Sequence[tuple[Kind, str]]) -> None:
        """Show these lines in place of those before."""
        self._lines = lines
        if self._handle is None:
            self._handle = display(self, display_id=True)
        else:
            self._handle.update(self)

    def _kind(self) -> Kind:
        kinds = [kind for kind, _text in self._lines]
        for each in ("trouble", "waiting"):
            if each in kinds:
                return each
        return "done"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<li style="list-style: none"><span aria-hidden="true">{SIGNS[kind]}</span> '
            f"{safe(text)}</li>"
            for kind, text in self._lines
        )
        body = f'<ul style="margin: 0.3em 0; padding: 0">{rows}</ul>'
        return box(self._kind(), self._title, [body], role="status")

    def __repr__(self) -> str:
        lines = [f"  {SIGNS[kind]} {one_line(text)}" for kind, text in self._lines]
        return "\n".join([one_line(self._title), *lines])
