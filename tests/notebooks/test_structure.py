"""Every committed notebook keeps the house rules, and each rule finds what it is there for.

It is shown to in copies that are broken in one place.
"""

import json
import subprocess
import sys

import pytest

from tests.demo_project import ROOT
from tests.notebooks.house_rules import (
    CHECKS,
    RUNS,
    a_cells_id_is_the_slug_of_its_step,
    a_steps_cell_makes_one_call_on_the_run_and_nothing_else,
    each_step_says_what_one_sees_or_what_to_do,
    each_step_says_what_one_would_click_in_the_admin_centre,
    every_step_of_the_run_is_there_in_its_order,
    it_begins_with_title_note_imports_and_parameters,
    it_is_a_valid_notebook,
    it_opens_the_run_that_it_is_named_for,
    its_metadata_is_the_least_that_jupyter_needs,
    its_parameters_are_those_that_the_runbook_knows,
    its_steps_are_numbered_headings_each_followed_by_one_code_cell,
    load,
    no_cell_has_logic_output_magic_or_http_of_its_own,
    source,
    the_imports_import_and_do_nothing_else,
    the_title_says_what_changes_who_may_how_long_and_what_undoes_it,
    there_are_no_outputs_counts_or_widgets,
    there_is_one_parameters_cell_of_commented_literals,
)

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook_for_every_run_and_none_besides():
    assert {path.stem for path in NOTEBOOKS} == set(RUNS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_committed_notebook_keeps_the_house_rules(path, check):
    assert list(check(load(path), path.stem)) == []


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def setting(name, text):
    """Break a cell: its source becomes this."""

    def spoil(notebook):
        cell_of(notebook, name)["source"] = [text]

    return spoil


def replacing(name, old, new):
    """Break a cell: a piece of its source becomes another."""

    def spoil(notebook):
        text = source(cell_of(notebook, name))
        assert old in text
        cell_of(notebook, name)["source"] = [text.replace(old, new)]

    return spoil


def without(name):
    return lambda notebook: notebook["cells"].remove(cell_of(notebook, name))


def swapped(one, other):
    def spoil(notebook):
        cells = notebook["cells"]
        first, second = cells.index(cell_of(notebook, one)), cells.index(cell_of(notebook, other))
        cells[first], cells[second] = cells[second], cells[first]

    return spoil


def renamed(name, new):
    return lambda notebook: cell_of(notebook, name).update(id=new)


def with_metadata(**content):
    return lambda notebook: notebook["metadata"].update(content)


def with_cell(name, **content):
    return lambda notebook: cell_of(notebook, name).update(content)


BROKEN = [
    (it_is_a_valid_notebook, with_cell("look", cell_type="rawish")),
    (it_begins_with_title_note_imports_and_parameters, without("operation-note")),
    (it_begins_with_title_note_imports_and_parameters, swapped("imports", "parameters")),
    (
        the_title_says_what_changes_who_may_how_long_and_what_undoes_it,
        replacing("title", "**Undone by**", "**Afterwards**"),
    ),
    (the_title_says_what_changes_who_may_how_long_and_what_undoes_it, setting("title", "Hello")),
    (there_is_one_parameters_cell_of_commented_literals, with_cell("parameters", metadata={})),
    (
        there_is_one_parameters_cell_of_commented_literals,
        with_cell("look", metadata={"tags": ["parameters"]}),
    ),
    (
        there_is_one_parameters_cell_of_commented_literals,
        replacing("parameters", "dry_run = False", "dry_run = not True"),
    ),
    (
        there_is_one_parameters_cell_of_commented_literals,
        replacing("parameters", "  # filled in by `o365 run`; leave it empty", ""),
    ),
    (
        its_parameters_are_those_that_the_runbook_knows,
        replacing("parameters", 'ticket = ""', 'client_secret = ""'),
    ),
    (
        the_imports_import_and_do_nothing_else,
        setting("imports", "import os\nfrom o365lib import runbook"),
    ),
    (
        it_opens_the_run_that_it_is_named_for,
        replacing("open", "_service_account", "_other_account"),
    ),
    (
        its_steps_are_numbered_headings_each_followed_by_one_code_cell,
        replacing("look-text", "## 2. Look", "## 3. Look"),
    ),
    (
        its_steps_are_numbered_headings_each_followed_by_one_code_cell,
        replacing("look-text", "## 2. Look", "### 2. look"),
    ),
    (
        its_steps_are_numbered_headings_each_followed_by_one_code_cell,
        replacing("look-text", "Changes nothing", "\n## Aside\n"),
    ),
    (its_steps_are_numbered_headings_each_followed_by_one_code_cell, without("look-text")),
    (
        a_steps_cell_makes_one_call_on_the_run_and_nothing_else,
        setting("look", "run.look()\nrun.plan()"),
    ),
    (a_steps_cell_makes_one_call_on_the_run_and_nothing_else, setting("look", "runbook.look()")),
    (
        a_steps_cell_makes_one_call_on_the_run_and_nothing_else,
        setting("look", "shown = run.look()"),
    ),
    (a_steps_cell_makes_one_call_on_the_run_and_nothing_else, setting("look", "run.look(str(1))")),
    (
        a_steps_cell_makes_one_call_on_the_run_and_nothing_else,
        setting("look", "run.look(\n    1,\n    2,\n    3,\n)"),
    ),
    (
        no_cell_has_logic_output_magic_or_http_of_its_own,
        setting("look", "for each in (1, 2):\n    run.look()"),
    ),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("open", "if client:\n    run = 1")),
    (
        no_cell_has_logic_output_magic_or_http_of_its_own,
        setting("look", "try:\n    run.look()\nexcept ValueError:\n    pass"),
    ),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("look", "def f():\n    pass")),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("look", "class F:\n    pass")),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("look", "print(run.look())")),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("look", "%time run.look()")),
    (no_cell_has_logic_output_magic_or_http_of_its_own, setting("look", "!ls")),
    (
        no_cell_has_logic_output_magic_or_http_of_its_own,
        setting("look", "[run.look() for _ in '']"),
    ),
    (
        no_cell_has_logic_output_magic_or_http_of_its_own,
        setting("look", "requests.get('https://graph.microsoft.com')"),
    ),
    (a_cells_id_is_the_slug_of_its_step, renamed("look", "Look_1")),
    (a_cells_id_is_the_slug_of_its_step, renamed("look", "glance")),
    (a_cells_id_is_the_slug_of_its_step, renamed("look-text", "plan-text")),
    (a_cells_id_is_the_slug_of_its_step, setting("look", "run.plan()")),
    (every_step_of_the_run_is_there_in_its_order, without("verify")),
    (every_step_of_the_run_is_there_in_its_order, swapped("look", "plan")),
    (
        each_step_says_what_one_would_click_in_the_admin_centre,
        replacing("look-text", "*In the admin centre:*", "By hand:"),
    ),
    (each_step_says_what_one_sees_or_what_to_do, setting("look-text", "## 2. Look at it\n\nGo.")),
    (
        there_are_no_outputs_counts_or_widgets,
        with_cell("look", outputs=[{"output_type": "stream", "name": "stdout", "text": ["x"]}]),
    ),
    (there_are_no_outputs_counts_or_widgets, with_cell("look", execution_count=3)),
    (there_are_no_outputs_counts_or_widgets, with_metadata(widgets={})),
    (its_metadata_is_the_least_that_jupyter_needs, with_metadata(papermill={})),
    (
        its_metadata_is_the_least_that_jupyter_needs,
        with_metadata(language_info={"name": "python", "version": "3.11.7"}),
    ),
    (its_metadata_is_the_least_that_jupyter_needs, with_cell("look", metadata={"trusted": True})),
]


