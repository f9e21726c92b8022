"""The start page and the banner in a real browser, by keyboard alone where an engineer may be.

`O365_PICTURES=folder pytest tests/browser/test_start_page.py` keeps pictures, to look at.
"""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"
LONG = "supercalifragilistic" * 12


@pytest.fixture
def outside(page, lab):
    """Every address elsewhere that the browser asks for."""
    asked = []

    def note(request):
        if not request.url.startswith((lab.url, "data:", "blob:", lab.url.replace("http", "ws"))):
            asked.append(request.url)

    page.page.on("request", note)
    yield asked
    page.page.remove_listener("request", note)


@pytest.fixture
def start(page, lab):
    """The start page, ready."""

    def open_it():
        page.page.goto(f"{lab.url}o365/?token={lab.token}")
        page.expect(page.page.locator("html[data-ready]")).to_have_count(1)
        return page.page

    return open_it


def picture(page, name):
    if folder := os.environ.get("O365_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def banner(page):
    return page.page.locator("#o365-banner")


def write_client(lab, name, **fields):
    import json

    content = {
        "client": name,
        "tenant": f"{name}.onmicrosoft.com",
        "purpose": "mail-redirection",
        "sign_in": {"method": "device-code"},
        "hand_over": {"method": "screen"},
        **fields,
    }
    file = lab.project.folder / "parameters" / "clients" / f"{name}.yaml"
    file.write_text(json.dumps(content), "utf-8")
    return file


def test_from_the_keyboard_alone_to_a_runbook_whose_client_is_always_in_sight(
    page, lab, start, outside
):
    shown = start()
    picture(shown, "start")
    keys = shown.keyboard
    assert shown.evaluate("document.activeElement.id") == "search"
    keys.type("alpine")
    page.expect(shown.locator("#found li")).to_have_count(1)
    keys.press("ArrowDown")
    page.expect(shown.locator("#found li")).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    page.expect(shown.locator("#chosen")).to_contain_text("Alpine Books (alpine-books)")
    picture(shown, "chosen")
    keys.press("Tab")
    while shown.evaluate("document.activeElement.id") != "ticket":
        keys.press("Tab")
    keys.type("INC-4711")
    while shown.evaluate("document.activeElement.id") != "open-create_service_account":
        keys.press("Tab")
    keys.press("Enter")
    page.expect(banner(page)).to_contain_text("Client: Alpine Books (alpine-books)")
    for told in ("SANDBOX", "alpinebooks.onmicrosoft.com", "Cloud: sandbox", "Ticket: INC-4711"):
        page.expect(banner(page)).to_contain_text(told)
    page.expect(banner(page)).to_have_attribute("role", "status")
    page.wait_idle()
    picture(shown, "banner")
    given = shown.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(1)
    page.expect(given).to_contain_text("client = 'alpine-books'")
    page.expect(given).to_contain_text("ticket = 'INC-4711'")
    assert outside == []
    assert lab.project.writes() == []


def test_a_template_is_for_reading_and_has_no_client(page, lab):
    page.page.goto(
        f"{lab.url}lab/workspaces/t/tree/runbooks/create_service_account.ipynb?token={lab.token}"
    )
    page.expect(page.page.locator(".jp-NotebookPanel:visible .jp-Notebook")).to_be_visible()
    page.expect(banner(page)).to_contain_text("No client")
    template = lab.folder / "runbooks" / "create_service_account.ipynb"
    assert template.stat().st_mode & 0o222 == 0


def test_a_real_tenant_is_called_so(page, lab):
    write_client(lab, "contoso", display_name="Contoso")
    path = lab.copy_of("create_service_account", "contoso")
    page.page.goto(f"{lab.url}lab/workspaces/r/tree/{path}?token={lab.token}")
    page.expect(banner(page)).to_contain_text("REAL TENANT")
    page.expect(banner(page)).to_contain_text("Cloud: global")
    assert "SANDBOX" not in banner(page).inner_text()
    picture(page.page, "real")


def test_a_new_client_is_made_in_the_form_after_its_mistakes_were_told(page, lab, start):
    shown = start()
    shown.get_by_role("button", name="New client").click()
    shown.get_by_label("Short name (needed)").fill("new-client")
    shown.get_by_label("Tenant (needed)").fill("nonsense")
    shown.get_by_label("Recipient (needed)", exact=True).fill("nobody")
    shown.get_by_role("button", name="Make the client file").click()
    problem = shown.locator("[id='field-tenant-problem']")
    page.expect(problem).to_contain_text("neither a tenant id (a GUID) nor a domain name")
    assert shown.evaluate("document.activeElement.id") == "field-tenant"
    page.expect(shown.get_by_label("Tenant (needed)")).to_have_attribute("aria-invalid", "true")
    picture(shown, "form")
    file = lab.project.folder / "parameters" / "clients" / "new-client.yaml"
    assert not file.exists()
    shown.get_by_label("Tenant (needed)").fill("newclient.onmicrosoft.com")
    shown.get_by_label("Credentials go").select_option("screen")
    shown.get_by_role("button", name="Make the client file").click()
    page.expect(shown.locator("#chosen")).to_contain_text("Chosen: new-client")
    assert "tenant: newclient.onmicrosoft.com" in file.read_text("utf-8")
    button = shown.locator("[id='open-create_service_account']")
    page.expect(button).to_have_text("Open for new-client")


def test_names_that_mean_harm_are_text_wherever_they_are_shown(page, lab, start, outside):
    write_client(lab, "harm", display_name=f"{HOSTILE} \u05d0\u05d1\u05d2 {LONG[:180]}")
    shown = start()
    shown.keyboard.type("harm")
    page.expect(shown.locator("#found li")).to_have_count(1)
    page.expect(shown.locator("#found .name")).to_contain_text("<img src=x")
    shown.keyboard.press("Enter")
    shown.locator("#ticket").fill(HOSTILE)
    picture(shown, "harm")
    shown.locator("[id='open-create_service_account']").click()
    page.expect(banner(page)).to_contain_text(f"Ticket: {HOSTILE}")
    picture(shown, "harm-banner")
    assert shown.locator("#o365-banner img").count() == 0
    assert "hacked" not in shown.title()
    width = shown.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0
    assert outside == []


def test_a_client_file_that_breaks_while_one_works_is_told(page, lab, start):
    file = write_client(lab, "breaks")
    shown = start()
    shown.keyboard.type("breaks")
    shown.keyboard.press("Enter")
    button = shown.locator("[id='open-create_service_account']")
    page.expect(button).to_be_enabled()
    file.write_text("client: breaks\nx: 1\n")
    button.click()
    page.expect(shown.locator("#trouble")).to_contain_text("client")
    page.expect(shown.locator("#chosen")).to_contain_text("x: is not a known key")
    page.expect(button).to_be_disabled()
    file.unlink()


def test_thousands_of_clients_are_searched_while_one_types(page, lab, start, monkeypatch):
    shown = start()
    rows = shown.evaluate(
        """async () => {
          const one = state.clients[0];
          state.clients = Array.from({length: 10000}, (_each, at) =>
            ({...one, client: `client-${at}`, display_name: `Client number ${at} Pty Ltd`}));
          state.texts = state.clients.map(each =>
            `${each.client} ${each.display_name}`.toLowerCase());
          const taken = [];
          for (const typed of ['c', 'cl', 'client', 'client 99', 'client number 9999', 'nobody']) {
            const input = document.getElementById('search');
            const begun = performance.now();
            input.value = typed;
            input.dispatchEvent(new Event('input'));
            document.body.getBoundingClientRect();
            taken.push(performance.now() - begun);
          }
          return {taken, count: document.getElementById('count').textContent};
        }"""
    )
    assert rows["count"] == "0 of 10,000 clients"
    print("milliseconds from a letter to the list at 10,000 clients:", rows["taken"])
    shown.locator("#search").fill("client 99")
    page.expect(shown.locator("#found li")).to_have_count(50)
    page.expect(shown.locator("#count")).to_contain_text("the first 50 are shown")


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 640)])
def test_it_is_readable_in_the_dark_and_at_twice_the_size(chromium, lab, page, scheme, width):
    # Twice the size of letters on a screen of 1280 is a page of 640.
    context = chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, device_scale_factor=1
    )
    shown = context.new_page()
    shown.goto(f"{lab.url}o365/?token={lab.token}")
    page.expect(shown.locator("html[data-ready]")).to_have_count(1)
    shown.get_by_role("button", name="New client").click()
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    from tests.browser.test_reports import PALE

    assert shown.evaluate(PALE) == []
    picture(shown, f"start-{scheme}-{width}")
    unnamed = shown.evaluate(
        """() => [...document.querySelectorAll('input, select, button')]
          .filter(each => each.offsetParent && !each.textContent.trim())
          .filter(each => !(each.labels && each.labels.length))
          .map(each => each.id)"""
    )
    assert unnamed == []
    context.close()


