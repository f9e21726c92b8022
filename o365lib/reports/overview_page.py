"""The overview: what stands, what went wrong, and how the runs ended. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime

from o365lib.reports import seal_status, wording
from o365lib.reports.client_page import ClientStory
from o365lib.reports.figures import AGES, MOST_MONTHS, UNKNOWN_AGE, Figures
from o365lib.reports.parts import (
    Bars,
    Cell,
    Items,
    Page,
    Part,
    Section,
    Sentence,
    Stacks,
    Table,
    Tone,
    Words,
    filled,
)
from o365lib.reports.parts import Figures as FigureParts
from o365lib.reports.run_row import RunRow
from o365lib.reports.seal_status import ArchiveStatus
from o365lib.reports.wording import OUTCOMES, counted
from o365lib.reserved import is_reserved

# Clients on one page of the list; more fill further pages.
CLIENTS_A_PAGE = 250

_LONGEST_REASON = 300
_LONGEST_NAME = 80

_MOST_PROBLEMS = 20

_WHERE = {
    "run": "in runs.csv",
    "account": "on the pages of their clients",
    "problem": "told by o365 evidence verify",
}

_GIVEN_KEY = "The seals were checked with a public key that came from outside the archive."
_OWN_KEYS = (
    "The seals were checked with the public keys in the archive itself. Whoever could write all of "
    "it could have put them there: compare the fingerprints below with those that you were told by "
    "another way, or name the key with --public-key."
)

CLIENT_COLUMNS = ("Client", "Account", "Role", "Since", "Runs", "Last run", "Outcome")


def page(
    figures: Figures,
    *,
    archive: ArchiveStatus,
    since: datetime | None,
    clients: Sequence[Sequence[Cell]],
    client_pages: Sequence[Words],
    has_page: Callable[[str], bool],
) -> Page:
    """Return the overview.

    Args:
        figures: what was counted.
        archive: what is known of the archive as a whole.
        since: when the runs that are counted began at the earliest.
        clients: rows of the list of clients, where it is short enough to stand here.
        client_pages: links to the pages of that list, where it is not.
        has_page: whether there is a page of this name in the report.
    """
    span = f"Runs since {wording.moment(since)}. " if since else ""
    parts: list[Part] = [Table(CLIENT_COLUMNS, clients)] if clients else []
    parts += [Sentence(link) for link in client_pages]
    return Page(
        title="Service accounts and how they came to be",
        over_title="Overview of the evidence",
        lead=(
            (
                f"{span}Everything here is taken from the records of the runs, and from nothing "
                "else. Accounts stand by the records: whether they stand today, only the tenants "
                "can say."
            ),
        ),
        sections=filled(
            Section("In short", [_in_short(figures)]),
            Section("Accounts that stand", _standing(figures, has_page)),
            Section("Refused and failed runs", _troubles(figures)),
            Section("How runs ended", _outcomes(figures)),
            Section("Batches", _batches(figures)),
            Section("Seals", _seals(figures, archive)),
            Section("Clients", parts),
        ),
        ways=(Words("All runs, one a row (CSV)", address="runs.csv"),),
    )


def clients_page(rows: Sequence[Sequence[Cell]], *, number: int) -> Page:
    """Return one page of the list of clients."""
    return Page(
        title=f"Clients, page {number}",
        over_title="Overview of the evidence",
        sections=[Section("Clients", [Table(CLIENT_COLUMNS, rows)])],
        ways=(Words("Overview", address="index.html"),),
    )


def client_row(story: ClientStory) -> Sequence[Cell]:
    """Return a client's row in the list of clients."""
    last = story.rows[-1] if story.rows else None
    return (
        Words(_short(story.name), address=f"clients/{story.client}.html"),
        ", ".join(account.user_principal_name for account in story.standing) or "none",
        ", ".join(role for account in story.standing for role in account.roles),
        ", ".join(wording.day(account.since) for account in story.standing if account.since),
        f"{story.runs:,}",
        _run(last) if last else "",
        wording.outcome(last.outcome) if last else "",
    )


def _in_short(figures: Figures) -> FigureParts:
    seals = figures.seals
    return FigureParts(
        [
            ("clients", Words(f"{figures.clients:,}")),
            ("runs", Words(f"{figures.runs:,}")),
            ("accounts stand", Words(f"{figures.standing:,}")),
            ("runs went wrong and were not put right since", _count(figures.unmended, "doubt")),
            ("changes in tenants' own logs have no record", _count(figures.strange, "bad")),
            ("runs are not sealed", _count(seals["not sealed"], "bad")),
            ("runs have a seal that is not valid", _count(seals["invalid"], "bad")),
        ]
    )


def _count(number: int, tone: Tone) -> Words:
    return Words(f"{number:,}", tone if number else "plain")


