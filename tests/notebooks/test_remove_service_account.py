"""The remove runbook in real kernels."""

import pytest

from o365lib.evidence.record import Outcome
from o365lib.service_account.permissions import GLOBAL_READER

STEPS = (
    "sign-in look plan confirm remove-roles revoke-sessions delete-user verify close".split()  # noqa: SIM905 -- it reads as a list
)


@pytest.fixture(scope="module")
def account(project):
    return dict(project.account("gumtree-vets"))


@pytest.fixture(scope="module")
def runs(project, account):
    # An engineer with the roles that the README names, not an application.
    tenant = project.tenant("bayside-legal")
    project.person = f"engineer@{tenant.initial_domain}"
    application = tenant.public_client.app_id
    project.edit("bayside-legal", sign_in={"method": "device-code", "application_id": application})
    return project.execute(
        "remove",
        "gumtree-vets",
        "bayside-legal",
        "cedar-dental",
        approved_by="Kim Doe",
        ticket="T-43",
    )


def test_the_account_goes_and_lies_in_the_recycle_bin(project, account, runs):
    run = runs["gumtree-vets"]
    assert (run.result.outcome, run.record["closed_by"]) == (Outcome.DONE, "runbook")
    assert project.account("gumtree-vets") is None
    assert account["id"] in project.tenant("gumtree-vets").deleted_users
    assert [each["name"] for each in run.record["steps"]] == STEPS
    assert run.not_executed() == []


def test_roles_go_first_and_the_user_goes_by_its_object_id(account, runs):
    roles, sessions, user = runs["gumtree-vets"].writes
    assert roles.startswith("DELETE /v1.0/roleManagement/directory/roleAssignments/")
    assert sessions.endswith(f"/users/{account['id']}/revokeSignInSessions")
    assert user == f"DELETE /v1.0/users/{account['id']}"


def test_the_record_keeps_what_restoring_needs(account, runs):
    undo = runs["gumtree-vets"].record["undo"]
    assert undo["id"] == account["id"]
    assert undo["role_assignments"][0]["display_name"] == "Exchange Administrator"
    assert "Can be restored until" in runs["gumtree-vets"].shown("close")


def test_while_a_domain_is_federated_with_the_vendor_the_account_stays(project, runs):
    run = runs["bayside-legal"]
    assert (run.result.outcome, run.result.guard) == (Outcome.REFUSED, "federated-with-vendor")
    assert run.writes == []
    assert project.roles("bayside-legal") == {"Global Administrator"}
    step, box = run.error_box()
    assert step == "plan"
    assert "End the federation with Practice Protect first" in box
    assert run.record["error"]["guard"] == "federated-with-vendor"
    assert run.not_executed() == STEPS[3:]


def test_who_may_not_read_the_federation_cannot_answer_for_it_in_writing(project, runs):
    tenant = project.tenant("bayside-legal")
    engineer = tenant.find_user(f"engineer@{tenant.initial_domain}")
    for assignment, each in list(tenant.role_assignments.items()):
        if each["principalId"] == engineer["id"] and each["roleDefinitionId"] == GLOBAL_READER:
            del tenant.role_assignments[assignment]
    project.edit("bayside-legal", federation_override={"reason": "It is surely their own ADFS."})
    run = project.execute("remove", "bayside-legal", approved_by="Kim Doe")["bayside-legal"]
    assert (run.result.outcome, run.result.guard) == (Outcome.REFUSED, "federation-unreadable")
    box = " ".join(run.error_box()[1].split())
    assert "Global Reader or Security Reader for the user who signs in" in box
    assert run.writes == []
    assert project.roles("bayside-legal") == {"Global Administrator"}


def test_while_the_vendor_still_works_the_account_stays(runs):
    run = runs["cedar-dental"]
    assert (run.result.outcome, run.result.guard) == (Outcome.REFUSED, "onboarding-in-progress")
    assert run.writes == []


def test_a_second_removal_has_nothing_to_do(project, runs):
    run = project.execute("remove", "gumtree-vets", approved_by="Kim Doe")["gumtree-vets"]
    assert run.result.outcome == Outcome.NOTHING_TO_DO
    assert run.writes == []


def test_no_secret_is_in_anything_that_was_written(project, runs):
    assert project.leaks() == []