def test_without_any_client_the_page_says_what_to_do(page, lab, start):
    folder = lab.project.folder / "parameters" / "clients"
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()
    try:
        shown = start()
        page.expect(shown.locator("#count")).to_contain_text("There is no client file yet")
        page.expect(shown.locator("[id='open-create_service_account']")).to_be_disabled()
    finally:
        folder.rmdir()
        away.rename(folder)


def test_the_launcher_leads_to_the_start_page_and_it_opens_copies_in_its_place(page, lab):
    page.page.goto(f"{lab.url}lab/workspaces/launcher?token={lab.token}&reset")
    cards = page.page.locator(".jp-LauncherCard")
    page.expect(cards.filter(has_text="Start page")).to_be_visible()
    page.expect(cards.filter(has_text="Create the service account")).to_be_visible()
    cards.filter(has_text="Remove the service account").click()
    frame = page.page.frame_locator("iframe")
    page.expect(frame.locator(".card.wanted h3")).to_have_text("Remove the service account")
    frame.locator("#search").fill("alpine")
    frame.locator("#search").press("Enter")
    page.expect(frame.locator("[id='open-remove_service_account']")).to_be_focused()
    page.page.keyboard.press("Enter")
    page.expect(banner(page)).to_contain_text("remove service account")
    page.expect(banner(page)).to_contain_text("alpine-books")
    page.wait_idle()
