"""Which runs are meant: the options that `list` and `search` share, and how they are checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.cli.options import Options
    from o365lib.evidence.index import Index, Wanted
    from o365lib.places import Places

UNREADABLE = "unreadable"

# Those of `evidence.record.Outcome`, which `--help` does not wait for; a test compares them.
OUTCOMES = (
    "done",
    "nothing to do",
    "planned",
    "refused",
    "failed",
    "unverified",
    "unfinished",
    UNREADABLE,
)

# About a screenful, and what a person reads.
NEWEST = 50

_MOST_NAMES = 10

_SPANS = {"d": "days", "h": "hours", "m": "minutes"}
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")


def instant(_context: click.Context, _parameter: click.Parameter, value: Any) -> datetime | None:
    """Return an aware instant: a date, a date with time, or so many days, hours or minutes ago.

    Raises:
        click.BadParameter: the text is none of these.
    """
    if not value:
        return None
    try:
        if span := re.fullmatch(r"(\d{1,6})([dhm])", value):
            return clock.now() - timedelta(**{_SPANS[span[2]]: int(span[1])})
        found = datetime.fromisoformat(value)
    except OverflowError as error:
        raise click.BadParameter("is before all calendars; write a shorter span") from error
    except ValueError as error:
        raise click.BadParameter("write a date such as 2026-11-23, or a span such as 7d") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_instant(context: click.Context, parameter: click.Parameter, value: Any) -> datetime | None:
    """Return an aware instant as `instant` does; of a date without a time the end of the day.

    Raises:
        click.BadParameter: the text is none.
    """
    found = instant(context, parameter, value)
    is_day = found is not None and _DAY.fullmatch(value)
    try:
        return found + timedelta(days=1) if found and is_day else found
    except OverflowError:  # the last day of all calendars
        return found


_OPTIONS = (
    click.option("--client", help="Only this client's runs."),
    click.option("--runbook", help="Only runs of this runbook: create, remove, or its whole name."),
    click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended so."),
    click.option("--operator", help="Only runs by this user, of the machine or of the tenant."),
    click.option("--ticket", help="Only runs for this ticket."),
    click.option(
        "--since",
        metavar="DATE",
        callback=instant,
        help="Only later runs: 2026-11-23, or 7d, 12h, 30m.",
    ),
    click.option(
        "--until",
        metavar="DATE",
        callback=end_instant,
        help="Only earlier runs, the whole of such a day included.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        help=f"The newest so many only. Without it {NEWEST}, and all with --json.",
    ),
    click.option("--all", "is_all", is_flag=True, help="All of them."),
    click.option("--json", "as_json", is_flag=True, help="Print for machines."),
)


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options by which runs are chosen, and how many of them are shown."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limit_of(*, limit: int | None, is_all: bool, as_json: bool) -> int | None:
    """Return how many runs are shown at most; None for all.

    Raises:
        UsageError: both a number and all are asked for.
    """
    if is_all and limit is not None:
        raise UsageError("--all and --limit contradict each other.", remedy="Give one of them.")
    return None if is_all else limit or (None if as_json else NEWEST)


def chosen(
    index: Index,
    options: Options,
    *,
    client: str | None,
    runbook: str | None,
    operator: str | None,
    words: tuple[str, ...] = (),
    **others: Any,
) -> Wanted:
    """Return what is asked for.

    Args:
        index: of the archive.
        options: name the project, whose clients and runbooks are known though they have no runs.
        client: must have runs or a file.
        runbook: must have runs or a notebook.
        operator: must have run something.
        words: are searched for.
        others: as they are.

    Raises:
        UsageError: nobody knows one of these: "no runs" would be an answer that nobody has.
    """
    from o365lib.evidence.index import Wanted
    from o365lib.evidence.index_file import folded

    if client is not None:
        _check_client(client, index, _places(options))
    if runbook is not None:
        _check_runbook(runbook, index, _places(options))
    if operator is not None:
        known = index.operators()
        if folded(operator) not in {folded(name) for name in known}:
            _check_name(operator, known, kind="operator", where="user of that name")
    return Wanted(client=client, runbook=runbook, operator=operator, words=words, **others)


def _places(options: Options) -> Places | None:
    """Return where the project's parts are; an archive can be read without any project."""
    try:
        return options.places()
    except UsageError:
        return None


def _check_client(client: str, index: Index, places: Places | None) -> None:
    known = places.client_names() if places else set()
    if client not in known:
        _check_name(client, known | index.clients(), kind="client", where="file")


def _check_runbook(runbook: str, index: Index, places: Places | None) -> None:
    from o365lib.places import notebook_folders

    folders = notebook_folders(places.project if places else None)
    names = index.runbooks()
    names |= {file.stem for folder in folders for file in folder.glob("*.ipynb")}
    words = {name.split("_")[0] for name in names}
    _check_name(runbook, names | words, kind="runbook", where="notebook")


def _check_name(name: str, known: set[str], *, kind: str, where: str) -> None:
    if name in known:
        return
    near = get_close_matches(name, known, n=3)
    some = ", ".join(near or sorted(known)[:_MOST_NAMES])
    more = ", ..." if not near and len(known) > _MOST_NAMES else ""
    raise UsageError(
        f"No {kind} {name!r} is known: there is neither a {where} of that name nor a run.",
        remedy=f"{'Near it' if near else 'Known'}: {some or 'none'}{more}.",
    )
