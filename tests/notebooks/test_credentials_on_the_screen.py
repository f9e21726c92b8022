"""Credentials on the screen, before an engineer who begins again, reloads, and presses late."""

import html
import re

import pytest

from o365lib.sandbox import Fault
from tests.jupyter_desk import CellFailed, Desk

NAME = "create_service_account"
LATER = (
    "from datetime import timedelta; from o365lib.runbook import planned_run; "
    "planned_run._FRESH = timedelta(0)"
)


@pytest.fixture
def desk(project):
    with Desk(project.folder / "notebooks") as open_desk:
        yield open_desk


def run_until(project, desk, client, until):
    """Execute the notebook from its first cell, and the form in the midst of it."""
    project.edit(client, dry_run_only=False, hand_over={"method": "screen"})
    # Graph tells the time of a change of password in whole seconds.
    project.sandbox.clock.advance(seconds=2)
    desk.run_notebook(
        project.folder / "notebooks" / f"{NAME}.ipynb", client=client, until="confirm"
    )
    desk.type("o365-client", client)
    desk.click("o365-confirm")
    desk.go_on(after="confirm", until=until)


def latest(project, client):
    return project.archive.runs(client)[-1]


def on_screen(desk):
    """The button and the field of the newest hand-over."""
    return desk.widget("o365-show-once"), desk.widget("o365-credentials")


def press(desk, button, field):
    """Press a button, perhaps an old one; return what its field shows."""
    desk.press(button)
    return desk.models[field].get("value", "")


def password_in(shown):
    (password,) = re.findall("<pre>(.*?)</pre>", shown)
    return html.unescape(password)


def in_force(project, client):
    return project.tenant(client).password_of(project.account(client)["id"])


@pytest.mark.parametrize("client", ["alpine-books", "fernhill-motors"])
def test_whose_button_is_gone_hands_over_again_and_the_old_button_shows_nothing(
    project, desk, client
):
    if client == "fernhill-motors":  # here every step reads the tenant again, as after a while
        desk.run(LATER)
    run_until(project, desk, client, "hand-over")
    old = on_screen(desk)
    with pytest.raises(CellFailed, match="the button is gone, execute 'hand over' again"):
        desk.go_on(after="hand-over")
    project.sandbox.clock.advance(seconds=2)
    desk.go_on(after="create-user", until="hand-over")
    assert "this run has set another password since" in press(desk, *old)
    with pytest.raises(CellFailed, match="Nobody has looked"):
        desk.go_on(after="hand-over")
    assert project.roles(client) == set()
    assert password_in(press(desk, *on_screen(desk))) == in_force(project, client)
    desk.go_on(after="hand-over")
    record = latest(project, client).read_record()
    assert (record.outcome, record.hand_over.status) == ("done", "accepted")
    assert project.roles(client) == {"Exchange Administrator"}


def test_the_button_of_a_run_that_was_left_shows_nothing_and_changes_no_record(project, desk):
    client = "dunes-surveying"
    run_until(project, desk, client, "hand-over")
    left, old = latest(project, client), on_screen(desk)
    desk.run("left = run")
    run_until(project, desk, client, "hand-over")
    desk.run("assert left._on_screen._password is None, 'still in memory'")
    files = {file.name: file.read_bytes() for file in left.path.iterdir()}
    shown = press(desk, *old)
    assert "no longer to be used: the run that set it has ended" in shown
    assert "<pre>" not in shown
    assert {file.name: file.read_bytes() for file in left.path.iterdir()} == files
    record = left.read_record()
    assert (record.outcome, record.hand_over.status) == ("unverified", "unknown")
    assert password_in(press(desk, *on_screen(desk))) == in_force(project, client)
    desk.go_on(after="hand-over")
    assert latest(project, client).run_id != left.run_id
    assert latest(project, client).read_record().outcome == "done"


def test_a_password_that_a_run_elsewhere_has_replaced_is_not_shown(project, desk):
    client = "cedar-dental"
    project.tenant(client).users.pop(project.account(client)["id"])
    run_until(project, desk, client, "hand-over")
    first, old = latest(project, client), on_screen(desk)
    # The service refuses another password: this run stops and lets others go on.
    project.sandbox.faults.add(Fault(method="PATCH", path="/v1.0/users/*", effect="403"))
    with pytest.raises(CellFailed, match="User-PasswordProfile"):
        desk.go_on(after="create-user", until="hand-over")
    with Desk(project.folder / "notebooks") as elsewhere:
        run_until(project, elsewhere, client, "hand-over")
        second = latest(project, client)
        shown = press(desk, *old)
        assert f"the run {second.run_id} has changed the tenant since" in " ".join(shown.split())
        assert first.read_record().hand_over.status == "started"
        assert password_in(press(elsewhere, *on_screen(elsewhere))) == in_force(project, client)
        elsewhere.go_on(after="hand-over")
    assert second.read_record().outcome == "done"
