"""The page for the client, in plain words: what was done, why, by whose leave, and what remains.

Pure. Every sentence is made from the records of the client's runs; none is typed in by anybody, so
that the page and the sealed records cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from o365lib.evidence.public_keys import fingerprint_of
from o365lib.evidence.record import Change, Record
from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.reports import controls, seal_status, second_witness, wording
from o365lib.reports.parts import (
    Cell,
    Facts,
    Group,
    Items,
    Page,
    Part,
    Section,
    Sentence,
    Table,
    Words,
    filled,
)
from o365lib.reports.reading import ArchivedRun
from o365lib.reports.run_row import RunRow
from o365lib.reports.second_witness import Witness
from o365lib.reports.wording import counted

# What a page tells at length, and what it lists; the newest of more.
MOST_TOLD = 50
MOST_LISTED = 500

_LONGEST_TITLE = 120

_LEAD = (
    "This page tells what was done in your Microsoft 365 tenant with the service account, why, who "
    "approved it, how it was checked, and what remains. Everything on it is taken from the records "
    "that were written while the work was done."
)

_WAYS_TO_CHECK = (
    (
        "Ask for a copy of the archive and for the public key, and check them yourself, with the "
        "command below or with openssl and sha256sum alone (docs/verify-by-hand.md tells how)."
    ),
    (
        "Compare the key's fingerprint below with the one that you were told by another way, by "
        "telephone say."
    ),
    (
        "Look into your own tenant's audit log (Microsoft Entra admin centre, Monitoring, Audit "
        "logs): the changes above stand there too, written by Microsoft."
    ),
)

_DONE = {
    "create-user": "The account was created",
    "set-password": "Its password was replaced by a new one",
    "enable-user": "Its sign-in was allowed again",
    "disable-user": "Its sign-in was blocked, because nobody had used its password",
    "hand-over": "The credentials were handed over",
    "assign-role": "The account was given a role",
    "remove-role": "A role was taken away from the account",
    "revoke-sign-in-sessions": "Everybody who was signed in as the account was signed out",
    "delete-user": "The account was deleted",
}


@dataclass
class ClientStory:
    """What the page of one client is made of.

    Attributes:
        client: the client's name, as its file is named.
        display_name: for people.
        tenant_id: of the newest record that tells one.
        standing: the accounts that stand by the records.
        told: its runs at length, oldest first, at most `MOST_TOLD`.
        rows: its runs in a row each, oldest first, at most `MOST_LISTED`.
        runs: how many there are.
        handed_over: by account, the newest hand-over: how, to whom, when, with which status.
        undo: by account, until when its deletion can be undone.
        keys: fingerprints of the keys that sealed its runs, each with who signed.
        witness: the newest comparison with the tenant's own audit log; None without one.
    """

    client: str
    display_name: str = ""
    tenant_id: str = ""
    standing: Sequence[StandingAccount] = ()
    told: Sequence[Group] = ()
    rows: Sequence[RunRow] = ()
    runs: int = 0
    handed_over: dict[str, Record] = field(default_factory=dict)
    undo: dict[str, datetime] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    witness: Witness | None = None

    @property
    def name(self) -> str:
        """What people call the client."""
        return self.display_name or self.client


def page(story: ClientStory, *, now: datetime, ways: Sequence[Words] = ()) -> Page:
    """Return the client's page."""
    left_out = story.runs - len(story.rows)
    untold = (
        [Sentence(f"These are the newest {len(story.told)}; all runs are in the list below.")]
        if story.runs > len(story.told) and len(story.told) == MOST_TOLD
        else []
    )
    unlisted = (
        [Sentence(f"{counted(left_out, 'earlier run')} are in runs.csv.")] if left_out else []
    )
    return Page(
        title=f"The service account of {story.name[:_LONGEST_TITLE]}",
        over_title="Report for the client",
        lead=(_LEAD,),
        sections=filled(
            Section("The account now", _now(story, now)),
            Section("What remains, and until when", _remains(story, now)),
            Section("What was done", [*untold, *story.told]),
            Section(
                "Compared with your tenant's own audit log", second_witness.parts(story.witness)
            ),
            Section("How you can check this", _checking(story)),
            controls.section(),
            Section("All runs", [*unlisted, _runs(story)]),
        ),
        ways=ways,
    )


