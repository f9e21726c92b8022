"""Kernels and drivers that are killed, disks that are full, a service that goes away.

After each the records can be read, nothing is called done that is not, and running again leads to
the same end: one account with one role whose password somebody has, or none.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from o365lib import clock
from o365lib.runs.execution import Listener
from o365lib.runs.notebook import run_notebook
from o365lib.sandbox.command import write_files
from tests.faults.project import (
    MADE,
    OWN_STORE,
    REMOVED,
    Command,
    kernels_at,
    wait_until,
)
from tests.service_account.job import SandboxTime

pytest.importorskip("resource", reason="POSIX: limits of a process")

ROOT = Path(__file__).parents[2]

GOOD = {"done", "nothing to do"}

# Which request has taken effect, and is not answered, when the kernel is killed.
AFTER = {
    "create": {
        "sign-in": r"POST .*/oauth2/v2\.0/token",
        "look": r"POST /v1\.0/\$batch",
        "create-user": r"POST /v1\.0/users",
        "hand-over": r"POST /v1\.0/users/.*/sendMail",
        "assign-role": r"POST /v1\.0/roleManagement/directory/roleAssignments",
    },
    "remove": {
        "remove-roles": r"DELETE /v1\.0/roleManagement/directory/roleAssignments/.*",
        "revoke-sessions": r"POST /v1\.0/users/.*/revokeSignInSessions",
        "delete-user": r"DELETE /v1\.0/users/.*",
    },
}
# The last change in the record of a kernel that was killed there; elsewhere it is `unknown`.
CHANGED = {"sign-in": [], "look": []}
KILLS_AFTER = [(word, step) for word, steps in AFTER.items() for step in steps]
# What a runbook does before it verifies.
BEFORE_VERIFY = {"create": "assign-role", "remove": "delete-user"}
KILLS_AT = [("create", "plan"), ("create", "confirm"), ("create", "verify"), ("remove", "verify")]


def kill_kernels(project):
    for kernel in kernels_at(project.folder):
        kernel.kill()


def at(project, pattern, act):
    """Have something done once: when a request has taken effect and is not answered."""
    done = []

    def look(seen):
        if not done and not seen.in_batch and re.fullmatch(pattern, f"{seen.method} {seen.path}"):
            done.append(act())

    project.watch(look)


def finish(project, word):
    """Run again, as often as one would, until nothing is left to do; look at the tenant."""
    project.sandbox.clock.advance(seconds=10)
    assert project.carry_out(word, "client").outcome in GOOD
    assert project.state("client") == (MADE if word == "create" else REMOVED)
    assert project.carry_out(word, "client").outcome == "nothing to do"


def run_and_kill(project, word, steps, **watching):
    """Run with a kernel that is killed; return the record as the driver closed it."""
    project.add_client("client", holds="Exchange Administrator" if word == "remove" else "")
    result = run_notebook(
        project.request(word, "client", approved_by="Kim"), archive=project.archive, **watching
    )
    assert kernels_at(project.folder) == []
    [record] = project.records("client")
    assert record.closed_by == "driver"
    assert record.error.step in steps
    assert record.outcome == result.outcome == ("unverified" if record.changes else "failed")
    assert "The kernel ended in this step" in record.reason
    assert {each.status for each in record.changes} <= {"accepted", "unknown"}
    return record


@pytest.mark.parametrize(("word", "step"), KILLS_AFTER)
def test_a_kernel_that_is_killed_between_an_effect_and_its_answer(project, word, step):
    at(project, AFTER[word][step], lambda: kill_kernels(project))
    record = run_and_kill(project, word, {step})
    assert [each.status for each in record.changes][-1:] == CHANGED.get(step, ["unknown"])
    finish(project, word)


@pytest.mark.parametrize(("word", "step"), KILLS_AT)
def test_a_kernel_that_is_killed_when_a_step_begins(project, word, step):
    def kill(begun):
        # The step's request is under way when the kernel dies; it may be sent before this is told.
        is_slow = begun == step or (step == "verify" and begun == BEFORE_VERIFY[word])
        project.sandbox.latency_seconds = 0.5 if is_slow else 0.0
        if begun == step:
            kill_kernels(project)

    # A step that asks nobody may be over before it is killed; no other is begun then.
    following = {"plan": "confirm", "confirm": "create-user"}
    record = run_and_kill(
        project, word, {step, following.get(step)}, listener=Listener(on_step=kill)
    )
    assert bool(record.changes) is (step == "verify")
    project.sandbox.latency_seconds = 0.0
    finish(project, word)


def start(project, *arguments):
    return Command(project, "run", "create", *arguments, "--approved-by", "Kim")


def test_a_driver_that_is_killed_takes_its_kernels_with_it(project):
    clients = ("client", "other")
    for name in clients:
        project.add_client(name)
    with start(project, *clients, "--jobs", "2") as command:
        at(project, AFTER["create"]["create-user"], command.process.kill)
        command.process.wait()
        assert command.kernels()
        wait_until(lambda: not command.kernels(), "an end of the kernels")
    project.watch(lambda _: None)
    records = [record for name in clients for record in project.records(name)]
    assert len(records) >= 1
    assert all(record.outcome in {"unfinished", "done", "unverified"} for record in records)
    assert all(record.run_id in evidence(project, "list") for record in records)
    # What the killed command could not seal any more, the next one does, and says so.
    told = evidence(project, "seal")
    assert all(record.run_id in told for record in records)
    assert {record.outcome for name in clients for record in project.records(name)} <= {
        "done",
        "failed",
        "unverified",
    }
    evidence(project, "verify")
    assert "Nothing was left behind" in evidence(project, "seal")
    finish(project, "create")


def evidence(project, *arguments):
    """What `o365 evidence` says, when all is well."""
    done = subprocess.run(
        [sys.executable, "-m", "o365lib", "evidence", *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcomes(project, clients):
    return [[record.outcome for record in project.records(name)] for name in clients]


CLIENTS = ("alpha", "beta", "gamma", "delta")


def test_one_interruption_lets_the_runs_under_way_finish(project):
    for name in CLIENTS:
        project.add_client(name)
    with start(project, *CLIENTS, "--jobs", "2") as command:
        # Both runs are past their start when the first of them creates its user.
        at(
            project,
            AFTER["create"]["create-user"],
            lambda: command.process.send_signal(signal.SIGINT),
        )
        assert command.wait() == 1
    rows = [line.split() for line in command.output.splitlines() if line.split()[:1]]
    shown = {row[0]: row[1:3] for row in rows if row[0] in CLIENTS}
    assert [shown[name] for name in CLIENTS] == [
        ["done", "practiceprotect@alpha.onmicrosoft.com:"],
        ["done", "practiceprotect@beta.onmicrosoft.com:"],
        ["not", "started"],
        ["not", "started"],
    ]
    assert "4 clients: 2 done, 2 not started" in command.output
    assert outcomes(project, CLIENTS) == [["done"], ["done"], [], []]


def test_a_second_interruption_ends_them_with_whole_records(project):
    for name in CLIENTS:
        project.add_client(name)
    with start(project, *CLIENTS, "--jobs", "2") as command:
        created = []

        def interrupt(seen):
            if not seen.in_batch and seen.method == "POST" and seen.path == "/v1.0/users":
                created.append(seen)
                # From now on every answer takes long enough for the second interruption.
                project.sandbox.latency_seconds = 2.0
                command.process.send_signal(signal.SIGINT)

        project.watch(interrupt)
        command.until_shown("Ctrl-C again interrupts them")
        if len(created) == 1:
            command.process.send_signal(signal.SIGINT)
        assert command.wait() == 1
    project.sandbox.latency_seconds = 0.0
    project.watch(lambda _: None)
    assert "2 not started" in command.output
    ended = {record.outcome for name in CLIENTS for record in project.records(name)}
    assert ended <= {"failed", "unverified"}
    for name in CLIENTS:
        for record in project.records(name):
            assert record.ended
            assert {each.status for each in record.changes} <= {"accepted", "unknown"}
            assert "interrupted" in record.reason.lower()
            assert project.carry_out("create", name).outcome in GOOD
            assert project.state(name) == MADE


# ---- the disk --------------------------------------------------------------------------------


def test_once_the_record_cannot_be_written_nothing_is_sent():
    """In a process of its own: the limit holds for all that a process writes, a worker's too."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider",
         str(Path(__file__).with_name("without_room.py"))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


