"""One client's reconciliation: sign in, read the tenant's log, compare, keep what came of it.

- Only read: nothing in the tenant is changed, and a person is asked to consent to reading alone.
- One process reconciles one client, so that tokens of two clients never share one; whoever wants
  many starts many (`o365 evidence reconcile` does).
- What was found is signed and put into the archive, whatever it is.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from o365lib import clock, sign_in
from o365lib.clouds import Cloud
from o365lib.evidence.archive import new_run_id
from o365lib.evidence.custody import PasswordCustody, password_custody
from o365lib.evidence.reconciliations import SealedRecords, sealed_records, write_reconciliation
from o365lib.evidence.record import Operator
from o365lib.evidence.sealing import OpenBatch
from o365lib.graph.models import User
from o365lib.graph.session import GraphSession
from o365lib.identity_check import check_identity
from o365lib.ledger import Ledger
from o365lib.parameters import Client, Defaults
from o365lib.plain_text import one_line
from o365lib.service_account.audit_entry import Entry, entries_of
from o365lib.service_account.facts import Identity
from o365lib.service_account.password_fate import PasswordFate, password_fate
from o365lib.service_account.permissions import WITNESS_SCOPES
from o365lib.service_account.reconciliation import Matched, Missing, Reconciliation, reconcile
from o365lib.service_account.witness import Witness, read_witness, require_reader
from o365lib.transport import Transport

_LONGEST_TEXT = 200

Prompt = Callable[[str], object]


@dataclass(frozen=True)
class Reconciled:
    """What came of it.

    Attributes:
        predicate: what was found, as it is signed.
        file: where it is kept.
    """

    predicate: Mapping[str, Any]
    file: Path

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing that somebody has to look into."""
        return not self.predicate["problems"]


def reconcile_client(
    client: Client,
    *,
    defaults: Defaults,
    cloud: Cloud,
    batch: OpenBatch,
    since: datetime | None,
    prompt: Prompt,
) -> Reconciled:
    """Reconcile one client and return what came of it.

    Args:
        client: whose tenant is read.
        defaults: the account's names, and how long a password may go unused.
        cloud: where.
        batch: its archive has the records; its digest will cover the reconciliation.
        since: leave out what was done before; None for all that the log has.
        prompt: shows a person what to do to sign in; not to be kept.

    Raises:
        SignInError: the sign-in failed. Nothing was read.
        Refused: another tenant or identity than the client's file names, or the log may not be
            read. Nothing was kept.
        GraphError: the tenant could not be read. Nothing was kept.
        EvidenceError: the archive cannot be read or written. Nothing was kept.
    """
    archived = sealed_records(batch.archive, client.client)
    with closing(Transport(cloud, ledger=Ledger())) as transport:
        identity, session = _sign_in(client, cloud, transport, defaults, prompt)
        require_reader(identity)
        witness = read_witness(
            session, identity, defaults=defaults, records=archived.records, since=since
        )
    found = reconcile(
        entries_of(witness.audits, witness.accounts),
        archived.records,
        readable_from=witness.readable_from,
        read=witness.read,
        since=since,
    )
    predicate = _predicate(client, identity, witness, since) | _told(found)
    predicate["records"] = {
        "unsealed": list(archived.unsealed),
        "altered": list(archived.altered),
        "unreadable": list(archived.unreadable),
    }
    predicate["passwords"] = [
        _password(user, archived, witness, found, limit=defaults.custody.unused_password_days)
        for user in witness.standing
    ]
    predicate["problems"] = _problems(predicate)
    file = write_reconciliation(
        batch,
        client.client,
        new_run_id("reconcile"),
        predicate=predicate,
        seals=archived.seals,
    )
    return Reconciled(predicate, file)


def _sign_in(
    client: Client, cloud: Cloud, transport: Transport, defaults: Defaults, prompt: Prompt
) -> tuple[Identity, GraphSession]:
    signed_in = sign_in.sign_in(
        client.sign_in,
        cloud=cloud,
        tenant=client.tenant,
        transport=transport,
        scopes=WITNESS_SCOPES,
        prompt=lambda told: prompt(told.message),
        patience_seconds=defaults.patience.sign_in_seconds,
    )
    check_identity(
        signed_in,
        tenant=client.tenant,
        user_principal_name=getattr(client.sign_in, "user_principal_name", None),
    )
    identity = Identity(
        tenant_id=signed_in.tenant_id,
        kind=signed_in.kind,
        object_id=signed_in.object_id,
        user_principal_name=signed_in.user_principal_name,
        application_id=signed_in.application_id,
        permissions=tuple(sorted(signed_in.permissions)),
        directory_roles=tuple(sorted(signed_in.directory_roles)),
        claims_known=signed_in.claims_known,
    )
    return identity, GraphSession(transport, signed_in)


