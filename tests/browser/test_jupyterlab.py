"""The create runbook in JupyterLab, in a real browser, as an engineer steps through it.

The picture in the README is made here, on request:

    O365_PICTURE=docs/images/create-in-jupyterlab.png pytest tests/browser -k confirms
"""

import json
import os
from pathlib import Path

import pytest

from tests.browser.test_reports import PALE
from tests.demo_project import ROOT

pytestmark = pytest.mark.browser

# The same within one element; what a disabled field shows may be pale.
PALE_WITHIN = (
    PALE.replace("() => {", "root => {")
    .replace("document.body, NodeFilter", "root, NodeFilter")
    .replace("'svg, style'", "'svg, style, :disabled'")
)


@pytest.fixture
def notebook(lab, request):
    """A working copy of the create runbook for a client."""
    return lab.folder / lab.copy_of("create_service_account", request.param, "INC-2041")


def keep_picture(page, name):
    """Keep a picture to look at, if a folder was named: O365_PICTURES=folder."""
    if folder := os.environ.get("O365_PICTURES"):
        page.page.wait_for_timeout(300)
        page.page.screenshot(path=Path(folder) / f"{name}.png")


def take_picture(page):
    """Make the README's picture, if one was asked for."""
    wanted = os.environ.get("O365_PICTURE")
    if not wanted:
        return
    page.page.locator(".jp-SideBar.jp-mod-left li[data-id='filebrowser']").click()
    page.page.locator(".o365-approver input").fill("Kim Doe")
    page.cell("plan").evaluate("cell => cell.scrollIntoView()")
    page.page.locator(".o365-client input").focus()
    page.page.wait_for_timeout(1000)
    page.page.screenshot(path=Path(ROOT, wanted))


@pytest.mark.parametrize("notebook", ["alpine-books"], indirect=True)
def test_an_engineer_looks_confirms_and_sees_that_it_is_done(page, lab, notebook):
    project = lab.project
    page.open(notebook.relative_to(lab.folder).as_posix())
    page.run_above("create-user")
    page.expect(page.cell("plan")).to_contain_text("Assign Exchange Administrator")
    assert project.writes() == []
    page.type_client("alpine-books")
    take_picture(page)
    keep_picture(page, "confirm")
    page.page.locator("button.o365-confirm").click()
    page.expect(page.page.locator(".o365-answer")).to_contain_text("Confirmed by")
    page.run_from("create-user")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")
    page.expect(page.cell("create-user")).to_contain_text("✓ Create the user")
    page.cell("close").scroll_into_view_if_needed()
    keep_picture(page, "closed")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.cell("close").get_by_role("button", name="Copy: For the ticket").click()
    page.expect(page.page.locator(".o365-told")).to_have_text("Copied")
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Create service account for Alpine Books")
    assert "Ticket: INC-2041" in copied
    with page.page.expect_popup() as opened:
        page.cell("close").get_by_role("link", name="The report of this run").click()
    page.expect(opened.value.locator("body")).to_contain_text("Record of one run")
    opened.value.close()

    saved = page.save(notebook)
    assert "The run has ended: done" in saved
    assert "widgets" not in json.loads(saved)["metadata"]
    (record,) = project.records("alpine-books")
    assert (record.outcome, record.approval.how) == ("done", "form")
    assert project.roles("alpine-books") == {"Exchange Administrator"}
    assert project.leaks(saved, lab.log()) == []


@pytest.mark.parametrize("notebook", ["fernhill-motors"], indirect=True)
def test_credentials_on_the_screen_are_seen_once_and_saved_nowhere(page, lab, notebook):
    project = lab.project
    project.edit("fernhill-motors", hand_over={"method": "screen"})
    page.open(notebook.relative_to(lab.folder).as_posix())
    page.run_above("create-user")
    page.confirm("fernhill-motors")
    page.run_from("create-user", until="assign-role")
    page.expect(page.cell("assign-role")).to_contain_text("Nobody has looked at the credentials")
    assert project.roles("fernhill-motors") == set()

    page.page.locator("button.o365-show-once").click()
    shown = page.page.locator(".o365-credentials pre")
    page.expect(shown).to_be_visible()
    password = project.tenant("fernhill-motors").password_of(
        project.account("fernhill-motors")["id"]
    )
    assert shown.inner_text().strip() == password
    page.expect(page.page.locator("button.o365-show-once")).to_be_disabled()
    # Saved while it is on the screen, which is the worst moment.
    saved = page.save(notebook)
    assert shown.is_visible()
    assert project.leaks(saved, lab.log()) == []
    stored = page.page.evaluate(
        "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])"
    )
    assert project.leaks(stored) == []
    workspaces = [file.read_text("utf-8") for file in lab.home.rglob("*.jupyterlab-workspace")]
    assert project.leaks(*workspaces) == []

    page.run_from("assign-role")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")
    assert project.leaks(page.save(notebook), lab.log()) == []


