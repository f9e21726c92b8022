"""The process by itself, spoken to over pipes; with its pool it is in `test_local_workers`."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from o365lib.runs.local import frames
from o365lib.runs.local.frames import Frame, Kind
from o365lib.runs.local.worker_process import Begin
from tests.runs.local import little_tasks

PATIENCE = 60
ROOT = Path(__file__).parents[3]


def read(content):
    return pickle.loads(content)  # noqa: S301 -- our own process's bytes


@pytest.fixture
def start():
    started = []

    def make(function, linger=15.0):
        program = (
            "from o365lib.runs.local import worker_process; "
            f"worker_process.LINGER_SECONDS = {linger}; worker_process.main()"
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, **pipes)
        started.append(process)
        frames.write(process.stdin, Frame(Kind.BEGIN, 0, pickle.dumps(Begin(function, None, {}))))
        assert frames.read(process.stdout) == Frame(Kind.READY)
        return process

    yield make
    for process in started:
        with process:
            process.kill()


def hang_up(process):
    frames.write(process.stdin, Frame(Kind.END))
    process.stdin.close()


def give(process, *tasks):
    for number, task in enumerate(tasks):
        frames.write(process.stdin, Frame(Kind.TASK, number, pickle.dumps(task)))


def test_tasks_are_executed_side_by_side(start):
    process = start(little_tasks.obey)
    give(process, "one", "two", "three")
    told = [read(frames.read(process.stdout).content).client for _ in range(3)]
    assert sorted(told) == ["one", "three", "two"]
    frames.write(process.stdin, Frame(Kind.INTERRUPT))
    ended = [frames.read(process.stdout) for _ in range(3)]
    assert {frame.kind for frame in ended} == {Kind.RESULT}
    assert {frame.number for frame in ended} == {0, 1, 2}


def test_a_driver_that_hangs_up_still_hears_the_results(start):
    process = start(little_tasks.obey)
    give(process, "task")
    frames.read(process.stdout)
    hang_up(process)
    kind, number, content = frames.read(process.stdout)
    assert (kind, number, read(content)) == (Kind.RESULT, 0, "stopped")
    assert process.wait(PATIENCE) == 0


def test_a_task_that_does_not_heed_the_end_does_not_keep_the_process(start):
    process = start(little_tasks.ignore_everything, linger=0.5)
    give(process, "task")
    frames.read(process.stdout)
    hang_up(process)
    assert process.wait(PATIENCE) == 1


def test_a_driver_that_dies_is_followed_at_once_whatever_is_under_way(start, tmp_path):
    """Another driver may seal the runs in the next moment: nobody must write to them any more."""
    process = start(little_tasks.obey_and_note)
    give(process, tmp_path / "task")
    while not (tmp_path / "task.began").exists():
        assert process.poll() is None
    process.stdin.close()
    assert process.wait(PATIENCE) == 1
    assert not (tmp_path / "task.stopped").exists()


def test_a_driver_that_does_not_listen_any_more_ends_no_task(start, tmp_path):
    process = start(little_tasks.tell_and_note)
    process.stdout.close()
    give(process, tmp_path / "task")
    while not (tmp_path / "task.ended").exists():
        assert process.poll() is None
    hang_up(process)
    assert process.wait(PATIENCE) == 0


def test_a_driver_that_says_nothing_is_nobody():
    program = "from o365lib.runs.local.worker_process import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_a_task_starts_has_none_of_the_pipes(start, tmp_path):
    process = start(little_tasks.child_files)
    give(process, tmp_path / "files")
    assert frames.read(process.stdout).kind == Kind.RESULT
    files = (tmp_path / "files").read_text().split()
    assert os.devnull in files
    assert not [each for each in files if each.startswith("pipe:")]
