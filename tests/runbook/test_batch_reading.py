"""What a batch came to, counted from its records."""

import json

import pytest

from o365lib.evidence.archive import Archive
from o365lib.runbook.batch_reading import faults_of, outcome_counts, place_of, read_batch_figures
from tests.ended_batch import Ran, end_batch


@pytest.fixture
def read(summary_places):
    """Make a batch and read it."""

    def read_it(clients, *, spoil=lambda _archive, _batch: None):
        folder = end_batch(summary_places, clients)
        archive, batch = Archive(summary_places.evidence), folder.read_batch()
        assert batch is not None
        spoil(archive, batch)
        return read_batch_figures(archive, batch, folder.claims())

    return read_it


def test_every_run_is_timed_earlier_attempts_too(read):
    found = read({"alpine": [Ran("failed", 3), Ran("done", 1)], "beta": [Ran("done", 2)]})
    assert sorted(found.seconds) == [1, 2, 3]
    assert [(each.client, each.seconds) for each in found.slowest] == [
        ("alpine", 3), ("beta", 2), ("alpine", 1)
    ]  # fmt: skip
    assert found.slowest[0].longest_step == "create-user (1.0 s)"


def test_the_ten_slowest_are_kept(read):
    found = read({f"client-{each}": [Ran(seconds=each + 1)] for each in range(14)})
    assert [each.seconds for each in found.slowest] == list(range(14, 4, -1))


def test_steps_are_timed_by_name_in_the_order_in_which_they_came(read):
    found = read({"alpine": [Ran(steps={"sign-in": 1, "look": 2})], "beta": [Ran()]})
    assert list(found.steps) == ["sign-in", "look", "plan", "create-user"]
    assert list(found.steps["look"]) == [2, 0.25]


def test_a_step_that_was_left_out_took_no_time_that_would_count(read):
    def spoil(archive, batch):
        file = archive.run("alpine", batch.clients[0].run_id).record_file
        record = json.loads(file.read_text())
        record["steps"][-1]["status"] = "not done"
        file.write_text(json.dumps(record))

    found = read({"alpine": [Ran()], "beta": [Ran()]}, spoil=spoil)
    assert len(found.steps["create-user"]) == 1
    assert len(found.steps["look"]) == 2


def test_requests_are_counted_and_those_that_were_told_to_wait(read):
    found = read({"alpine": [Ran(requests=7, told_to_wait=2)], "beta": [Ran(requests=3)]})
    assert sorted(found.requests) == [3, 7]
    assert found.told_to_wait == {"2026-11-23T20:00": 2}
    assert found.waiting_clients == {"alpine": 2}
    assert found.longest_wait == 4.5
    assert found.errors == {429: 2}
    assert found.minutes == {"2026-11-23T20:00": 10}


def test_a_busy_answer_that_names_a_time_counts_as_told_to_wait(read):
    def spoil(archive, batch):
        run = archive.run("alpine", batch.clients[0].run_id)
        record = json.loads(run.record_file.read_text())
        record["requests"][0] |= {"status": 503, "retry_after_seconds": 9}
        record["requests"][1] |= {"status": 503, "retry_after_seconds": None}
        record["requests"][2] |= {"status": 0}
        run.record_file.write_text(json.dumps(record))

    found = read({"alpine": [Ran()]}, spoil=spoil)
    assert found.told_to_wait.total() == 1
    assert found.errors == {503: 2, 0: 1}


def test_what_a_person_is_to_do_is_that_of_the_last_attempt(read):
    found = read(
        {
            "alpine": [Ran("failed", remedy="Before."), Ran("refused", remedy="After.")],
            "beta": [Ran("failed", remedy="Once."), Ran("done")],
        }
    )
    assert found.remedies == {"alpine": "After."}
    assert [each.client for each in found.needing_a_person] == ["alpine"]
    assert [each.client for each in found.repeated] == ["alpine", "beta"]


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"started": "yesterday"}', "\0"])
def test_a_record_that_cannot_be_read_is_told_and_hides_no_other(read, text):
    def spoil(archive, batch):
        file = archive.run("alpine", batch.clients[0].run_id).record_file
        if text is None:
            file.unlink()
        else:
            file.write_text(text)

    found = read({"alpine": [Ran()], "beta": [Ran(seconds=4)]}, spoil=spoil)
    assert [each.split("/")[0] for each in found.unread] == ["alpine"]
    assert list(found.seconds) == [4]
    (fault,) = faults_of(found, has_claims=True)
    assert "alpine/" in fault


def test_a_record_that_is_a_link_is_not_followed(read, tmp_path):
    def spoil(archive, batch):
        file = archive.run("alpine", batch.clients[0].run_id).record_file
        file.rename(tmp_path / "elsewhere.json")
        file.symlink_to(tmp_path / "elsewhere.json")

    assert len(read({"alpine": [Ran()]}, spoil=spoil).unread) == 1


def test_a_name_that_leads_out_of_the_archive_is_not_read(read):
    def spoil(_archive, batch):
        batch.clients[0].attempts[0].__dict__["run_id"] = "../../secrets"

    assert read({"alpine": [Ran()]}, spoil=spoil).unread == ["alpine/../../secrets"]


def test_a_record_of_a_later_version_is_read_as_far_as_it_goes(read):
    def spoil(archive, batch):
        file = archive.run("alpine", batch.clients[0].run_id).record_file
        file.write_text(json.dumps(json.loads(file.read_text()) | {"new": 1, "schema_version": 2}))

    assert len(read({"alpine": [Ran()]}, spoil=spoil).seconds) == 1


def test_what_adds_up_has_no_faults_and_claims_without_a_run_are_one(read, summary_places):
    found = read({"alpine": [Ran()], "beta": []})
    assert list(faults_of(found, has_claims=True)) == []
    found.claims["alpine"].append(found.claims["alpine"][0].now("alpine", 2, "another"))
    assert len(list(faults_of(found, has_claims=True))) == 1
    assert list(faults_of(found, has_claims=False)) == []


def test_outcomes_are_told_with_those_that_need_a_person_last(read):
    found = read({"a": [], "b": [Ran("failed")], "c": [Ran("done")], "d": [Ran("planned")]})
    assert [name for name, _ in outcome_counts(found.batch)] == [
        "done", "planned", "failed", "not started"
    ]  # fmt: skip
    assert place_of("never heard of") > place_of("failed")
