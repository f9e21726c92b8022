"""A kernel's life at the other end of a connection."""

import asyncio
import os
import signal
import socket
import subprocess
import threading

import psutil
import pytest

from o365lib.kernels import forked_process, launch, meeting_point
from o365lib.kernels.forked_process import ForkedProcess, _Retired
from o365lib.kernels.meeting_point import _NotForked


@pytest.fixture
def connection():
    """Our end, and the template's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def started(ours, theirs, answer):
    theirs.sendall(answer)
    return asyncio.run(ForkedProcess.launch(ours, [2]))


@pytest.fixture
def process(connection):
    process = started(*connection, launch.frame(launch.STARTED, os.getpid()))
    connection[1].recv(100)
    yield process
    connection[1].close()
    process._pidfd = process._pidfd and os.close(process._pidfd)


def test_it_runs_until_the_template_says_that_it_has_ended(process, connection):
    assert process.pid == os.getpid()
    assert process.poll() is None
    connection[1].sendall(launch.frame(launch.ENDED, 3))
    assert process.poll() == 3
    assert process.wait() == 3


@pytest.mark.parametrize("wait", [lambda it: it.wait(), lambda it: asyncio.run(it.ended())])
def test_one_waits_for_its_end(process, connection, wait):
    answer = launch.frame(launch.ENDED, -15)
    connection[1].sendall(answer[:2])
    assert process.poll() is None
    threading.Timer(0.05, connection[1].sendall, [answer[2:]]).start()
    assert wait(process) == -15


def test_signals_go_by_way_of_the_template(process, connection):
    process.send_signal(signal.SIGINT)
    process.terminate()
    process.send_signal(signal.SIGHUP)
    heard = connection[1].recv(100)
    frames = [heard[at : at + launch.FRAME_BYTES] for at in range(0, 15, launch.FRAME_BYTES)]
    assert [launch.unpack(frame) for frame in frames] == [
        (launch.SIGNAL, signal.SIGINT),
        (launch.SIGNAL, signal.SIGTERM),
        (launch.SIGNAL, signal.SIGHUP),
    ]


def test_a_process_whose_template_is_gone_is_killed(connection):
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        process = started(*connection, launch.frame(launch.STARTED, sleeper.pid))
        connection[1].close()
        assert process.poll() == -signal.SIGKILL
        assert sleeper.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("answer", "error"),
    [(launch.RETIRED, _Retired), (launch.REFUSED, _NotForked)],
)
def test_a_template_may_say_no(connection, answer, error):
    with pytest.raises(error):
        started(*connection, launch.frame(answer))
    assert connection[0].fileno() == -1


def test_a_template_that_ends_is_as_one_that_says_no(connection):
    connection[1].close()
    with pytest.raises(_Retired):
        asyncio.run(ForkedProcess.launch(connection[0], [2]))


def test_a_template_that_does_not_answer_is_waited_for_no_longer(connection, monkeypatch):
    monkeypatch.setattr(forked_process, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(meeting_point, "_avoided", set())
    with pytest.raises(_NotForked, match="has not answered"):
        asyncio.run(ForkedProcess.launch(connection[0], [2]))
    assert connection[0].fileno() == -1
    assert meeting_point._avoided == {os.getpid()}


def test_a_process_is_killed_and_known_to_have_ended_without_the_templates_word(
    connection, monkeypatch
):
    monkeypatch.setattr(forked_process, "_TELL_SECONDS", 0.05)
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        process = started(*connection, launch.frame(launch.STARTED, sleeper.pid))
        assert process.poll() is None
        process.kill()
        assert sleeper.wait() == -signal.SIGKILL
        assert process.wait() == -signal.SIGKILL


def test_what_a_process_started_is_killed_when_the_template_is_gone(connection):
    code = "sleep 600 & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        child = psutil.Process(int(leader.stdout.readline()))
        process = started(*connection, launch.frame(launch.STARTED, leader.pid))
        leader.kill()
        leader.wait()  # as the system does, the process being nobody's child any more
        assert child.is_running()
        connection[1].close()
        assert process.poll() == -signal.SIGKILL
        assert leader.stdout.read() == b""  # everybody who could write to it has ended
