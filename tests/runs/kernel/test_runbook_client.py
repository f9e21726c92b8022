"""What a kernel is and how it is stopped; how runs use it is in test_notebook.py."""

import asyncio
import json
import os
import socket
import threading

import nbformat.v4
import pytest
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec

from o365lib import clock
from o365lib.runs.kernel import runbook_client as kernel
from o365lib.runs.kernel.process import RunbookKernelManager
from o365lib.runs.kernel.runbook_client import Control, RunbookClient
from tests.bare_bookkeeping import BareBookkeeping


@pytest.fixture
def control(tmp_path):
    return Control(environment={}, folder=tmp_path)


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


class LosesItsPorts(RunbookKernelManager):
    """Some other program takes the first kernels' port before they do."""

    unlucky = 0

    @property
    def kernel_spec(self):
        """An ordinary kernel's, as where none can be forked: those that are, lose no ports."""
        return KernelSpec(**get_kernel_dict())

    async def _async_pre_start_kernel(self, **options):
        started = await super()._async_pre_start_kernel(**options)
        kind = type(self)
        if kind.unlucky:
            kind.unlucky -= 1
            self.thief = socket.create_server(("127.0.0.1", self.shell_port))
        return started

    async def _async_cleanup_resources(self, restart=False):
        await super()._async_cleanup_resources(restart=restart)
        if hasattr(self, "thief"):
            self.thief.close()

    cleanup_resources = _async_cleanup_resources


def executed(tmp_path, *, unlucky):
    control = Control(environment=dict(os.environ), folder=tmp_path)
    client = RunbookClient(BareBookkeeping("print('executed')"), control=control)
    client.kernel_manager_class = type("Unlucky", (LosesItsPorts,), {"unlucky": unlucky})
    return client.execute().cells[0].outputs


def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again(tmp_path):
    (output,) = executed(tmp_path, unlucky=2)
    assert output.text == "executed\n"


def test_a_kernel_that_never_starts_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="died"):
        executed(tmp_path, unlucky=1000)


KNOWS = """
from o365lib.secret import Secret
from pathlib import Path
folder = Path("run")
password = Secret("Zk7#m-2v_Tx9wQ")
"""
LEAKS = '(folder / "record.json").write_text("1\\n2\\n" + password.reveal())\n'
REMEMBERS = """
import atexit, json
def remember(shell=get_ipython(), before=sorted([*globals(), "remember"])):
    Path("after.json").write_text(json.dumps({
        "gone or new": sorted({*before} ^ {*shell.user_ns}),
        "history": [cell for cell in shell.user_ns["In"]],
        "count": shell.execution_count,
    }))
_ = atexit.register(remember)
"""


def asked(tmp_path, *cells, **options):
    """Execute cells; return what the kernel answered, and the executed cells."""
    (tmp_path / "run").mkdir()
    options = {"environment": dict(os.environ), "run_folder": tmp_path / "run"} | options
    control = Control(folder=tmp_path, **options)
    executed = RunbookClient(BareBookkeeping(*cells), control=control).execute()
    return control.own_secrets, executed.cells


def test_a_kernel_tells_where_its_own_secrets_stand_before_it_ends(tmp_path):
    answer, _ = asked(tmp_path, KNOWS + LEAKS)
    assert answer == {"record.json": [3]}


def test_a_kernel_whose_secrets_stand_nowhere_says_so(tmp_path):
    answer, _ = asked(tmp_path, KNOWS, "folder")
    assert answer == {}


def test_a_kernel_is_asked_after_a_cell_that_failed(tmp_path):
    answer, cells = asked(tmp_path, KNOWS + LEAKS + "1/0")
    assert answer == {"record.json": [3]}
    assert [output.ename for output in cells[0].outputs] == ["ZeroDivisionError"]


def test_a_question_leaves_no_trace_in_the_kernel_or_the_notebook(tmp_path):
    answer, cells = asked(tmp_path, KNOWS + LEAKS, REMEMBERS)
    assert answer == {"record.json": [3]}
    assert cells[1].outputs == []
    after = json.loads((tmp_path / "after.json").read_text("utf-8"))
    assert after["gone or new"] == []
    assert after["history"][1:] == [(KNOWS + LEAKS).strip(), REMEMBERS.strip()]


def test_a_kernel_whose_names_were_overwritten_is_asked_all_the_same(tmp_path):
    answer, _ = asked(tmp_path, KNOWS + LEAKS + "gate = secret = o365lib = json = None")
    assert answer == {"record.json": [3]}


def test_a_kernel_that_was_interrupted_is_asked(tmp_path):
    stop = threading.Event()
    tell = (
        "import time\npublish = get_ipython().display_pub.publish\n"
        'publish(data={"text/plain": ""}, metadata={}, transient={"o365": {"step": "x"}})\n'
        "time.sleep(600)"
    )
    answer, _ = asked(tmp_path, KNOWS + LEAKS, tell, stop=stop, on_step=lambda _: stop.set())
    assert answer == {"record.json": [3]}


@pytest.mark.parametrize(
    "cell",
    [
        "import os; os._exit(1)",
        "import sys; sys.modules['o365lib.evidence.gate'] = None",
        "import o365lib.evidence.gate as g; g.own_secrets = lambda folder: 'nonsense'",
        "import o365lib.evidence.gate as g; g.own_secrets = None",
    ],
)
def test_of_a_kernel_that_cannot_be_asked_nothing_is_known(tmp_path, cell, caplog):
    answer, _ = asked(tmp_path, KNOWS + LEAKS, cell)
    assert answer is None


def test_a_kernel_that_does_not_answer_is_waited_for_no_longer_than_it_lives(tmp_path, monkeypatch):
    stuck = "import o365lib.evidence.gate as g, os\ng.own_secrets = lambda folder: os._exit(1)"
    answer, _ = asked(tmp_path, KNOWS + LEAKS, stuck)
    assert answer is None


def test_nobody_is_asked_where_there_is_nothing_to_search(tmp_path):
    answer, _ = asked(tmp_path, KNOWS + LEAKS, run_folder=None)
    assert answer is None


class NeverStarts(RunbookKernelManager):
    """Its kernel does not come, as from a template that was stopped."""

    is_cancelled = False

    async def start_kernel(self, **_):
        try:
            await asyncio.Event().wait()
        finally:
            type(self).is_cancelled = True


@pytest.mark.parametrize("how", ["interrupted", "time"])
def test_a_run_that_is_to_stop_waits_for_no_kernel(tmp_path, monkeypatch, how):
    monkeypatch.setattr(NeverStarts, "is_cancelled", False)
    control = Control(environment=dict(os.environ), folder=tmp_path)
    if how == "interrupted":
        threading.Timer(0.1, control.stop.set).start()
    else:
        control.deadline = clock.monotonic() + 0.1
    client = RunbookClient(BareBookkeeping("print('executed')"), control=control)
    client.kernel_manager_class = NeverStarts
    (output,) = client.execute().cells[0].outputs
    assert output.evalue.startswith("The run ended before this step: it")
    assert NeverStarts.is_cancelled
    assert control.own_secrets == {}
