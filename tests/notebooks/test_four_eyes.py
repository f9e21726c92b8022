"""Signed approvals in front of an engineer: the form, and what is said where one is missing."""

import json

import nbformat
import pytest

from tests.four_eyes import approve, require_approval
from tests.jupyter_desk import CellFailed, Desk

CLIENT = "alpine-books"


@pytest.fixture
def desk(project):
    require_approval(project.folder, "Ana")
    with Desk(project.folder / "notebooks") as open_desk:
        yield open_desk


def test_the_form_shows_who_has_signed_and_asks_only_whether_to_go_on(project, desk):
    notebook = project.folder / "notebooks" / "create_service_account.ipynb"
    with pytest.raises(CellFailed, match="approval-missing"):
        desk.run_notebook(notebook, client=CLIENT)
    refused = project.records(CLIENT)[-1]
    assert (refused.outcome, refused.error.guard) == ("refused", "approval-missing")
    assert not desk.has("o365-confirm")

    # The plan that she sees is that of a dry run, and signed as such.
    given = approve(project.folder, project.archive, "Ana", refused)

    # She goes on where she was refused: the approval is found by the plan.
    desk.go_on(after="plan", until="confirm")
    assert desk.value("o365-approver") == "Ana"
    assert desk.is_disabled("o365-approver")
    with pytest.raises(CellFailed, match="The plan has not been confirmed"):
        desk.go_on(after="confirm", until="create-user")
    assert project.writes_of(CLIENT, 0) == []
    desk.type("o365-client", CLIENT)
    desk.click("o365-confirm")
    assert "Approved by Ana" in desk.value("o365-answer")
    desk.go_on(after="confirm")

    record = project.records(CLIENT)[-1]
    assert record.run_id == refused.run_id
    assert (record.outcome, record.approval.how) == ("done", "signed")
    assert (record.approval.approved_by, record.approval.approval_id) == ("Ana", given.approval_id)
    copy = json.loads(
        (project.archive.run(CLIENT, record.run_id).path / "approval.json").read_text()
    )
    assert copy["payloadType"] == "application/vnd.in-toto+json"
    assert project.roles(CLIENT) == {"Exchange Administrator"}
    assert project.leaks(nbformat.writes(desk.notebook)) == []
