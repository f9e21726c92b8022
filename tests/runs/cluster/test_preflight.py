import logging
from pathlib import Path

import pytest

import o365lib
from o365lib.errors import EvidenceError, UsageError
from o365lib.runs.cluster.connection import connect
from tests.runs.cluster import cluster_tasks
from tests.runs.cluster.dask_cluster import Cluster, until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and a worker that no driver has used; tests look at them alone."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.start_worker("seen", threads=1)
    yield made
    made.end()


@pytest.fixture
def refused(cluster):
    """Return why a driver is refused, as soon as so many workers are there."""

    def refuse(**options):
        def said():
            try:
                workers = cluster.workers(print, function=cluster_tasks.answer, **options)
            except UsageError as error:
                return str(error)
            workers.close()
            return ""

        return until(said)

    return refuse


def test_a_folder_that_a_worker_does_not_see_is_told(refused, cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    said = refused(archive=Path("/proc/self/cwd/archive"))

    assert "The worker seen on " in said
    assert "does not see the archive's folder /proc/self/cwd/archive" in said
    assert "Nothing was started." in said
    assert [each for each in (tmp_path / "archive").rglob("*") if each.is_file()] == []


def test_a_folder_that_all_workers_see_is_taken_and_left_as_it_was(cluster, tmp_path):
    workers = cluster.workers(print, function=cluster_tasks.answer, archive=tmp_path / "archive")
    workers.close()

    assert [each for each in (tmp_path / "archive").rglob("*") if each.is_file()] == []


def test_a_store_that_a_worker_cannot_read_is_told(refused, tmp_path):
    said = refused(store_url=(tmp_path / "no-store").as_uri())

    assert f"cannot read the archive {(tmp_path / 'no-store').as_uri()}: There is no folder" in said


def test_an_archive_that_cannot_be_written_to_is_told_before(cluster, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(EvidenceError, match="cannot be written to"):
        cluster.workers(print, function=cluster_tasks.answer, archive=tmp_path / "file" / "archive")


def test_scheduler_and_workers_of_another_version_are_told_each_by_name(refused, monkeypatch):
    here = o365lib.__version__
    monkeypatch.setattr(o365lib, "__version__", "99.0")

    said = refused()

    assert f"The scheduler has o365-runbooks {here}, and here it is 99.0." in said
    assert "The worker seen on " in said


def test_another_python_is_told_before_anything_of_ours_is_sent(refused, monkeypatch):
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("3", "99", "0"))

    said = refused()

    assert "The scheduler runs Python 3." in said
    assert "The worker " in said
    assert "and here it is 3.99." in said


def test_a_worker_without_this_package_is_told(tmp_path):
    (tmp_path / "o365lib").mkdir()
    (tmp_path / "o365lib" / "__init__.py").touch()
    fresh = Cluster(tmp_path)
    try:
        fresh.start_worker("strange", PYTHONPATH=str(tmp_path))
        client = connect(fresh.address, security=fresh.tls, insecure=False, timeout_seconds=20)
        until(lambda: client.scheduler_info()["workers"])
        client.close()

        with pytest.raises(UsageError, match="The worker strange has no o365-runbooks, or another"):
            fresh.workers(print, function=cluster_tasks.answer)
    finally:
        fresh.end()


def test_the_logs_of_dask_are_kept_out_of_what_a_person_reads(cluster):
    cluster.workers(print, function=cluster_tasks.answer).close()

    assert not logging.getLogger("distributed.client").isEnabledFor(logging.ERROR)
    assert not logging.getLogger("distributed.core").isEnabledFor(logging.ERROR)