@pytest.mark.parametrize(
    ("check", "spoil"), BROKEN, ids=[f"{check.__name__}-{n}" for n, (check, _) in enumerate(BROKEN)]
)
def test_each_check_finds_what_it_is_there_for(check, spoil):
    path = NOTEBOOKS[0]
    notebook = load(path)
    spoil(notebook)
    assert list(check(notebook, path.stem)) != []


def test_every_check_is_shown_to_find_something():
    assert {check for check, _ in BROKEN} == set(CHECKS)


STRIP = (
    "nbstripout",
    "--verify",
    "--keep-id",
    "--extra-keys",
    "metadata.language_info.version metadata.widgets",
)


def tool(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return done.returncode


def test_nbstripout_has_nothing_to_take_out(tmp_path):
    assert tool(*STRIP, *map(str, NOTEBOOKS)) == 0
    executed = load(NOTEBOOKS[0])
    with_cell("look", execution_count=3)(executed)
    broken = tmp_path / "executed.ipynb"
    broken.write_text(json.dumps(executed))
    assert tool(*STRIP, str(broken)) == 1


@pytest.mark.parametrize("arguments", [("ruff", "check"), ("ruff", "format", "--check")])
def test_ruff_reads_the_notebooks_too(arguments, tmp_path):
    assert tool(*arguments, *map(str, NOTEBOOKS)) == 0
    untidy = load(NOTEBOOKS[0])
    setting("look", "import os,sys\nrun.look( )")(untidy)
    broken = tmp_path / "untidy.ipynb"
    broken.write_text(json.dumps(untidy))
    assert tool(*arguments, "--config", str(ROOT / "pyproject.toml"), str(broken)) == 1
