import json

import pytest

from o365lib.errors import ParametersError, Problem, RunbookError, SignInError, UsageError
from o365lib.runs.failed_cell import find_failed_cell, remedy_in
from o365lib.secret import MASK, Secret

LONG = "Ask the client's administrator to let the application in, at " + "x" * 90 + ", then rerun."


def notebook_with(tmp_path, error: Exception, traceback: list[str]):
    file = tmp_path / "runbook.ipynb"
    output = {
        "output_type": "error",
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": traceback,
    }
    cells = [{"id": "look", "outputs": []}, {"id": "open", "outputs": [output]}]
    file.write_text(json.dumps({"cells": [*cells, {"id": "later"}]}), "utf-8")
    return file


@pytest.mark.parametrize(
    ("error", "message", "remedy"),
    [
        (UsageError("It is not running.", remedy=LONG), "It is not running.", LONG),
        (SignInError("No.", remedy="Wait."), "No. Nothing was changed.", "Wait."),
        (RunbookError("It stopped.", state="It is so."), "It stopped. It is so.", ""),
        (
            ParametersError([Problem("a.yaml", 1, 2, "role", "is no role")]),
            "a.yaml:1:2: role: is no role",
            "Correct it; `o365 check` shows what is left.",
        ),
    ],
)
def test_what_to_do_is_told_apart_from_what_happened(tmp_path, error, message, remedy):
    found = find_failed_cell(notebook_with(tmp_path, error, error._render_traceback_()))
    assert (found.step, found.error_type) == ("open", type(error).__name__)
    assert (found.message, found.remedy) == (message, remedy)


def test_an_error_that_is_not_ours_has_no_remedy(tmp_path):
    error = ZeroDivisionError("division by zero")
    found = find_failed_cell(notebook_with(tmp_path, error, ["Traceback\n  What to do: x\n", ""]))
    assert (found.message, found.remedy) == ("division by zero", "")


def test_no_secret_is_shown():
    Secret("canary-in-a-remedy")
    assert remedy_in(["What to do:", "  Type canary-in-a-remedy.", ""]) == f"Type {MASK}."


@pytest.mark.parametrize("content", ["", "{}", '{"cells": [{"id": "look"}]}'])
def test_a_notebook_without_an_error_has_no_failed_cell(tmp_path, content):
    file = tmp_path / "runbook.ipynb"
    assert find_failed_cell(file) is None
    file.write_text(content)
    assert find_failed_cell(file) is None
