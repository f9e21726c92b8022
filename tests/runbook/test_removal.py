import pytest

from o365lib import clock
from o365lib.errors import GraphError, NotVerified, Refused, RunbookError
from o365lib.evidence.record import Outcome
from o365lib.runbook import standing
from o365lib.sandbox import Fault
from tests.standing_clock import LateClock


def kept(opened):
    return opened.run.folder.read_record()


def test_roles_then_sessions_then_the_user_by_its_id_and_then_a_look(open_run, demo_project):
    account = demo_project.account("gumtree-vets")
    opened = open_run("remove", "gumtree-vets")
    opened.to("close")
    assert demo_project.account("gumtree-vets") is None
    assert account["id"] in demo_project.tenant("gumtree-vets").deleted_users
    writes = demo_project.writes()
    assert [write.split("/")[0] for write in writes] == ["DELETE ", "POST ", "DELETE "]
    assert "roleAssignments" in writes[0]
    assert writes[1].endswith(f"/users/{account['id']}/revokeSignInSessions")
    assert writes[2].endswith(f"/users/{account['id']}")
    record = kept(opened)
    assert (record.outcome, record.reason) == (
        Outcome.DONE,
        f"{account['userPrincipalName']}: roles taken away, sessions ended, deleted",
    )


def test_what_undoing_needs_is_kept_before_the_first_change(open_run, demo_project):
    account = demo_project.account("gumtree-vets")
    demo_project.sandbox.faults.add(
        Fault(method="DELETE", path="/v1.0/roleManagement/*", effect="403")
    )
    opened = open_run("remove", "gumtree-vets")
    with pytest.raises(GraphError):
        opened.to("remove_roles")
    undo = kept(opened).undo
    assert undo["id"] == account["id"]
    assert undo["role_assignments"][0]["display_name"] == "Exchange Administrator"
    assert demo_project.roles("gumtree-vets") == {"Exchange Administrator"}


def test_a_second_removal_has_nothing_to_do(open_run, demo_project):
    open_run("remove", "gumtree-vets").to("close")
    before = demo_project.writes()
    opened = open_run("remove", "gumtree-vets")
    opened.to("close", approved_by="")
    assert kept(opened).outcome == Outcome.NOTHING_TO_DO
    assert demo_project.writes() == before


def test_each_step_may_be_repeated(open_run, demo_project):
    opened = open_run("remove", "gumtree-vets")
    opened.to("remove_roles")
    for name in ("remove_roles", "revoke_sessions", "revoke_sessions", "delete_user"):
        getattr(opened.run, name)()
    opened.run.delete_user()
    opened.to("close", after="delete_user")
    assert kept(opened).outcome == Outcome.DONE
    assert demo_project.account("gumtree-vets") is None


def much_later(opened, *names):
    """Execute steps, each so late that the tenant is read again before it changes anything."""
    for number, name in enumerate(names, start=1):
        with clock.use(LateClock(seconds=31 * number)):
            getattr(opened.run, name)()


def assert_seen_in_the_bin(opened, project, user_id):
    record = kept(opened)
    assert record.outcome == Outcome.DONE
    assert [(each.name, each.passed) for each in record.verification] == [
        ("account", True),
        ("recycle bin", True),
    ]
    assert user_id in project.tenant("gumtree-vets").deleted_users


@pytest.mark.parametrize("first", ["remove_roles", "revoke_sessions", "delete_user"])
def test_each_step_may_be_repeated_after_the_user_was_deleted(open_run, demo_project, first):
    user_id = demo_project.account("gumtree-vets")["id"]
    opened = open_run("remove", "gumtree-vets")
    opened.to("delete_user")
    steps = ("remove_roles", "revoke_sessions", "delete_user")
    much_later(opened, *steps[steps.index(first) :])
    opened.to("close", after="delete_user")
    assert_seen_in_the_bin(opened, demo_project, user_id)


def test_a_deletion_whose_answer_was_lost_and_could_not_be_looked_for_is_repeated_later(
    open_run, demo_project
):
    user_id, faults = demo_project.account("gumtree-vets")["id"], demo_project.sandbox.faults
    faults.add(Fault(method="DELETE", path="/v1.0/users/*", effect="reset-after"))
    opened = open_run("remove", "gumtree-vets")
    opened.to("revoke_sessions")
    faults.add(Fault(method="GET", path="/v1.0/users/*", effect="reset-before", times=None))
    with pytest.raises(RunbookError):
        opened.run.delete_user()
    assert kept(opened).outcome == Outcome.UNVERIFIED
    faults.clear()
    much_later(opened, "delete_user")
    opened.to("close", after="delete_user")
    assert_seen_in_the_bin(opened, demo_project, user_id)


