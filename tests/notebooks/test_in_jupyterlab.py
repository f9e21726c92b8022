"""The notebooks in front of an engineer: a real kernel, cell by cell, forms typed and clicked.

What JupyterLab would keep is what `Desk` keeps: outputs, and no widget state.
"""

import json

import nbformat
import pytest

from tests.desk import CellFailed, Desk

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


def test_a_device_code_is_shown_where_she_looks_and_is_in_no_file(project, desk):
    client = "eastgate-physio"
    tenant = project.tenant(client)
    person = tenant.administrator["userPrincipalName"]
    application = tenant.public_client.app_id
    project.edit(client, sign_in={"method": "device-code", "application_id": application})
    desk.run_notebook(notebook_of(project), client=client, dry_run=True, until="open")
    request = desk.start("run.sign_in()")
    desk.pump_until(lambda: desk.has("o365-prompt") and "code" in desk.value("o365-prompt"))
    code = project.code_in(desk.value("o365-prompt"))
    project.sandbox.approve_device_code(code, person)
    outputs = desk.finish(request)
    assert "Signed in" in json.dumps(outputs)
    assert code not in json.dumps(outputs)
    assert desk.value("o365-prompt") == "<p>Signed in.</p>"
    desk.go_on(after="sign-in")
    assert latest(project, client).read_record().operator.signed_in_as == person
    assert project.leaks(saved(project, desk), json.dumps(outputs)) == []


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
