"""The notebooks in front of an engineer: a real kernel, cell by cell, forms typed and clicked.

What JupyterLab would keep is what `Desk` keeps: outputs, and no widget state.
"""

import json
import re

import nbformat
import pytest

from o365lib.sandbox import Fault
from tests.jupyter_desk import CellFailed, Desk

NAME = "create_service_account"


@pytest.fixture
def desk(project):
    with Desk(project.folder / "notebooks") as open_desk:
        yield open_desk


def notebook_of(project, name=NAME):
    return project.folder / "notebooks" / f"{name}.ipynb"


def latest(project, client):
    return project.archive.runs(client)[-1]


def writes(project, client):
    return project.writes_of(client, 0)


def saved(project, desk):
    """What JupyterLab would write, and everything that stands in the archive, for `leaks`."""
    return nbformat.writes(desk.notebook)


def test_an_engineer_looks_confirms_by_the_form_and_goes_on_to_the_end(project, desk):
    client = "alpine-books"
    desk.run_notebook(notebook_of(project), client=client, ticket="T-8", until="confirm")
    assert "Fill in the form" in desk.shown("confirm")
    assert desk.is_disabled("o365-confirm")

    # Nothing happens before the button is pressed, not even out of order.
    with pytest.raises(CellFailed, match="The plan has not been confirmed"):
        desk.go_on(after="confirm", until="create-user")
    desk.click("o365-confirm")
    with pytest.raises(CellFailed, match="The plan has not been confirmed"):
        desk.go_on(after="confirm", until="create-user")
    assert writes(project, client) == []

    desk.type("o365-client", "alpine")
    assert desk.is_disabled("o365-confirm")
    desk.type("o365-approver", "Kim Doe")
    desk.type("o365-client", "alpine-books")
    assert not desk.is_disabled("o365-confirm")
    desk.click("o365-confirm")
    desk.click("o365-confirm")
    assert "Confirmed by Kim Doe" in desk.value("o365-answer")

    # Whoever opens the form again has to fill it in again.
    desk.go_on(after="plan", until="confirm")
    with pytest.raises(CellFailed, match="The plan has not been confirmed"):
        desk.go_on(after="confirm", until="create-user")
    desk.type("o365-approver", "Kim Doe")
    desk.type("o365-client", "alpine-books")
    desk.click("o365-confirm")
    desk.go_on(after="confirm")

    run = latest(project, client)
    record = run.read_record()
    assert (record.outcome, record.closed_by, record.ticket) == ("done", "runbook", "T-8")
    assert (record.approval.approved_by, record.approval.how) == ("Kim Doe", "form")
    assert project.roles(client) == {"Exchange Administrator"}
    copy = nbformat.read(run.notebook_file, as_version=4)
    nbformat.validate(copy)
    kept = {cell.id: cell for cell in copy.cells}
    assert "The run has ended: done" in kept["close"].outputs[0].data["text/plain"]
    assert kept["confirm"].source == "run.confirm(approved_by, approved_plan)"
    assert project.leaks(saved(project, desk)) == []


def test_a_confirmation_ends_when_the_tenant_moves_before_the_first_change(project, desk):
    client = "cedar-dental"
    desk.run_notebook(notebook_of(project), client=client, until="confirm")
    desk.type("o365-client", client)
    desk.click("o365-confirm")
    account = project.account(client)
    account["jobTitle"], account["surname"] = "of no account", "Somebody"
    with pytest.raises(CellFailed, match="plan-changed"):
        desk.go_on(after="confirm")
    assert writes(project, client) == []
    record = latest(project, client).read_record()
    assert (record.outcome, record.approval) == ("refused", None)
    assert "plan-changed" in latest(project, client).notebook_file.read_text("utf-8")
    # Back as it was: she looks, plans and confirms again, in the same notebook.
    account["surname"] = "Protect"
    desk.go_on(after="sign-in", until="confirm")
    desk.type("o365-client", client)
    desk.click("o365-confirm")
    desk.go_on(after="confirm")
    assert project.roles(client) == {"Global Administrator"}
    assert latest(project, client).read_record().outcome == "done"


def test_a_form_confirms_the_plan_that_it_shows_and_no_later_one(project, desk):
    client = "fernhill-motors"
    desk.run_notebook(notebook_of(project), client=client, until="confirm")
    old_button, old_name = desk.widget("o365-confirm"), desk.widget("o365-client")
    tenant = project.tenant(client)
    namesake = tenant.add_user(
        user_principal_name=f"practiceprotect@{tenant.initial_domain}",
        display_name="Practice Protect",
        givenName="Practice",
        surname="Protect",
    )
    desk.type_into(old_name, client)
    desk.go_on(after="sign-in", until="plan")
    with pytest.raises(CellFailed, match="create user comes after confirm"):
        desk.go_on(after="confirm", until="create-user")
    desk.go_on(after="plan", until="confirm")
    desk.press(old_button)
    with pytest.raises(CellFailed, match="Another plan was confirmed"):
        desk.go_on(after="confirm", until="create-user")
    assert writes(project, client) == []
    tenant.users.pop(namesake["id"])


