from datetime import UTC, datetime

import pytest

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Approval, Change, Check, Operator, Outcome, Record
from o365lib.runbook import describe
from o365lib.sign_in import SignedIn
from tests.service_account.example import (
    EXCHANGE,
    GLOBAL,
    NAME,
    TENANT_ID,
    deleted_namesake,
    licence,
    make_account,
    make_application,
    make_client,
    make_facts,
    make_person,
    make_plan,
    make_user,
)

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def rows_of(result):
    return {row[0]: row[1] for row in result.rows}


def record(**changes):
    content = {
        "run_id": "r1",
        "client": "contoso",
        "runbook": "create_service_account",
        "package_version": "0",
        "operator": Operator(user_name="kim", host_name="desk"),
        "started": NOW,
    }
    return Record(**(content | changes))


def change(action, status="accepted"):
    return Change(action=action, target=NAME, started=NOW, status=status)


def sign_in(kind):
    return SignedIn(
        tenant_id=TENANT_ID,
        authority_tenant_id=TENANT_ID,
        kind=kind,
        object_id="o",
        user_principal_name="kim@contoso.com",
        application_id="a",
        permissions=frozenset({"User.Read", "Mail.Send"}),
        directory_roles=frozenset({"r2", "r1"}),
        expires=NOW,
        claims_known=True,
        acquire=lambda _: pytest.fail("no token is needed"),
    )


def test_who_is_signed_in_becomes_a_fact_in_a_fixed_order():
    who = describe.identity_of(sign_in("user"), dry_run=False)
    assert who.permissions == ("Mail.Send", "User.Read")
    assert who.directory_roles == ("r1", "r2")
    assert (who.name, who.claims_known) == ("kim@contoso.com", True)


@pytest.mark.parametrize(
    ("kind", "dry_run", "asked_to_read"),
    [("user", True, True), ("user", False, False), ("application", True, False)],
)
def test_a_person_in_a_dry_run_was_asked_to_consent_to_reading_only(kind, dry_run, asked_to_read):
    assert describe.identity_of(sign_in(kind), dry_run=dry_run).asked_to_read is asked_to_read


def test_an_application_shows_its_permissions_and_no_directory_roles():
    rows = rows_of(describe.identity(make_application(), make_client()))
    assert rows["Client"] == "contoso (contoso)"
    assert rows["Tenant"] == TENANT_ID
    assert rows["Signed in as"].startswith("application ")
    assert "User.ReadWrite.All" in rows["Permissions"]
    assert "Directory roles" not in rows


def test_a_person_shows_directory_roles_by_name_and_unknown_ones_by_id():
    rows = rows_of(describe.identity(make_person(GLOBAL, "some-id"), make_client()))
    assert rows["Directory roles"] == "Global Administrator, some-id"
    assert rows_of(describe.identity(make_person(), make_client()))["Directory roles"] == "none"


def test_a_token_that_shows_nothing_is_said_to():
    who = make_application(permissions=(), claims_known=False)
    rows = rows_of(describe.identity(who, make_client(display_name="Contoso & Sons")))
    assert rows["Permissions"] == "not shown by the token"
    assert rows["Client"] == "Contoso & Sons (contoso)"


def test_a_tenant_without_the_account_says_that_it_does_not_exist():
    rows = rows_of(describe.facts(make_facts()))
    assert rows["Account"] == f"{NAME} does not exist"
    assert rows["Federation"] == "none; every domain is managed"
    assert rows["Organization"] == "Contoso (AU)"
    assert rows["Security defaults"] == "off"
    assert "Object id" not in rows


def test_an_account_is_shown_with_what_tells_it_apart():
    account = make_account(EXCHANGE, account_enabled=False, assigned_licenses=(licence(),))
    read = make_facts(
        account,
        federation="vendor",
        namesakes=(make_user(user_principal_name="practiceprotect@contoso.com"),),
        deleted=(deleted_namesake(),),
        security_defaults=None,
        country_letter_code="",
    )
    rows = rows_of(describe.facts(read))
    assert rows["Object id"] == account.user.id
    assert rows["Created"] == "2026-03-01T00:00:00.000Z"
    assert (rows["Sign-in"], rows["Licences"]) == ("blocked", "1")
    assert rows["Roles"] == "Exchange Administrator"
    assert rows["Federation of contoso.com"].startswith("vendor: signs in at contoso.practice")
    assert rows["Same name elsewhere"] == "practiceprotect@contoso.com"
    assert deleted_namesake().id in rows["In the recycle bin"]
    assert rows["Organization"] == "Contoso (no country)"
    assert "Security defaults" not in rows


def test_a_recycle_bin_that_could_not_be_read_is_said_to():
    rows = rows_of(describe.facts(make_facts(make_account(), deleted=None)))
    assert rows["In the recycle bin"] == "could not be read"


