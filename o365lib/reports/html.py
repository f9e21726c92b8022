"""Pages as HTML that loads nothing, runs nothing, and shows what came from elsewhere as text.

- Every text is escaped, in content and in attributes, and loses its control and direction
  characters: the template engine does both to whatever a template prints.
- A page is one file: its style is in it, its pictures are drawn in it, and a content security
  policy forbids the browser everything else.

https://jinja.palletsprojects.com/en/stable/api/#autoescaping
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from o365lib.plain_text import one_line
from o365lib.reports.parts import Cell, Page

# What one text on a page may be long; what is cut is in the record.
LONGEST_TEXT = 20_000

# In characters; longer ones are broken rather than make a table wider than paper.
_LONGEST_WORD = 20
_SHORT = 16

# Signs after which a name may go on in the next line.
_BREAKS = "@/"

# Those that wording.py sets before a word: they stay with it.
_SIGNS = "✓✗■○?…"


def render(page: Page) -> str:
    """Return a page as an HTML document."""
    return _environment().get_template("page.html").render(page=page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("o365lib.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_data,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.tests["words"] = lambda value: not isinstance(value, str)
    environment.filters["width"] = _width
    environment.filters["breakable"] = _breakable
    return environment


def _width(cell: Cell) -> str:
    """Return whether a cell's text may be broken within its words, or not even between them."""
    text = cell if isinstance(cell, str) else cell.text
    if len(text) <= _SHORT:
        return "short"
    return "long" if any(len(word) > _LONGEST_WORD for word in text.split()) else "words"


def _breakable(text: str) -> Markup:
    """Return a text, escaped, that breaks where people would break it."""
    shown = _as_data(text)
    if shown[:1] in _SIGNS and shown[1:2] == " ":
        shown = f"{shown[0]}\N{NO-BREAK SPACE}{shown[2:]}"
    escaped = str(escape(shown))
    for sign in _BREAKS:
        if sign in escaped:
            escaped = escaped.replace(sign, f"{sign}<wbr>")
    return Markup(escaped)  # noqa: S704 -- escaped above; <wbr> is all that was added


def _as_data(value: Any) -> Any:
    """Return a text such that it can steer nothing; what the template itself made is left."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return one_line(value, longest=LONGEST_TEXT)
