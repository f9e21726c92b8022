"""What a step shows: a table in a notebook, plain text elsewhere.

Everything that came from a tenant is data: it is escaped in HTML, and control characters are
taken out, since they could steer a terminal or turn the direction of a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from o365lib.plain_text import one_line
from o365lib.runbook.panels.markup import Kind, edge


@dataclass(frozen=True)
class StepResult:
    """What one step found or did.

    Attributes:
        title: in a few words.
        columns: the table's head.
        rows: the table's body, text only.
        notes: sentences below the table: what to know and what to do next.
        kinds: of which kind each row is, for an edge in its colour; the row says it in words too.
            None for a table without.
    """

    title: str
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    notes: Sequence[str] = field(default=())
    kinds: Sequence[Kind] = field(default=())

    @property
    def table(self) -> Any:
        """The table as a pandas DataFrame, one row per row, all columns text."""
        import pandas as pd

        rows = [[one_line(cell) for cell in row] for row in self.rows]
        return pd.DataFrame(rows, columns=list(self.columns))

    def _repr_html_(self) -> str:
        import html

        parts = [f"<h4>{html.escape(one_line(self.title))}</h4>"]
        if self.rows:
            head = _html_row("th", self.columns, ' style="text-align: left;"')
            edges = [f' style="{edge(kind)}"' for kind in self.kinds] or [""] * len(self.rows)
            body = "\n".join(
                _html_row("td", row, each) for row, each in zip(self.rows, edges, strict=True)
            )
            # As pandas writes it, to the letter, and without what it costs to ask pandas.
            parts.append(
                f'<table class="dataframe">\n  <thead>\n{head}\n  </thead>\n'
                f"  <tbody>\n{body}\n  </tbody>\n</table>"
            )
        parts += [f"<p>{html.escape(one_line(note))}</p>" for note in self.notes]
        return "\n".join(parts)

    def __repr__(self) -> str:
        lines = [one_line(self.title)]
        rows = [[one_line(cell) for cell in row] for row in self.rows]
        head = [one_line(cell) for cell in self.columns]
        widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
        for row in [head, *rows] if rows else []:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *(one_line(note) for note in self.notes)])


class Pending(StepResult):
    """What a step shows that goes on when its cell has ended."""


def _html_row(tag: str, cells: Sequence[str], attributes: str = "") -> str:
    import html

    # JupyterLab sets tables flush right, as for numbers; these are words.
    shown = [html.escape(one_line(cell), quote=False).strip() for cell in cells]
    lines = [
        f'      <{tag} style="text-align: left">{each.replace("  ", "&nbsp;&nbsp;")}</{tag}>\n'
        for each in shown
    ]
    return f"    <tr{attributes}>\n{''.join(lines)}    </tr>"
