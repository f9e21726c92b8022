import json
from datetime import timedelta

import pytest

from o365lib.reports.report import Wanted, walk
from tests.reports.examples import (
    NOW,
    SEALED,
    Told,
    creation,
    folder_of,
    record,
    refusal,
    removal,
    write,
)


class Shown:
    """Keeps what it is shown."""

    def __init__(self):
        self.events = []

    def run(self, run, row):
        assert run.folder.run_id == row.run_id
        self.events.append(row.run_id)

    def client(self, client, standing, records):
        self.events.append((client, len(standing), len(records)))

    def end(self):
        self.events.append("end")


@pytest.fixture
def archive(tmp_path):
    other = creation(5).model_copy(update={"client": "bayside-legal"})
    return write(tmp_path, removal(), creation(), other)


def events(archive, **wanted):
    shown, counted = Shown(), []
    walk(
        Wanted(archive=archive, now=NOW, **wanted),
        [shown],
        seals=Told(SEALED),
        on_run=lambda: counted.append(1),
    )
    return shown.events, len(counted)


def test_runs_come_client_by_client_oldest_first(archive):
    assert events(archive) == (
        [
            creation().run_id,
            removal().run_id,
            ("alpine-books", 0, 2),
            creation(5).run_id,
            ("bayside-legal", 1, 1),
            "end",
        ],
        3,
    )


def test_one_client_can_be_asked_for(archive):
    assert events(archive, client="bayside-legal")[0] == [
        creation(5).run_id,
        ("bayside-legal", 1, 1),
        "end",
    ]


def test_earlier_runs_are_left_out_but_tell_of_accounts_all_the_same(archive):
    since = NOW + timedelta(minutes=6)
    assert events(archive, since=since) == (
        [removal().run_id, ("alpine-books", 0, 2), ("bayside-legal", 1, 1), "end"],
        3,
    )
    assert events(archive, since=removal().started)[0][0] == removal().run_id


def test_one_run_is_shown_alone(archive):
    run = folder_of(archive, removal())
    assert events(archive, run=run) == ([removal().run_id, "end"], 1)


@pytest.mark.parametrize(("minutes", "is_there"), [(-1, True), (20, True), (21, False)])
def test_a_run_that_cannot_be_read_is_left_out_only_if_its_id_says_so(tmp_path, minutes, is_there):
    archive = write(tmp_path, refusal())
    folder_of(archive, refusal()).record_file.write_text("{")
    since = NOW + timedelta(minutes=minutes)
    assert (refusal().run_id in events(archive, since=since)[0]) is is_there


def test_a_run_of_another_form_that_cannot_be_read_is_never_left_out(tmp_path):
    archive = write(tmp_path, record(run_id="by-hand"))
    folder_of(archive, record(run_id="by-hand")).record_file.write_text(json.dumps({}))
    assert "by-hand" in events(archive, since=NOW + timedelta(days=900))[0]