def told(run: ArchivedRun, *, address: str) -> Group | None:
    """Return a run in plain words; None where it was a look that found nothing to do.

    Args:
        run: what is archived.
        address: of the run's own page; empty where it has none.
    """
    whole = Words("the record of this run", address=address) if address else ""
    seal = seal_status.verdict(run.seal)
    record = run.record
    if record is None:
        parts: list[Part] = [Sentence(run.problem), Facts([("Seal", seal)])]
        verdict = wording.outcome(wording.UNREADABLE)
        return Group(f"Run {run.folder.run_id}", parts, verdict=verdict)
    outcome = record.outcome.value
    if not record.changes and outcome in {"planned", "nothing to do"}:
        return None
    sentence = wording.OUTCOME_SENTENCES[outcome]
    parts = [Sentence(sentence)]
    if outcome not in {"done", "nothing to do"}:
        parts.append(Sentence(record.reason))
    if done := [_done(change, record) for change in record.changes]:
        parts.append(Items(done))
    pairs: list[tuple[str, Cell]] = [
        ("Why", _why(record)),
        ("Approved by", _approved(record)),
        ("Asked for in", f"ticket {record.ticket}" if record.ticket else ""),
        ("Carried out by", _operator(record)),
        ("Checked afterwards", _checked(record)),
        ("Seal", seal),
        ("All of it", whole),
    ]
    parts.append(Facts([(name, value) for name, value in pairs if value]))
    title = f"{wording.day(record.started)}: {wording.runbook(record.runbook)}"
    return Group(title, parts, verdict=wording.outcome(outcome))


def _done(change: Change, record: Record) -> Cell:
    said = _DONE.get(change.action, change.detail or change.action)
    name = (record.plan or {}).get("user_principal_name")
    about = {
        "create-user": f"{name}: {change.after}" if name else str(change.after or ""),
        "hand-over": str(change.after or ""),
        "assign-role": str(change.after or ""),
        "remove-role": str(change.before or ""),
        "delete-user": str(change.after or ""),
    }.get(change.action, "")
    text = f"{said}: {about}." if about else f"{said}."
    if change.status == "accepted":
        return text
    if change.status == "failed":
        return Words(f"✗ This did not take place: {text}", "bad")
    return Words(f"? Not known to have taken place, because no answer came: {text}", "bad")


def _why(record: Record) -> str:
    role = (record.plan or {}).get("role_name")
    if not record.purpose:
        return "The record does not say what the account is for."
    needs = f", which takes the role {role}" if role else ""
    return f"The account is for {record.purpose}{needs}."


def _approved(record: Record) -> Cell:
    approval = record.approval
    if approval is None:
        return Words("✗ nobody, by the record", "bad") if record.is_changed else ""
    how = wording.HOW_APPROVED.get(approval.how, approval.how)
    key = f", {fingerprint_of(approval.key_id)}" if approval.key_id else ""
    return f"{approval.approved_by}, {wording.moment(approval.date_time)} ({how}{key})"


def _operator(record: Record) -> str:
    operator = record.operator
    signed_in = f", signed in as {operator.signed_in_as}" if operator.signed_in_as else ""
    return f"{operator.user_name or 'a nameless account'} on {operator.host_name}{signed_in}"


def _checked(record: Record) -> Cell:
    checks = record.verification
    if not checks:
        return Words("✗ nothing was read back", "bad") if record.is_changed else ""
    wrong = [check for check in checks if not check.passed]
    if wrong:
        found = "; ".join(f"{each.name}: {each.found}, not {each.wanted}" for each in wrong)
        return Words(f"✗ {len(wrong)} of {len(checks)} are not as wanted: {found}", "bad")
    found = "; ".join(f"{check.name}: {check.found}" for check in checks)
    return f"✓ {len(checks)} of {len(checks)} as wanted, read back from the tenant: {found}"


