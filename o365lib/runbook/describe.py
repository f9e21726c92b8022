"""What the steps show: facts, plans, checks and the end, as tables of plain text. Pure."""

from collections.abc import Iterable, Sequence

from o365lib import clock, parameters
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.public_keys import fingerprint_of
from o365lib.evidence.record import Check, Record
from o365lib.runbook.panels.markup import Kind
from o365lib.runbook.results import StepResult
from o365lib.service_account.facts import Facts, Identity
from o365lib.service_account.permissions import ROLE_NAMES
from o365lib.service_account.plan import Plan, PlannedChange
from o365lib.service_account.reasons import why
from o365lib.sign_in import SignedIn

_TWO = ("What", "Value")
_SHORT_DIGEST = 12
_TAKES_AWAY = {"remove-role", "disable-user", "revoke-sign-in-sessions", "delete-user"}


def identity_of(signed_in: SignedIn, *, dry_run: bool) -> Identity:
    """Return who is signed in, as a fact."""
    return Identity(
        tenant_id=signed_in.tenant_id,
        kind=signed_in.kind,
        object_id=signed_in.object_id,
        user_principal_name=signed_in.user_principal_name,
        application_id=signed_in.application_id,
        permissions=tuple(sorted(signed_in.permissions)),
        directory_roles=tuple(sorted(signed_in.directory_roles)),
        claims_known=signed_in.claims_known,
        asked_to_read=dry_run and signed_in.kind == "user",
    )


def identity(who: Identity, client: parameters.Client, *, lacking: str = "") -> StepResult:
    """Show who is signed in, where, what the token permits, and what it lacks."""
    roles = [ROLE_NAMES.get(role, role) for role in who.directory_roles]
    rows = [
        ("Client", f"{client.display_name or client.client} ({client.client})"),
        ("Cloud", client.cloud),
        ("Tenant", who.tenant_id),
        ("Signed in as", who.name),
        ("Permissions", ", ".join(who.permissions) or "not shown by the token"),
    ]
    if who.kind == "user":
        rows.append(("Directory roles", ", ".join(roles) or "none"))
    return StepResult(
        title=f"Signed in as {who.name}",
        columns=_TWO,
        rows=rows,
        notes=[lacking] if lacking else [],
    )


def facts(read: Facts) -> StepResult:
    """Show the tenant as it is."""
    rows = [
        ("Organization", f"{read.display_name} ({read.country_letter_code or 'no country'})"),
        ("Initial domain", read.initial_domain),
        ("Domains", ", ".join(read.domains)),
        *_federation_rows(read),
        *_account_rows(read),
        ("Other enabled Global Administrators", str(read.other_global_administrators)),
    ]
    if read.security_defaults is not None:
        rows.append(("Security defaults", "on" if read.security_defaults else "off"))
    return StepResult(title="The tenant as it is", columns=_TWO, rows=rows)


def _federation_rows(read: Facts) -> Iterable[tuple[str, str]]:
    if not read.federated_domains:
        yield ("Federation", "none; every domain is managed")
    for domain in read.federated_domains:
        yield (f"Federation of {domain.name}", f"{domain.federated_with}: {domain.evidence}")


def _account_rows(read: Facts) -> Iterable[tuple[str, str]]:
    if read.account is None:
        yield ("Account", f"{read.user_principal_name} does not exist")
    else:
        user = read.account.user
        roles = ", ".join(role.display_name for role in read.account.roles)
        yield ("Account", f"{user.user_principal_name}, {user.display_name}")
        yield ("Object id", user.id)
        created = user.created_date_time
        yield ("Created", clock.iso(created) if created else "not told")
        yield ("Sign-in", "blocked" if user.account_enabled is False else "allowed")
        yield ("Licences", str(len(user.assigned_licenses)))
        yield ("Roles", roles or "none")
    if read.deleted is None:
        yield ("In the recycle bin", "could not be read")
    for each in read.deleted or ():
        yield ("In the recycle bin", f"{each.id}, deleted {each.deleted_date_time}")
    for namesake in read.namesakes:
        yield ("Same name elsewhere", namesake.user_principal_name)


