"""The archive while a command runs runbooks."""

import contextlib
import shutil
import threading
from dataclasses import replace

import pytest

from o365lib import clock, parameters
from o365lib.cli.open_evidence import lines_of, open_evidence
from o365lib.cli.options import Options
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import chain
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.batch_file import Drive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, KEYS
from o365lib.evidence.record import Outcome
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.sealing import Finished, OpenBatch
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from o365lib.runs import batch, tally
from o365lib.runs.delivery import StoreDelivery
from o365lib.runs.events import ignore
from o365lib.runs.task import execute_task
from tests.evidence.sealed_archive import make_run, open_batch
from tests.time_stamp_authority import TimeStampAuthority
from tests.tiny_runbooks import CLOSE, OPEN


@pytest.fixture
def opened(project, tmp_path):
    """Open the archive of a machine; `defaults` are changed as a test says."""

    def open_it(machine="", *, evidence=None, clients=(), **defaults):
        options = Options(parameters=project / "parameters", evidence=evidence)
        folder = tmp_path / machine
        places = replace(options.places(), keys=folder / "keys")
        if evidence is None:
            places = replace(places, evidence=folder / "evidence")
        rules = parameters.load_defaults(project / "parameters").model_copy(update=defaults)
        return open_evidence(options, places, rules, clients=clients, passphrase_file=None)

    return open_it


def test_the_digest_is_signed_at_the_end_and_told_with_the_keys_fingerprint(opened):
    with opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        assert evidence.digest is None
    key = evidence.batch.signer.key
    assert key.fingerprint in evidence.sentence()
    assert "number 1" in evidence.sentence()
    assert evidence.exit_status == 0
    told = evidence.to_json()
    assert told["key_id"] == key.key_id
    assert told["digest"]["sha256"] == evidence.digest.sha256
    assert told["problems"] == []


def test_a_key_that_is_made_now_is_told_once(opened, capsys):
    for lines in (1, 0):
        with opened() as evidence:
            pass
        told = capsys.readouterr().err.splitlines()
        assert len(told) == lines
        assert all(evidence.batch.signer.key.fingerprint in line for line in told)


def test_nothing_sealed_is_nothing_told(opened):
    with opened() as evidence:
        pass
    assert evidence.sentence() == ""
    assert evidence.to_json()["digest"] is None


def test_what_an_earlier_command_left_is_finished_first_and_told(opened, tmp_path, capsys):
    left = open_batch(tmp_path)
    make_run(left, "alpine-books", "one")
    left._pending.let_go()
    with opened():
        told = capsys.readouterr().err
    assert "Sealed now, since an earlier command ended before it could: one of alpine-books" in told
    assert f"The batch {left._pending.batch_id}" in told
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_a_run_whose_kernel_was_still_ending_is_finished_in_the_end(opened, tmp_path, capsys):
    left = open_batch(tmp_path)
    make_run(left, "alpine-books", "one")
    left._pending.let_go()
    kernel = RunLock(left.archive.run("alpine-books", "one"))
    assert kernel.take()
    with opened():
        assert "Sealed now" not in capsys.readouterr().err
        kernel.remove()
    told = capsys.readouterr().err
    assert "Sealed now, since an earlier command ended before it could: one of alpine-books" in told
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_an_error_in_between_still_signs_the_digest(opened, tmp_path):
    with contextlib.suppress(KeyboardInterrupt), opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        raise KeyboardInterrupt
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_a_digest_that_cannot_be_written_is_told_and_fails_the_command(opened, tmp_path, capsys):
    with opened() as evidence:
        evidence.batch.seal(make_run(evidence.batch, "alpine-books", "one")[0])
        (tmp_path / "evidence" / DIGESTS).write_text("no folder")
    assert evidence.exit_status == 1
    assert "has no digest yet" in capsys.readouterr().err
    (tmp_path / "evidence" / DIGESTS).unlink()
    with opened():
        assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1]


def test_a_key_that_cannot_be_used_starts_nothing(opened, tmp_path):
    store = KeyStore(tmp_path / "keys")
    store.signer()
    store.file.write_text("spoilt")
    with pytest.raises(EvidenceError), opened():
        pytest.fail("it was begun")


def test_what_stays_unfinished_is_told(tmp_path):
    lines = [*lines_of(Finished("batch-1", (), None, "one of alpine-books:\nno\x1b[1m room"))]
    assert len(lines) == 1
    assert "Still unfinished of the batch batch-1" in lines[0]
    assert "\x1b" not in lines[0]


def add_run(evidence, client, run_id):
    run, _ = make_run(evidence.batch, client, run_id)
    evidence.batch.seal(run)
    return run


@pytest.fixture
def authority(tmp_path):
    with TimeStampAuthority(tmp_path / "authority") as one:
        yield one


def rules_of(authority):
    return parameters.TimeStampRules.model_construct(
        url=authority.url, certificate=authority.root_pem.decode()
    )


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def published_to(folder):
    return {"archive": parameters.ArchiveRules(url=str(folder))}


def files(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-4:])
    }


def test_a_batch_is_published_when_its_digest_is_signed(opened, store, tmp_path):
    with opened(**published_to(store)) as evidence:
        add_run(evidence, "alpine-books", "one")
        assert not [name for name in files(store) if not name.startswith(KEYS)]
    assert files(store) == files(tmp_path / "evidence")
    assert str(store) in evidence.sentence()
    assert evidence.to_json()["published"]


