"""Tiny runbooks: each archives a record as the real ones do, and does as a test wishes."""

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
