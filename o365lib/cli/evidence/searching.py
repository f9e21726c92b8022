"""`o365 evidence search`: find runs by the words of their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from o365lib.cli.evidence.choosing import choosing, chosen, limit_of
from o365lib.cli.evidence.indexing import opened_index
from o365lib.cli.evidence.listing import as_json_row, tell_more
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from o365lib.cli.options import Options
    from o365lib.evidence.index import Found

_COLUMNS = ("Run", "Client", "Outcome", "Found")


@click.command("search")
@click.argument("text", nargs=-1, required=True)
@choosing
@click.pass_context
def search_runs(
    context: click.Context,
    /,
    *,
    text: tuple[str, ...],
    limit: int | None,
    is_all: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find runs by words, oldest first.

    Each word of TEXT, or the beginning of a word, must stand in the run's record: in its reason,
    error, notes, changes, ticket or ids, or in the names of operator, approver, client and domains.
    The executed notebook, which says the same at length, is not searched.
    """
    from o365lib.cli.output import show_json_rows, show_rows, show_text

    options: Options = context.obj
    words = tuple(word for part in text for word in part.split())
    if not any(letter.isalnum() for word in words for letter in word):
        raise UsageError("There is no word to search for.", remedy="Give a word, or several.")
    most = limit_of(limit=limit, is_all=is_all, as_json=as_json)
    with opened_index(options) as index:
        wanted = chosen(index, options, words=words, **asked)
        root = options.archive_root()
        results = index.search(wanted, limit=most)
        if as_json:
            rows = (
                {**as_json_row(run, root), "found": {"place": found.place, "text": _plain(found)}}
                for run, found in results
            )
            show_json_rows({"evidence": str(root)}, "runs", rows)
            return
        shown = show_rows(
            _COLUMNS,
            ((run.run_id, run.client, run.outcome, _marked(found)) for run, found in results),
        )
        if shown:
            tell_more(shown, index.count(wanted))
        else:
            show_text(f"No such runs in {root}.")


def _plain(found: Found) -> str:
    return "".join(text for text, _ in found.parts)


def _marked(found: Found) -> str:
    text = "".join(f"»{text}«" if is_it else text for text, is_it in found.parts)
    return f"{found.place}: {text}" if found.place else ""
