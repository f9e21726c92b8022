from datetime import UTC, datetime

from o365lib.evidence.record import Approval, Change, Check, ErrorRecord, Operator, Outcome, Record
from o365lib.runbook.ticket_text import ticket_text

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def record(**changes):
    content = {
        "run_id": "20260820-create",
        "client": "contoso",
        "client_display_name": "Contoso *Ltd* <b>",
        "cloud": "global",
        "tenant_id": "t-1",
        "runbook": "create_service_account",
        "package_version": "0",
        "operator": Operator(user_name="kim", host_name="desk", signed_in_as="admin@contoso.com"),
        "ticket": "INC-7",
        "started": NOW,
        "ended": NOW,
        "outcome": Outcome.DONE,
        "reason": "created",
        "plan": {"user_principal_name": "practiceprotect@contoso.onmicrosoft.com"},
        "approval": Approval(approved_by="Ana", how="form", plan_digest="d", date_time=NOW),
        "changes": [
            Change(
                action="create-user",
                target="u-1",
                detail="Create the user",
                status="accepted",
                started=NOW,
            )
        ],
        "verification": [Check(name="roles", wanted="a", found="a", passed=True)],
    }
    return Record(**(content | changes))


def test_it_says_what_was_done_for_whom_by_whom_and_how_it_is_proved():
    text = ticket_text(record(), seal="Sealed as number 3").plain
    assert text.splitlines() == [
        "Create service account for Contoso *Ltd* <b> (contoso): done",
        "In short: created",
        "Tenant: t-1 (global)",
        "Account: practiceprotect@contoso.onmicrosoft.com, object id u-1",
        "Ticket: INC-7",
        "Carried out by: kim on desk, signed in as admin@contoso.com",
        "Approved by: Ana",
        "When: 2026-08-20T10:11:12.000Z to 2026-08-20T10:11:12.000Z",
        "Read back: 1 of 1 checks passed",
        "Run: 20260820-create",
        "Evidence: Sealed as number 3",
        "Changes: 1",
        "  1. Create the user, 2026-08-20T10:11:12.000Z: done",
    ]


def test_in_markdown_nothing_of_a_tenants_text_means_anything():
    text = ticket_text(record(), seal="").markdown
    assert "**Create service account for Contoso \\*Ltd\\* \\<b\\> (contoso): done**" in text
    assert "Evidence" not in text
    assert "- **Ticket:** INC-7" in text


def test_no_line_can_be_made_a_heading_a_list_or_a_link_of():
    text = ticket_text(
        record(ticket="x](http://y)\n# h", reason="![i](z) | `c` ~~d~~"), seal=""
    ).markdown
    assert "\\](http" in text
    assert "!\\[i\\](z) \\| \\`c\\` \\~\\~d" in text
    assert all(line.startswith(("**", "- ", "  ")) for line in text.splitlines() if line)


def test_what_became_of_a_change_is_not_embellished():
    changes = [
        Change(action="a", target="x", detail=status, status=status, started=NOW)
        for status in ("failed", "unknown", "started")
    ]
    text = ticket_text(record(changes=changes), seal="").plain
    assert "failed, 2026-08-20T10:11:12.000Z: refused by the service" in text
    assert text.count("not known whether it took place") == 2


def test_a_run_that_failed_says_what_to_do_and_a_dry_run_that_it_was_one():
    failed = record(
        outcome=Outcome.FAILED,
        error=ErrorRecord(type="X", message="m", remedy="Ask the administrator."),
        dry_run=True,
    )
    text = ticket_text(failed, seal="").plain
    assert "What to do: Ask the administrator." in text
    assert "(contoso) (dry run): failed" in text


def test_until_when_an_account_can_be_restored_is_told():
    text = ticket_text(record(undo={"until": "2026-09-19"}), seal="").plain
    assert "Can be restored until: 2026-09-19" in text