def plan(made: Plan, *, purpose: str, dry_run: bool) -> StepResult:
    """Show what will change and why, and what is right already."""
    rows = [
        (str(number), change.title, change.before, change.after, why(change, made, purpose))
        for number, change in enumerate(made.changes, start=1)
    ]
    kinds: list[Kind] = [_kind(change) for change in made.changes]
    rows += [("✓", sentence, "as wanted", "stays", "") for sentence in made.already]
    kinds += ["done"] * len(made.already)
    notes = [f"Note ({notice.code}): {notice.message}" for notice in made.notices]
    if dry_run:
        notes.append("This is a dry run: nothing will be changed.")
    notes.append(f"Plan {made.digest[:_SHORT_DIGEST]}")
    count = len(made.changes)
    title = f"{changes(count)} to make" if count else "Nothing to change"
    return StepResult(
        title=title,
        columns=("", "Change", "Now", "Then", "Why"),
        rows=rows,
        notes=notes,
        kinds=kinds,
    )


def _kind(change: PlannedChange) -> Kind:
    return "warning" if change.action in _TAKES_AWAY else "waiting"


def changes(count: int) -> str:
    """Return how many changes, in words."""
    return "1 change" if count == 1 else f"{count} changes"


def signed_approval(record: Record) -> StepResult:
    """Show by whose signature the plan is confirmed."""
    approval = record.approval
    if approval is None:
        return StepResult(title="Not approved")
    return StepResult(
        title=f"Approved by {approval.approved_by}, signed",
        columns=_TWO,
        rows=[
            ("Approval", approval.approval_id),
            ("Given", clock.iso(approval.date_time)),
            ("Key", fingerprint_of(approval.key_id)),
            ("Plan", approval.plan_digest[:_SHORT_DIGEST]),
        ],
    )


def checks(read_back: Sequence[Check]) -> StepResult:
    """Show what was read back."""
    return StepResult(
        title="Read back from the tenant",
        columns=("Check", "Wanted", "Found", ""),
        rows=[
            (check.name, check.wanted, check.found, "✓" if check.passed else "✗")
            for check in read_back
        ],
        kinds=["done" if check.passed else "trouble" for check in read_back],
    )


def done_sentence(made: Plan, record: Record) -> str:
    """Return in one line what the run did, by the changes that the record keeps."""
    taken = "surplus role taken away" if made.runbook == "create" else "roles taken away"
    done = {
        "create-user": "created",
        "set-password": "password replaced",
        "enable-user": "sign-in allowed",
        "disable-user": "sign-in blocked",
        "hand-over": "credentials handed over",
        "assign-role": f"{made.role_name} assigned",
        "remove-role": taken,
        "revoke-sign-in-sessions": "sessions ended",
        "delete-user": "deleted",
    }
    parts = dict.fromkeys(
        done[change.action] for change in record.changes if change.status != "failed"
    )
    return f"{made.user_principal_name}: {', '.join(parts)}"


def closing(record: Record, folder: RunFolder) -> StepResult:
    """Show how the run ended and where its evidence is."""
    nobody = "nobody" if record.is_changed else "nobody; nothing was changed"
    rows = [
        ("Outcome", str(record.outcome)),
        ("In short", record.reason),
        ("Approved by", record.approval.approved_by if record.approval else nobody),
        ("Ticket", record.ticket or "none"),
        ("Requests", str(len(record.requests))),
        ("Evidence", f"{folder.client}/{folder.run_id}"),
    ]
    if record.undo:
        rows.append(("Can be restored until", str(record.undo.get("until", ""))))
    return StepResult(title=f"The run has ended: {record.outcome}", columns=_TWO, rows=rows)
