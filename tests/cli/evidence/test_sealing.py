"""`o365 evidence seal`."""

import json

import pytest

from o365lib.cli.evidence import sealing
from o365lib.evidence.seal import seal_of
from tests.evidence.sealed_archive import make_run, open_batch


@pytest.fixture
def left_behind(project, monkeypatch):
    """A run that a killed command had not sealed."""
    monkeypatch.setenv("O365_KEYS", str(project / "keys"))
    batch = open_batch(project)
    run, _ = make_run(batch, "alpine-books", "20261123T104500123Z-create-7f3a9c")
    batch._pending.let_go()
    return run


def test_it_seals_what_was_left_behind_and_says_so(o365, left_behind):
    told = o365("evidence", "seal")
    assert told.exit_code == 0, told.output
    assert left_behind.run_id in told.stdout
    assert seal_of(left_behind) is not None
    again = o365("evidence", "seal")
    assert "Nothing was left behind." in again.stdout


def test_machines_are_told_the_same(o365, left_behind):
    told = json.loads(o365("evidence", "seal", "--json").stdout)
    assert [each["run_id"] for each in told["sealed"]] == [left_behind.run_id]
    assert told["digests"] == [1]
    assert told["problems"] == told["open"] == []


def test_a_run_under_way_is_left_alone_and_named(o365, project, monkeypatch):
    monkeypatch.setenv("O365_KEYS", str(project / "keys"))
    batch = open_batch(project)
    run, _ = make_run(batch, "alpine-books", "one")
    told = o365("evidence", "seal")
    assert "one" in told.stdout
    assert seal_of(run) is None
    batch.close()


def test_the_next_run_does_the_same_before_it_begins(o365, left_behind):
    told = o365("run", "create", "alpine-books", "--approved-by", "Kim")
    assert told.exit_code == 0, told.output
    assert left_behind.run_id in told.stderr
    assert seal_of(left_behind) is not None


def test_what_cannot_be_sealed_is_told_and_fails(o365, left_behind):
    (left_behind.path.parent / "_seals").write_text("no folder")
    told = o365("evidence", "seal")
    assert told.exit_code == 1
    assert "Still unfinished" in told.stdout


def test_the_command_says_what_it_is_for():
    assert "Seal the runs" in sealing.seal.get_short_help_str(limit=200)
