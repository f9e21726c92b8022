"""What a notebook sees of the package, and how a run is opened."""

import logging
import re

import pytest

from o365lib import runbook
from o365lib.errors import EvidenceError, ParametersError, UsageError
from o365lib.evidence.record import Outcome
from o365lib.secret import MASK, Secret
from tests.demo_project import ROOT


@pytest.fixture
def at_desk(demo_project, monkeypatch):
    monkeypatch.chdir(demo_project.folder / "notebooks")
    return demo_project


def test_the_public_names_are_few_and_are_all_there():
    assert len(runbook.__all__) <= 15
    assert all(getattr(runbook, name) for name in runbook.__all__)
    assert len(set(runbook.__all__)) == len(runbook.__all__)


def test_the_notebooks_use_public_names_only():
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        used = set(re.findall(r"\brunbook\.(\w+)", file.read_text("utf-8")))
        assert used <= set(runbook.__all__), file.name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("create_service_account", runbook.CreationRun),
        ("remove_service_account", runbook.RemovalRun),
    ],
)
def test_each_runbook_opens_its_run(at_desk, name, kind):
    run = runbook.open(name, "alpine-books", ticket="T", dry_run=True)
    assert type(run) is kind
    assert run.record.runbook == name
    run.finish(Outcome.FAILED, "only opened")


def test_from_the_opening_on_what_libraries_log_is_masked(at_desk, monkeypatch, capsys):
    monkeypatch.setattr(logging.lastResort, "formatter", None)
    runbook.open("create_service_account", "alpine-books").finish(Outcome.FAILED, "only opened")
    Secret("quoted-client-secret")
    unconfigured = logging.Logger("library")  # noqa: LOG001 -- pytest has configured the others
    unconfigured.error("the service said quoted-client-secret")
    assert capsys.readouterr().err == f"the service said {MASK}\n"


def test_a_runbook_that_there_is_not_is_told_with_those_that_there_are(at_desk):
    with pytest.raises(UsageError, match="'audit'") as caught:
        runbook.open("audit", "alpine-books")
    assert "create_service_account, remove_service_account" in caught.value.remedy


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("dry_run", "false"),
        ("dry_run", 1),
        ("dry_run", None),
        ("ticket", 4711),
        ("run_id", None),
    ],
)
def test_a_parameter_of_another_type_is_not_guessed_at(at_desk, parameter, value):
    with pytest.raises(UsageError, match=f"parameter {parameter} is") as caught:
        runbook.open("create_service_account", "alpine-books", **{parameter: value})
    assert "True or False" in caught.value.remedy or "text in quotes" in caught.value.remedy
    assert at_desk.archive.runs() == []


@pytest.mark.parametrize("client", [None, 7, ["alpine-books"]])
def test_a_client_is_a_text(at_desk, client):
    with pytest.raises(UsageError, match="parameter client is"):
        runbook.open("create_service_account", client)


def test_no_client_is_told_where_to_write_one(at_desk):
    with pytest.raises(UsageError, match="No client was named") as caught:
        runbook.open("create_service_account", "")
    assert "parameters cell" in caught.value.remedy


@pytest.mark.parametrize(("given", "opened"), [("", "cedar-dental"), ("alpine-books",) * 2])
def test_the_desks_client_is_used_where_the_parameters_cell_names_none(
    at_desk, monkeypatch, given, opened
):
    monkeypatch.setenv("O365_CLIENT", "cedar-dental")
    run = runbook.open("create_service_account", given)
    assert run.record.client == run.record.parameters["client"] == opened
    run.finish(Outcome.FAILED, "only opened")


@pytest.mark.parametrize("client", ["alpine-book", "../alpine-books", "ALPINE-BOOKS", "a/b", ".."])
def test_a_client_without_a_file_starts_nothing(at_desk, client):
    with pytest.raises(ParametersError):
        runbook.open("create_service_account", client)
    assert at_desk.archive.runs() == []


def test_every_mistake_of_a_clients_file_is_told_with_its_place_and_nothing_begins(at_desk):
    at_desk.edit("alpine-books", purpose="mining", tenant="nowhere", colour="red")
    with pytest.raises(ParametersError) as caught:
        runbook.open("create_service_account", "alpine-books")
    assert len(caught.value.problems) == 3
    assert all(problem.line for problem in caught.value.problems)
    assert at_desk.archive.runs() == []


def test_another_clients_mistakes_are_none_of_this_runs_business(at_desk):
    at_desk.edit("cedar-dental", purpose="mining")
    run = runbook.open("create_service_account", "alpine-books")
    run.finish(Outcome.FAILED, "only opened")


@pytest.mark.parametrize("run_id", ["../../x", "a b", "con"])
def test_a_run_id_that_would_lead_out_of_the_archive_is_refused(at_desk, run_id):
    with pytest.raises(EvidenceError):
        runbook.open("create_service_account", "alpine-books", run_id=run_id)


def test_outside_a_project_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="There is no folder"):
        runbook.open("create_service_account", "alpine-books")


def test_the_parameters_are_those_of_the_notebooks():
    from o365lib.runs.request import known_parameters

    for file in (ROOT / "notebooks").glob("*.ipynb"):
        assert known_parameters(file) == set(runbook.known_parameters(file.stem)), file.name
