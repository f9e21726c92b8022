"""What a kernel is and how it is stopped; how runs use it is in test_notebook.py."""

import sys
import threading

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
    from nbformat.v4 import new_notebook

    class Manager:
        nb = new_notebook()

    with caplog.at_level(0):
        RunbookClient(Manager(), control=control).log.error("a device code: GXQ")
    assert caplog.records == []
    assert "GXQ" not in "".join(capsys.readouterr())
    assert kernel.GRACE_SECONDS > 0
