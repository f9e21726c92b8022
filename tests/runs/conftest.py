"""Projects with tiny runbooks."""

import json
from pathlib import Path

import pytest

from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import Places
from o365lib.runs import batch
from o365lib.runs.local.engine import FEW, on_this_machine
from o365lib.runs.request import RunRequest
from tests.tiny_runbooks import CHANGE, CLOSE, OPEN, notebook


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
        keys=project / "keys",
    )


@pytest.fixture
def archive(places):
    return Archive(places.evidence)


@pytest.fixture
def evidence(archive, places):
    """An open batch of the archive."""
    opened = OpenBatch.begin(archive, KeyStore(places.keys))
    yield opened
    opened.close()


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


@pytest.fixture
def run_tiny(places, evidence):
    """Run a batch of a tiny runbook for clients, in threads of this process."""

    def run(*cells, clients=("alpine-books",), jobs=1, name="create_tiny", **given):
        (places.notebooks / f"{name}.ipynb").write_text(json.dumps(notebook(*cells)), "utf-8")
        begun = begin_tiny(places, evidence, name, clients, given.pop("timeout_seconds", None))
        given.setdefault("stop_after", 0)
        workers = given.pop("new_workers", on_this_machine(FEW, jobs=jobs))
        return batch.run_batch(begun, evidence=evidence, new_workers=workers, **given)

    return run


def begin_tiny(places, evidence, name, clients, timeout_seconds=None, **parameters):
    (places.parameters / "clients").mkdir(exist_ok=True)
    (places.parameters / "defaults.yaml").touch()
    for client in clients:
        (places.parameters / "clients" / f"{client}.yaml").write_text(f"client: {client}\n")
    return batch.begin(
        places.notebooks / f"{name}.ipynb",
        clients,
        places=places,
        evidence=evidence,
        parameters=parameters,
        timeout_seconds=timeout_seconds,
    )