def _standing(figures: Figures, has_page: Callable[[str], bool]) -> list[Part]:
    if not figures.standing:
        return [Sentence("By the records no account stands.")]
    ages = [name for name, _ in AGES] + [UNKNOWN_AGE]
    rows = [
        (
            _client(account.client),
            account.user_principal_name
            if account.is_certain
            else Words(f"? may stand: {account.user_principal_name}", "bad"),
            ", ".join(account.roles) or "none",
            account.purpose or UNKNOWN_AGE,
            wording.day(account.since) or UNKNOWN_AGE,
            f"{max((figures.now - account.since).days, 0):,}" if account.since else "",
            Words(
                account.run_id,
                "code",
                address=_if_there(f"runs/{account.client}/{account.run_id}.html", has_page),
            ),
        )
        for account in figures.oldest_standing()
    ]
    more = figures.standing - len(rows)
    caption = f"The {len(rows)} that have stood longest" if more else "The oldest first"
    columns = ("Client", "Account", "Role", "Purpose", "Created", "Days", "Last run that tells")
    return [
        Bars("By age", [(name, figures.ages[name]) for name in ages if figures.ages[name]]),
        Bars("By role", figures.roles.most_common(20)),
        Bars("By purpose", figures.purposes.most_common(20)),
        Table(columns, rows, caption=caption),
        *_more(more, "account"),
    ]


def _troubles(figures: Figures) -> list[Part]:
    troubles = figures.newest_troubles()
    if not troubles:
        return [Sentence("None.")]
    rows = [
        (
            _client(each.row.client),
            wording.runbook(each.row.runbook),
            wording.outcome(each.row.outcome),
            each.row.reason[:_LONGEST_REASON],
            wording.outcome(each.later) if each.later else Words("nothing yet", "doubt"),
            _run(each.row),
        )
        for each in troubles
    ]
    columns = ("Client", "Runbook", "Outcome", "Reason", "Since then", "Run")
    more = sum(figures.outcomes[name] for name in wording.TROUBLES) - len(rows)
    return [Table(columns, rows, caption="The newest first"), *_more(more, "run")]


def _outcomes(figures: Figures) -> list[Part]:
    kinds = [name for name in OUTCOMES if figures.outcomes[name]]
    months = sorted(figures.months)[-MOST_MONTHS:]
    counts = [(name, figures.months[name]) for name in months]
    return [
        Bars(
            "By outcome", [(wording.outcome(name).text, figures.outcomes[name]) for name in kinds]
        ),
        Stacks(
            caption="By month",
            label="Month",
            kinds=[wording.outcome(name) for name in kinds],
            rows=[(name, [count[kind] for kind in kinds]) for name, count in counts],
        ),
    ]


def _batches(figures: Figures) -> list[Part]:
    """Return the summaries of batches; nothing where there are none."""
    rows = [
        (wording.moment(row.started), row.reason[:_LONGEST_REASON], row.operator, _run(row))
        for row in figures.newest_summaries()
    ]
    more = figures.summaries - len(rows)
    columns = ("Summed up", "What came of it", "By", "Summary")
    table: list[Part] = [Table(columns, rows, caption="The newest first")] if rows else []
    return [*table, *_more(more, "run")]


def _seals(figures: Figures, archive: ArchiveStatus) -> list[Part]:
    states: list[tuple[str, int]] = [
        (name, figures.seals[name])
        for name in ("sealed", "under way", "not sealed", "invalid")
        if figures.seals[name]
    ]
    parts: list[Part] = [Bars("By state", states)]
    if problems := archive.problems:
        total = len(problems) + archive.more_problems
        text = f"✗ {counted(total, 'problem')} of the archive as a whole:"
        parts.append(Sentence(Words(text, "bad")))
        parts.append(Items([Words(each, "bad") for each in problems[:_MOST_PROBLEMS]]))
        parts += _more(total - len(problems[:_MOST_PROBLEMS]), "problem")
    parts.append(Sentence(_GIVEN_KEY if archive.is_key_given else _OWN_KEYS))
    if archive.stamped_until:
        until = wording.moment(archive.stamped_until)
        parts.append(Sentence(f"A time stamp proves what was sealed until {until}."))
    if figures.keys:
        keys = [(who, Words(fingerprint, "code")) for fingerprint, who in figures.keys.items()]
        parts.append(Table(("Sealed by", "Key's fingerprint"), keys))
    if unsealed := figures.newest_unsealed():
        rows = [
            (
                _run(row),
                _client(row.client),
                seal_status.verdict(seal_status.SealStatus(state=row.seal, number=row.seal_number)),
                "; ".join(row.seal_problems)[:_LONGEST_REASON],
            )
            for row in unsealed
        ]
        more = figures.seals["not sealed"] + figures.seals["invalid"] - len(rows)
        columns = ("Run", "Client", "Seal", "What is wrong")
        parts.append(Table(columns, rows, caption="Without a valid seal, the newest first"))
        parts += _more(more, "run")
    return parts


def _more(count: int, noun: str) -> list[Part]:
    return [Sentence(f"{counted(count, f'more {noun}')} {_WHERE[noun]}.")] if count > 0 else []


def _client(name: str) -> Words:
    if is_reserved(name):
        return Words(name)
    return Words(name, address=f"clients/{name}.html")


def _run(row: RunRow) -> Words:
    return Words(row.run_id, "code", address=f"runs/{row.client}/{row.run_id}.html")


def _if_there(name: str, has_page: Callable[[str], bool]) -> str:
    return name if has_page(name) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
