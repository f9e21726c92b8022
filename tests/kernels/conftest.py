"""Kernels forked from templates in folders of their own."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from o365lib.kernels.kernel_spec import kernel_spec


class Manager(KernelManager):
    """A manager of kernels whose template is in this folder."""

    folder = ""
    linger_seconds = 30.0

    @property
    def kernel_spec(self):
        return KernelSpec(
            **kernel_spec(
                folder=str(self.folder),
                linger_seconds=self.linger_seconds,
                driven=getattr(self, "driven", False),
            )
        )


class Kernel:
    """A kernel that answers what a line of code prints."""

    def __init__(
        self, folder, *, linger_seconds=30.0, encryption="required", driven=False, **options
    ):
        self.manager = Manager(kernel_name="o365")
        self.manager.folder, self.manager.linger_seconds = folder, linger_seconds
        self.manager.transport_encryption = encryption
        self.manager.driven = driven
        options.setdefault("env", dict(os.environ))
        options.setdefault("cwd", tempfile.gettempdir())
        self.manager.start_kernel(**options)
        self.client = self.manager.client()
        self.client.start_channels()

    @property
    def pid(self):
        return self.manager.provisioner.pid

    @property
    def is_forked(self):
        return "o365lib.kernels.template" in psutil.Process(self.pid).cmdline()

    def ask(self, code):
        """Return what code prints; raise what it raises, as text."""
        printed = []

        def hear(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        self.client.wait_for_ready(timeout=120)
        reply = self.client.execute_interactive(code, output_hook=hear, timeout=120)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        return "".join(printed).strip()

    def end(self):
        self.client.stop_channels()
        with suppress(RuntimeError):
            self.manager.shutdown_kernel(now=True)
        self.manager.context.destroy(linger=0)


def templates_in(folder):
    """The processes that serve in a folder; not the kernels, which have the same command."""
    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        with suppress(psutil.Error):
            if any(str(folder) in part for part in process.info["cmdline"] or []):
                found.append(process)
    pids = {process.pid for process in found}
    return [process for process in found if process.info["ppid"] not in pids]


def end_all_in(folder):
    for process in templates_in(folder):
        with suppress(psutil.Error):
            process.kill()
            process.wait(20)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_folder():
    """A folder whose template serves many tests."""
    folder = Path(tempfile.mkdtemp(prefix="o365-"))
    yield folder
    end_all_in(folder)


@pytest.fixture
def own_folder():
    """A folder whose template is this test's alone."""
    folder = Path(tempfile.mkdtemp(prefix="o365-"))
    yield folder
    end_all_in(folder)


@pytest.fixture
def start():
    """Start kernels that end with the test."""
    kernels = []

    def start(folder, **options):
        kernels.append(Kernel(folder, **options))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.end()


@pytest.fixture
def kernel(start, shared_folder):
    """A forked kernel."""
    return start(shared_folder)
