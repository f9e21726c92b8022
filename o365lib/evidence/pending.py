"""Whether a client's records leave a password that nobody was given, whichever account it is of.

For before the sign-in, when nobody knows yet which account the tenant has: what a person is asked
to consent to depends on it.
"""

from collections.abc import Sequence

from o365lib.evidence.record import Change, Record, pending_credentials


def has_pending_credentials(records: Sequence[Record]) -> bool:
    """Return whether `pending_credentials` may name a run for an account of this client.

    An account that a run deleted does not count, until a later run finds it there again.

    Args:
        records: the client's runs, oldest first.
    """
    gone: set[str] = set()
    targets: set[str] = set()
    for record in records:
        gone.discard(_account_found(record))
        gone |= {each.target for each in record.changes if _is_deletion(each)}
        targets |= {each.target for each in record.changes if _sets_password(each)}
    names = {target for target in targets if "@" in target}
    # A name was written by a run that never learnt the id: it may stand for any of the accounts.
    accounts = targets - names or names
    return any(
        pending_credentials(records, user_id=account, user_principal_name=name, created=None)
        for account in accounts - gone
        for name in names or {""}
    )


def _account_found(record: Record) -> str:
    account = (record.facts or {}).get("account")
    user = account.get("user") if isinstance(account, dict) else None
    return str(user.get("id") or "") if isinstance(user, dict) else ""


def _is_deletion(change: Change) -> bool:
    return change.action == "delete-user" and change.status == "accepted"


def _sets_password(change: Change) -> bool:
    return change.action in {"create-user", "set-password"} and change.status != "failed"
