"""What is kept of the output of real kernels; how it is counted is in test_kept_output.py."""

import os

import nbformat.v4
import pytest

from o365lib.runs.execution import load_papermill
from o365lib.runs.kernel.kept_output import OutputLimits

load_papermill()
from o365lib.runs.kernel.runbook_client import Control, RunbookClient  # noqa: E402 -- papermill comes first
from tests.bare_bookkeeping import BareBookkeeping  # noqa: E402 -- as above

KIB = 1024
SMALL = OutputLimits(cell=KIB, notebook=4 * KIB, run=1000 * KIB)


@pytest.fixture
def execute(tmp_path):
    """Execute cells; return them and what the run's control says then."""

    def execute(*cells, limits=SMALL):
        control = Control(environment=dict(os.environ), folder=tmp_path, limits=limits)
        notebook = RunbookClient(BareBookkeeping(*cells), control=control).execute()
        nbformat.validate(notebook)
        return [cell.outputs for cell in notebook.cells], control

    return execute


def test_what_a_runbook_shows_is_kept_as_nbclient_keeps_it(execute):
    (first, second), _ = execute(
        "import sys; from IPython.display import display\n"
        "print('one', flush=True); print('two'); sys.stdout.flush()\n"
        "print('warned', file=sys.stderr); sys.stderr.flush()\n"
        "display({'a': 1}, metadata={'b': 2}); 6 * 7",
        "1 / 0",
    )
    stdout, stderr, shown, result = first
    assert (stdout.name, stdout.text) == ("stdout", "one\ntwo\n")
    assert (stderr.name, stderr.text) == ("stderr", "warned\n")
    assert (shown.output_type, shown.metadata) == ("display_data", {"b": 2})
    assert shown.data["text/plain"] == "{'a': 1}"
    assert (result.output_type, result.data["text/plain"]) == ("execute_result", "42")
    assert result.execution_count == 1
    assert (second[0].ename, second[0].evalue) == ("ZeroDivisionError", "division by zero")
    assert second[0].traceback


def test_of_a_cell_that_prints_too_much_the_beginning_is_kept_and_the_run_goes_on(execute):
    (first, second), control = execute("print('x' * 5000)", "print('next')")
    assert first[0].text == "x" * KIB
    assert "Left out here: 3,977 bytes" in first[1].text
    assert second[0].text == "next\n"
    assert control.why == ""


def test_of_what_is_shown_too_much_is_left_out(execute):
    show = "from IPython.display import display\n"
    (first, second), _ = execute(
        show + "display({'text/plain': 'x' * 3000}, raw=True)",
        "display({'text/plain': 'y' * 3000}, raw=True)",
    )
    assert first[0].data["text/plain"] == "x" * 3000
    assert [each.output_type for each in second] == ["stream"]


def test_an_update_replaces_what_was_shown_unless_it_is_too_much(execute):
    (outputs,), _ = execute(
        "from IPython.display import display\n"
        "bar = display({'text/plain': 'begin'}, raw=True, display_id=True)\n"
        "for n in range(50): bar.update({'text/plain': str(n) * 500}, raw=True)\n"
        "bar.update({'text/plain': 'z' * 5000}, raw=True)"
    )
    assert outputs[0].data["text/plain"] == "49" * 500
    assert "5,000 bytes" in outputs[1].text


@pytest.mark.parametrize("wait", [True, False])
def test_what_a_cell_takes_away_makes_room_for_more(execute, wait):
    (outputs,), _ = execute(
        "from IPython.display import clear_output\n"
        "for n in range(20):\n"
        f"    clear_output(wait={wait}); print(str(n) * 300, flush=True)"
    )
    assert [each.text for each in outputs] == ["19" * 300 + "\n"]


def test_nothing_is_lost_that_is_shown_faster_than_it_is_read(execute):
    (outputs,), _ = execute(
        "from IPython.display import display\n"
        "for n in range(6000): display({'text/plain': str(n)}, raw=True)",
        limits=OutputLimits(),
    )
    assert [int(each.data["text/plain"]) for each in outputs] == list(range(6000))


def test_a_run_that_prints_without_end_is_stopped(execute):
    (first, second), control = execute(
        "while True: print('x' * 1000, flush=True)", "print('never')",
        limits=OutputLimits(cell=KIB, notebook=4 * KIB, run=100 * KIB),
    )  # fmt: skip
    assert control.why == "it printed more than 102,400 bytes"
    assert first[0].text.startswith("x")
    assert len(first[0].text) == KIB
    assert {each.get("ename") for each in first} == {None, "KeyboardInterrupt"}
    assert second == []


def test_a_run_that_prints_too_much_in_one_piece_is_stopped(execute):
    (first, second), control = execute(
        "print('x' * 70_000_000)\nimport time; time.sleep(600)",
        "print('never')",
        limits=OutputLimits(),
    )
    assert control.why == "it printed more than 64 MiB"
    assert "more than 64 MiB of output" in first[1].text
    assert first[0].evalue == "The run was stopped: it printed more than 64 MiB."
    assert second == []
