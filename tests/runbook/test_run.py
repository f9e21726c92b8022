import pytest

from o365lib.errors import NotVerified, Refused, SignInError, StepOutOfOrder, StepTooLate
from o365lib.evidence.record import Check, Outcome
from o365lib.runbook.standing import NEW_RUN, SO_FAR
from tests.runbook.conftest import STEPS

ACCOUNT = "practiceprotect@alpinebooks.onmicrosoft.com"
DONE = "created, credentials handed over, Exchange Administrator assigned"


def kept(opened):
    return opened.run.folder.read_record()


def test_what_a_step_needs_and_is_not_there_is_named(open_run):
    run = open_run("create", "alpine-books").run
    for name in ("session", "current_plan", "current_facts"):
        with pytest.raises(StepOutOfOrder):
            getattr(run, name)
    with pytest.raises(StepOutOfOrder, match="look comes after sign in"):
        run.look()


def test_signing_in_keeps_who_and_where(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    shown = opened.to("sign_in")
    record = kept(opened)
    tenant = demo_project.tenant("alpine-books")
    assert record.tenant_id == tenant.id
    assert record.operator.signed_in_as == f"application {tenant.application.app_id}"
    assert record.operator.object_id
    assert tenant.id in shown
    assert [each["service"] for each in record.requests] == ["sign-in"] * len(record.requests)


@pytest.mark.parametrize("method", ["device-code", "browser"])
def test_nobody_is_asked_to_sign_in_where_nobody_would_see_it(open_run, demo_project, method):
    demo_project.edit("alpine-books", sign_in={"method": method})
    with pytest.raises(Refused) as caught:
        open_run("create", "alpine-books").to("sign_in")
    assert caught.value.code == "nobody-to-sign-in"
    assert demo_project.sandbox.journal == []


def test_a_wrong_secret_ends_the_run_before_anything_is_read(open_run, demo_project):
    secret = demo_project.folder / ".sandbox" / "secrets" / "alpine-books.secret"
    secret.write_text("wrong-canary-7788")
    opened = open_run("create", "alpine-books")
    with pytest.raises(SignInError):
        opened.to("sign_in")
    record = kept(opened)
    assert (record.outcome, record.error.code) == (Outcome.FAILED, "AADSTS7000215")
    assert demo_project.leaks() == []


def test_looking_and_planning_change_nothing_and_are_kept(open_run, demo_project):
    opened = open_run("create", "cedar-dental")
    opened.to("plan")
    record = kept(opened)
    assert record.facts["account"]["user"]["id"] == demo_project.account("cedar-dental")["id"]
    assert record.plan["digest"] == opened.run.current_plan.digest
    assert record.changes == []
    assert demo_project.writes() == []


def test_a_refused_plan_says_every_reason_and_every_way_out(open_run, demo_project):
    demo_project.edit("bayside-legal", onboarding="in-progress")
    opened = open_run("remove", "bayside-legal")
    with pytest.raises(Refused) as caught:
        opened.to("plan")
    assert caught.value.code == "federated-with-vendor"
    assert "Also: The file of bayside-legal says" in caught.value.message
    assert len(caught.value.remedy.splitlines()) == 2
    assert kept(opened).error.guard == "federated-with-vendor"
    assert kept(opened).plan["refusals"][1]["code"] == "onboarding-in-progress"
    with pytest.raises(StepOutOfOrder, match="confirm comes after plan"):
        opened.run.confirm("Kim")
    assert demo_project.writes() == []


@pytest.mark.parametrize("approved_by", ["", "  "])
def test_without_a_name_nothing_is_confirmed(open_run, demo_project, approved_by):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    with pytest.raises(Refused) as caught:
        opened.run.confirm(approved_by)
    assert caught.value.code == "not-confirmed"
    assert kept(opened).outcome == Outcome.REFUSED
    with pytest.raises(StepOutOfOrder):
        opened.run.create_user()
    assert demo_project.writes() == []


def test_an_approval_is_kept_with_the_plan_that_it_is_for(open_run):
    opened = open_run("create", "alpine-books")
    opened.to("confirm", approved_by=" Kim Doe ")
    approval = kept(opened).approval
    assert (approval.approved_by, approval.how) == ("Kim Doe", "parameter")
    assert approval.plan_digest == opened.run.current_plan.digest
    assert kept(opened).parameters["approved_by"] == "Kim Doe"


@pytest.mark.parametrize("length", [8, 12, 64])
def test_an_approved_plan_is_recognised_by_its_beginning(open_run, length):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    digest = opened.run.current_plan.digest
    opened.run.confirm("Kim", digest[:length])
    assert kept(opened).approval.plan_digest == digest


@pytest.mark.parametrize("wrong", ["short", "other", "longer"])
def test_another_plan_than_the_approved_one_is_refused(open_run, demo_project, wrong):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    digest = opened.run.current_plan.digest
    given = {"short": digest[:7], "other": "0" * 64, "longer": digest + "0"}[wrong]
    with pytest.raises(Refused) as caught:
        opened.run.confirm("Kim", given)
    assert caught.value.code == "plan-changed"
    assert kept(opened).approval is None
    assert demo_project.writes() == []


def test_credentials_for_the_screen_need_somebody_in_front_of_it(open_run, demo_project):
    demo_project.edit("alpine-books", hand_over={"method": "screen"})
    opened = open_run("create", "alpine-books")
    with pytest.raises(Refused) as caught:
        opened.to("confirm")
    assert caught.value.code == "screen-needs-jupyterlab"
    assert demo_project.writes() == []


def test_a_dry_run_shows_the_plan_and_does_nothing_more(open_run, demo_project):
    opened = open_run("create", "alpine-books", dry_run=True)
    shown = opened.to("close", approved_by="Kim")
    record = kept(opened)
    assert (record.outcome, record.reason) == (
        Outcome.PLANNED,
        "3 changes planned, none made",
    )
    assert "planned" in shown
    assert record.approval is None
    assert demo_project.writes() == []
    assert {each.name: each.status for each in record.steps} == {
        "sign-in": "completed",
        "look": "completed",
        "plan": "completed",
        "confirm": "not done",
        "create-user": "not done",
        "hand-over": "not done",
        "assign-role": "not done",
        "verify": "completed",
        "close": "completed",
    }


def test_where_all_is_right_nothing_is_asked_and_nothing_done(open_run, demo_project):
    opened = open_run("create", "gumtree-vets")
    opened.to("close", approved_by="")
    record = kept(opened)
    assert record.outcome == Outcome.NOTHING_TO_DO
    assert "it holds Exchange Administrator" in record.reason
    assert record.approval is None
    assert all(check.passed for check in record.verification)
    assert demo_project.writes() == []


def test_the_verdict_comes_from_reading_back_alone(open_run):
    run = open_run("create", "alpine-books").run
    good = Check(name="roles", wanted="a", found="a", passed=True)
    bad = Check(name="licences", wanted="0", found="1", passed=False)
    assert "✓" in repr(run.conclude([good]))
    with pytest.raises(NotVerified, match=r"licences: 1 \(wanted 0\)"):
        run.conclude([good, bad])
    assert run.record.verification == [good, bad]


def test_a_run_is_closed_once_and_no_step_is_executed_in_it_any_more(open_run):
    opened = open_run("create", "alpine-books")
    opened.to("close")
    before = opened.run.folder.record_file.read_bytes()
    for name in STEPS["create"]:
        with pytest.raises(StepTooLate, match=f"closed.*done, {ACCOUNT}: created") as caught:
            getattr(opened.run, name)()
        assert caught.value.state == "What this run has changed stands in its record."
    opened.run._abandon()
    assert opened.run.folder.record_file.read_bytes() == before
    assert kept(opened).reason == f"{ACCOUNT}: {DONE}"


def test_a_sign_in_that_ends_in_mid_run_does_not_say_that_nothing_was_changed(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("hand_over")
    demo_project.tenant("alpine-books").application.forced_error = 7000112
    demo_project.sandbox.clock.advance(seconds=4000)
    with pytest.raises(SignInError) as caught:
        opened.run.assign_role()
    assert caught.value.state == kept(opened).error.state == SO_FAR
    assert SO_FAR in "\n".join(caught.value._render_traceback_())
    assert NEW_RUN in kept(opened).error.remedy
    assert kept(opened).outcome == Outcome.FAILED
    assert SO_FAR in opened.run.folder.notebook_file.read_text("utf-8")


def test_every_request_is_in_the_record_with_its_id(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("close")
    asked = [each for each in kept(opened).requests if each["service"] == "graph"]
    seen = [
        each.request_id
        for each in demo_project.sandbox.journal
        if each.host == "graph" and not each.in_batch
    ]
    assert [each["request_id"] for each in asked] == seen
    assert demo_project.leaks() == []


def test_what_was_changed_and_cannot_be_read_back_is_unverified(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("assign_role")
    demo_project.tenant("alpine-books").application.forced_error = 7000112
    demo_project.sandbox.clock.advance(seconds=4000)
    with pytest.raises(SignInError):
        opened.run.verify()
    assert kept(opened).outcome == Outcome.UNVERIFIED
