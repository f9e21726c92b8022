import json
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import quarantine
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Outcome
from o365lib.evidence.sealing import OpenBatch, finish_left_behind
from o365lib.runs import batch
from o365lib.runs import delivery as delivery_module
from o365lib.runs.delivery import StoreDelivery
from o365lib.runs.events import ignore
from o365lib.runs.execution import Execution
from o365lib.runs.local.engine import FEW, on_this_machine
from o365lib.runs.task import execute_task
from tests.evidence.small_records import make as make_record
from tests.runs.conftest import begin_tiny
from tests.store_servers import Certificates, moto, use_moto

ROOT = Path(__file__).parent.parent.parent
CLIENT = "alpine-books"
TWO = (CLIENT, "bolt")
FAILS_ONCE = """
from pathlib import Path
mark = Path(os.environ["O365_EVIDENCE"]) / f".{client}-was-here"
if client == "bolt" and not mark.exists():
    mark.touch()
    raise RuntimeError("the first time only")
"""
KILLED = """
import json, os, sys
from pathlib import Path
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import Places
from o365lib.runs.batch import run_batch
from o365lib.runs.delivery import StoreDelivery
from o365lib.runs.local.engine import FEW, on_this_machine
from tests.runs.conftest import begin_tiny

class Late(StoreDelivery):
    # Its last run has been handed over, and nothing of it is here yet.
    def receive(self, task, run, *, is_lost):
        if task.request.client == "bolt":
            os._exit(9)
        return super().receive(task, run, is_lost=is_lost)

url, clients, folders = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
places = Places(**{name: Path(path) for name, path in folders.items()})
evidence = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys))
begun = begin_tiny(places, evidence, "create_tiny", clients)
print(begun.batch_id, flush=True)
run_batch(begun, evidence=evidence, new_workers=on_this_machine(FEW), delivery=Late(url),
          scheduler="tls://host:1", stop_after=0)
"""
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


@pytest.mark.parametrize(
    "name",
    [
        "x/../../../stray",
        "../stray",
        "/stray",
        "x/./y",
        "x//y",
        "C:\\stray",
        "x/.run.lock",
        ".lock",
    ],
)
def test_a_name_that_leads_out_of_the_runs_folder_is_refused(begun, delivery, store, name):
    task, run = begun()
    folder = store / ".incoming" / task.batch_id / task.run_id
    folder.mkdir(parents=True)
    told = {"client": CLIENT, "run_id": task.run_id, "files": {name: "0" * 64}}
    (folder / "handed_over.json").write_text(json.dumps(told))

    with pytest.raises(EvidenceError, match=r"handed over .* cannot be read"):
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


def counts_and_faults(folder):
    file = folder.read_batch()
    return file.counts, file.adds_up(inputs=folder.inputs(), claims=folder.claims())


def drive_on(batch_id, places, evidence, delivery):
    """Take a batch up and drive it; return its folder and what came of the drive."""
    taken_up = batch.take_up(batch_id, places=places, evidence=evidence, delivery=delivery)
    workers = on_this_machine(FEW)
    done = batch.run_batch(
        taken_up, evidence=evidence, new_workers=workers, delivery=delivery, stop_after=0
    )
    return taken_up.folder, done


def test_a_batch_that_goes_by_a_store_is_counted_and_finished_by_a_later_drive(
    run_tiny, tiny, delivery, places, evidence
):
    cells = (tiny["open"], FAILS_ONCE, tiny["close"])
    first = run_tiny(*cells, clients=TWO, jobs=2, delivery=delivery)

    assert first.problems == []
    assert first.batch_file.counts == {"done": 1, "failed": 1}
    for outcomes in (["done"], []):
        folder, done = drive_on(first.batch_file.batch_id, places, evidence, delivery)
        assert [each.outcome for each in done.results] == outcomes
        assert counts_and_faults(folder) == ({"done": 2}, [])
    assert [[a.attempt for a in each.attempts] for each in done.batch_file.clients] == [[1], [1, 2]]
    assert done.left == 0


def test_a_batch_whose_driver_was_killed_is_finished_by_a_later_drive(
    make_request, tiny, delivery, places
):
    make_request(tiny["open"], FAILS_ONCE, tiny["close"])
    names = ("parameters", "evidence", "sandbox_file", "notebooks", "keys")
    folders = {name: str(getattr(places, name)) for name in names}
    arguments = [delivery.url, json.dumps(TWO), json.dumps(folders)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == 9, killed.stderr
    batch_id = killed.stdout.strip()

    assert delivery.take_up(places.evidence, batch_id)
    evidence = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys))
    [*finish_left_behind(evidence.archive, evidence.signer)]
    # What failed once fails here once more: it is another machine.
    for attempts in (2, 3):
        folder, done = drive_on(batch_id, places, evidence, delivery)
        assert [each.client for each in done.results] == ["bolt"]
        assert len(done.batch_file.clients[1].attempts) == attempts
        assert counts_and_faults(folder)[1] == []
    assert done.batch_file.counts == {"done": 2}
    evidence.close()


def test_a_drive_knows_of_claims_of_earlier_drives_that_are_in_the_store_alone(
    run_tiny, tiny, delivery, places, evidence, begun
):
    task, _ = begun(tiny["open"], tiny["close"])
    execute_task(task, ignore, threading.Event())

    taken_up = batch.take_up(task.batch_id, places=places, evidence=evidence, delivery=delivery)
    taken_up.folder.release_driver_lock()

    [standing] = taken_up.standings
    assert (standing.attempt, standing.run_id) == (1, task.run_id)


def test_the_claim_of_a_run_whose_machine_is_lost_reaches_its_driver(begun, delivery, places):
    task, run = begun()
    claims = places.evidence / "_batches" / task.batch_id / "claims"
    assert not delivery.receive(task, run, is_lost=True)
    assert list(claims.iterdir()) == []

    delivery.claim(task)
    assert not delivery.receive(replace(task, run_id="another"), run, is_lost=False)

    assert task.run_id in (claims / f"{CLIENT}.1.json").read_text()


class _Mute:
    """Executes tasks, and gives no answer that anybody understands."""

    lost, slots = "", 1

    def submit(self, task):
        execute_task(task, ignore, threading.Event())
        future = Future()
        future.set_exception(ValueError("torn"))
        return future

    def interrupt(self):
        pass

    def close(self):
        pass


def test_runs_whose_workers_gave_no_answer_are_told_as_attempts(run_tiny, tiny, delivery):
    done = run_tiny(
        tiny["open"], tiny["close"], delivery=delivery, new_workers=lambda tell: _Mute()
    )

    [client] = done.batch_file.clients
    assert [each.attempt for each in client.attempts] == [1]


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
