"""`o365 evidence adopt`."""

import json

import pytest

from o365lib.cli.evidence import adopting
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Outcome
from o365lib.evidence.seal import seal_of
from tests.evidence import small_records


@pytest.fixture
def old(project, monkeypatch):
    """A run from before there were seals."""
    monkeypatch.setenv("O365_KEYS", str(project / "keys"))
    run = Archive(project / "evidence").new_run("alpine-books", "old-1")
    run.write_record(small_records.make("old-1", outcome=Outcome.DONE, ended=small_records.NOW))
    return run


def test_it_lists_asks_seals_and_then_the_archive_verifies(o365, old):
    assert o365("evidence", "verify").exit_code == 1
    told = o365("evidence", "adopt", input="y\n")
    assert told.exit_code == 0, told.output
    assert "old-1" in told.stdout
    assert "kim on desk" in told.stdout
    assert "Adopt this run?" in told.stderr
    assert "1 run is adopted, sealed by the key of" in told.stdout
    verified = o365("evidence", "verify")
    assert verified.exit_code == 0, verified.output
    assert "1 run was adopted on" in verified.stdout
    assert "Sealed as number 1" in o365("evidence", "show", "old-1").stdout


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_sealed_that_nobody_has_confirmed(o365, project, old, answer):
    assert o365("evidence", "adopt", input=answer).exit_code == 1
    assert seal_of(old) is None
    assert not (project / "keys").exists()


def test_machines_are_told_and_must_say_that_somebody_has_read_it(o365, error_line, old):
    assert error_line("evidence", "adopt", "--json")[0] == 2
    told = json.loads(o365("evidence", "adopt", "--yes", "--json").stdout)
    assert [(each["client"], each["run_id"], each["outcome"]) for each in told["adopted"]] == [
        ("alpine-books", "old-1", "done")
    ]
    assert (told["digest"], told["problems"]) == (1, [])


def test_where_there_is_nothing_to_adopt_it_says_so(o365, old):
    o365("evidence", "adopt", "--yes")
    told = o365("evidence", "adopt")
    assert told.exit_code == 0
    assert "There is no run that could be adopted." in told.stdout


def test_what_cannot_be_adopted_is_told_and_fails(o365, old):
    old.path.rename(old.path.with_name("old-2"))
    told = o365("evidence", "adopt", "--yes")
    assert told.exit_code == 1
    assert "not adopted: old-2 of alpine-books" in told.stderr


def test_an_unknown_client_is_told(o365, error_line, old):
    status, line = error_line("evidence", "adopt", "--client", "nobody")
    assert status == 2
    assert "no run of a client 'nobody'" in line
    assert o365("evidence", "adopt", "--client", "alpine-books", "--yes").exit_code == 0


def test_the_command_says_what_it_is_for():
    assert "before there were seals" in adopting.adopt.get_short_help_str(limit=200)
