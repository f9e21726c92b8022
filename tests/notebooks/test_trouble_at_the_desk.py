"""What befalls an engineer at her desk: Ctrl-C, a tenant that goes away, tokens that expire."""

import time

import pytest

from o365lib.sandbox import Fault
from tests.jupyter_desk import CellFailed, Desk
from tests.notebooks.test_in_jupyterlab import (
    by_device_code,
    code_on_the_panel,
    latest,
    notebook_of,
)

REMOVE = "remove_service_account"


@pytest.fixture
def desk(project):
    with Desk(project.folder / "notebooks") as open_desk:
        yield open_desk


def confirm(desk, project, client):
    desk.type("o365-client", client)
    if any("o365-account" in state.get("_dom_classes", ()) for state in desk.models.values()):
        desk.choose("o365-account", 0)
    desk.click("o365-confirm")


def interrupted(desk, project, source):
    """Execute a cell whose first request waits, press Ctrl-C, and return what it shows."""
    project.sandbox.latency_seconds = 5.0
    seen = len(project.sandbox.journal)
    request = desk.start(source)
    # A request is in the journal when it has been answered: so long, and no longer, it waits here.
    time.sleep(0.8)
    desk.interrupt()
    outputs = desk.finish(request)
    project.sandbox.latency_seconds = 0.0
    assert len(project.sandbox.journal) <= seen + 1
    return "\n".join(
        str(output.get("data", {}).get("text/plain", "")) + "\n".join(output.get("traceback", ()))
        for output in outputs
    )


@pytest.mark.parametrize("step", ["sign_in", "look", "create_user", "hand_over", "assign_role"])
def test_ctrl_c_in_a_cell_of_the_create_runbook_is_told_and_the_cell_can_be_executed_again(
    project, desk, step
):
    client = "alpine-books"
    forget_account(project, client)
    before = {
        "sign_in": "open",
        "look": "sign-in",
        "create_user": "confirm",
        "hand_over": "create-user",
        "assign_role": "hand-over",
    }[step]
    desk.run_notebook(
        notebook_of(project),
        client=client,
        until=before if before in {"open", "sign-in"} else "confirm",
    )
    if before in {"confirm", "create-user", "hand-over"}:
        confirm(desk, project, client)
        if before != "confirm":
            desk.go_on(after="confirm", until=before)
    shown = interrupted(desk, project, f"run.{step}()")
    assert "Interrupted in the step" in shown
    assert latest(project, client).read_record().outcome in {"failed", "unverified"}
    desk.go_on(after=before, until="confirm" if step in {"sign_in", "look"} else "close")
    if step in {"sign_in", "look"}:
        confirm(desk, project, client)
        desk.go_on(after="confirm")
    record = latest(project, client).read_record()
    assert record.outcome == "done"
    assert project.roles(client) == {"Exchange Administrator"}
    accounts = [
        user
        for user in project.tenant(client).users.values()
        if user["userPrincipalName"].startswith("practiceprotect@")
    ]
    assert len(accounts) == 1
    assert project.leaks(str([each.outputs for each in code_cells(desk)])) == []


@pytest.mark.parametrize("step", ["remove_roles", "revoke_sessions", "delete_user"])
def test_ctrl_c_in_a_cell_of_the_remove_runbook_is_told_and_the_cell_can_be_executed_again(
    project, desk, step
):
    client = "gumtree-vets"
    if project.account(client) is None:
        pytest.skip("an earlier step has removed it already")
    before = {
        "remove_roles": "confirm",
        "revoke_sessions": "remove-roles",
        "delete_user": "revoke-sessions",
    }[step]
    desk.run_notebook(notebook_of(project, REMOVE), client=client, until="confirm")
    confirm(desk, project, client)
    if before != "confirm":
        desk.go_on(after="confirm", until=before)
    shown = interrupted(desk, project, f"run.{step}()")
    assert "Interrupted in the step" in shown
    if step != "delete_user":
        return  # the next one begins a run of its own
    desk.go_on(after=before)
    assert latest(project, client).read_record().outcome == "done"
    assert project.account(client) is None


def test_a_tenant_that_goes_away_in_mid_way_is_told_and_the_rest_is_done_when_it_is_back(
    project, desk
):
    client = "alpine-books"
    forget_account(project, client)
    desk.run_notebook(notebook_of(project), client=client, until="confirm")
    confirm(desk, project, client)
    desk.go_on(after="confirm", until="hand-over")
    project.sandbox.faults.add(Fault(effect="503", times=None, retry_after="0"))
    with pytest.raises(CellFailed, match="What to do"):
        desk.go_on(after="hand-over", until="assign-role")
    project.sandbox.faults.clear()
    desk.go_on(after="hand-over")
    assert latest(project, client).read_record().outcome == "done"
    assert project.roles(client) == {"Exchange Administrator"}


def test_a_token_that_expires_in_the_middle_of_applying_is_renewed(project, desk):
    client = "eastgate-physio"
    person = by_device_code(project, client)
    project.edit(client, dry_run_only=False, hand_over={"method": "screen"})
    desk.run_notebook(notebook_of(project), client=client, until="sign-in")
    project.sandbox.approve_device_code(code_on_the_panel(project, desk), person)
    desk.pump_until(lambda: "Signed in as" in desk.value("o365-sign-in"))
    desk.go_on(after="sign-in", until="confirm")
    confirm(desk, project, client)
    desk.go_on(after="confirm", until="create-user")
    project.sandbox.clock.advance(seconds=7200)
    desk.go_on(after="create-user", until="hand-over")
    desk.click("o365-show-once")
    desk.go_on(after="hand-over")
    assert latest(project, client).read_record().outcome == "done"


def code_cells(desk):
    return [cell for cell in desk.notebook.cells if cell.cell_type == "code"]


def forget_account(project, client):
    account = project.account(client)
    if account is not None:
        project.tenant(client).users.pop(account["id"])
