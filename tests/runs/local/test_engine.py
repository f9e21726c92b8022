import os
import tempfile

from o365lib.runs.events import ignore
from o365lib.runs.local.engine import FEW, on_this_machine
from o365lib.runs.local.thread_workers import ThreadWorkers
from o365lib.runs.local.workers import LocalWorkers
from o365lib.runs.machine import jobs_here


def test_a_few_runs_need_no_process_of_their_own_and_many_have_some():
    few = on_this_machine(FEW)(ignore)
    many = on_this_machine(FEW + 1)(ignore)
    assert isinstance(few, ThreadWorkers)
    assert isinstance(many, LocalWorkers)
    few.close()
    many.close()


def test_never_more_at_once_than_there_are_runs_or_the_machine_bears():
    for runs, jobs, slots in ((2, 8, 2), (100, 7, 7), (100_000, None, jobs_here())):
        workers = on_this_machine(runs, jobs=jobs)(ignore)
        assert abs(workers.slots - slots) <= slots // 2  # memory comes and goes
        workers.close()


def test_what_killed_workers_left_is_swept_when_others_start(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "o365-run-left"
    left.mkdir()
    os.utime(left, (0, 0))
    on_this_machine(1)(ignore).close()
    assert not left.exists()
