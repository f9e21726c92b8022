"""Which dry runs wait for an approval."""

from datetime import UTC, datetime

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import planned_runs
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Outcome
from o365lib.evidence.sealing import OpenBatch
from tests.evidence.small_records import change, make

EVER = datetime(2026, 1, 1, tzinfo=UTC)
CREATE, REMOVE = "create_service_account", "remove_service_account"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


@pytest.fixture
def put(archive):
    """Put a run into the archive, each a second after the one before."""
    numbers = iter(range(60))

    def run(outcome=Outcome.PLANNED, runbook=CREATE, client="alpine-books", **fields):
        run_id = f"20261123T1200{next(numbers):02}000Z-x-000001"
        folder = archive.new_run(client, run_id)
        record = make(run_id, outcome=outcome, **fields)
        folder.write_record(record.model_copy(update={"client": client, "runbook": runbook}))
        return run_id

    return run


def waiting(archive, since=EVER):
    return [each.run_id for each in planned_runs.waiting(archive, since=since)]


def test_the_last_plan_of_each_runbook_and_client_waits(archive, put):
    put()
    create, remove = put(), put(runbook=REMOVE)
    other = put(client="cedar-dental")
    assert waiting(archive) == [remove, create, other]


def test_a_refused_or_failed_run_overtakes_nothing(archive, put):
    plan = put()
    put(Outcome.REFUSED)
    put(Outcome.FAILED, changes=[change(status="failed")])
    put(Outcome.UNFINISHED)
    assert waiting(archive) == [plan]


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (Outcome.NOTHING_TO_DO, []),
        (Outcome.DONE, [change()]),
        (Outcome.UNVERIFIED, [change(status="unknown")]),
    ],
)
def test_a_run_that_changed_something_or_had_nothing_to_do_overtakes_the_plan(
    archive, put, outcome, changes
):
    put()
    put(outcome, changes=changes)
    assert waiting(archive) == []


def test_what_changed_the_tenant_overtakes_the_plans_of_every_runbook(archive, put):
    put()
    put(Outcome.DONE, runbook=REMOVE, changes=[change("delete-user")])
    assert waiting(archive) == []


def test_only_runs_since_then_are_looked_at(archive, put):
    put(client="bayside-legal")
    plan = put()
    assert waiting(archive, datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)) == [plan]


def test_what_a_record_may_hide_that_cannot_be_read_does_not_wait(archive, put):
    put()
    archive.run("alpine-books", put()).record_file.write_text("{")
    assert waiting(archive) == []


def test_a_plan_is_that_of_a_closed_dry_run(archive, put):
    good, bad = put(), put(Outcome.REFUSED)
    assert planned_runs.planned(archive.find(good)).run_id == good
    with pytest.raises(UsageError, match="ended as 'refused'"):
        planned_runs.planned(archive.find(bad))


def batch_of(archive, tmp_path, *runs):
    """Put runs into the archive as one command does."""
    batch = OpenBatch.begin(archive, KeyStore(tmp_path / "keys"))
    for client, run_id, outcome in runs:
        folder = batch.begin_run(client, run_id, CREATE)
        record = make(run_id, outcome=outcome).model_copy(update={"client": client})
        folder.write_record(record)
        batch.seal(folder)
    batch.close()


def test_the_plans_of_a_batch_are_those_that_its_digest_covers(archive, tmp_path):
    batch_of(archive, tmp_path, ("alpine-books", "early", Outcome.PLANNED))
    batch_of(
        archive,
        tmp_path,
        ("alpine-books", "one", Outcome.PLANNED),
        ("bayside-legal", "two", Outcome.REFUSED),
        ("cedar-dental", "three", Outcome.PLANNED),
    )
    for text in ("one", "three"):
        found = planned_runs.of_the_same_batch(archive, archive.find(text))
        assert [each.run_id for each in found] == ["one", "three"]


def test_a_run_in_no_digest_has_no_batch(archive, put):
    with pytest.raises(EvidenceError, match="its batch is not known"):
        planned_runs.of_the_same_batch(archive, archive.find(put()))