def test_credentials_on_the_screen_appear_on_a_click_once_and_in_no_file(project, desk):
    client = "dunes-surveying"
    project.edit(client, dry_run_only=False, hand_over={"method": "screen"})
    desk.run_notebook(notebook_of(project), client=client, until="confirm")
    desk.type("o365-client", client)
    desk.click("o365-confirm")
    with pytest.raises(CellFailed, match="Nobody has looked at the credentials yet"):
        desk.go_on(after="confirm")
    tenant = project.tenant(client)
    password = tenant.password_of(project.account(client)["id"])
    assert desk.value("o365-credentials") == ""
    assert password not in json.dumps(desk.models)
    assert project.roles(client) == set()
    assert latest(project, client).read_record().outcome == "unfinished"

    desk.click("o365-show-once")
    assert password in desk.value("o365-credentials").replace("&amp;", "&")
    assert desk.is_disabled("o365-show-once")
    desk.go_on(after="hand-over")
    record = latest(project, client).read_record()
    assert (record.outcome, record.hand_over.status) == ("done", "accepted")
    assert project.leaks(saved(project, desk)) == []


def by_device_code(project, client):
    """Let a client be signed in to by a person, and return who may."""
    tenant = project.tenant(client)
    application = tenant.public_client.app_id
    project.edit(client, sign_in={"method": "device-code", "application_id": application})
    return tenant.administrator["userPrincipalName"]


def code_on_the_panel(project, desk):
    desk.pump_until(lambda: "o365-code" in desk.value("o365-sign-in"))
    return project.code_in(re.sub(r"<[^>]*>", " ", desk.value("o365-sign-in")))


def test_a_person_signs_in_while_the_kernel_is_free_and_the_code_is_in_no_file(project, desk):
    client = "eastgate-physio"
    person = by_device_code(project, client)
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
    code = code_on_the_panel(project, desk)
    assert "Sign in above" in desk.shown("sign-in")
    # The kernel answers meanwhile, and a later step says what it waits for.
    assert desk.run("6 * 7")[0]["data"]["text/plain"] == "42"
    with pytest.raises(CellFailed, match="look comes after sign in, which is outstanding"):
        desk.go_on(after="sign-in")
    desk.pump_until(lambda: "Good for" in desk.value("o365-countdown"))
    project.sandbox.approve_device_code(code, person)
    desk.pump_until(lambda: "Signed in as" in desk.value("o365-sign-in"))
    assert person in desk.value("o365-sign-in")
    assert code not in desk.value("o365-sign-in")
    desk.go_on(after="sign-in")
    record = latest(project, client).read_record()
    assert (record.outcome, record.operator.signed_in_as) == ("planned", person)
    assert code not in saved(project, desk)
    assert project.leaks(saved(project, desk)) == []


def test_a_sign_in_that_has_ended_is_taken_over_by_the_next_cell(project, desk):
    client = "eastgate-physio"
    person = by_device_code(project, client)
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
    code = code_on_the_panel(project, desk)
    request = desk.start("import time; time.sleep(7)")
    project.sandbox.approve_device_code(code, person)
    look = desk.start("run.look()")
    desk.finish(request)
    assert "The tenant as it is" in json.dumps(desk.finish(look))


def test_a_sign_in_may_be_given_up_and_begun_again(project, desk):
    client = "eastgate-physio"
    person = by_device_code(project, client)
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
    first = code_on_the_panel(project, desk)
    desk.click("o365-cancel-sign-in")
    assert "The sign-in was given up." in desk.value("o365-sign-in")
    assert first not in desk.value("o365-sign-in")
    record = latest(project, client).read_record()
    assert (record.outcome, record.error.step) == ("failed", "sign-in")
    desk.click("o365-sign-in-again")
    second = code_on_the_panel(project, desk)
    assert second != first
    project.sandbox.approve_device_code(second, person)
    desk.pump_until(lambda: "Signed in as" in desk.value("o365-sign-in"))
    desk.go_on(after="sign-in")
    record = latest(project, client).read_record()
    assert record.outcome == "planned"
    assert [each.status for each in record.steps if each.name == "sign-in"] == [
        "failed",
        "completed",
    ]


