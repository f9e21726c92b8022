"""The template in good days and bad."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

import o365lib

from .conftest import Kernel, Manager, templates_in


def until(happens):
    for _ in range(1200):
        if happens():
            return
        time.sleep(0.05)
    pytest.fail("it never happened")


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_has_one_thread_and_no_connection_but_its_kernels(kernel, shared_folder):
    kernel.ask("1")
    (template,) = templates_in(shared_folder)
    assert template.num_threads() == 1
    assert template.net_connections("inet") == []
    assert "O365" not in "".join(template.environ())


def test_kernels_die_with_it_and_their_owner_notices(start, own_folder):
    kernel = start(own_folder)
    kernel.ask("1")
    (template,) = templates_in(own_folder)
    template.kill()
    until(lambda: not runs(kernel.pid))
    until(lambda: not kernel.manager.is_alive())
    assert kernel.manager.provisioner.process.poll() == -signal.SIGKILL
    after = start(own_folder)
    assert after.ask("print(1)") == "1"
    assert after.is_forked


def test_a_kernel_that_is_killed_takes_nobody_along(start, shared_folder):
    first, second = start(shared_folder), start(shared_folder)
    first.ask("1")
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not first.manager.is_alive())
    assert second.ask("print(1)") == "1"


def test_kernels_die_with_their_owner(shared_folder):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.kernels.conftest import Kernel\n"
        "kernel = Kernel(sys.argv[2]); kernel.ask('1'); print(kernel.pid, flush=True)\n"
        "import time; time.sleep(600)"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", code, root, str(shared_folder)], stdout=subprocess.PIPE
    ) as owner:
        pid = int(owner.stdout.readline())
        assert runs(pid)
        owner.kill()
        until(lambda: not runs(pid))


def test_it_ends_itself_when_it_has_had_no_kernel_for_a_while(own_folder):
    kernel = Kernel(own_folder, linger_seconds=0.5)
    kernel.ask("1")
    assert templates_in(own_folder)
    kernel.end()
    until(lambda: not templates_in(own_folder))
    assert list(own_folder.glob("*.s")) == []


def test_the_next_kernel_has_the_code_that_was_edited(start, own_folder, tmp_path):
    package = tmp_path / "o365lib"
    shutil.copytree(Path(o365lib.__file__).parent, package)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    code = "import o365lib; print(getattr(o365lib, 'edited', 'as it was'), o365lib.__file__)"
    before = start(own_folder, env=environment)
    assert before.ask(code) == f"as it was {package / '__init__.py'}"
    old = templates_in(own_folder)
    with (package / "__init__.py").open("a") as file:
        file.write("\nedited = 'edited'\n")
    after = start(own_folder, env=environment)
    assert after.ask(code).startswith("edited")
    assert after.is_forked
    assert before.ask("print('alive')") == "alive"
    before.end()
    until(lambda: not any(process.is_running() for process in old))
    assert after.ask("print('alive')") == "alive"


def test_dozens_of_kernels_start_at_once(shared_folder):
    class AsyncManager(AsyncKernelManager):
        kernel_spec = property(Manager.kernel_spec.fget)
        folder, linger_seconds = str(shared_folder), 30.0

    async def be_one():
        manager = AsyncManager()
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=120)
        pid = manager.provisioner.pid
        is_forked = "o365lib.kernels.template" in psutil.Process(pid).cmdline()
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        return pid, is_forked

    async def be_many():
        return await asyncio.gather(*(be_one() for _ in range(32)))

    told = asyncio.run(be_many())
    assert len({pid for pid, _ in told}) == 32
    assert all(is_forked for _, is_forked in told)


def test_with_too_many_open_files_it_says_no_and_serves_on(own_folder):
    kernel = Kernel(own_folder)
    kernel.ask("1")
    (template,) = templates_in(own_folder)
    _, hard = template.rlimit(psutil.RLIMIT_NOFILE)
    template.rlimit(psutil.RLIMIT_NOFILE, (template.num_fds() + 4, hard))
    refused = Kernel(own_folder)
    assert refused.ask("print(1)") == "1"
    assert not refused.is_forked
    template.rlimit(psutil.RLIMIT_NOFILE, (hard, hard))
    assert kernel.ask("print(1)") == "1"
    kernel.end()
    refused.end()
