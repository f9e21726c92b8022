import json

import pytest

from o365lib.cli.evidence import choosing
from o365lib.evidence import index_entry
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Outcome
from tests.evidence.small_records import make


@pytest.fixture
def archive(project):
    archive = Archive(project / "evidence")
    for client, runbook in [
        ("alpine-books", "create_service_account"),
        ("bayside-legal", "remove_service_account"),
    ]:
        run = archive.new_run(client, "1")
        run.write_record(make().model_copy(update={"runbook": runbook}))
    return archive


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("text", ["yesterday", "7w", "2026-13-01"])
def test_a_time_that_is_none_is_wrong_usage(o365, text):
    result = o365("evidence", "list", "--since", text)
    assert result.exit_code == 2
    assert "a span such as 7d" in result.stderr


@pytest.mark.usefixtures("archive")
def test_a_span_that_reaches_before_all_calendars_is_wrong_usage(o365):
    result = o365("evidence", "list", "--since", "999999d")
    assert (result.exit_code, "shorter span" in result.stderr) == (2, True)


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--client", "bogus", "Known: alpine-books, bayside-legal, "),
        ("--client", "alpine-bok", "Near it: alpine-books."),
        ("--client", "../evidence", "No client '../evidence' is known"),
        ("--runbook", "bogus", "Known: create, create_service_account, remove, remove_"),
        ("--runbook", "creat", "Near it: create"),
        ("--operator", "kym", "Near it: kim."),
        ("--operator", "somebody", "No operator 'somebody' is known"),
    ],
)
def test_a_name_that_nobody_knows_is_no_answer_and_the_known_ones_are_told(
    error_line, option, name, said
):
    status, line = error_line("evidence", "list", option, name)
    assert (status, said in line) == (2, True), line


def test_whom_only_the_archive_knows_is_found_and_whom_only_the_parameters_know_has_no_runs(
    o365, archive, project
):
    archive.new_run("long-gone", "1")
    told = o365("evidence", "list", "--json", "--client", "long-gone")
    assert [run["client"] for run in json.loads(told.stdout)["runs"]] == ["long-gone"]
    result = o365("evidence", "list", "--client", "gumtree-vets")
    assert (result.exit_code, result.stdout) == (0, f"No such runs in {archive.root}.\n")


@pytest.mark.usefixtures("archive")
def test_an_outcome_that_is_none_is_wrong_usage_and_all_that_are_can_be_asked_for(o365):
    result = o365("evidence", "list", "--outcome", "bogus")
    assert result.exit_code == 2
    assert "'nothing to do'" in result.stderr
    assert {*choosing.OUTCOMES} == {*Outcome, index_entry.UNREADABLE}
    told = o365("evidence", "list", "--json", "--outcome", "nothing to do")
    assert json.loads(told.stdout)["runs"] == []


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("command", [("list",), ("search", "kim")])
def test_all_and_a_number_of_them_contradict_each_other(error_line, command):
    status, line = error_line("evidence", *command, "--all", "--limit", "3")
    assert (status, "contradict each other" in line) == (2, True)
    assert error_line("evidence", *command, "--limit", "0")[0] == 2


@pytest.mark.usefixtures("archive")
def test_the_last_day_of_all_calendars_is_an_end_too(o365):
    assert o365("evidence", "list", "--until", "9999-12-31").exit_code == 0