@pytest.mark.parametrize("notebook", ["eastgate-physio"], indirect=True)
def test_she_signs_in_on_the_panel_while_the_page_goes_on(page, lab, notebook):
    project = lab.project
    tenant = project.tenant("eastgate-physio")
    project.edit(
        "eastgate-physio",
        sign_in={"method": "device-code", "application_id": tenant.public_client.app_id},
    )
    page.open(notebook.relative_to(lab.folder).as_posix())
    page.run_above("look")
    code = page.page.locator(".o365-code")
    page.expect(code).to_be_visible()
    page.expect(page.page.locator(".o365-countdown")).to_contain_text("Good for")
    keep_picture(page, "sign-in")
    shown = code.inner_text()
    # A later cell says what it waits for, and the sign-in goes on.
    page.select("look")
    page.menu("Run Selected Cell and Do Not Advance")
    page.expect(page.cell("look").locator(".o365-trouble")).to_contain_text("outstanding")
    keep_picture(page, "error")
    page.page.get_by_role("button", name="Cancel").click()
    page.expect(page.page.locator(".o365-sign-in")).to_contain_text("given up")
    page.page.get_by_role("button", name="Sign in again").click()
    page.expect(code).to_be_visible()
    assert code.inner_text() != shown
    person = tenant.administrator["userPrincipalName"]
    project.sandbox.approve_device_code(code.inner_text(), person)
    page.expect(page.page.locator(".o365-sign-in")).to_contain_text("Signed in as")
    page.run_from("look", until="confirm")
    page.expect(page.cell("plan")).to_contain_text("Plan ")
    saved = page.save(notebook)
    assert shown not in saved
    assert project.leaks(saved, lab.log()) == []


@pytest.mark.parametrize("notebook", ["bayside-legal"], indirect=True)
def test_a_guard_is_a_red_box_that_says_first_what_to_do(page, lab, notebook):
    path = lab.copy_of("remove_service_account", "bayside-legal")
    page.open(path)
    page.select("imports")
    page.page.get_by_role("menuitem", name="Run", exact=True).click()
    page.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    box = page.cell("plan").locator(".o365-trouble")
    page.expect(box).to_contain_text("Refused: federated-with-vendor")
    text = box.inner_text()
    assert text.index("What to do") < text.index("What happened")
    page.expect(box).to_have_attribute("role", "alert")
    page.expect(box).to_be_in_viewport()
    page.expect(box.locator("details")).not_to_have_attribute("open", "")
    keep_picture(page, "guard")
    assert lab.project.account("bayside-legal") is not None


@pytest.mark.parametrize("notebook", ["gumtree-vets"], indirect=True)
def test_a_removal_takes_the_account_by_its_id_and_a_double_click_removes_once(page, lab, notebook):
    project = lab.project
    account = project.account("gumtree-vets")["id"]
    page.open(lab.copy_of("remove_service_account", "gumtree-vets"))
    page.select("create-user")
    page.menu("Run All Above Selected Cell")
    page.wait_executed("confirm")
    button = page.page.locator("button.o365-confirm")
    page.page.locator(".o365-client input").fill("gumtree-vets")
    page.expect(button).to_be_disabled()
    page.page.get_by_label("None of these is the account").check()
    page.expect(page.page.locator(".o365-answer")).to_contain_text("not the account of this plan")
    page.expect(button).to_be_disabled()
    page.page.get_by_label(account).check()
    page.expect(button).to_be_enabled()
    keep_picture(page, "removal")
    button.dblclick()
    page.expect(page.page.locator(".o365-answer")).to_contain_text("Confirmed by")
    page.run_from("create-user")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")
    removed = [each for each in project.writes() if each == f"DELETE /v1.0/users/{account}"]
    assert len(removed) == 1


@pytest.mark.parametrize("notebook", ["dunes-surveying"], indirect=True)
def test_a_page_that_is_closed_and_a_kernel_that_is_restarted_in_mid_way_end_right(
    page, lab, notebook
):
    project = lab.project
    project.edit("dunes-surveying", dry_run_only=False)
    path = notebook.relative_to(lab.folder).as_posix()
    page.open(path)
    page.run_above("create-user")
    page.confirm("dunes-surveying")
    page.run_from_alone("create-user")
    page.save(notebook)
    # The browser is closed and opened again: the kernel has gone on, and so does she.
    page.page.goto("about:blank")
    page.open(path)
    page.expect(page.cell("create-user")).to_contain_text("was created with the object id")
    page.run_from_alone("hand-over")
    # The kernel is restarted: the run is closed with what it did, and the next one does the rest.
    page.page.evaluate("() => undefined")
    page.restart_kernel()
    page.run_above("sign-in")
    page.expect(page.cell("open")).to_contain_text("did not come to its end")
    page.expect(page.cell("open")).to_contain_text("Create the user: done")
    page.run_from("sign-in", until="confirm")
    page.confirm("dunes-surveying")
    page.run_from("create-user")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")
    assert project.roles("dunes-surveying") == {"Exchange Administrator"}
    first, second = project.records("dunes-surveying")
    assert (first.outcome, second.outcome) == ("unverified", "done")


@pytest.mark.parametrize("notebook", ["cedar-dental"], indirect=True)
def test_the_panels_are_readable_in_the_dark_theme_and_at_twice_the_size(page, lab, notebook):
    theme = lab.home / "settings" / "@jupyterlab" / "apputils-extension"
    theme = theme / "themes.jupyterlab-settings"
    theme.write_text('{"theme": "JupyterLab Dark"}')
    page.open(notebook.relative_to(lab.folder).as_posix())
    page.expect(page.page.locator("body[data-jp-theme-light='false']")).to_have_count(1)
    page.run_above("create-user")
    page.select("hand-over")
    page.menu("Run Selected Cell and Do Not Advance")
    page.expect(page.cell("hand-over").locator(".o365-trouble")).to_be_visible()
    page.page.set_viewport_size({"width": 640, "height": 900})
    try:
        for cell in ("open", "plan", "confirm", "hand-over"):
            page.cell(cell).scroll_into_view_if_needed()
            shown = page.cell(cell).locator(".jp-OutputArea").first
            pale = shown.evaluate(PALE_WITHIN)
            assert pale == [], cell
            keep_picture(page, f"dark-{cell}")
    finally:
        page.page.set_viewport_size({"width": 1280, "height": 900})
        theme.unlink()
