"""The create runbook in JupyterLab, in a real browser, as an engineer steps through it.

The picture in the README is made here, on request:

    O365_PICTURE=docs/images/create-in-jupyterlab.png pytest tests/browser -k confirms
"""

import json
import os
from pathlib import Path

import nbformat
import pytest

from tests.demo_project import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(lab, request):
    """A copy of the create runbook with a client written into its parameters cell."""
    client = request.param
    opened = nbformat.read(ROOT / "notebooks" / "create_service_account.ipynb", as_version=4)
    (cell,) = [each for each in opened.cells if each.id == "parameters"]
    assert 'client = ""  #' in cell.source
    cell.source = cell.source.replace('client = ""  #', f'client = "{client}"  #')
    cell.source = cell.source.replace('ticket = ""  #', 'ticket = "INC-2041"  #')
    file = lab.folder / f"{client}.ipynb"
    nbformat.write(opened, file)
    return file


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
    page.open(notebook.name)
    page.run_above("create-user")
    page.expect(page.cell("plan")).to_contain_text("Assign Exchange Administrator")
    assert project.writes() == []
    page.type_client("alpine-books")
    take_picture(page)
    page.page.locator("button.o365-confirm").click()
    page.expect(page.page.locator(".o365-answer")).to_contain_text("Confirmed by")
    page.run_from("create-user")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")

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
    page.open(notebook.name)
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

    page.run_from("assign-role")
    page.expect(page.cell("close")).to_contain_text("The run has ended: done")
    assert project.leaks(page.save(notebook), lab.log()) == []