@contextlib.contextmanager
def mounted(folder, options):
    """Put a small file system of its own under a folder, which need not exist."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="cannot make a full disk")
def test_a_full_disk_ends_a_run_with_its_reason(project):
    """On a real file system, by the real command."""
    archive = project.folder / "evidence"
    ballast = archive / "ballast"

    def fill():
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    with mounted(archive, "size=2m"):
        at(project, AFTER["create"]["look"], fill)
        with start(project, "alpine-books") as command:
            assert command.wait() == 1
        assert project.writes() == []
        assert "No space left on device" in " ".join(command.output.split())
        [run] = project.archive.runs("alpine-books")
        assert run.read_record().outcome == "unfinished"
        assert run.notebook_file.is_file()
        ballast.unlink()
        assert run.run_id in evidence(project, "seal")
        assert run.read_record().outcome == "failed"
        evidence(project, "verify")
        assert project.carry_out("create", "alpine-books").outcome == "done"
        command.written.add_folder(project.folder, but=OWN_STORE)
        assert command.written.leaks(project.secrets()) == []


def test_an_archive_that_is_read_only_stops_a_run_before_it_asks_anybody(project):
    archive = project.folder / "evidence"
    with contextlib.ExitStack() as stack:
        if os.geteuid() == 0:  # root may write everywhere, but for what is mounted so
            stack.enter_context(mounted(archive, "ro"))
        else:
            archive.mkdir(mode=0o500)
        with start(project, "alpine-books") as command:
            assert command.wait() == 1
        assert b"cannot be written" in command.screen
        assert project.sandbox.journal == []


# ---- the service -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "step"),
    [
        ("create", "sign-in"),
        ("create", "look"),
        ("create", "create-user"),
        ("create", "hand-over"),
        ("create", "assign-role"),
        ("create", "verify"),
        ("remove", "delete-user"),
    ],
)
def test_a_service_that_goes_away(sandbox, project_of, word, step):
    with contextlib.ExitStack() as serving:
        project = project_of(serving.enter_context(sandbox.serve()))
        project.add_client("client", holds="Exchange Administrator" if word == "remove" else "")
        with clock.use(SandboxTime(sandbox)):
            record = project.carry_out(word, "client", before={step: serving.close})
    assert record.outcome == ("unverified" if step == "verify" else "failed")
    assert record.error.step == step
    with sandbox.serve() as served:
        write_files(served, project.folder / ".sandbox")
        finish(project, word)
