import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from o365lib import clock
from o365lib.errors import (
    AnswerLost,
    ChangeFailed,
    EvidenceError,
    Forbidden,
    GraphError,
    HandOverFailed,
    NotVerified,
    Refused,
    RunbookError,
    StepOutOfOrder,
)
from o365lib.evidence.record import Outcome
from o365lib.runbook import standing
from o365lib.sandbox import Fault
from tests.standing_clock import LateClock

SEND = "/v1.0/users/*/sendMail"


def kept(opened):
    return opened.run.folder.read_record()


def mailed_passwords(project, client="alpine-books"):
    return [
        line.partition(":")[2].strip()
        for mail in project.tenant(client).outbox
        for line in mail["message"]["body"]["content"].splitlines()
        if line.startswith("Password:")
    ]


def test_the_account_is_made_handed_over_given_its_role_and_read_back(open_run, demo_project):
    opened = open_run("create", "alpine-books", ticket="T-1")
    opened.to("close")
    account = demo_project.account("alpine-books")
    assert (account["givenName"], account["surname"]) == ("Practice", "Protect")
    assert account["displayName"] == "Practice Protect"
    assert not account.get("assignedLicenses")
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}
    (password,) = mailed_passwords(demo_project)
    assert demo_project.tenant("alpine-books").password_of(account["id"]) == password
    record = kept(opened)
    assert record.outcome == Outcome.DONE
    assert [(each.action, each.status) for each in record.changes] == [
        ("create-user", "accepted"),
        ("hand-over", "accepted"),
        ("assign-role", "accepted"),
    ]
    assert all(each.target == account["id"] for each in record.changes)
    assert record.hand_over.status == "accepted"
    assert record.hand_over.recipient == "onboarding@practiceprotect.com"
    assert all(check.passed for check in record.verification)
    assert demo_project.leaks() == []


def test_an_address_that_something_else_has_fails_the_run_and_the_record_says_so(
    open_run, demo_project
):
    tenant = demo_project.tenant("alpine-books")
    name = f"practiceprotect@{tenant.initial_domain}"
    tenant.administrator["proxyAddresses"].append(f"smtp:{name}")
    opened = open_run("create", "alpine-books")
    with pytest.raises(ChangeFailed):
        opened.to("close")
    assert demo_project.account("alpine-books") is None
    record = kept(opened)
    assert (record.outcome, record.closed_by) == (Outcome.FAILED, "runbook")
    assert [(each.action, each.status) for each in record.changes] == [("create-user", "failed")]
    assert "another object of the tenant has this address" in record.reason
    assert "It belongs to Tenant Administrator" in record.reason
    assert record.hand_over is None


def test_a_second_run_finds_nothing_to_do(open_run, demo_project):
    open_run("create", "alpine-books").to("close")
    before = demo_project.writes()
    opened = open_run("create", "alpine-books")
    opened.to("close")
    assert kept(opened).outcome == Outcome.NOTHING_TO_DO
    assert demo_project.writes() == before


def test_a_wrong_role_is_put_right_and_the_password_left_alone(open_run, demo_project):
    password = demo_project.tenant("cedar-dental").password_of(
        demo_project.account("cedar-dental")["id"]
    )
    opened = open_run("create", "cedar-dental")
    opened.to("close")
    account = demo_project.account("cedar-dental")
    assert demo_project.roles("cedar-dental") == {"Global Administrator"}
    assert demo_project.tenant("cedar-dental").password_of(account["id"]) == password
    assert demo_project.tenant("cedar-dental").outbox == []
    assert kept(opened).reason.endswith("Global Administrator assigned, surplus role taken away")


