"""The committed notebooks, executed in real kernels for tenants of a sandbox."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import nbformat
import pytest

from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.runs import batch
from o365lib.runs.events import Event
from o365lib.runs.local.engine import FEW, on_this_machine
from o365lib.runs.summary import RunResult
from o365lib.sandbox import Sandbox
from tests.demo_project import ROOT, DemoProject

SCHEMA = json.loads((ROOT / "docs" / "record.schema.json").read_text("utf-8"))


class Executed:
    """One executed notebook and its record."""

    def __init__(self, result: RunResult, writes: list[str]) -> None:
        self.result = result
        assert result.record_file is not None
        assert result.notebook_file is not None
        self.record: dict[str, Any] = json.loads(result.record_file.read_text("utf-8"))
        jsonschema.validate(self.record, SCHEMA)
        self.notebook = nbformat.read(result.notebook_file, as_version=4)
        nbformat.validate(self.notebook)
        self.writes = writes

    def cell(self, name: str) -> Any:
        (found,) = [each for each in self.notebook.cells if each.id == name]
        return found

    def shown(self, name: str) -> str:
        return "\n".join(output.data["text/plain"] for output in self.cell(name).outputs)

    def error_box(self) -> tuple[str, str]:
        """The step that failed and the box that it shows."""
        ((name, output),) = [
            (cell.id, output)
            for cell in self.notebook.cells
            for output in cell.get("outputs", [])
            if output.output_type == "error"
        ]
        return name, "\n".join(output.traceback)

    def not_executed(self) -> list[str]:
        """The code cells after the failing one, which have no number."""
        return [
            cell.id
            for cell in self.notebook.cells
            if cell.cell_type == "code" and cell.execution_count is None
        ]


class Project(DemoProject):
    """A project whose notebooks can be executed, two at a time."""

    def execute(self, word: str, *clients: str, **parameters: Any) -> dict[str, Executed]:
        """Execute a runbook for clients as `o365 run` does."""
        events: list[Event] = []

        def hear(event: Event) -> None:
            events.append(event)
            if event.kind == "prompt":
                self.answer_prompt(event.text)

        seen = len(self.sandbox.journal)
        evidence = OpenBatch.begin(self.archive, KeyStore(self.places.keys))
        begun = batch.begin(
            self.places.runbook(word),
            clients,
            places=self.places,
            evidence=evidence,
            parameters=parameters,
        )
        workers = on_this_machine(FEW, jobs=2)
        results = batch.run_batch(
            begun, evidence=evidence, new_workers=workers, stop_after=0, tell=hear
        ).results
        evidence.close()
        self.events = events
        return {
            result.client: Executed(result, self.writes_of(result.client, seen))
            for result in results
        }

    def writes_of(self, client: str, since: int) -> list[str]:
        """What a client's runs tried to change since a place in the journal."""
        tenant = self.tenant(client)
        return [
            f"{seen.method} {seen.path}"
            for seen in self.sandbox.journal[since:]
            if seen.tenant_id == tenant.id
            and seen.host == "graph"
            and seen.method != "GET"
            and not seen.path.endswith("/$batch")
        ]

    def answer_prompt(self, text: str) -> None:
        """Do what a device-code prompt says."""
        self.sandbox.approve_device_code(self.code_in(text), self.person)

    def code_in(self, prompt: str) -> str:
        """The code that a person is asked to enter."""
        (code,) = re.findall(r"\b[A-Z0-9]{8,9}\b", prompt)
        return code

    person = ""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project for the tests of a file: a run in a kernel takes seconds."""
    sandbox = Sandbox(seed="demo")
    sandbox.add_demo_tenants()
    with sandbox.serve() as served:
        yield Project(tmp_path_factory.mktemp("project"), served)
    sandbox.close()
