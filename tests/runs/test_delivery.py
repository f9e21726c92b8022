import threading
from datetime import UTC, datetime

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import quarantine
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Outcome
from o365lib.runs import delivery as delivery_module
from o365lib.runs.delivery import StoreDelivery
from o365lib.runs.events import ignore
from o365lib.runs.execution import Execution
from o365lib.runs.task import execute_task
from tests.evidence.small_records import make as make_record
from tests.runs.conftest import begin_tiny
from tests.store_servers import Certificates, moto, use_moto

CLIENT = "alpine-books"
SHOW = "print(sorted(each.run_id for each in Archive(folder.path.parent.parent).runs()))\n"


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def delivery(store):
    return StoreDelivery(store.as_uri())


@pytest.fixture
def begun(places, evidence, make_request, delivery):
    """Begin a batch of a tiny runbook; returns its one task, and the run's folder at the driver."""

    def begin(*cells, **parameters):
        make_request(*cells)
        batch = begin_tiny(places, evidence, "create_tiny", [CLIENT], **parameters)
        [task] = batch.tasks(delivery)
        batch.folder.release_driver_lock()
        return task, evidence.begin_run(CLIENT, task.run_id, "create_tiny")

    return begin


def incoming(store):
    return sorted(
        each.relative_to(store / ".incoming").as_posix().partition("/")[2].partition("/")[2]
        for each in (store / ".incoming").rglob("*")
        if each.is_file()
    )


def test_a_run_that_was_executed_elsewhere_reaches_its_driver_whole(begun, tiny, delivery, store):
    task, run = begun(tiny["open"], tiny["change"], tiny["close"])

    execution = execute_task(task, ignore, threading.Event())

    assert (execution.record_problem.message, execution.problem.message) == ("", "")
    assert not run.record_file.exists()
    assert incoming(store) == ["files/record.json", "files/runbook.ipynb", "handed_over.json"]
    assert delivery.receive(task, run, is_lost=False)
    assert run.read_record().outcome is Outcome.DONE
    assert "create-user" in run.notebook_file.read_text()
    assert delivery.receive(task, run, is_lost=True)


def test_nothing_of_a_run_that_was_handed_over_stays_on_the_worker(begun, tiny, delivery):
    task, _ = begun(tiny["open"], tiny["close"])
    execute_task(task, ignore, threading.Event())

    [root] = [
        path for name, path in delivery_module._working_copies.items() if task.batch_id in name
    ]
    assert list((root / CLIENT).glob("[!.]*")) == []


def test_a_run_finds_its_clients_earlier_runs_and_no_other_clients(begun, tiny, delivery, store):
    for client, name in ((CLIENT, "earlier"), ("other", "foreign")):
        Archive(store).new_run(client, name).write_record(
            make_record(name).model_copy(update={"client": client})
        )
    task, run = begun(tiny["open"], SHOW, tiny["close"])

    execute_task(task, ignore, threading.Event())
    delivery.receive(task, run, is_lost=False)

    shown = run.notebook_file.read_text()
    assert "'earlier'" in shown
    assert "foreign" not in shown


def test_a_run_is_claimed_in_the_store_once(begun, tiny, store):
    task, _ = begun(tiny["open"], tiny["close"])
    assert not execute_task(task, ignore, threading.Event()).is_repeated
    assert [each.name for each in store.rglob("claims/*")] == [f"{CLIENT}.1.json"]

    assert execute_task(task, ignore, threading.Event()).is_repeated


def test_a_notebook_in_which_a_secret_was_found_does_not_leave_the_worker(
    begun, tiny, delivery, store
):
    task, run = begun()
    here = delivery.place(task)
    record = make_record(task.run_id)
    here.write_record(record)
    here.write_notebook('{"cells": ["it is hunter2"]}')

    delivery.hand_over(task, here, Execution(own_secrets={"runbook.ipynb": [1]}))
    delivery.receive(task, run, is_lost=False)

    assert "hunter2" not in "".join(each.read_text() for each in store.rglob("*") if each.is_file())
    assert not run.notebook_file.exists()
    assert "runbook.ipynb" in [each.name for each in run.read_record().quarantined]
    assert "hunter2" in (quarantine.folder_of(here) / "runbook.ipynb").read_text()