def test_whoever_says_no_is_told_so_on_the_panel_and_in_the_record(project, desk):
    client = "eastgate-physio"
    by_device_code(project, client)
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
    project.sandbox.decline_device_code(code_on_the_panel(project, desk))
    desk.pump_until(lambda: "o365-trouble" in desk.value("o365-sign-in"))
    assert "What to do" in desk.value("o365-sign-in")
    assert latest(project, client).read_record().outcome == "failed"
    with pytest.raises(CellFailed, match="outstanding"):
        desk.go_on(after="sign-in")


def test_a_code_that_nobody_enters_in_time_has_expired(project, desk):
    client = "eastgate-physio"
    by_device_code(project, client)
    before = project.sandbox.device_code_lifetime_seconds
    project.sandbox.device_code_lifetime_seconds = 6
    try:
        desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
        code_on_the_panel(project, desk)
        desk.pump_until(lambda: "o365-trouble" in desk.value("o365-sign-in"))
    finally:
        project.sandbox.device_code_lifetime_seconds = before
    assert "What to do" in desk.value("o365-sign-in")
    desk.pump_until(lambda: desk.value("o365-countdown") == "")
    assert latest(project, client).read_record().outcome == "failed"


def test_another_person_than_the_file_names_is_told_on_the_panel(project, desk):
    client = "eastgate-physio"
    person = by_device_code(project, client)
    application = project.tenant(client).public_client.app_id
    project.edit(
        client,
        sign_in={
            "method": "device-code",
            "application_id": application,
            "user_principal_name": "somebody@else.example",
        },
    )
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="sign-in")
    project.sandbox.approve_device_code(code_on_the_panel(project, desk), person)
    desk.pump_until(lambda: "o365-trouble" in desk.value("o365-sign-in"))
    assert "wrong-identity" in desk.value("o365-sign-in")
    assert "somebody@else.example" in desk.value("o365-sign-in")
    record = latest(project, client).read_record()
    assert (record.outcome, record.error.guard) == ("refused", "wrong-identity")


def test_waiting_for_replication_is_shown_as_such(project, desk):
    client = "fernhill-motors"
    roles = "/v1.0/roleManagement/directory/roleAssignments"
    desk.run_notebook(notebook_of(project), client=client, until="confirm")
    desk.type("o365-client", client)
    desk.click("o365-confirm")
    desk.go_on(after="confirm", until="hand-over")
    project.sandbox.faults.add(Fault(method="POST", path=roles, effect="404"))
    desk.go_on(after="hand-over")
    shown = desk.shown("assign-role")
    assert "✓ Assign " in shown
    assert "Waited 1 s until the directory knows the new user (replication)" in shown


def test_a_kernel_that_is_shut_down_in_mid_run_leaves_a_closed_record(project):
    client = "gumtree-vets"
    with Desk(project.folder / "notebooks") as desk:
        desk.run_notebook(
            notebook_of(project, "remove_service_account"), client=client, until="confirm"
        )
        assert latest(project, client).read_record().outcome == "unfinished"
    record = latest(project, client).read_record()
    assert (record.outcome, record.closed_by) == ("failed", "runbook")
    assert "kernel was stopped" in record.reason
    assert writes(project, client) == []


def test_a_second_engineer_is_told_of_the_first_and_can_only_look(project, desk):
    client = "gumtree-vets"
    desk.run_notebook(
        notebook_of(project, "remove_service_account"), client=client, until="confirm"
    )
    first = latest(project, client)
    with Desk(project.folder / "notebooks") as elsewhere:
        elsewhere.run_notebook(
            notebook_of(project, "remove_service_account"), client=client, until="open"
        )
        html = json.dumps([cell.get("outputs") for cell in elsewhere.notebook.cells])
        assert "has been at work on this client since" in html
        assert first.run_id in html
        elsewhere.go_on(after="open")
        record = latest(project, client).read_record()
        assert (record.outcome, record.dry_run) == ("planned", True)
        assert "you can only look" in elsewhere.shown("delete-user")
    assert writes(project, client) == []
    with Desk(project.folder / "notebooks") as again:
        desk.run("run.leave('She has gone home.')")
        again.run_notebook(
            notebook_of(project, "remove_service_account"), client=client, until="confirm"
        )
        assert again.has("o365-confirm")


def test_the_last_cell_shows_what_goes_into_the_ticket(project, desk):
    client = "gumtree-vets"
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, ticket="INC-<7>")
    shown = desk.shown("close")
    assert "Sealed as number" in shown
    assert "Ticket: INC-<7>" in shown
    html = json.dumps([cell.get("outputs") for cell in desk.notebook.cells])
    assert "INC-&lt;7&gt;" in html
    assert "data-o365-copy" in html
