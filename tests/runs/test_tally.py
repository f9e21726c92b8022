from datetime import UTC, datetime

from o365lib.evidence.batches.batch_file import Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Runbook
from o365lib.evidence.record import Operator, Record
from o365lib.runs import tally
from o365lib.runs.summary import RunResult

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIVE = Drive(started=NOW, ended=NOW, user_name="kim", host_name="desk", jobs=2)


def begun(evidence, *clients):
    inputs = Inputs.of(
        runbook=Runbook.of("create_tiny", "{}"), defaults="", clients=dict.fromkeys(clients, "")
    )
    return BatchFolder.begin(evidence, inputs)


def closed(folder, results, *, before=None, traffic=(0, 0)):
    return tally.closing(
        folder,
        folder.inputs(),
        before=before,
        entry=DRIVE,
        results=results,
        changed_files=(),
        traffic=traffic,
    )


def result(client, run_id, outcome="done"):
    return RunResult(
        client=client, runbook="create_tiny", run_id=run_id, outcome=outcome, reason="so", seconds=2
    )


def archived(evidence, client, run_id, outcome):
    run = evidence.archive.new_run(client, run_id)
    run.write_record(
        Record(
            run_id=run_id,
            client=client,
            runbook="create_tiny",
            package_version="1",
            operator=Operator(user_name="kim", host_name="desk"),
            started=NOW,
            outcome=outcome,
            reason="by its record",
        )
    )


def test_attempts_are_the_claims_with_what_came_of_them(evidence):
    folder = begun(evidence, "alpine-books", "bayside-legal", "cedar-dental")
    folder.claim("alpine-books", 1, "run-a")
    folder.claim("bayside-legal", 1, "run-b")
    file = closed(
        folder, [result("alpine-books", "run-a"), result("cedar-dental", "", "not started")]
    )
    assert [(each.client, each.outcome) for each in file.clients] == [
        ("alpine-books", "done"),
        ("bayside-legal", "unfinished"),
        ("cedar-dental", "not started"),
    ]
    assert file.clients[0].attempts[0].seconds == 2
    assert file.adds_up(inputs=folder.inputs(), claims=folder.claims()) == []


def test_what_a_killed_drive_could_not_tell_is_read_from_the_records(evidence):
    folder = begun(evidence, "alpine-books")
    folder.claim("alpine-books", 1, "run-a")
    archived(evidence, "alpine-books", "run-a", "done")
    file = closed(folder, [])
    assert (file.clients[0].outcome, file.clients[0].reason) == ("done", "by its record")


def test_requests_and_drives_of_earlier_drives_count(evidence):
    folder = begun(evidence, "alpine-books")
    folder.claim("alpine-books", 1, "run-a")
    first = closed(folder, [result("alpine-books", "run-a", "failed")], traffic=(8, 1))
    folder.write_batch(first)
    found, problems = tally.before(folder)
    folder.claim("alpine-books", 2, "run-b")
    second = closed(folder, [result("alpine-books", "run-b")], before=found, traffic=(5, 2))
    assert problems == []
    assert (second.requests, second.throttled, len(second.drives)) == (13, 3, 2)
    assert [each.outcome for each in second.clients[0].attempts] == ["failed", "done"]
    assert second.clients[0].attempts[0].seconds == 2


def test_at_the_beginning_a_batch_shows_whom_it_will_run(evidence):
    folder = begun(evidence, "alpine-books", "bayside-legal")
    file = tally.opening(folder.inputs(), folder.standings(), None, DRIVE)
    assert file.counts == {"not started": 2}
    assert file.adds_up(inputs=folder.inputs(), claims=folder.claims()) == []


def test_what_cannot_be_read_of_earlier_drives_is_told(evidence):
    folder = begun(evidence, "alpine-books")
    (folder.path / "batch.json").write_text("{")
    found, [problem] = tally.before(folder)
    assert found is None
    assert "lost" in problem
