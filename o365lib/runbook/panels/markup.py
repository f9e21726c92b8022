"""Pieces of HTML that the panels and the steps' results are made of.

Colours are the theme's own variables, with a fallback where there is no JupyterLab; what a colour
says is also said by a sign and in words.

https://jupyterlab.readthedocs.io/en/stable/developer/css.html
"""

import html
from collections.abc import Sequence
from typing import Literal

from o365lib.plain_text import one_line

Kind = Literal["trouble", "warning", "done", "waiting", "plain"]

_COLOURS: dict[Kind, str] = {
    "trouble": "var(--jp-error-color1, #b3261e)",
    "warning": "var(--jp-warn-color1, #b26a00)",
    "done": "var(--jp-success-color1, #2e7d32)",
    "waiting": "var(--jp-info-color1, #0277bd)",
    "plain": "var(--jp-border-color1, #888888)",
}
SIGNS: dict[Kind, str] = {
    "trouble": "✗",
    "warning": "!",
    "done": "✓",
    "waiting": "…",
    "plain": "•",
}
# Long words (ids, names of a thousand letters) break rather than push the page apart.
_WORDS = "overflow-wrap: anywhere; line-height: 1.5"


def safe(text: object) -> str:
    """Return a text on one line, fit to stand in HTML, attributes included."""
    return html.escape(one_line(text))


def edge(kind: Kind) -> str:
    """Return the CSS of an edge at the left that tells of which kind something is."""
    return f"border-left: 4px solid {_COLOURS[kind]}"


def box(
    kind: Kind,
    title: str,
    parts: Sequence[str],
    *,
    role: Literal["alert", "status", "group"] = "group",
) -> str:
    """Return a framed box; its title begins with the sign of its kind.

    Args:
        kind: its colour and sign.
        title: plain text.
        parts: HTML, one below the other.
        role: what a screen reader makes of it: `alert` is read out at once.
    """
    frame = (
        f"border: 1px solid {_COLOURS[kind]}; border-left-width: 6px; padding: 0.5em 1em;"
        f" margin: 0.5em 0; max-width: 60em; {_WORDS}"
    )
    head = f'<p style="margin: 0; font-weight: bold">{SIGNS[kind]} {safe(title)}</p>'
    body = "".join(parts)
    return f'<div role="{role}" class="o365-box o365-{kind}" style="{frame}">{head}{body}</div>'


def paragraphs(text: str) -> str:
    """Return a text of several lines as paragraphs."""
    return "".join(
        f'<p style="margin: 0.3em 0">{safe(line)}</p>' for line in text.splitlines() if line.strip()
    )


def labelled(label: str, text: str) -> str:
    """Return a text under a label of its own."""
    return f'<p style="margin: 0.5em 0 0 0"><b>{safe(label)}</b></p>{paragraphs(text)}'


def folded(summary: str, text: str) -> str:
    """Return a text as it is, line for line, folded away under a summary."""
    lines = "\n".join(html.escape(one_line_kept(line)) for line in text.splitlines())
    return (
        f'<details style="margin-top: 0.5em"><summary>{safe(summary)}</summary>'
        f'<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{lines}</pre></details>'
    )


def one_line_kept(line: str) -> str:
    """Return a line as `one_line` does, its indentation kept."""
    indentation = len(line) - len(line.lstrip(" "))
    return " " * indentation + one_line(line)
