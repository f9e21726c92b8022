import ast
import json
import os
import stat

import pytest

from o365lib.desk.clients import read_client
from o365lib.desk.working_copies import Session
from o365lib.errors import UsageError

CREATE = "create_service_account"


@pytest.fixture
def session(places):
    return Session.begin(places)


@pytest.fixture
def client(places):
    return read_client(places, "alpine-books")


def parameters_of(session, path):
    content = json.loads((session.folder / path).read_text("utf-8"))
    (cell,) = [each for each in content["cells"] if each["id"] == "parameters"]
    tree = ast.parse("".join(cell["source"]))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body}


def test_templates_cannot_be_written_and_hold_no_outputs(places):
    file = places.notebooks / f"{CREATE}.ipynb"
    content = json.loads(file.read_text("utf-8"))
    content["metadata"]["widgets"] = {"state": "fabrikam"}
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "fabri"}]
    file.write_text(json.dumps(content), "utf-8")
    session = Session.begin(places)
    template = session.folder / "runbooks" / file.name
    assert "fabri" not in template.read_text("utf-8")
    if os.name != "nt":
        assert stat.S_IMODE(template.stat().st_mode) == 0o400
        assert stat.S_IMODE(session.folder.stat().st_mode) == 0o700


def test_each_session_has_a_folder_of_its_own(places):
    assert Session.begin(places).folder != Session.begin(places).folder


def test_a_copy_has_its_client_and_ticket_filled_in_and_says_whose_it_is(session, client):
    path = session.open(CREATE, client, ticket="INC-7", dry_run=True)
    assert path == f"alpine-books/INC-7-dry-run/{CREATE}.ipynb"
    given = parameters_of(session, path)
    assert (given["client"], given["ticket"], given["dry_run"]) == ("alpine-books", "INC-7", True)
    assert (given["approved_by"], given["run_id"]) == ("", "")
    told = json.loads((session.folder / path).read_text("utf-8"))["metadata"]["o365"]
    assert told == {
        "runbook": CREATE,
        "client": "alpine-books",
        "display_name": "Alpine Books",
        "tenant": "alpinebooks.onmicrosoft.com",
        "cloud": "sandbox",
        "ticket": "INC-7",
        "dry_run": True,
        "sandbox": True,
    }
    if os.name != "nt":
        assert stat.S_IMODE((session.folder / path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "ticket",
    [
        "\"; import os; os.system('x') #",
        "'''\\",
        "\\1 \\g<0> {} %s",
        "../../../etc/passwd",
        "\u202egpj",
        "a" * 200,
        "…",
    ],
)
def test_a_ticket_is_text_whatever_stands_in_it(session, client, ticket):
    if not ticket.isprintable():
        with pytest.raises(UsageError, match="no line"):
            session.open(CREATE, client, ticket=ticket, dry_run=False)
        return
    path = session.open(CREATE, client, ticket=ticket, dry_run=False)
    assert parameters_of(session, path)["ticket"] == ticket
    assert (session.folder / path).resolve().is_relative_to(session.folder.resolve())


def test_the_same_again_is_the_copy_that_is_there(session, client):
    path = session.open(CREATE, client, ticket="INC-7", dry_run=False)
    (session.folder / path).write_text(
        (session.folder / path).read_text("utf-8").replace("Operation note", "She asked")
    )
    assert session.open(CREATE, client, ticket="INC-7", dry_run=False) == path
    assert "She asked" in (session.folder / path).read_text("utf-8")
    others = {
        session.open(CREATE, client, ticket="INC-8", dry_run=False),
        session.open(CREATE, client, ticket="INC:7", dry_run=False),
        session.open(CREATE, client, ticket="INC/7", dry_run=False),
        session.open("remove_service_account", client, ticket="INC-7", dry_run=False),
    }
    assert len(others - {path}) == 4
    assert [each.path for each in session.copies()].count(path) == 1
    assert len(session.copies()) == 5


def test_copies_are_told_and_other_notebooks_are_not(session, client):
    session.open(CREATE, client, ticket="<b>", dry_run=False)
    own = session.folder / "alpine-books" / "own"
    own.mkdir()
    (own / "mine.ipynb").write_text("{}")
    (copy,) = session.copies()
    assert (copy.client, copy.ticket, copy.runbook) == ("alpine-books", "<b>", CREATE)


@pytest.mark.parametrize(
    ("runbook", "is_for_client"),
    [("../x", True), ("nothing", True), (CREATE, False), ("summarize_batch", True)],
)
def test_what_makes_no_sense_is_refused(session, client, runbook, is_for_client):
    with pytest.raises(UsageError):
        session.open(runbook, client if is_for_client else None, ticket="", dry_run=False)


def test_a_runbook_is_described_by_its_own_first_cell(session):
    described = {each.name: each for each in session.runbooks()}
    assert described[CREATE].title == "Create the service account"
    assert described[CREATE].summary.startswith("For giving Practice Protect a service account")
    assert described[CREATE].needs_client
    assert not described["summarize_batch"].needs_client


def test_a_folder_that_cannot_be_made_is_told(places):
    (places.project / ".lab").write_text("")
    with pytest.raises(UsageError, match="cannot be copied"):
        Session.begin(places)