def _predicate(
    client: Client, identity: Identity, witness: Witness, since: datetime | None
) -> dict[str, Any]:
    here = Operator.here()
    begin = witness.readable_from if since is None else max(witness.readable_from, since)
    return {
        "tenant_id": witness.tenant_id,
        "cloud": client.cloud,
        "operator": {
            "user_name": here.user_name,
            "host_name": here.host_name,
            "signed_in_as": identity.name,
            "object_id": identity.object_id,
        },
        "user_principal_name": witness.user_principal_name,
        "account_ids": list(witness.accounts),
        "from": clock.iso(begin),
        "to": clock.iso(witness.read),
        "log": {
            "readable_from": clock.iso(witness.readable_from),
            "retention_days": witness.retention_days,
            "retention_known": witness.is_retention_known,
        },
    }


def _told(found: Reconciliation) -> dict[str, Any]:
    return {
        "matched": [_of_matched(each) for each in found.matched],
        "without_record": [_of_entry(each) for each in found.without_record],
        "without_change": [_of_missing(each) for each in found.without_change],
        "noted": [{**_of_entry(each.entry), "why": each.why} for each in found.noted],
    }


def _of_entry(entry: Entry) -> dict[str, Any]:
    # The names of people, applications and properties are the tenant's text.
    texts = {
        "activity": entry.activity,
        "by": entry.by or "the log names nobody",
        "detail": entry.detail,
        "service": entry.service,
        "reason": entry.reason,
    }
    return {
        "account_id": entry.account_id,
        "entry_id": entry.id,
        "date_time": clock.iso(entry.date_time),
        "by_id": entry.by_id or entry.by_application_id,
        "correlation_id": entry.correlation_id,
        **{name: one_line(text, longest=_LONGEST_TEXT) for name, text in texts.items()},
    }


def _of_matched(matched: Matched) -> dict[str, Any]:
    change, first = matched.change, matched.entries[0]
    return {
        "run_id": change.record.run_id,
        "action": change.change.action,
        "account_id": first.account_id,
        "date_time": clock.iso(first.date_time),
        "activity": first.activity,
        "by": one_line(first.by, longest=_LONGEST_TEXT),
        "entry_ids": [each.id for each in matched.entries],
        "correlated": matched.is_correlated,
    }


def _of_missing(missing: Missing) -> dict[str, Any]:
    change = missing.change.change
    return {
        "run_id": missing.change.record.run_id,
        "action": change.action,
        "target": change.target,
        "started": clock.iso(change.started),
        "status": change.status,
        "why": missing.why,
        "alarming": missing.is_alarming,
    }


def _password(
    user: User,
    archived: SealedRecords,
    witness: Witness,
    found: Reconciliation,
    *,
    limit: int,
) -> dict[str, Any]:
    custody = password_custody(
        archived.records,
        user_id=user.id,
        user_principal_name=user.user_principal_name,
        created=user.created_date_time,
        last_change=user.last_password_change_date_time,
    )
    fate = password_fate(custody, found, user_id=user.id)
    days = custody.days_unused(witness.read) if custody and fate.became == "unused" else None
    is_blocked = user.account_enabled is False
    last_change = user.last_password_change_date_time
    return {
        "account_id": user.id,
        "last_change": clock.iso(last_change) if last_change else None,
        "sign_in": "blocked" if is_blocked else "allowed",
        **_of_custody(custody),
        **_of_fate(fate),
        "days_unused": days,
        "limit_days": limit,
        "over_limit": days is not None and days >= limit and not is_blocked,
    }


def _of_custody(custody: PasswordCustody | None) -> dict[str, Any]:
    if custody is None:
        return {"set_by_run": None}
    handed_over = custody.handed_over
    return {
        "set_by_run": custody.run_id,
        "set": clock.iso(custody.date_time),
        "handed_over": clock.iso(handed_over) if handed_over and custody.is_handed_over else None,
        "method": custody.method,
        "recipient": custody.recipient,
        "request_id": custody.request_id,
    }


def _of_fate(fate: PasswordFate) -> dict[str, Any]:
    return {
        "used": fate.is_used,
        "became": fate.became,
        # The name is the tenant's text.
        "replaced_by": one_line(fate.by, longest=_LONGEST_TEXT) if fate.by else None,
    }


def _problems(predicate: Mapping[str, Any]) -> list[str]:
    """Return what somebody has to look into, one sentence a kind."""
    alarming = [each for each in predicate["without_change"] if each["alarming"]]
    overdue = [each for each in predicate["passwords"] if each["over_limit"]]
    altered: Sequence[str] = predicate["records"]["altered"]
    unreadable: Sequence[str] = predicate["records"]["unreadable"]
    problems = []
    if predicate["without_record"]:
        number = len(predicate["without_record"])
        problems.append(f"{number} change(s) without a record: done outside the runbooks.")
    if alarming:
        problems.append(f"{len(alarming)} record(s) without a change that the log should show.")
    if altered:
        problems.append(f"Not as sealed, and left out: the record of {', '.join(altered)}.")
    if unreadable:
        problems.append(f"Cannot be read, and left out: the record of {', '.join(unreadable)}.")
    problems += [
        f"The password was replaced by {each['replaced_by']}, outside the runbooks; whether the "
        f"vendor has it is not known."
        for each in predicate["passwords"]
        if each["became"] == "replaced"
    ]
    problems += [
        f"Nobody has used the password for {each['days_unused']} days; the limit is "
        f"{each['limit_days']}."
        for each in overdue
    ]
    return problems