def _now(story: ClientStory, now: datetime) -> list[Part]:
    if not story.standing:
        return [Sentence("By these records no such account stands in your tenant.")]
    parts: list[Part] = []
    for account in story.standing:
        if not account.is_certain:
            text = (
                f"? {account.user_principal_name} may stand: its creation was sent, and no answer "
                "came. Run the runbook again, or look in the admin centre."
            )
            parts.append(Sentence(Words(text, "bad")))
            continue
        since = f"{wording.day(account.since)} ({_age(account, now)})" if account.since else ""
        pairs: list[tuple[str, Cell]] = [
            ("Account", account.user_principal_name),
            ("Object id", Words(account.user_id, "code")),
            ("Role", ", ".join(account.roles) or "none"),
            ("Purpose", account.purpose or "not recorded"),
            ("Created", since or "not recorded"),
            ("Last seen", wording.moment(account.seen)),
        ]
        parts.append(Facts(pairs))
    parts.append(
        Sentence("So the records say. Whether it is still so today, only your tenant can say.")
    )
    return parts


def _age(account: StandingAccount, now: datetime) -> str:
    days = (now - account.since).days if account.since else 0
    return f"{counted(max(days, 0), 'day')} ago"


def _remains(story: ClientStory, now: datetime) -> list[Part]:
    items: list[Cell] = []
    for account in story.standing:
        if account.roles:
            items.append(
                f"{account.user_principal_name} holds {', '.join(account.roles)} until somebody "
                "takes it away or removes the account. No end is set."
            )
        if record := story.handed_over.get(account.user_id):
            items.append(_password(record))
    for name, until in story.undo.items():
        if until > now:
            items.append(
                f"{name} was deleted and can be restored until {wording.moment(until)}. After "
                "that Microsoft deletes it for good."
            )
        else:
            items.append(f"{name} was deleted; it could be restored until {wording.day(until)}.")
    return [Items(items)] if items else [Sentence("Nothing, by these records.")]


def _password(record: Record) -> Cell:
    hand_over = record.hand_over
    assert hand_over is not None
    how = wording.METHODS.get(hand_over.method, hand_over.method)
    where = f"{how} to {hand_over.recipient}" if hand_over.recipient else how
    when = wording.moment(hand_over.date_time)
    if hand_over.status != "accepted":
        said = wording.status(hand_over.status).text
        return Words(f"The temporary password went {where}, {when}: {said}.", "bad")
    return (
        f"A temporary password was handed over {where}, {when}. It is good for one sign-in, where "
        "it must be changed. Whether it has been is told below, under the tenant's own audit log."
    )


def _checking(story: ClientStory) -> list[Part]:
    keys = [
        (who or "not recorded", Words(fingerprint, "code"))
        for fingerprint, who in story.keys.items()
    ]
    bad = [row for row in story.rows if row.seal in {"invalid", "not sealed"}]
    command = f"o365 evidence verify --client {story.client} --public-key FILE"
    parts: list[Part] = [Items(_WAYS_TO_CHECK), Facts([("Command", Words(command, "code"))])]
    if keys:
        parts.append(Table(("Sealed by", "Key's fingerprint"), keys))
    else:
        parts.append(Sentence(Words("✗ No run on this page carries a valid seal.", "bad")))
    if bad and keys:
        text = f"✗ {counted(len(bad), 'run')} without a valid seal; the list below shows which."
        parts.append(Sentence(Words(text, "bad")))
    return parts


def _runs(story: ClientStory) -> Table:
    rows = [
        (
            Words(row.run_id, "code", address=f"../runs/{row.client}/{row.run_id}.html"),
            wording.runbook(row.runbook),
            wording.outcome(row.outcome),
            _seal(row),
            Words(row.record_sha256, "code"),
        )
        for row in reversed(story.rows)
    ]
    columns = ("Run", "Runbook", "Outcome", "Seal", "SHA-256 of its record")
    return Table(columns, rows, caption="Newest first")


def _seal(row: RunRow) -> Words:
    seal = seal_status.SealStatus(state=row.seal, number=row.seal_number)
    return seal_status.verdict(seal)
