import threading
from dataclasses import replace

import pytest

from o365lib import clock
from o365lib.cli.options import Options
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.batch_file import Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.runs import batch, tally
from o365lib.runs.delivery import StoreDelivery
from o365lib.runs.events import ignore
from o365lib.runs.task import execute_task

TLS = ("--tls-ca", "--tls-cert", "--tls-key")
RUN = ("run", "create", "alpine-books", "--approved-by", "Kim")


@pytest.fixture
def pem(tmp_path):
    file = tmp_path / "some.pem"
    file.touch()
    return str(file)


def test_certificates_without_a_scheduler_are_a_mistake(error_line, pem, project):
    status, line = error_line(*RUN, "--tls-ca", pem)
    assert status == 2
    assert "no scheduler to show them to" in line
    assert not (project / "evidence").exists()


@pytest.mark.parametrize("left_out", TLS)
def test_a_cluster_needs_all_three_files_or_none(error_line, pem, left_out):
    given = [part for name in TLS if name != left_out for part in (name, pem)]
    status, line = error_line(*RUN, "--scheduler", "tls://localhost:8786", *given)
    assert status == 2
    assert "needs all three" in line


def test_on_a_cluster_the_workers_say_how_many_at_once(error_line):
    status, line = error_line(*RUN, "--scheduler", "tls://localhost:8786", "--jobs", "4")
    assert status == 2
    assert "--nthreads" in line


def test_a_scheduler_without_certificates_elsewhere_is_refused(error_line, project):
    status, line = error_line(*RUN, "--scheduler", "tcp://192.0.2.1:8786")
    assert status == 2
    assert "192.0.2.1" in line
    assert not (project / "evidence").exists()


def test_what_is_no_address_of_a_scheduler_is_told(error_line):
    status, line = error_line(*RUN, "--scheduler", "nonsense")
    assert status == 2
    assert "'nonsense' is not the address of a scheduler" in line


def test_a_batch_whose_claim_is_in_the_store_alone_is_resumed_to_its_end(o365, project, tmp_path):
    (tmp_path / "store").mkdir()
    url = (tmp_path / "store").as_uri()
    options = Options(parameters=project / "parameters", evidence=url)
    places = options.places()
    client, parameters = "alpine-books", {"approved_by": "Kim", "dry_run": True}
    with_cluster = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys))
    begun = batch.begin(
        places.runbook("create"),
        [client],
        places=places,
        evidence=with_cluster,
        parameters=parameters,
    )
    # A drive that came to its end, and whose worker claimed the run after that.
    now = clock.now()
    drive = Drive(
        started=now, ended=now, user_name="kim", host_name="desk", jobs=1, scheduler="tls://h:1"
    )
    begun.folder.write_batch(tally.opening(begun.inputs, begun.standings, None, drive))
    [task] = begun.tasks(StoreDelivery(url))
    begun.folder.release_driver_lock()
    with_cluster.close()
    execute_task(replace(task, run_id="late"), ignore, threading.Event())

    result = o365("--evidence", url, "run", "--resume", begun.batch_id)

    assert result.exit_code == 0, result.stderr
    folder = BatchFolder.open(places.evidence, begun.batch_id)
    file = folder.read_batch()
    assert [each.attempt for each in file.clients[0].attempts] == [1, 2]
    assert file.adds_up(inputs=folder.inputs(), claims=folder.claims()) == []
