import asyncio
import gc
import os
import sys
import threading
from pathlib import Path
from queue import Empty

import pytest
import zmq

from o365lib.kernels.kernel_spec import PROVISIONER
from o365lib.runs.kernel import process as kernel_process
from o365lib.runs.kernel.process import OutputConnection, RunbookKernelManager


def with_kernel(tmp_path, use, *, started=True):
    """Start a kernel, let `use(manager, client)` have it, and return what that returns."""

    async def run():
        manager = RunbookKernelManager(kernel_name="python3")
        await manager.start_kernel(env=dict(os.environ), cwd=str(tmp_path))
        client = manager.client(context=manager.context)
        client.start_channels(stdin=False, hb=False, control=False)
        try:
            if started:
                await manager.wait_until_started(client)
            return await use(manager, client)
        finally:
            await manager.kill()
            client.shell_channel.stop()
            client.iopub_channel.stop()

    return asyncio.run(run())


async def until_idle(client, *, seconds=60):
    while True:
        message = await client.iopub_channel.get_msg(timeout=seconds)
        if message["content"].get("execution_state") == "idle":
            return


def test_the_kernel_is_this_interpreter_whatever_kernels_the_machine_has(tmp_path, monkeypatch):
    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["/other/python"], "display_name": "other"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    spec = RunbookKernelManager(kernel_name="python3").kernel_spec
    assert spec.argv[0] == sys.executable
    assert "curve" in spec.metadata["supported_encryption"]
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == PROVISIONER


def test_all_connections_of_a_process_share_a_context_whose_sockets_are_bounded():
    context = kernel_process.context()
    assert kernel_process.context() is context
    assert RunbookKernelManager(kernel_name="python3").context is context
    with context.socket(zmq.SUB) as socket:
        assert socket.maxmsgsize == kernel_process.LARGEST_MESSAGE
        assert (socket.rcvhwm, socket.linger) == (kernel_process._MESSAGES_HELD, 0)


def test_a_kernel_is_asked_to_end_and_says_goodbye(tmp_path):
    farewell = "import atexit, pathlib; _ = atexit.register(pathlib.Path('bye').touch)"

    async def use(manager, client):
        client.execute(farewell)
        await until_idle(client)
        await manager.end()
        return manager.has_kernel

    assert with_kernel(tmp_path, use) is False
    assert (tmp_path / "bye").exists()


def test_a_kernel_that_does_not_end_when_it_is_asked_is_told_with_signals(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_process, "_END_SECONDS", 0.1)
    deaf = "import atexit, time; _ = atexit.register(time.sleep, 600)"

    async def use(manager, client):
        client.execute(deaf)
        await until_idle(client)
        manager.shutdown_wait_time = 0.5
        await manager.end()
        return manager.has_kernel

    assert with_kernel(tmp_path, use) is False


def test_a_kernel_that_is_busy_can_be_ended(tmp_path):
    async def use(manager, client):
        client.execute("import time; time.sleep(600)")
        await client.iopub_channel.get_msg(timeout=60)
        await manager.kill()
        return manager.has_kernel

    assert with_kernel(tmp_path, use) is False


def test_a_kernel_that_dies_at_its_start_is_an_error(tmp_path):
    async def use(manager, client):
        await manager.provisioner.kill()
        with pytest.raises(RuntimeError, match="died"):
            await manager.wait_until_started(client)

    with_kernel(tmp_path, use, started=False)


def test_a_kernel_that_starts_too_slowly_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_process, "_STARTUP_SECONDS", 0.2)
    monkeypatch.setattr(kernel_process, "_LOOK_SECONDS", 0.01)

    async def use(manager, client):
        with client.context.socket(zmq.SUB) as silent:
            client._iopub_channel.stop()
            client._iopub_channel.socket = silent
            with pytest.raises(RuntimeError, match="did not start in"):
                await manager.wait_until_started(client)

    with_kernel(tmp_path, use, started=False)


def test_a_message_that_is_too_large_cuts_the_connection_and_a_large_one_does_not(tmp_path):
    async def use(manager, client):
        connection = OutputConnection(client.iopub_channel)
        answers = []
        try:
            for size in (kernel_process.LARGEST_MESSAGE // 2, kernel_process.LARGEST_MESSAGE + 1):
                client.execute(f"print('x' * {size})")
                try:
                    await until_idle(client, seconds=5)
                except Empty:
                    answers.append("nothing came")
                answers.append(connection.was_cut())
        finally:
            connection.close()
        return answers

    assert with_kernel(tmp_path, use) == [False, "nothing came", True]


def test_nothing_is_left_open(tmp_path):
    async def use(manager, client):
        connection = OutputConnection(client.iopub_channel)
        connection.was_cut()
        connection.close()
        await manager.end()

    def files():
        gc.collect()  # what earlier tests of this process left
        return len(list(Path("/proc/self/fd").iterdir()))

    with_kernel(tmp_path, use)
    descriptors, threads, times = files(), threading.active_count(), 6
    for _ in range(times):
        with_kernel(tmp_path, use)
    # What each kernel leaves would add up; a few of the process's own may come and go.
    assert files() - descriptors < times
    assert threading.active_count() <= threads
