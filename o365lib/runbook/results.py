"""What a step shows: a table in a notebook, plain text elsewhere.

Everything that came from a tenant is data: pandas escapes it in HTML, and control characters are
taken out, since they could steer a terminal or turn the direction of a line.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from o365lib import secret

_TAKEN_OUT = {"Cc", "Cf", "Co", "Cs"}


@dataclass(frozen=True)
class StepResult:
    """What one step found or did.

    Attributes:
        title: in a few words.
        columns: the table's head.
        rows: the table's body, text only.
        notes: sentences below the table: what to know and what to do next.
    """

    title: str
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    notes: Sequence[str] = field(default=())

    @property
    def table(self) -> Any:
        """The table as a pandas DataFrame, one row per row, all columns text."""
        import pandas as pd

        rows = [[plain(cell) for cell in row] for row in self.rows]
        return pd.DataFrame(rows, columns=list(self.columns))

    def _repr_html_(self) -> str:
        import html

        parts = [f"<h4>{html.escape(plain(self.title))}</h4>"]
        if self.rows:
            parts.append(self.table.to_html(index=False, border=0, escape=True, justify="left"))
        parts += [f"<p>{html.escape(plain(note))}</p>" for note in self.notes]
        return "\n".join(parts)

    def __repr__(self) -> str:
        lines = [plain(self.title)]
        widths = [
            max([len(head), *(len(plain(row[number])) for row in self.rows)])
            for number, head in enumerate(self.columns)
        ]
        for row in [self.columns, *self.rows] if self.rows else []:
            cells = (plain(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *(plain(note) for note in self.notes)])


def plain(text: object) -> str:
    """Return a text without control and direction characters, known secrets masked, on one line."""
    joined = " ".join(str(text).split())
    kept = "".join(each for each in joined if unicodedata.category(each) not in _TAKEN_OUT)
    return secret.mask(kept)