def test_what_could_not_be_published_is_told_and_published_by_the_next_command(
    opened, store, tmp_path, capsys
):
    away = store.with_name("away")
    with opened(**published_to(store)) as evidence:
        add_run(evidence, "alpine-books", "one")
        store.rename(away)
    assert evidence.exit_status == 1
    assert "Sealed, but not published yet" in capsys.readouterr().err
    away.rename(store)
    with opened(**published_to(store)) as evidence:
        assert files(store) == files(tmp_path / "evidence")
        assert "1 run, sealed earlier, is published" in capsys.readouterr().err
    assert evidence.exit_status == 0


def test_two_machines_that_seal_at_once_make_one_chain_in_the_store(opened, store, tmp_path):
    """Both begin with the same archive, and neither sees what the other does meanwhile."""
    with opened("first", **published_to(store)) as evidence:
        add_run(evidence, "alpine-books", "start")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    with opened("first", **published_to(store)) as one:
        with opened("second", **published_to(store)) as other:
            add_run(one, "alpine-books", "of-the-first")
            add_run(one, "cedar-dental", "of-the-first")
            add_run(other, "alpine-books", "of-the-second")
            add_run(other, "bayside-legal", "of-the-second")
        assert other.exit_status == 0
    assert one.exit_status == 0
    assert (other.digest.number, one.digest.number) == (2, 3)
    report = verify(FolderStore(store))
    assert [*report.problems] == []
    assert report.counts["runs"] == 5
    with opened("second", clients=["alpine-books"], **published_to(store)):
        names = {
            run.run_id for run in Archive(tmp_path / "second" / "evidence").runs("alpine-books")
        }
    assert names == {"start", "of-the-first", "of-the-second"}


def test_a_file_that_was_edited_in_the_store_is_told_and_nothing_is_signed_anew(
    opened, store, tmp_path, capsys
):
    with opened(**published_to(store)) as evidence:
        run = add_run(evidence, "alpine-books", "one")
    (store / "alpine-books" / run.run_id / "record.json").write_text("edited")
    (tmp_path / "evidence" / ".published").unlink()
    before = files(tmp_path / "evidence")
    with opened(**published_to(store)) as evidence:
        assert "other" in capsys.readouterr().err
    assert files(tmp_path / "evidence") == before


def test_a_store_that_is_the_archive_must_be_there_before_anything_begins(opened, tmp_path):
    url = (tmp_path / "nowhere").as_uri()
    with pytest.raises(EvidenceError), opened(evidence=url):
        pytest.fail("it was begun")


def test_an_archive_by_url_has_its_records_fetched_and_its_runs_published(opened, store):
    url = store.as_uri()
    with opened("first", evidence=url) as evidence:
        add_run(evidence, "alpine-books", "one")
    first = evidence.batch.archive.root
    shutil.rmtree(first)
    with opened("second", evidence=url, clients=["alpine-books"]) as evidence:
        assert [run.run_id for run in evidence.batch.archive.runs()] == ["one"]


def test_a_place_that_is_no_archive_is_told(opened):
    with pytest.raises(UsageError), opened(evidence="ftp://contoso/evidence"):
        pytest.fail("it was begun")


def test_the_digest_is_stamped_where_the_defaults_name_an_authority(opened, authority):
    with opened(time_stamp=rules_of(authority)) as evidence:
        add_run(evidence, "alpine-books", "one")
    assert evidence.stamped is not None
    assert "stamped at 20" in evidence.sentence()
    assert evidence.digest.path.with_suffix(".tsr").exists()


def test_an_authority_that_fails_leaves_a_good_batch_without_stamp(opened, authority, capsys):
    rules = rules_of(authority)
    authority.answer = lambda _query: (503, b"")
    with opened(time_stamp=rules) as evidence:
        add_run(evidence, "alpine-books", "one")
    assert evidence.exit_status == 0
    assert evidence.stamped is None
    assert "no time stamp yet" in capsys.readouterr().err


def test_what_workers_did_after_their_driver_was_killed_is_sealed_as_they_did_it(
    project, put, tmp_path, capsys
):
    put("create_service_account", OPEN, CLOSE)
    (tmp_path / "store").mkdir()
    url = (tmp_path / "store").as_uri()
    options = Options(parameters=project / "parameters", evidence=url)
    places = options.places()
    killed = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys))
    begun = batch.begin(
        places.runbook("create"), ["alpine-books"], places=places, evidence=killed, parameters={}
    )
    drive = Drive(
        started=clock.now(), user_name="kim", host_name="desk", jobs=1, scheduler="tls://host:1"
    )
    begun.folder.write_batch(tally.opening(begun.inputs, begun.standings, None, drive))
    [task] = begun.tasks(StoreDelivery(url))
    killed.begin_run("alpine-books", task.run_id, "create_service_account")
    begun.folder.release_driver_lock()
    killed._pending.let_go()
    execute_task(task, ignore, threading.Event())

    rules = parameters.load_defaults(project / "parameters")
    with open_evidence(options, places, rules, clients=["alpine-books"], passphrase_file=None):
        told = capsys.readouterr().err
    assert f"of the batch {begun.batch_id}: {task.run_id}." in told
    [record] = Archive(places.evidence).records("alpine-books")
    assert record.outcome is Outcome.DONE
    assert f"{task.run_id} of alpine-books (done)" in told