def test_the_record_is_sent_as_steps_begin_and_only_where_it_is_another(begun, delivery, store):
    task, _ = begun()
    here = delivery.place(task)
    record = make_record(task.run_id, outcome=Outcome.UNFINISHED)

    with delivery.following(task, here) as listener:
        listener.on_step("sign-in")  # no record yet
        for reason in ("first", "first", "second"):
            record.reason = reason
            here.write_record(record)
            listener.on_step("look")

    assert incoming(store) == ["records/00000001.json", "records/00000002.json"]


@pytest.mark.parametrize(
    ("dry_run", "outcome", "state"),
    [(False, Outcome.UNVERIFIED, "may have been changed"), (True, Outcome.FAILED, "")],
)
def test_of_a_machine_that_died_the_latest_record_is_closed(
    begun, delivery, dry_run, outcome, state
):
    task, run = begun()
    here = delivery.place(task)
    with delivery.following(task, here) as listener:
        record = make_record(task.run_id, outcome=Outcome.UNFINISHED)
        record.dry_run = dry_run
        for ticket in ("1", "2"):
            record.ticket = ticket
            here.write_record(record)
            listener.on_step("look")

    assert not delivery.receive(task, run, is_lost=False)
    assert not run.record_file.exists()
    assert not delivery.receive(task, run, is_lost=True)

    closed = run.read_record()
    assert (closed.ticket, closed.outcome, closed.closed_by) == ("2", outcome, "driver")
    assert closed.reason.startswith("The machine that executed it was lost.")
    assert state in closed.error.state


def test_what_is_not_what_the_worker_sent_is_not_sealed(begun, tiny, delivery, store):
    task, run = begun(tiny["open"], tiny["close"])
    execute_task(task, ignore, threading.Event())
    [sent] = store.rglob("files/record.json")
    sent.chmod(0o600)
    sent.write_text(sent.read_text().replace("As planned.", "As wished."))

    with pytest.raises(EvidenceError, match="not what the worker sent"):
        delivery.receive(task, run, is_lost=False)


@pytest.mark.parametrize("text", ["", "[]", '{"client": "other", "run_id": "x", "files": {}}'])
def test_a_list_that_cannot_be_read_is_told(begun, delivery, store, text):
    task, run = begun()
    folder = store / ".incoming" / task.batch_id / task.run_id
    folder.mkdir(parents=True)
    (folder / "handed_over.json").write_text(text)

    with pytest.raises(EvidenceError, match="cannot be read"):
        delivery.receive(task, run, is_lost=False)


def test_what_cannot_be_sent_stays_and_is_told(begun, tiny, delivery, store):
    task, _ = begun(tiny["open"], tiny["close"])
    (store / ".incoming").touch()

    told = execute_task(task, ignore, threading.Event()).record_problem.message

    assert "could not be sent" in told
    assert task.run_id in told


def test_what_workers_did_after_their_driver_was_lost_is_taken_up(
    begun, tiny, delivery, places, evidence
):
    task, run = begun(tiny["open"], tiny["close"])
    execute_task(task, ignore, threading.Event())

    assert delivery.take_up(places.evidence, task.batch_id) == [task.run_id]

    assert run.read_record().outcome is Outcome.DONE
    claims = places.evidence / "_batches" / task.batch_id / "claims"
    assert [each.name for each in claims.iterdir()] == [f"{CLIENT}.1.json"]
    assert delivery.take_up(places.evidence, task.batch_id) == []


def test_a_whole_batch_goes_by_a_store_and_is_sealed_by_its_driver(run_tiny, tiny, delivery):
    clients = ("alpine-books", "bolt", "cedar")

    done = run_tiny(tiny["open"], tiny["close"], clients=clients, jobs=2, delivery=delivery)

    assert [each.outcome for each in done.results] == ["done"] * 3
    assert all(each.seal_file for each in done.results)


def test_a_run_goes_by_a_bucket(begun, tiny, tmp_path, monkeypatch, places, evidence):
    certificates = Certificates(tmp_path)
    with moto(certificates) as port:
        use_moto(monkeypatch, certificates, port)
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket="archive")
        client.close()
        delivery = StoreDelivery("s3://archive/of-ours")
        task, run = begun()
        here = delivery.place(task)
        assert delivery.claim(task)
        assert not delivery.claim(task)
        here.write_record(make_record(task.run_id))
        delivery.hand_over(task, here, Execution())

        assert delivery.receive(task, run, is_lost=False)
        assert run.read_record().started <= datetime.now(UTC)
