"""Kernels as jupyter_client and those above it start them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat.v4
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.multikernelmanager import MultiKernelManager
from nbclient import NotebookClient

from o365lib.kernels import forked_process, meeting_point

from .conftest import Kernel, Manager, templates_in


def test_a_kernel_is_forked_and_answers(kernel):
    assert kernel.is_forked
    assert kernel.ask("print(6 * 7)") == "42"


def test_its_end_is_its_exit_status(kernel):
    kernel.ask("1")
    os.kill(kernel.pid, signal.SIGTERM)
    process = kernel.manager.provisioner.process
    assert process.wait() == -signal.SIGTERM
    assert not kernel.manager.is_alive()


def test_a_kernel_is_interrupted(kernel):
    kernel.ask("1")
    asked = kernel.client.execute("import time; print('begun', flush=True); time.sleep(600)")
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    kernel.manager.interrupt_kernel()
    reply = kernel.client._recv_reply(asked, timeout=60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.ask("print('alive')") == "alive"


def test_a_restarted_kernel_is_another_one_at_the_same_ports(kernel):
    before, ports = kernel.pid, kernel.manager.ports
    kernel.ask("a = 1")
    kernel.manager.restart_kernel()
    assert kernel.ask("print('a' in globals())") == "False"
    assert kernel.is_forked
    assert kernel.pid != before
    assert kernel.manager.ports == ports


@pytest.mark.parametrize("encryption", ["disabled", "required"])
def test_the_connection_is_as_safe_as_it_was_to_be(start, shared_folder, encryption):
    kernel = start(shared_folder, encryption=encryption, stderr=subprocess.DEVNULL)
    assert kernel.ask("print(1)") == "1"
    assert bool(kernel.manager.curve_publickey) is (encryption == "required")


def test_it_works_for_asynchronous_managers(shared_folder):
    class AsyncManager(AsyncKernelManager):
        kernel_spec = property(Manager.kernel_spec.fget)
        folder, linger_seconds = str(shared_folder), 30.0

    async def run():
        manager = AsyncManager()
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        client.stop_channels()
        await manager.shutdown_kernel()
        return await manager.is_alive()

    assert asyncio.run(run()) is False


def test_it_works_for_managers_of_many(shared_folder, monkeypatch):
    monkeypatch.setattr(Manager, "folder", str(shared_folder))
    many = MultiKernelManager(kernel_manager_class=f"{Manager.__module__}.Manager")
    many.kernel_manager_factory = lambda **_: Manager()
    ids = [many.start_kernel() for _ in range(3)]
    pids = {many.get_kernel(each).provisioner.pid for each in ids}
    assert len(pids) == 3
    many.shutdown_all(now=True)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(
    "options",
    [{"extra_arguments": ["--InteractiveShell.colors=nocolor"]}, {"cwd": "/"}],
)
def test_what_is_asked_of_an_ordinary_kernel_is_asked_of_a_forked_one(
    start, shared_folder, options
):
    kernel = start(shared_folder, **options)
    assert kernel.is_forked
    colors = "print(get_ipython().colors, __import__('os').getcwd())"
    told = kernel.ask(colors).split()
    assert told[0] == "nocolor" or told[1] == "/"


def test_a_folder_that_is_not_there_is_told_at_once(shared_folder):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Kernel(shared_folder, cwd="/nowhere")


@pytest.mark.parametrize("how", ["no folder", "group", "independent"])
def test_without_a_template_there_is_an_ordinary_kernel(start, tmp_path, caplog, how):
    options, folder = {}, tmp_path / "folder"
    if how == "no folder":
        folder.touch()
    elif how == "group":
        folder.mkdir(mode=0o755)
    else:
        options["independent"] = True
    with caplog.at_level("INFO"):
        kernel = start(folder, env={**os.environ, "HELLO": "there"}, **options)
    assert not kernel.is_forked
    assert kernel.ask("import os; print(os.environ['HELLO'])") == "there"
    assert caplog.text.count("An ordinary kernel is started") <= 1


def test_nbclient_and_papermill_find_it_by_name(shared_folder, tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "o365"
    spec.mkdir(parents=True)
    described = Manager()
    described.folder = str(shared_folder)
    (spec / "kernel.json").write_text(json.dumps(described.kernel_spec.to_dict()))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    code = "import psutil; print(psutil.Process().cmdline())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="o365").execute()
    assert "o365lib.kernels.template" in notebook.cells[0].outputs[0].text
    file = tmp_path / "n.ipynb"
    notebook.cells[0].outputs = []
    nbformat.write(notebook, file)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "papermill",
            "-k",
            "o365",
            "--no-progress-bar",
            "n.ipynb",
            "o.ipynb",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert "o365lib.kernels.template" in (tmp_path / "o.ipynb").read_text()


def test_a_stopped_template_holds_nobody_up(start, own_folder, monkeypatch, caplog):
    monkeypatch.setattr(forked_process, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(meeting_point, "_avoided", set())
    start(own_folder).ask("1")
    (template,) = templates_in(own_folder)
    template.suspend()
    try:
        with caplog.at_level("INFO"):
            kernel = start(own_folder)
        assert kernel.ask("print('ordinary')") == "ordinary"
        assert not kernel.is_forked
        monkeypatch.setattr(forked_process, "_ANSWER_SECONDS", 60)
        assert start(own_folder).is_forked
    finally:
        template.resume()
    assert len(kernel.manager.provisioner._sockets.files(kernel.manager)) == 0
