"""What an engineer takes away: a text for her ticket, to be copied, and links to the evidence.

It is an output, not a widget: it stays in the notebook. It holds no secret.
"""

import html
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from o365lib.plain_text import one_line
from o365lib.runbook.panels.markup import Kind, box, one_line_kept, safe


@dataclass(frozen=True, kw_only=True)
class Link:
    """A page about the run.

    Attributes:
        text: what it is.
        address: where it is; empty where nobody serves it.
        place: where it is in words, for when nobody does.
    """

    text: str
    address: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The end of a run, to be displayed.

    Attributes:
        kind: how it ended, as a colour and sign.
        title: how it ended.
        seal: by whose key it is sealed, in words; empty where it is not.
        markdown: for a ticket that understands Markdown.
        plain: for one that does not.
        links: to record and report.
    """

    kind: Kind
    title: str
    seal: str
    markdown: str
    plain: str
    links: Sequence[Link] = ()

    def _repr_html_(self) -> str:
        parts = [f'<p style="margin: 0.3em 0">{safe(self.seal)}</p>'] if self.seal else []
        parts += [_link(each) for each in self.links]
        parts += [_to_copy("For the ticket", self.plain), _to_copy("As Markdown", self.markdown)]
        return box(self.kind, self.title, parts, role="status")

    def __repr__(self) -> str:
        lines = [one_line(each) for each in (self.title, self.seal) if each]
        return "\n".join([*lines, *(one_line(line) for line in self.plain.splitlines())])


def _link(link: Link) -> str:
    if not link.address:
        return f'<p style="margin: 0.3em 0">{safe(link.text)}: {safe(link.place)}</p>'
    return (
        f'<p style="margin: 0.3em 0"><a href="{safe(link.address)}" target="_blank" '
        f'rel="noopener noreferrer">{safe(link.text)}</a></p>'
    )


def _to_copy(label: str, text: str) -> str:
    mark = f"o365-copy-{uuid.uuid4().hex[:8]}"
    lines = "\n".join(html.escape(one_line_kept(line)) for line in text.splitlines())
    return (
        f'<p style="margin: 0.6em 0 0 0"><b>{safe(label)}</b> '
        f'<button type="button" class="jupyter-button o365-copy" data-o365-copy="{mark}" '
        f'aria-label="Copy: {safe(label)}">Copy</button></p>'
        f'<pre id="{mark}" tabindex="0" style="white-space: pre-wrap; overflow-wrap: anywhere;'
        f' margin: 0.2em 0">{lines}</pre>'
    )