def test_repeating_the_creation_makes_no_second_account_and_keeps_the_password(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    shown = [repr(opened.run.create_user()) for _ in range(2)]
    opened.to("close", after="create_user")
    assert len(set(shown)) == 1
    assert demo_project.writes().count("POST /v1.0/users") == 1
    account = demo_project.account("alpine-books")
    assert demo_project.tenant("alpine-books").password_of(account["id"]) in mailed_passwords(
        demo_project
    )
    assert kept(opened).outcome == Outcome.DONE


def test_repeating_the_hand_over_sends_nothing_a_second_time(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("hand_over")
    assert "already" in repr(opened.run.hand_over())
    assert len(mailed_passwords(demo_project)) == 1


def test_a_mail_that_was_accepted_and_could_not_be_written_down_is_not_sent_again(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    run, folder = opened.run, opened.run.folder.path
    away = folder.with_name("away")

    def save():
        if mailed_passwords(demo_project) and folder.exists():
            folder.rename(away)
        run.save()

    run.change_log.save = save
    with pytest.raises(EvidenceError):
        run.hand_over()
    away.rename(folder)
    run.change_log.save = run.save
    assert kept(opened).hand_over.status == "started"
    assert "already" in repr(run.hand_over())
    opened.to("close", after="hand_over")
    record = kept(opened)
    assert (record.outcome, record.hand_over.status) == (Outcome.DONE, "accepted")
    assert len(mailed_passwords(demo_project)) == 1


@pytest.mark.parametrize("effect", ["503", "reset-before", "403"])
def test_a_failed_hand_over_may_be_repeated_in_the_same_notebook(open_run, demo_project, effect):
    demo_project.sandbox.faults.add(Fault(method="POST", path=SEND, effect=effect))
    opened = open_run("create", "alpine-books")
    with pytest.raises(HandOverFailed):
        opened.to("hand_over")
    assert kept(opened).outcome in {Outcome.FAILED, Outcome.UNVERIFIED}
    assert kept(opened).closed_by == "runbook"
    opened.to("close", after="create_user")
    assert kept(opened).outcome == Outcome.DONE
    account = demo_project.account("alpine-books")
    (password,) = mailed_passwords(demo_project)
    assert demo_project.tenant("alpine-books").password_of(account["id"]) == password


def test_a_mail_that_may_have_been_sent_is_followed_by_another_password(open_run, demo_project):
    demo_project.sandbox.faults.add(Fault(method="POST", path=SEND, effect="reset-after"))
    opened = open_run("create", "alpine-books")
    with pytest.raises(HandOverFailed):
        opened.to("hand_over")
    assert kept(opened).hand_over.status == "unknown"
    opened.to("close", after="create_user")
    first, second = mailed_passwords(demo_project)
    account = demo_project.account("alpine-books")
    assert first != second == demo_project.tenant("alpine-books").password_of(account["id"])
    assert "set-password" in [change.action for change in kept(opened).changes]


def test_another_password_that_was_dropped_is_not_success(open_run, demo_project):
    """The mail may have been sent; the password set after it is accepted, mailed and dropped."""
    faults = demo_project.sandbox.faults
    faults.add(Fault(method="POST", path=SEND, effect="reset-after"))
    faults.add(Fault(method="PATCH", path="/v1.0/users/*", effect="drop"))
    opened = open_run("create", "alpine-books")
    with pytest.raises(HandOverFailed):
        opened.to("hand_over")
    with pytest.raises(NotVerified, match="password: last changed"):
        opened.to("close", after="create_user")
    account, tenant = demo_project.account("alpine-books"), demo_project.tenant("alpine-books")
    assert tenant.password_of(account["id"]) != mailed_passwords(demo_project)[-1]
    assert kept(opened).outcome == Outcome.UNVERIFIED
    # The account holds its role by now: only a higher one may set its password.
    application = tenant.application.object_id
    tenant.assign_role(application, "Privileged Authentication Administrator")
    again = open_run("create", "alpine-books")
    again.to("close")
    assert [change.action for change in kept(again).changes] == ["set-password", "hand-over"]
    assert kept(again).outcome == Outcome.DONE
    assert tenant.password_of(account["id"]) == mailed_passwords(demo_project)[-1]


def damage(opened):
    """Spoil an archived record, as a disk does; return what it was."""
    whole = opened.run.folder.record_file.read_bytes()
    opened.run.folder.record_file.write_bytes(whole[: len(whole) // 2])
    return whole


def test_where_the_record_of_a_refused_mail_is_lost_nothing_is_done_until_it_is_found(
    open_run, demo_project
):
    demo_project.sandbox.faults.add(Fault(method="POST", path=SEND, effect="403"))
    first = open_run("create", "alpine-books")
    with pytest.raises(HandOverFailed):
        first.to("hand_over")
    first.run._abandon()
    run_id, whole = first.run.record.run_id, damage(first)
    before = demo_project.writes()
    refused = open_run("create", "alpine-books")
    with pytest.raises(Refused, match=f"the record of {run_id} cannot be read") as caught:
        refused.to("close")
    assert caught.value.code == "records-unreadable"
    assert (kept(refused).outcome, demo_project.writes()) == (Outcome.REFUSED, before)
    first.run.folder.record_file.write_bytes(whole)
    again = open_run("create", "alpine-books")
    again.to("close")
    assert kept(again).outcome == Outcome.DONE
    account = demo_project.account("alpine-books")
    (password,) = mailed_passwords(demo_project)
    assert demo_project.tenant("alpine-books").password_of(account["id"]) == password


def test_a_lost_record_is_of_no_weight_where_the_password_in_force_was_handed_over(
    open_run, demo_project
):
    lost = open_run("create", "alpine-books", dry_run=True)
    lost.to("close")
    done = open_run("create", "alpine-books")
    done.to("close")
    damage(lost)
    again = open_run("create", "alpine-books")
    again.to("close")
    assert kept(again).outcome == Outcome.NOTHING_TO_DO
    assert kept(again).facts["handed_over_by"] == done.run.record.run_id
    # The vendor signed in and set another one, or a run did whose record is lost: who knows?
    tenant, account = demo_project.tenant("alpine-books"), demo_project.account("alpine-books")
    changed = clock.now() + timedelta(minutes=20)
    account["lastPasswordChangeDateTime"] = clock.iso(changed)
    with pytest.raises(Refused, match="cannot be read"):
        open_run("create", "alpine-books").to("close")
    reason = "Jo of the vendor signed in on 2 May"
    override = {"run_ids": [lost.run.record.run_id], "reason": reason}
    demo_project.edit("alpine-books", records_override=override)
    answered = open_run("create", "alpine-books")
    assert "records-override): Answered for in writing" in answered.to("plan")
    answered.to("close", after="plan")
    assert kept(answered).outcome == Outcome.NOTHING_TO_DO
    assert len(tenant.outbox) == 1


def test_a_lost_record_does_not_stop_the_run_that_makes_the_account_in_mid_way(
    open_run, demo_project
):
    lost = open_run("create", "alpine-books", dry_run=True)
    lost.to("close")
    damage(lost)
    opened = open_run("create", "alpine-books")
    opened.to("hand_over")
    # The vendor is quick, and somebody looks at the mail before the role is assigned.
    account = demo_project.account("alpine-books")
    account["lastPasswordChangeDateTime"] = clock.iso(clock.now() + timedelta(minutes=20))
    with clock.use(LateClock(seconds=31)):
        opened.to("close", after="hand_over")
    assert kept(opened).outcome == Outcome.DONE


def test_a_password_that_nobody_was_given_is_replaced_by_the_next_run(open_run, demo_project):
    demo_project.sandbox.faults.add(Fault(method="POST", path=SEND, effect="403"))
    with pytest.raises(HandOverFailed):
        open_run("create", "alpine-books").to("hand_over")
    account = demo_project.account("alpine-books")
    unknown = demo_project.tenant("alpine-books").password_of(account["id"])
    # Graph tells the time of a change of password in whole seconds.
    demo_project.sandbox.clock.advance(seconds=2)
    opened = open_run("create", "alpine-books")
    opened.to("close")
    assert kept(opened).outcome == Outcome.DONE
    (password,) = mailed_passwords(demo_project)
    assert unknown != password == demo_project.tenant("alpine-books").password_of(account["id"])
    assert (
        len(
            [
                1
                for each in demo_project.tenant("alpine-books").users.values()
                if each["displayName"] == "Practice Protect"
            ]
        )
        == 1
    )


def test_the_role_comes_after_the_hand_over_whose_failure_leaves_it_out(open_run, demo_project):
    demo_project.sandbox.faults.add(Fault(method="POST", path=SEND, effect="403"))
    with pytest.raises(HandOverFailed):
        open_run("create", "alpine-books").to("close")
    assert demo_project.roles("alpine-books") == set()


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/v1.0/roleManagement/directory/roleAssignments", "roles: none"),
        ("/v1.0/users", "account: does not exist"),
    ],
)
def test_a_write_that_is_accepted_and_dropped_is_not_success(open_run, demo_project, path, missing):
    demo_project.sandbox.faults.add(Fault(method="POST", path=path, effect="drop"))
    opened = open_run("create", "alpine-books")
    with pytest.raises((NotVerified, ChangeFailed, GraphError, HandOverFailed)):
        opened.to("close")
    record = kept(opened)
    assert record.outcome in {Outcome.UNVERIFIED, Outcome.FAILED}
    if isinstance(record.verification, list) and record.verification:
        assert missing in record.error.message


def test_an_answer_that_is_lost_for_good_ends_unverified_and_the_next_run_finishes(
    open_run, demo_project
):
    demo_project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/roleManagement/*", effect="reset-after", times=9)
    )
    demo_project.sandbox.faults.add(
        Fault(method="GET", path="/v1.0/roleManagement/*", effect="503", times=None, after=2)
    )
    opened = open_run("create", "alpine-books")
    with pytest.raises((AnswerLost, GraphError, NotVerified)):
        opened.to("close")
    assert kept(opened).outcome == Outcome.UNVERIFIED
    demo_project.sandbox.faults.clear()
    again = open_run("create", "alpine-books")
    again.to("close")
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}
    assert kept(again).outcome in {Outcome.DONE, Outcome.NOTHING_TO_DO}


def test_the_role_is_assigned_only_when_somebody_has_looked_at_the_credentials(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("hand_over")
    hand_over = opened.run.record.hand_over
    hand_over.method, hand_over.status = "screen", "started"
    with pytest.raises(StepOutOfOrder, match="Nobody has looked"):
        opened.run.assign_role()
    assert demo_project.roles("alpine-books") == set()
    assert kept(opened).outcome == Outcome.UNFINISHED
    hand_over.status = "accepted"
    opened.to("close", after="hand_over")
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}


def test_a_password_that_the_service_refuses_names_what_that_takes_and_a_new_run(
    open_run, demo_project
):
    faults = demo_project.sandbox.faults
    faults.add(Fault(method="POST", path=SEND, effect="403"))
    with pytest.raises(HandOverFailed):
        open_run("create", "alpine-books").to("hand_over")
    faults.add(Fault(method="PATCH", path="/v1.0/users/*", effect="403"))
    opened = open_run("create", "alpine-books")
    with pytest.raises(Forbidden) as caught:
        opened.to("create_user")
    told = caught.value.remedy
    assert "User-PasswordProfile.ReadWrite.All" in told
    assert "Privileged Authentication Administrator or Global Administrator" in told
    assert "User.ReadWrite.All" not in told
    assert told.endswith(standing.NEW_RUN)


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_creation_that_is_repeated_much_later_ends_well_whatever_became_of_the_first(
    open_run, demo_project, is_lost
):
    opened, faults = open_run("create", "alpine-books"), demo_project.sandbox.faults
    opened.to("confirm")
    if is_lost:
        faults.add(Fault(method="POST", path="/v1.0/users", effect="reset-after"))
        faults.add(Fault(method="GET", path="/v1.0/users/*", effect="reset-before", times=None))
        with pytest.raises(RunbookError):
            opened.run.create_user()
        assert kept(opened).outcome == Outcome.UNVERIFIED
        faults.clear()
    else:
        opened.run.create_user()
    for number, name in enumerate(("create_user", "hand_over", "assign_role"), start=1):
        with clock.use(LateClock(seconds=31 * number)):
            getattr(opened.run, name)()
    opened.to("close", after="assign_role")
    assert kept(opened).outcome == Outcome.DONE
    account, tenant = demo_project.account("alpine-books"), demo_project.tenant("alpine-books")
    assert mailed_passwords(demo_project) == [tenant.password_of(account["id"])]
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}


def put_key(project):
    """Put another key where a client's file says, and return its fingerprint."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    file = project.folder / "recipient.pem"
    file.write_bytes(key.public_bytes(serialization.Encoding.PEM, info))
    project.edit("alpine-books", hand_over={"method": "file", "public_key": file.name})
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, info)).hexdigest()


def test_an_encrypted_file_lies_beside_the_record_and_holds_no_secret(open_run, demo_project):
    fingerprint = put_key(demo_project)
    opened = open_run("create", "alpine-books")
    assert f"SHA256:{fingerprint}" in opened.to("plan")
    opened.to("close", after="plan")
    content = json.loads((opened.run.folder.path / "credentials.json").read_text("utf-8"))
    assert content["public_key_sha256"] == fingerprint
    assert kept(opened).hand_over.method == "file"
    assert demo_project.leaks() == []


def test_a_key_that_is_replaced_after_the_confirmation_ends_it(open_run, demo_project):
    put_key(demo_project)
    opened = open_run("create", "alpine-books")
    opened.to("confirm")
    put_key(demo_project)
    with pytest.raises(Refused) as caught:
        opened.to("create_user", after="confirm")
    assert caught.value.code == "plan-changed"
    assert demo_project.writes() == []


def test_an_approved_plan_does_not_hold_for_another_key(open_run, demo_project):
    put_key(demo_project)
    looked = open_run("create", "alpine-books", dry_run=True)
    looked.to("close")
    approved = kept(looked).plan["digest"]
    put_key(demo_project)
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    with pytest.raises(Refused) as caught:
        opened.run.confirm("Kim", approved)
    assert caught.value.code == "plan-changed"
