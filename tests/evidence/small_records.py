"""Small records of runs, for the tests of what is read out of them."""

from datetime import UTC, datetime

from o365lib.evidence.record import Change, HandOverRecord, Operator, Record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER, NAME = "user-1", "practiceprotect@contoso.onmicrosoft.com"


def make(run_id="1", **fields) -> Record:
    return Record(
        run_id=run_id,
        client="alpine-books",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=NOW,
        **fields,
    )


def change(action="create-user", status="accepted", target=NAME) -> Change:
    return Change(action=action, target=target, status=status, started=NOW)


def handed_over(status="accepted") -> HandOverRecord:
    return HandOverRecord(
        method="mail", recipient="a@example.com", user_id=USER, status=status, date_time=NOW
    )
