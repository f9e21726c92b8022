"""How reports say what a record has as a word of a closed vocabulary, or as an instant. Pure."""

from datetime import UTC, datetime

from o365lib.evidence.record import Outcome
from o365lib.reports.parts import Tone, Words
from o365lib.reserved import is_reserved

UNREADABLE = "unreadable"

# In the order in which figures name them; what needs a person comes last.
OUTCOMES = (
    Outcome.DONE.value,
    Outcome.NOTHING_TO_DO.value,
    Outcome.PLANNED.value,
    Outcome.REFUSED.value,
    Outcome.FAILED.value,
    Outcome.UNVERIFIED.value,
    Outcome.UNFINISHED.value,
    UNREADABLE,
)
TROUBLES = frozenset(OUTCOMES[3:])

_OUTCOMES: dict[str, tuple[str, Tone]] = {
    "done": ("✓ done", "good"),
    "nothing to do": ("✓ nothing to do", "good"),
    "planned": ("○ planned only", "plain"),
    "refused": ("■ refused", "doubt"),
    "failed": ("✗ failed", "bad"),
    "unverified": ("? unverified", "bad"),
    "unfinished": ("… unfinished", "bad"),
    UNREADABLE: ("✗ unreadable", "bad"),
}

OUTCOME_SENTENCES = {
    "done": "The changes were made and read back from the tenant as wanted.",
    "nothing to do": "The tenant was as wanted already. Nothing was changed.",
    "planned": "This was a look only. Nothing was changed.",
    "refused": "A rule of the runbook stopped the run. Nothing was changed.",
    "failed": "It did not come out.",
    "unverified": "Something was sent to the tenant, and has not been seen in place.",
    "unfinished": "The record is not closed: the run is under way, or its machine went down.",
    UNREADABLE: "What this run did is not known: its record cannot be read.",
}

# A summary of a batch asks no tenant anything.
_SUMMED_UP = "What came of a batch was read from the archive. No tenant was asked anything."

_STATUSES: dict[str, tuple[str, Tone]] = {
    "completed": ("✓ completed", "plain"),
    "not done": ("○ not done", "quiet"),
    "running": ("… under way", "doubt"),
    "accepted": ("✓ accepted", "good"),
    "failed": ("✗ failed", "bad"),
    "unknown": ("? unknown: no answer came", "bad"),
    "started": ("? sent or about to be sent", "bad"),
}

# Why a runbook makes a change of this kind.
WHY = {
    "create-user": "The vendor works with an account of its own, never with a person's.",
    "set-password": "Nobody knows the password before it, was given it, or has used it.",
    "enable-user": "The sign-in was blocked until there was a new password.",
    "disable-user": "A password that nobody uses is of use to a thief alone.",
    "hand-over": "The account's keeper needs the credentials, and nobody else.",
    "assign-role": "The purpose needs this role.",
    "remove-role": "The purpose does not need this role, or the account is going.",
    "revoke-sign-in-sessions": "Whoever is signed in as the account must not stay so.",
    "delete-user": "The account is no longer needed.",
}

METHODS = {
    "mail": "by mail",
    "file": "in a file encrypted to the recipient's key",
    "screen": "on the operator's screen",
}

HOW_APPROVED = {
    "form": "in the notebook's form",
    "parameter": "named when the run was started",
    "signed": "signed with the approver's own key",
}

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def outcome(value: str) -> Words:
    """Return an outcome with a sign and a tone."""
    return Words(*_OUTCOMES.get(value, (value, "plain")))


def outcome_sentence(value: str, *, client: str) -> str:
    """Return what an outcome means, for a run of a client, or for the summary of a batch."""
    if is_reserved(client) and value == Outcome.DONE.value:
        return _SUMMED_UP
    return OUTCOME_SENTENCES[value]


def status(value: str) -> Words:
    """Return the status of a step, change or hand-over with a sign and a tone."""
    return Words(*_STATUSES.get(value, (value, "plain")))


def passed(*, value: bool) -> Words:
    """Return whether a check was as wanted."""
    return Words("✓ as wanted", "good") if value else Words("✗ NOT as wanted", "bad")


def runbook(name: str) -> str:
    """Return a runbook's name as a title: `Create service account`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def day(instant: datetime | None) -> str:
    """Return a day as people write it: `23 November 2026`; nothing where there is none."""
    if instant is None:
        return ""
    there = instant.astimezone(UTC)
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}"


def moment(instant: datetime | None) -> str:
    """Return a day with its time: `23 November 2026, 17:04:47 UTC`."""
    if instant is None:
        return ""
    return f"{day(instant)}, {instant.astimezone(UTC):%H:%M:%S} UTC"


def time_of_day(instant: datetime | None) -> str:
    """Return the time of a day, in UTC, with milliseconds."""
    if instant is None:
        return ""
    there = instant.astimezone(UTC)
    return f"{there:%H:%M:%S}.{there.microsecond // 1000:03d}"


def month(instant: datetime) -> str:
    """Return a month such that months sort: `2026-11`."""
    return f"{instant.astimezone(UTC):%Y-%m}"


def counted(count: int, one: str, more: str = "") -> str:
    """Return a number with its noun: `1 run`, `2 runs`."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"
