import json
from datetime import UTC, datetime, timedelta

import pytest

from o365lib import clock
from o365lib.cli.evidence import listing
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Change, Check, Operator, Outcome, Record, Step

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def archive(project):
    archive = Archive(project / "evidence")
    for day, (client, runbook, outcome) in enumerate(
        [
            ("alpine-books", "create_service_account", Outcome.DONE),
            ("alpine-books", "remove_service_account", Outcome.FAILED),
            ("bayside-legal", "remove_service_account", Outcome.REFUSED),
        ],
        start=21,
    ):
        run = archive.new_run(client, f"202611{day}T100000000Z-{runbook[:6]}-aaaaa{day - 20}")
        run.write_record(
            Record(
                run_id=run.run_id,
                client=client,
                client_display_name="Fernhill & Söhne <Motors> [bold]",
                runbook=runbook,
                package_version="1",
                operator=Operator(user_name="kim", host_name="desk"),
                started=datetime(2026, 11, day, 10, tzinfo=UTC),
                outcome=outcome,
                reason="because\x1b[31m of it",
                steps=[Step(name="look", started=NOW, ended=NOW + timedelta(seconds=1.5))],
                plan={
                    "changes": [{"title": "Create the user", "after": "enabled"}],
                    "notices": [{"code": "mfa", "message": "It must register"}],
                    "already": ["the role"],
                    "digest": "3b34",
                },
                changes=[Change(action="create-user", target="x", started=NOW, request_id="r-1")],
                verification=[Check(name="role", wanted="A", found="B", passed=False)],
                requests=[
                    {
                        "method": "POST",
                        "path": "/v1.0/$batch?q=long",
                        "status": 200,
                        "items": [{"method": "GET", "path": "/domains", "status": 200}],
                    }
                ],
                undo={"until": "2026-12-23", "user": {"id": "1"}},
            )
        )
    return archive


def ids(result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [run["run_id"][-1] for run in json.loads(result.stdout)["runs"]]


@pytest.mark.usefixtures("archive")
def test_runs_are_listed_oldest_first(o365):
    assert ids(o365("evidence", "list", "--json")) == ["1", "2", "3"]
    lines = o365("evidence", "list").stdout
    assert lines.index("create-aaaaa1") < lines.index("remove-aaaaa3")
    assert "\x1b" not in lines


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--client", "alpine-books"], ["1", "2"]),
        (["--runbook", "remove"], ["2", "3"]),
        (["--runbook", "create_service_account"], ["1"]),
        (["--outcome", "refused"], ["3"]),
        (["--since", "2026-11-22"], ["2", "3"]),
        (["--since", "2026-11-22T10:00:01Z"], ["3"]),
        (["--since", "2026-11-22T11:00:00+01:00"], ["2", "3"]),
        (["--since", "25h"], ["2", "3"]),
        (["--since", "2d", "--client", "alpine-books"], ["2"]),
        (["--client", "gumtree-vets"], []),
    ],
)
def test_runs_are_found_by_client_runbook_outcome_and_time(o365, options, expected):
    class Noon(clock.SystemClock):
        def now(self):
            return datetime(2026, 11, 23, 10, 30, tzinfo=UTC)

    with clock.use(Noon()):
        assert ids(o365("evidence", "list", "--json", *options)) == expected


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


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show", "x")])
def test_an_archive_that_is_not_there_is_no_answer(o365, project, words):
    result = o365("--evidence", str(project / "nowhere"), "evidence", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"There is no archive at {project / 'nowhere'}" in result.stderr


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--client", "bogus", "Known: alpine-books, bayside-legal, "),
        ("--client", "alpine-bok", "Near it: alpine-books."),
        ("--client", "../evidence", "No client '../evidence' is known"),
        ("--runbook", "bogus", "Known: create, create_service_account, remove, remove_"),
        ("--runbook", "creat", "Near it: create"),
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
    archive.new_run("long-gone", "20261124T100000000Z-create-aaaaa4")
    assert ids(o365("evidence", "list", "--json", "--client", "long-gone")) == ["4"]
    result = o365("evidence", "list", "--client", "gumtree-vets")
    assert (result.exit_code, result.stdout) == (0, f"No such runs in {archive.root}.\n")


@pytest.mark.usefixtures("archive")
def test_an_outcome_that_is_none_is_wrong_usage_and_all_that_are_can_be_asked_for(o365):
    result = o365("evidence", "list", "--outcome", "bogus")
    assert result.exit_code == 2
    assert "'nothing to do'" in result.stderr
    assert {*listing.OUTCOMES} == {*Outcome, listing.UNREADABLE}
    assert ids(o365("evidence", "list", "--json", "--outcome", "nothing to do")) == []


def test_a_run_that_cannot_be_read_is_listed_as_such(o365, archive):
    archive.find("aaaaa2").record_file.write_text("{")
    assert ids(o365("evidence", "list", "--json", "--outcome", "unreadable")) == ["2"]
    assert ids(o365("evidence", "list", "--json", "--runbook", "remove")) == ["2", "3"]
    assert ids(o365("evidence", "list", "--json", "--outcome", "done")) == ["1"]


def test_an_empty_archive_is_said_to_be_so(o365, project):
    (project / "evidence").mkdir()
    assert o365("evidence", "list").stdout == f"No such runs in {project / 'evidence'}.\n"


def test_an_archive_can_be_read_without_a_project(o365, archive, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    archive.root.rename(elsewhere / "archive")
    (tmp_path / "parameters").rename(tmp_path / "gone")
    monkeypatch.chdir(elsewhere)
    assert ids(o365("--evidence", "archive", "evidence", "list", "--json")) == ["1", "2", "3"]


def test_a_run_is_shown_with_all_its_parts(o365, archive):
    result = o365("evidence", "show", "aaaaa1")
    assert result.exit_code == 0
    for text in (
        "Fernhill & Söhne <Motors> [bold]",
        "kim at desk",
        "because[31m of it",
        "Create the user",
        "mfa",
        "the role",
        "r-1",
        "NO",
        "· GET",
        "until: 2026-12-23",
        str(archive.find("aaaaa1").record_file),
    ):
        assert text in result.stdout, text
    assert "Executed notebook" not in result.stdout


def test_for_machines_the_record_is_shown_as_it_is(o365, archive):
    result = o365("evidence", "show", "20261122", "--json")
    assert result.stdout == archive.find("aaaaa2").record_file.read_text("utf-8")


@pytest.mark.usefixtures("archive")
def test_an_id_that_fits_none_or_several_is_an_error(error_line):
    assert error_line("evidence", "show", "2027")[0] == 1
    status, line = error_line("evidence", "show", "2026")
    assert status == 1
    assert line.startswith("o365: 3 runs fit '2026'")
