"""How cells are waited for, with real kernels; what is kept of output: test_bounded_client.py."""

import asyncio
import os
from queue import Empty

import pytest

from o365lib.runs.execution import load_papermill

load_papermill()
from o365lib.runs.kernel import attentive_client  # noqa: E402 -- papermill comes first
from o365lib.runs.kernel.runbook_client import Control, RunbookClient  # noqa: E402 -- as above
from tests.bare_bookkeeping import BareBookkeeping  # noqa: E402 -- as above


@pytest.fixture
def execute(tmp_path):
    """Execute cells by a client of this class; return its cells and its control."""

    def execute(*cells, client_class=RunbookClient, **options):
        control = Control(environment=dict(os.environ), folder=tmp_path, **options)
        notebook = client_class(BareBookkeeping(*cells), control=control).execute()
        return notebook.cells, control

    return execute


def texts(cell) -> str:
    return "".join(output["text"] for output in cell.outputs if output["output_type"] == "stream")


def test_a_cells_whole_output_is_its_own(execute):
    cells, _ = execute(*[f"for i in range(50): print({number}, i)" for number in range(3)])
    for number, cell in enumerate(cells):
        assert texts(cell) == "".join(f"{number} {i}\n" for i in range(50))
        assert cell.execution_count == number + 1
        assert {"iopub.status.busy", "iopub.status.idle"} <= {*cell.metadata["execution"]}


def test_a_cell_without_code_is_not_executed(execute):
    cells, _ = execute("  \n", "print(1)")
    assert (cells[0].execution_count, cells[1].execution_count) == (None, 1)


def test_news_of_a_cell_that_goes_on_are_heard(execute, tmp_path):
    waits = """
import pathlib, time
tell = get_ipython().display_pub.publish
tell(data={}, metadata={}, transient={"o365": {"step": "look"}})
end = time.monotonic() + 60
while not pathlib.Path("heard").exists():
    assert time.monotonic() < end
    time.sleep(0.01)
"""
    (tmp_path / "heard-look").touch()
    # Only when it is heard meanwhile, the cell ends well.
    (cell,), _ = execute(
        waits, on_step=lambda step: (tmp_path / f"heard-{step}").rename(tmp_path / "heard")
    )
    assert cell.outputs == []


def test_what_a_kernel_showed_before_it_died_is_kept(execute):
    dies = "import os, time; print('last words', flush=True); time.sleep(0.05); os._exit(1)"
    (cell,), _ = execute(dies)
    assert "last words" in texts(cell)
    assert "The kernel ended" in cell.outputs[-1]["evalue"]


def test_output_that_does_not_arrive_is_an_error(execute, monkeypatch):
    monkeypatch.setattr(attentive_client, "_OUTPUT_SECONDS", 0.1)

    class Deaf(RunbookClient):
        def process_message(self, message, cell, cell_index):
            """Miss that the cell is idle."""

    (cell,), _ = execute("1", client_class=Deaf)
    assert "output did not arrive" in cell.outputs[-1]["evalue"]


def test_the_last_of_the_output_may_arrive_before_the_reply(execute, monkeypatch):
    monkeypatch.setattr(attentive_client, "_OUTPUT_SECONDS", 0.1)

    class Late(RunbookClient):
        async def _start_one(self):
            await super()._start_one()
            channel = self.kc.shell_channel
            get = channel.get_msg

            async def late(**_):
                channel.get_msg = get
                await asyncio.sleep(1)
                raise Empty

            channel.get_msg = late

    (cell,), _ = execute("print(1)", client_class=Late)
    assert texts(cell) == "1\n"
    assert len(cell.outputs) == 1
