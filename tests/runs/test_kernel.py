"""What a kernel is and how it is stopped; how runs use it is in test_notebook.py."""

import os
import socket
import sys
import threading

import nbformat.v4
import pytest

from o365lib import clock
from o365lib.runs import kernel
from o365lib.runs.kernel import Control, RunbookClient, RunbookKernelManager


@pytest.fixture
def control(tmp_path):
    return Control(environment={}, folder=tmp_path)


def test_the_kernel_is_this_interpreter_whatever_kernels_the_machine_has(tmp_path, monkeypatch):
    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["/other/python"], "display_name": "other"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    spec = RunbookKernelManager(kernel_name="python3").kernel_spec
    assert spec.argv[0] == sys.executable
    assert "curve" in spec.metadata["supported_encryption"]


def test_a_run_stops_when_it_is_told_to_or_its_time_is_over(control):
    assert not control.must_stop()
    control.deadline = clock.monotonic() + 1000
    assert not control.must_stop()
    control.deadline = clock.monotonic() - 1
    assert control.must_stop()
    assert control.why == "its time was over"
    control.stop.set()
    assert control.must_stop()
    assert control.why == "its time was over"


def test_an_interruption_says_so(control):
    threading.Thread(target=control.stop.set).start()
    control.stop.wait()
    assert control.must_stop()
    assert control.why == "it was interrupted"


def test_nbclients_own_lines_which_quote_messages_go_nowhere(control, caplog, capsys):
    class Manager:
        nb = nbformat.v4.new_notebook()

    with caplog.at_level(0):
        RunbookClient(Manager(), control=control).log.error("a device code: GXQ")
    assert caplog.records == []
    assert "GXQ" not in "".join(capsys.readouterr())
    assert kernel.GRACE_SECONDS > 0


class Cells:
    """What papermill's bookkeeping is to the client, for a notebook without a file."""

    def __init__(self, source):
        self.nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])

    def cell_start(self, cell, cell_index=None, **_): ...

    def cell_complete(self, cell, cell_index=None, **_): ...

    def cell_exception(self, cell, cell_index=None, **_): ...

    def autosave_cell(self): ...


class LosesItsPorts(RunbookKernelManager):
    """Some other program takes the first kernels' port before they do."""

    unlucky = 0

    async def _async_pre_start_kernel(self, **options):
        started = await super()._async_pre_start_kernel(**options)
        kind = type(self)
        if kind.unlucky:
            kind.unlucky -= 1
            self.thief = socket.create_server(("127.0.0.1", self.shell_port))
        return started

    async def cleanup_resources(self, restart=False):
        await super().cleanup_resources(restart=restart)
        if hasattr(self, "thief"):
            self.thief.close()


def executed(tmp_path, *, unlucky):
    control = Control(environment=dict(os.environ), folder=tmp_path)
    client = RunbookClient(Cells("print('executed')"), control=control)
    client.kernel_manager_class = type("Unlucky", (LosesItsPorts,), {"unlucky": unlucky})
    return client.execute().cells[0].outputs


def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again(tmp_path):
    (output,) = executed(tmp_path, unlucky=2)
    assert output.text == "executed\n"


def test_a_kernel_that_never_starts_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="died"):
        executed(tmp_path, unlucky=1000)