def test_an_account_that_somebody_else_deleted_in_mid_way_ends_the_run(open_run, demo_project):
    user_id = demo_project.account("gumtree-vets")["id"]
    demo_project.sandbox.faults.add(Fault(method="DELETE", path="/v1.0/users/*", effect="403"))
    opened = open_run("remove", "gumtree-vets")
    with pytest.raises(GraphError):
        opened.to("delete_user")
    demo_project.tenant("gumtree-vets").remove_user(user_id, demo_project.sandbox.clock.now())
    with pytest.raises(Refused, match="does not exist any more") as caught:
        much_later(opened, "delete_user")
    assert caught.value.remedy == standing.NEW_RUN
    again = open_run("remove", "gumtree-vets")
    again.to("close")
    assert kept(again).outcome == Outcome.NOTHING_TO_DO


def test_while_a_domain_is_federated_with_the_vendor_the_account_stays(open_run, demo_project):
    opened = open_run("remove", "bayside-legal")
    with pytest.raises(Refused) as caught:
        opened.to("close")
    assert caught.value.code == "federated-with-vendor"
    assert demo_project.roles("bayside-legal") == {"Global Administrator"}
    assert demo_project.writes() == []


def test_a_deletion_that_is_accepted_and_dropped_is_not_success(open_run, demo_project):
    demo_project.sandbox.faults.add(Fault(method="DELETE", path="/v1.0/users/*", effect="drop"))
    opened = open_run("remove", "gumtree-vets")
    with pytest.raises(NotVerified):
        opened.to("close")
    assert kept(opened).outcome == Outcome.UNVERIFIED
    assert demo_project.account("gumtree-vets") is not None


def test_roles_that_still_show_hold_the_deletion_up(open_run, demo_project):
    demo_project.sandbox.faults.add(
        Fault(method="DELETE", path="/v1.0/roleManagement/*", effect="drop")
    )
    opened = open_run("remove", "gumtree-vets")
    with pytest.raises(NotVerified):
        opened.to("close")
    assert demo_project.account("gumtree-vets") is not None
    assert not any(write.startswith("DELETE /v1.0/users") for write in demo_project.writes())


def test_a_dry_run_of_a_removal_changes_nothing(open_run, demo_project):
    opened = open_run("remove", "gumtree-vets", dry_run=True)
    opened.to("close", approved_by="Kim")
    assert kept(opened).outcome == Outcome.PLANNED
    assert kept(opened).undo is None
    assert demo_project.writes() == []


@pytest.mark.parametrize("word", ["create", "remove"])
@pytest.mark.parametrize("name", ["practiceprotect@{custom}", "old-pp@{initial}"])
def test_an_account_that_was_renamed_is_neither_gone_nor_made_twice(
    open_run, demo_project, word, name
):
    open_run("create", "alpine-books").to("close")
    tenant, account = demo_project.tenant("alpine-books"), demo_project.account("alpine-books")
    first, roles = account["userPrincipalName"], tenant.roles_of(account["id"])
    custom = next(each for each in tenant.domains if each != tenant.initial_domain)
    account["userPrincipalName"] = name.format(custom=custom, initial=tenant.initial_domain)
    demo_project.edit("alpine-books", onboarding="completed")
    before = demo_project.writes()
    opened = open_run(word, "alpine-books")
    with pytest.raises(Refused) as caught:
        opened.to("close")
    assert caught.value.code == "account-renamed"
    assert account["userPrincipalName"] in caught.value.message
    assert (kept(opened).outcome, demo_project.writes()) == (Outcome.REFUSED, before)
    # The way out that the refusal names leads out.
    account["userPrincipalName"] = first
    again = open_run(word, "alpine-books")
    again.to("close")
    done = {"create": Outcome.NOTHING_TO_DO, "remove": Outcome.DONE}
    assert kept(again).outcome == done[word]
    assert tenant.roles_of(account["id"]) == (roles if word == "create" else set())


def test_an_account_that_was_renamed_and_deleted_by_hand_is_gone(open_run, demo_project):
    open_run("create", "alpine-books").to("close")
    tenant, account = demo_project.tenant("alpine-books"), demo_project.account("alpine-books")
    account["userPrincipalName"] = f"old-pp@{tenant.initial_domain}"
    tenant.remove_user(account["id"], demo_project.sandbox.clock.now())
    removal = open_run("remove", "alpine-books")
    removal.to("close")
    assert kept(removal).outcome == Outcome.NOTHING_TO_DO
    creation = open_run("create", "alpine-books")
    creation.to("close")
    assert kept(creation).outcome == Outcome.DONE
    assert demo_project.account("alpine-books")["id"] != account["id"]
