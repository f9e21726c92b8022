import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from o365lib import clock
from o365lib.evidence import trust
from o365lib.evidence.archive import Archive
from o365lib.evidence.envelope import sign
from o365lib.evidence.record import Change, Check, Operator, Outcome, Record, Step
from o365lib.evidence.seal import seal_run
from o365lib.evidence.statement import SEAL, Statement
from tests.evidence.signers import ed25519

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
                operator=Operator(
                    user_name="kim",
                    host_name="desk",
                    signed_in_as="kim@msp.example" if day == 23 else "",
                ),
                ticket=f"INC-{day - 20}",
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
        (["--until", "2026-11-22"], ["1", "2"]),
        (["--until", "2026-11-22T10:00:00Z"], ["1"]),
        (["--until", "1d"], ["1", "2"]),
        (["--since", "2026-11-22", "--until", "20261122"], ["2"]),
        (["--operator", "Kim"], ["1", "2", "3"]),
        (["--operator", "kim@msp.example"], ["3"]),
        (["--ticket", "inc-2"], ["2"]),
        (["--limit", "2"], ["2", "3"]),
        (["--limit", "1", "--client", "alpine-books"], ["2"]),
    ],
)
def test_runs_are_found_by_client_runbook_outcome_and_time(o365, options, expected):
    class Noon(clock.SystemClock):
        def now(self):
            return datetime(2026, 11, 23, 10, 30, tzinfo=UTC)

    with clock.use(Noon()):
        assert ids(o365("evidence", "list", "--json", *options)) == expected


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show", "x")])
def test_an_archive_that_is_not_there_is_no_answer(o365, project, words):
    result = o365("--evidence", str(project / "nowhere"), "evidence", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"There is no archive at {project / 'nowhere'}" in result.stderr


@pytest.mark.parametrize("words", [("list",), ("show", "x")])
def test_a_store_of_which_nothing_was_fetched_is_to_be_fetched(o365, project, words):
    url = (project / "store").as_uri()
    result = o365("--evidence", url, "evidence", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"o365 --evidence {url} evidence fetch" in " ".join(result.stderr.split())


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
        "There is no seal yet, or none any more",
    ):
        assert text in result.stdout, text
    assert "Executed notebook" not in result.stdout


def test_the_files_of_a_run_are_shown_with_their_sizes(o365, archive):
    run = archive.find("aaaaa1")
    run.write_notebook("x" * 12_345)
    (run.path / "link").symlink_to(run.record_file)
    shown = o365("evidence", "show", "aaaaa1").stdout
    assert f"Executed notebook: {run.notebook_file}" in shown
    assert f"\nFolder: {run.path}\n" in shown
    assert re.search(r"runbook\.ipynb +12,345 *\n", shown)
    assert re.search(rf"record\.json +{run.record_file.stat().st_size:,} *\n", shown)
    assert re.search(r"link +a link *\n", shown)


def test_a_sealed_run_is_shown_with_its_seal_and_the_fingerprint_of_the_key(o365, archive):
    signer = ed25519(name="Kim\x1b[31m Lee")
    trust.publish(archive.root, signer.key)
    for end in ("aaaaa2", "aaaaa1"):
        run = archive.find(end)
        seal_run(run, run.read_record(), signer, search={})
    shown = " ".join(o365("evidence", "show", "aaaaa1").stdout.split())
    assert "Sealed as number 2 of alpine-books, by Kim[31m Lee with the key" in shown
    assert signer.key.fingerprint in shown
    assert "`o365 evidence verify` tells whether it holds" in shown
    rows = json.loads(o365("evidence", "list", "--json").stdout)["runs"]
    assert [row["seal"] for row in rows] == [2, 1, None]


def test_two_seals_of_one_run_are_both_told(o365, archive):
    run = archive.find("aaaaa1")
    signer = ed25519()
    trust.publish(archive.root, signer.key)
    for _ in range(2):
        seal_run(run, run.read_record(), signer, search={})
    shown = o365("evidence", "show", "aaaaa1").stdout
    assert "Sealed as number 1, and as 2 of alpine-books" in shown


@pytest.mark.parametrize("signer", [None, "kim", {"name": None, "key_id": ["x"]}])
def test_a_seal_that_names_no_signer_is_told_all_the_same(o365, archive, signer):
    run = archive.find("aaaaa1")
    seal = seal_run(run, run.read_record(), ed25519(), search={})
    predicate = {**seal.predicate, "signer": signer}
    content = sign(Statement((), SEAL, predicate).to_bytes(), ed25519()).to_json()
    seal.link.path.write_bytes(content)
    shown = o365("evidence", "show", "aaaaa1").stdout
    assert "Sealed as number 1 of alpine-books, by nobody" in shown


def test_many_runs_are_listed_up_to_the_newest_fifty_unless_more_are_asked_for(o365, archive):
    record = archive.find("aaaaa1").read_record()
    for number in range(50):
        run = archive.new_run("cedar-dental", f"20270101T1000000{number:02d}Z-create-bbbbbb")
        run.write_record(record)
    said = "The newest 50 of 53; --all shows all, --limit as many as you say.\n"
    newest = o365("evidence", "list").stdout
    assert "aaaaa3" not in newest
    assert newest.count("bbbbbb") == 50
    assert newest.endswith(said)
    assert o365("evidence", "list", "--limit", "51").stdout.count("aaaaa3") == 1
    every = o365("evidence", "list", "--all").stdout
    assert "aaaaa1" in every
    assert "The newest" not in every
    assert len(ids(o365("evidence", "list", "--json"))) == 53
    assert len(ids(o365("evidence", "list", "--json", "--limit", "5"))) == 5


def test_for_machines_each_run_is_told_with_what_it_is_chosen_by(o365, archive):
    told = json.loads(o365("evidence", "list", "--json", "--limit", "1").stdout)
    assert told["evidence"] == str(archive.root)
    (row,) = told["runs"]
    assert row["folder"] == str(archive.find("aaaaa3").path)
    assert row["started"] == "2026-11-23T10:00:00.000Z"
    assert row["ended"] is None
    assert (row["client"], row["outcome"], row["ticket"]) == ("bayside-legal", "refused", "INC-3")
    assert (row["user_name"], row["signed_in_as"]) == ("kim", "kim@msp.example")
    assert "\x1b" not in row["reason"]


def test_for_machines_the_record_is_shown_as_it_is(o365, archive):
    result = o365("evidence", "show", "20261122", "--json")
    assert result.stdout == archive.find("aaaaa2").record_file.read_text("utf-8")


@pytest.mark.usefixtures("archive")
def test_an_id_that_fits_none_or_several_is_an_error(error_line):
    assert error_line("evidence", "show", "2027")[0] == 2
    status, line = error_line("evidence", "show", "2026")
    assert status == 2
    assert line.startswith("o365: 3 runs fit '2026'")
