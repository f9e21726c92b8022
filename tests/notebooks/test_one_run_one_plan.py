"""What of a run stands, in front of an engineer who executes cells in any order."""

import pytest

from o365lib.sandbox import Fault
from tests.jupyter_desk import CellFailed, Desk

NAME = "create_service_account"
PREPARING = ("sign-in", "look", "plan", "confirm")
CHANGING = ("create-user", "hand-over", "assign-role", "verify", "close")


@pytest.fixture
def desk(project):
    with Desk(project.folder / "notebooks") as open_desk:
        yield open_desk


def run_all(project, desk, client, *, approver="Kim", until="", **parameters):
    """Execute the notebook from its first cell, and the form in the midst of it."""
    notebook = project.folder / "notebooks" / f"{NAME}.ipynb"
    desk.run_notebook(notebook, client=client, until="confirm", **parameters)
    if "Fill in the form" in desk.shown("confirm"):
        confirm(desk, client, approver)
    desk.go_on(after="confirm", until=until)


def confirm(desk, client, approver):
    desk.type("o365-approver", approver)
    desk.type("o365-client", client)
    desk.click("o365-confirm")


def latest(project, client):
    return project.archive.runs(client)[-1]


def files(run):
    return {file.name: file.read_bytes() for file in run.path.iterdir()}


def box(desk, cell_id):
    """Execute one cell, which is refused; return its box on one line."""
    with pytest.raises(CellFailed) as caught:
        desk.go_on(after=before(desk, cell_id), until=cell_id)
    return " ".join(str(caught.value).split())


def before(desk, cell_id):
    names = [cell.id for cell in desk.notebook.cells]
    return names[names.index(cell_id) - 1]


def refuse_mails(project, client, times=1):
    project.sandbox.faults.add(
        Fault(
            method="POST",
            path="/v1.0/users/*/sendMail",
            effect="403",
            tenant=client,
            times=times,
        )
    )


def test_a_closed_run_is_closed_and_the_first_cell_begins_another(project):
    client = "alpine-books"
    with Desk(project.folder / "notebooks") as desk:
        run_all(project, desk, client)
        closed = latest(project, client)
        as_closed = files(closed)
        for name in (*PREPARING, *CHANGING):
            told = box(desk, name)
            assert "Not any more" in told
            assert "This run is closed, and its record stands: done" in told
            assert "execute the notebook from its first cell" in told
            assert files(closed) == as_closed
        run_all(project, desk, client)
        again = latest(project, client)
        assert again.run_id != closed.run_id
        assert again.read_record().outcome == "nothing to do"
        assert "This run is closed" in box(desk, "look")
    assert files(closed) == as_closed
    assert closed.read_record().approval.approved_by == "Kim"


def test_after_a_change_the_plan_stands_with_who_approved_it_and_the_run_goes_on(project, desk):
    client = "fernhill-motors"
    refuse_mails(project, client)
    with pytest.raises(CellFailed, match="not handed over"):
        run_all(project, desk, client)
    run = latest(project, client)
    failed = files(run)
    for name in PREPARING:
        told = box(desk, name)
        assert "which Kim has approved" in told
        assert "To go on with this run, execute the cell 'hand over'" in told
        assert files(run) == failed
    # A form that is still on the screen approves nothing any more.
    confirm(desk, client, "Bob")
    assert files(run) == failed
    desk.go_on(after=before(desk, "hand-over"))
    record = run.read_record()
    assert (record.outcome, record.approval.approved_by) == ("done", "Kim")
    assert record.facts["account"] is None
    assert record.plan["digest"] == record.approval.plan_digest


def test_a_form_whose_approval_cannot_be_written_confirms_nothing(project, desk):
    client = "cedar-dental"
    notebook = project.folder / "notebooks" / f"{NAME}.ipynb"
    desk.run_notebook(notebook, client=client, until="confirm")
    run = latest(project, client)
    away = run.path.rename(run.path.with_name("away"))
    confirm(desk, client, "Kim")
    assert "Not confirmed." in desk.value("o365-answer")
    away.rename(run.path)
    assert "The plan has not been confirmed" in box(desk, "create-user")
    assert run.read_record().approval is None
    assert project.writes_of(client, 0) == []


def test_an_older_form_says_why_it_no_longer_confirms(project, desk):
    client = "cedar-dental"
    notebook = project.folder / "notebooks" / f"{NAME}.ipynb"
    desk.run_notebook(notebook, client=client, until="confirm")
    old = {name: desk.widget(f"o365-{name}") for name in ("client", "confirm", "answer")}
    desk.go_on(after="plan", until="confirm")
    confirm(desk, client, "Kim")
    desk.go_on(after="confirm", until="assign-role")
    desk.type_into(old["client"], client)
    desk.press(old["confirm"])
    answer = desk.models[old["answer"]]["value"]
    assert "Not confirmed." in answer
    assert "which Kim has approved" in answer
    assert latest(project, client).read_record().approval.approved_by == "Kim"
    desk.go_on(after="assign-role")


def test_the_whole_notebook_may_be_executed_again_in_its_kernel_after_each_kind_of_ending(
    project, desk
):
    client = "dunes-surveying"
    project.edit(client, dry_run_only=False)
    run_all(project, desk, client, dry_run=True)
    dry = latest(project, client)
    assert dry.read_record().outcome == "planned"

    refuse_mails(project, client)
    with pytest.raises(CellFailed, match="not handed over"):
        run_all(project, desk, client)
    failed = latest(project, client)
    assert failed.read_record().outcome == "failed"

    # Graph tells the time of a change of password in whole seconds.
    project.sandbox.clock.advance(seconds=2)
    run_all(project, desk, client, until="hand-over")
    left = latest(project, client)
    assert left.read_record().outcome == "unfinished"

    run_all(project, desk, client)
    done = latest(project, client)
    assert done.read_record().outcome == "done"
    assert project.roles(client) == {"Exchange Administrator"}
    assert len({run.run_id for run in (dry, failed, left, done)}) == 4
    # Left with its changes for the next one in the same kernel: closed, with a verdict.
    record = left.read_record()
    assert (record.outcome, record.closed_by) == ("unverified", "runbook")
    assert "left for another one" in record.reason
    assert record.approval.approved_by == "Kim"
    assert [change.status for change in record.changes] == ["accepted", "accepted"]
    assert failed.read_record().outcome == "failed"
