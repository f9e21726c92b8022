import pytest

from o365lib import clock
from o365lib.errors import (
    EvidenceError,
    Forbidden,
    HandOverFailed,
    Refused,
    StepOutOfOrder,
    StepTooLate,
)
from o365lib.evidence.record import Outcome
from o365lib.runbook import standing
from o365lib.sandbox import Fault
from tests.standing_clock import LateClock


def kept(opened):
    return opened.run.folder.read_record()


def test_a_plan_made_again_is_not_carried_out_by_an_old_confirmation(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("confirm")
    opened.run.plan()
    with pytest.raises(StepOutOfOrder, match="create user comes after confirm"):
        opened.run.create_user()
    assert demo_project.writes() == []


def test_before_the_first_change_look_plan_and_confirm_may_be_repeated(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("confirm")
    opened.to("confirm", after="sign_in", approved_by="Bob")
    opened.to("confirm", after="", approved_by="Bob")
    assert demo_project.writes() == []
    opened.to("close", after="confirm")
    assert kept(opened).approval.approved_by == "Bob"
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}


PREPARING = ("sign_in", "look", "plan", "confirm")


def refuse_to_prepare(opened, left):
    """Execute each step that comes before the changes; return what is refused and the way out."""
    file = opened.run.folder.record_file
    before, memory = file.read_bytes(), opened.run.record.model_copy(deep=True)
    shown = opened.run.folder.notebook_file.read_bytes()
    for name in PREPARING:
        with pytest.raises(StepTooLate) as caught:
            getattr(opened.run, name)(*(["Bob"] if name == "confirm" else []))
        assert left in caught.value.remedy
        assert "from its first cell" in caught.value.remedy
    with pytest.raises(StepTooLate):
        opened.run.approve("Bob", "form", opened.run.current_plan)
    assert opened.run.record == memory
    assert (file.read_bytes(), opened.run.folder.notebook_file.read_bytes()) == (before, shown)


def test_once_a_change_is_made_what_was_read_planned_and_approved_stands(open_run, demo_project):
    demo_project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/users/*/sendMail", effect="403")
    )
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    refuse_to_prepare(opened, "'hand over'")
    with pytest.raises(HandOverFailed):
        opened.run.hand_over()
    refuse_to_prepare(opened, "'hand over'")
    assert kept(opened).outcome == Outcome.FAILED
    opened.to("verify", after="create_user")
    refuse_to_prepare(opened, "'close'")
    opened.run.close()
    record = kept(opened)
    assert (record.outcome, record.approval.approved_by) == (Outcome.DONE, "Kim")
    assert record.facts["account"] is None
    assert [change["action"] for change in record.plan["changes"]] == [
        "create-user",
        "hand-over",
        "assign-role",
    ]
    assert record.approval.plan_digest == record.plan["digest"]


ALL_TO_READ = ("Domain.Read.All", "User.Read.All", "RoleManagement.Read.Directory")


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_who_may_not_read_is_refused_before_reading_and_told_everything(
    open_run, demo_project, runbook, dry_run
):
    permitted = demo_project.tenant("alpine-books").application.roles
    permitted.clear()
    permitted.add("Organization.Read.All")
    opened = open_run(runbook, "alpine-books", dry_run=dry_run)
    opened.to("sign_in")
    asked = len(demo_project.sandbox.journal)
    with pytest.raises(Refused) as caught:
        opened.run.look()
    assert len(demo_project.sandbox.journal) == asked
    assert [name for name in ALL_TO_READ if name not in caught.value.message] == []
    to_change = {"create": "Mail.Send", "remove": "User.DeleteRestore.All"}[runbook]
    assert (to_change in caught.value.message) is not dry_run
    record = kept(opened)
    assert (record.outcome, record.error.guard) == (Outcome.REFUSED, "missing-permission")


def test_once_all_that_was_told_is_granted_a_dry_run_goes_on(open_run, demo_project):
    permitted = demo_project.tenant("alpine-books").application.roles
    permitted.clear()
    opened = open_run("create", "alpine-books", dry_run=True)
    with pytest.raises(Refused):
        opened.to("look")
    permitted.update((*ALL_TO_READ, "Organization.Read.All"))
    opened.to("look")
    assert opened.run.current_facts.account is None


def test_what_the_service_does_not_let_one_read_is_refused_too(open_run, demo_project):
    demo_project.sandbox.faults.add(
        Fault(method="GET", path="/v1.0/roleManagement/*", effect="403", times=None)
    )
    opened = open_run("create", "alpine-books")
    with pytest.raises(Refused, match=r"does not let .* read roles"):
        opened.to("look")
    record = kept(opened)
    assert (record.outcome, record.error.guard) == (Outcome.REFUSED, "missing-permission")


def test_a_first_change_that_the_service_refused_is_one_too(open_run, demo_project):
    demo_project.sandbox.faults.add(Fault(method="POST", path="/v1.0/users", effect="403"))
    opened = open_run("create", "alpine-books")
    with pytest.raises(Forbidden):
        opened.to("create_user")
    refuse_to_prepare(opened, "'create user'")
    opened.to("close", after="confirm")
    assert (kept(opened).outcome, kept(opened).approval.approved_by) == (Outcome.DONE, "Kim")


def test_where_the_first_change_was_refused_and_the_tenant_moved_a_new_run_is_the_way(
    open_run, demo_project
):
    demo_project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/roleManagement/*", effect="403")
    )
    opened = open_run("create", "cedar-dental")
    with pytest.raises(Forbidden):
        opened.to("close")
    account = demo_project.account("cedar-dental")
    account["surname"] = "Somebody"
    with clock.use(LateClock(seconds=31)), pytest.raises(Refused) as caught:
        opened.run.assign_role()
    assert (caught.value.code, caught.value.state) == ("plan-changed", "Nothing was changed.")
    assert caught.value.remedy == standing.NEW_RUN
    assert kept(opened).approval.approved_by == "Kim"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_closed_run_is_closed_whatever_it_came_to(open_run, demo_project, dry_run):
    client = "alpine-books" if dry_run else "gumtree-vets"
    opened = open_run("create", client, dry_run=dry_run)
    opened.to("close")
    refuse_to_prepare(opened, "Start a new run")
    for name in ("create_user", "hand_over", "assign_role", "verify", "close"):
        with pytest.raises(StepTooLate, match="This run is closed"):
            getattr(opened.run, name)()
    before = opened.run.folder.record_file.read_bytes()
    opened.run._abandon()
    assert opened.run.folder.record_file.read_bytes() == before
    assert demo_project.writes() == []


def test_an_approval_that_could_not_be_written_was_not_given(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("plan")
    run, away = opened.run, opened.run.folder.path.with_name("away")
    run.folder.path.rename(away)
    with pytest.raises(EvidenceError):
        run.confirm("Kim")
    assert run.record.approval is None
    away.rename(run.folder.path)
    with pytest.raises(StepOutOfOrder):
        run.create_user()
    assert demo_project.writes() == []
    run.confirm("Bob")
    away = run.folder.path.rename(away)
    with pytest.raises(EvidenceError):
        run.approve("Kim", "form", run.current_plan)
    assert run.record.approval.approved_by == "Bob"
    away.rename(run.folder.path)


def test_a_tenant_that_moved_since_the_plan_voids_an_old_confirmation(open_run, demo_project):
    opened = open_run("create", "cedar-dental")
    opened.to("confirm")
    demo_project.account("cedar-dental")["surname"] = "Somebody"
    with clock.use(LateClock(seconds=31)), pytest.raises(Refused) as caught:
        opened.run.create_user()
    assert caught.value.code == "plan-changed"
    assert "'look' and 'plan'" in caught.value.remedy
    assert kept(opened).approval is None
    assert demo_project.writes() == []
    # The way out that it names leads on.
    demo_project.account("cedar-dental")["surname"] = "Protect"
    opened.run.look()
    opened.to("close", after="look")
    assert demo_project.roles("cedar-dental") == {"Global Administrator"}


def test_a_fresh_plan_is_not_read_a_second_time(open_run, demo_project):
    opened = open_run("create", "cedar-dental")
    opened.to("confirm")
    asked = len(demo_project.sandbox.journal)
    opened.run.create_user()
    assert len(demo_project.sandbox.journal) == asked


def test_a_plan_that_has_got_old_is_read_a_second_time_and_holds_if_nothing_moved(
    open_run, demo_project
):
    opened = open_run("create", "cedar-dental")
    opened.to("confirm")
    asked = len(demo_project.sandbox.journal)
    with clock.use(LateClock(seconds=31)):
        opened.run.create_user()
    assert len(demo_project.sandbox.journal) > asked


@pytest.mark.parametrize(
    "changed",
    [
        {"onboarding": "completed"},
        {"dry_run_only": True},
        {"usage_location": "NZ"},
        {
            "hand_over": {
                "method": "mail",
                "recipient": "support@practiceprotectonline.com",
                "sender": "admin@alpinebooks.onmicrosoft.com",
            }
        },
    ],
)
def test_parameters_that_changed_since_the_plan_void_a_confirmation(
    open_run, demo_project, changed
):
    demo_project.edit("alpine-books", onboarding="in-progress")
    opened = open_run("create", "alpine-books")
    opened.to("confirm")
    demo_project.edit("alpine-books", **changed)
    with pytest.raises(Refused) as caught:
        opened.run.create_user()
    assert caught.value.code == "plan-changed"
    assert caught.value.remedy == standing.NEW_RUN
    assert kept(opened).approval is None
    assert demo_project.writes() == []


def test_parameters_that_changed_after_a_change_leave_its_approval_in_the_record(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("create_user")
    demo_project.edit("alpine-books", usage_location="NZ")
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            opened.run.hand_over()
        assert (caught.value.code, caught.value.state) == ("plan-changed", standing.SO_FAR)
        assert caught.value.remedy == standing.NEW_RUN
    assert kept(opened).approval.approved_by == "Kim"
    assert kept(opened).error.state == standing.SO_FAR


def federate(demo_project, client):
    """The domain is federated with the vendor while the run is under way."""
    tenant = demo_project.tenant(client)
    vendor = demo_project.tenant("bayside-legal")
    name = next(name for name in tenant.domains if not name.endswith("onmicrosoft.com"))
    tenant.domains[name]["authenticationType"] = "Federated"
    (configuration,) = vendor.federation_configurations.values()
    tenant.federation_configurations[name] = configuration


def test_a_removal_that_goes_on_much_later_is_guarded_anew(open_run, demo_project):
    opened = open_run("remove", "gumtree-vets")
    opened.to("revoke_sessions")
    federate(demo_project, "gumtree-vets")
    with clock.use(LateClock(seconds=31)), pytest.raises(Refused) as caught:
        opened.run.delete_user()
    assert caught.value.code == "federated-with-vendor"
    assert "so far" in caught.value.state
    assert caught.value.remedy.endswith(standing.NEW_RUN)
    assert kept(opened).error.remedy == caught.value.remedy
    assert demo_project.account("gumtree-vets") is not None
    assert kept(opened).outcome == "failed"


def test_a_removal_that_goes_on_much_later_in_a_tenant_that_is_as_it_was_ends(
    open_run, demo_project
):
    opened = open_run("remove", "gumtree-vets")
    opened.to("revoke_sessions")
    with clock.use(LateClock(seconds=31)):
        opened.run.delete_user()
    assert demo_project.account("gumtree-vets") is None


def test_another_account_under_the_name_is_not_deleted(open_run, demo_project):
    opened = open_run("remove", "gumtree-vets")
    opened.to("revoke_sessions")
    tenant = demo_project.tenant("gumtree-vets")
    account = demo_project.account("gumtree-vets")
    name = account["userPrincipalName"]
    tenant.remove_user(account["id"], demo_project.sandbox.clock.now())
    other = tenant.add_user(
        user_principal_name=name,
        display_name="Practice Protect",
        givenName="Practice",
        surname="Protect",
    )
    with clock.use(LateClock(seconds=31)), pytest.raises(Refused) as caught:
        opened.run.delete_user()
    assert caught.value.code == "plan-changed"
    assert caught.value.remedy == standing.NEW_RUN
    assert kept(opened).approval.approved_by == "Kim"
    assert other["id"] in tenant.users
