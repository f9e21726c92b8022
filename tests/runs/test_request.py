import json
from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.runs.notebook import run_notebook
from o365lib.runs.request import known_parameters


def test_a_parameter_that_the_notebook_does_not_know_stops_everything_before_the_start(
    make_request, archive, tiny
):
    with pytest.raises(UsageError, match="has no parameter aproved_by") as caught:
        run_notebook(make_request(tiny["open"], aproved_by="Kim"), archive=archive)
    assert "approved_by" in caught.value.remedy
    assert archive.runs() == []


@pytest.mark.parametrize("content", ["", "{}", '{"cells": []}', "no notebook"])
def test_a_file_that_is_no_runbook_is_wrong_usage(make_request, archive, content):
    request = make_request()
    request.runbook.write_text(content)
    with pytest.raises(UsageError, match="is not a runbook"):
        run_notebook(request, archive=archive)
    with pytest.raises(UsageError, match="is not a runbook"):
        known_parameters(Path("nowhere.ipynb"))


def test_parameters_may_be_annotated_and_values_are_not_evaluated(make_request):
    request = make_request()
    source = 'client: str = ""\na, b = 1, 2\nrun_id = open("/nowhere")\nc = d = 1\n# e = 2\n'
    text = json.loads(request.runbook.read_text())
    text["cells"][0]["source"] = source
    request.runbook.write_text(json.dumps(text))
    assert known_parameters(request.runbook) == {"client", "run_id", "c", "d"}
