import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from o365lib import clock
from o365lib.runs.execution import load_papermill

load_papermill()
from o365lib.runs.kernel.bookkeeping import Bookkeeping  # noqa: E402 -- papermill comes first


class Time:
    now = 1000.0


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(clock, "monotonic", lambda: time.now)
    return time


@pytest.fixture
def kept(tmp_path, time):
    cells = [new_code_cell(f"print({number})", id=f"c{number}") for number in range(3)]
    notebook = new_notebook(cells=cells, metadata={"papermill": {}})
    kept = Bookkeeping(notebook, output_path=str(tmp_path / "executed.ipynb"))
    kept.notebook_start()
    return kept


def stored(kept) -> dict:
    return json.loads(Path(kept.output_path).read_text("utf-8"))


def statuses(notebook) -> list:
    return [cell["metadata"]["papermill"]["status"] for cell in notebook["cells"]]


def test_it_is_stored_when_it_begins(kept):
    assert statuses(stored(kept)) == ["pending"] * 3
    assert nbformat.from_dict(stored(kept)).metadata.papermill.start_time


def test_it_is_not_stored_with_every_cell(kept):
    kept.cell_start(kept.nb.cells[0], 0)
    kept.cell_complete(kept.nb.cells[0], 0)
    assert statuses(stored(kept)) == ["pending"] * 3


def test_it_is_stored_after_a_second_and_then_ever_more_seldom(kept, time):
    seconds = []
    for _ in range(400):
        time.now += 0.25
        kept.nb.metadata["now"] = time.now
        kept.autosave_cell()
        if stored(kept)["metadata"].get("now") == time.now:
            seconds.append(time.now - 1000)
    assert seconds == [1, 3, 7, 15, 31, 61, 91]


def test_a_beginning_cell_is_stored_when_it_is_time(kept, time):
    time.now += 1
    kept.cell_start(kept.nb.cells[1], 1)
    assert statuses(stored(kept)) == ["pending", "running", "pending"]


def test_an_ending_cell_is_stored_when_it_is_time(kept, time):
    kept.cell_start(kept.nb.cells[0], 0)
    time.now += 1
    kept.cell_complete(kept.nb.cells[0], 0)
    noted = stored(kept)["cells"][0]["metadata"]["papermill"]
    assert (noted["status"], noted["exception"]) == ("completed", False)
    assert noted["duration"] >= 0
    assert noted["end_time"] >= noted["start_time"]


def test_a_failed_cell_stays_failed(kept):
    cell = kept.nb.cells[0]
    kept.cell_start(cell, 0)
    kept.cell_exception(cell, 0)
    kept.cell_complete(cell, 0)
    kept.save()
    noted = stored(kept)["cells"][0]["metadata"]["papermill"]
    assert (noted["status"], noted["exception"]) == ("failed", True)


def test_its_end_is_stored(kept):
    kept.notebook_complete()
    assert stored(kept)["metadata"]["papermill"]["end_time"]
    assert statuses(stored(kept)) == ["completed"] * 3


def test_it_ends_once(kept):
    kept.notebook_complete()
    ended = stored(kept)
    kept.nb.metadata["later"] = True
    kept.notebook_complete()
    assert stored(kept) == ended


def test_without_an_address_nothing_is_stored():
    kept = Bookkeeping(new_notebook(metadata={"papermill": {}}), output_path=None)
    kept.notebook_start()
    kept.save()
    kept.notebook_complete()
