from datetime import UTC, datetime, timedelta

import pytest

from o365lib import clock
from o365lib.errors import Refused, StepOutOfOrder


class LateClock(clock.SystemClock):
    """The machine's clock, some time later."""

    def __init__(self, **later):
        self.later = timedelta(**later)

    def now(self):
        return datetime.now(UTC) + self.later


def kept(opened):
    return opened.run.folder.read_record()


def test_a_plan_made_again_is_not_carried_out_by_an_old_confirmation(open_run, demo_project):
    opened = open_run("create", "alpine-books")
    opened.to("confirm")
    opened.run.plan()
    with pytest.raises(StepOutOfOrder, match="create user comes after confirm"):
        opened.run.create_user()
    assert demo_project.writes() == []


def test_after_a_run_a_new_plan_needs_a_new_confirmation_for_each_of_its_steps(
    open_run, demo_project
):
    opened = open_run("create", "alpine-books")
    opened.to("close")
    tenant = demo_project.tenant("alpine-books")
    tenant.role_assignments = {
        name: each
        for name, each in tenant.role_assignments.items()
        if each["principalId"] != demo_project.account("alpine-books")["id"]
    }
    before = demo_project.writes()
    opened.run.look()
    opened.run.plan()
    assert [change.action for change in opened.run.current_plan.changes] == ["assign-role"]
    for name in ("create_user", "hand_over", "assign_role", "verify"):
        with pytest.raises(StepOutOfOrder):
            getattr(opened.run, name)()
    assert demo_project.writes() == before
    opened.to("close", after="plan")
    assert demo_project.roles("alpine-books") == {"Exchange Administrator"}


def test_a_tenant_that_moved_since_the_plan_voids_an_old_confirmation(open_run, demo_project):
    opened = open_run("create", "cedar-dental")
    opened.to("confirm")
    demo_project.account("cedar-dental")["surname"] = "Somebody"
    with clock.use(LateClock(seconds=31)), pytest.raises(Refused) as caught:
        opened.run.create_user()
    assert caught.value.code == "plan-changed"
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
    assert demo_project.writes() == []


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
    assert other["id"] in tenant.users
