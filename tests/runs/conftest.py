"""Tiny runbooks: each archives a record as the real ones do, and does as a test wishes."""

import json
from pathlib import Path

import pytest

from o365lib.evidence.archive import Archive
from o365lib.runs.notebook import RunRequest
from o365lib.runs.places import Places

PARAMETERS = """\
client = ""
run_id = ""
dry_run = False
approved_by = ""
approved_plan = ""
ticket = ""
"""

OPEN = """\
import os
from datetime import UTC, datetime
from pathlib import Path
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import *
folder = Archive(Path(os.environ["O365_EVIDENCE"])).run(client, run_id)
record = Record(run_id=run_id, client=client, runbook="create_tiny", package_version="kernel",
    operator=Operator(user_name="kim", host_name="desk"), started=datetime.now(UTC),
    steps=[Step(name="first", started=datetime.now(UTC))])
folder.write_record(record)
"""

CHANGE = """\
record.changes = [
    Change(action="create-user", target="practiceprotect", started=datetime.now(UTC))
]
folder.write_record(record)
"""

CLOSE = """\
record.outcome, record.reason, record.closed_by = Outcome.DONE, "As planned.", "runbook"
folder.write_record(record)
"""


def notebook(*cells: str, parameters: str = PARAMETERS) -> dict:
    """A notebook of code cells with the ids `step-1`, `step-2`, ..."""
    sources = {"parameters": parameters, **{f"step-{n}": c for n, c in enumerate(cells, 1)}}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "id": name,
                "metadata": {"tags": ["parameters"]} if name == "parameters" else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for name, source in sources.items()
        ],
    }


@pytest.fixture
def places(tmp_path):
    project = tmp_path / "project with {braces} & ümlaut"
    (project / "parameters").mkdir(parents=True)
    (project / "notebooks").mkdir()
    return Places(
        parameters=project / "parameters",
        evidence=project / "evidence",
        sandbox_file=project / ".sandbox" / "sandbox.json",
        notebooks=project / "notebooks",
    )


@pytest.fixture
def archive(places):
    return Archive(places.evidence)


@pytest.fixture
def make_request(places):
    """Return a request for a runbook made of these cells."""

    def make(*cells, client="alpine-books", name="create_tiny", timeout_seconds=None, **parameters):
        file: Path = places.notebooks / f"{name}.ipynb"
        file.write_text(json.dumps(notebook(*cells)), "utf-8")
        return RunRequest(
            runbook=file,
            client=client,
            places=places,
            parameters=parameters,
            timeout_seconds=timeout_seconds,
        )

    return make


@pytest.fixture
def tiny():
    """The sources of which tiny runbooks are made."""
    return {"open": OPEN, "change": CHANGE, "close": CLOSE}