def test_a_plan_numbers_its_changes_and_marks_what_stays():
    made = make_plan("create", make_facts(make_account(GLOBAL)))
    shown = describe.plan(made, purpose="mail-redirection", dry_run=False)
    assert shown.title == "2 changes to make"
    assert [row[0] for row in shown.rows] == ["1", "2", *["✓"] * len(made.already)]
    assert shown.rows[0] == (
        "1",
        "Assign Exchange Administrator",
        "Global Administrator",
        "Exchange Administrator",
        "mail-redirection takes this role",
    )
    assert [*shown.kinds] == ["waiting", "warning", *["done"] * len(made.already)]
    assert shown.notes[-1] == f"Plan {made.digest[:12]}"
    assert any(note.startswith("Note (credentials-left-alone)") for note in shown.notes)


def test_a_dry_run_says_so_below_the_plan():
    assert (
        "This is a dry run: nothing will be changed."
        in describe.plan(make_plan("create"), purpose="x", dry_run=True).notes
    )


def test_a_plan_without_changes_is_called_so():
    made = make_plan("create", make_facts(make_account(EXCHANGE)))
    assert (
        describe.plan(made, purpose="mail-redirection", dry_run=False).title == "Nothing to change"
    )


def test_checks_are_ticked_or_crossed():
    shown = describe.checks(
        [
            Check(name="roles", wanted="a", found="a", passed=True),
            Check(name="licences", wanted="0", found="1", passed=False),
        ]
    )
    assert [row[-1] for row in shown.rows] == ["✓", "✗"]


def test_a_signed_approval_is_shown_with_its_id_its_instant_and_the_key():
    given = datetime(2026, 11, 23, 11, tzinfo=UTC)
    approval = Approval(
        approved_by="Ana",
        how="signed",
        plan_digest="3b" * 32,
        date_time=given,
        approval_id="20261123T110000000Z-approve-00aa11",
        key_id="4c" * 32,
    )
    record = Record(
        run_id="1",
        client="contoso",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=given,
        approval=approval,
    )
    shown = repr(describe.signed_approval(record))
    assert "Approved by Ana, signed" in shown
    for part in (approval.approval_id, "2026-11-23T11:00:00", "SHA256:4c4c 4c4c", "3b3b3b3b3b3b"):
        assert part in shown
    assert "Not approved" in repr(
        describe.signed_approval(record.model_copy(update={"approval": None}))
    )


def test_what_was_done_is_told_by_the_record_and_without_what_failed():
    made = make_plan("create")
    kept = record(
        changes=[
            change("create-user"),
            change("hand-over", "failed"),
            change("hand-over", "unknown"),
            change("remove-role"),
            change("remove-role"),
            change("assign-role", "failed"),
        ]
    )
    assert describe.done_sentence(made, kept) == (
        f"{NAME}: created, credentials handed over, surplus role taken away"
    )


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_every_change_that_a_plan_can_hold_has_its_words(runbook):
    account = None if runbook == "create" else make_account(EXCHANGE)
    plans = [
        make_plan(runbook, make_facts(account)),
        make_plan(runbook, make_facts(make_account(), pending_credentials="r0")),
    ]
    for made in plans:
        kept = record(changes=[change(each.action) for each in made.changes])
        actions = {each.action for each in made.changes}
        assert describe.done_sentence(made, kept).count(",") == len(actions) - 1 > 0


def test_the_end_says_who_approved_what_it_came_to_and_where_the_evidence_is(tmp_path):
    kept = record(
        outcome=Outcome.DONE,
        reason="created",
        ticket="T-1",
        requests=[{}, {}],
        approval=Approval(approved_by="Kim", how="form", plan_digest="d", date_time=NOW),
        undo={"until": "2026-09-19T10:11:12Z"},
    )
    shown = describe.closing(kept, RunFolder(tmp_path / "contoso" / "r1"))
    rows = rows_of(shown)
    assert shown.title == "The run has ended: done"
    assert rows["Evidence"] == "contoso/r1"
    assert rows["Approved by"] == "Kim"
    assert rows["Requests"] == "2"
    assert rows["Ticket"] == "T-1"
    assert rows["Can be restored until"] == "2026-09-19T10:11:12Z"


def test_an_end_without_change_says_that_nobody_approved(tmp_path):
    kept = record(outcome=Outcome.PLANNED, reason="3 changes planned, none made")
    rows = rows_of(describe.closing(kept, RunFolder(tmp_path / "contoso" / "r1")))
    assert rows["Approved by"] == "nobody; nothing was changed"
    assert rows["Ticket"] == "none"
    assert "Can be restored until" not in rows


def test_an_end_that_has_lost_its_approval_does_not_say_that_nothing_was_changed(tmp_path):
    kept = record(outcome=Outcome.DONE, reason="created", changes=[change("create-user")])
    rows = rows_of(describe.closing(kept, RunFolder(tmp_path / "contoso" / "r1")))
    assert rows["Approved by"] == "nobody"
