"""A project as an engineer has it, in a test's folder: parameters, notebooks, and a sandbox."""

import json
import shutil
from pathlib import Path

from ruamel.yaml import YAML

from o365lib.evidence.archive import Archive
from o365lib.places import Places
from o365lib.runs.request import RunRequest
from o365lib.sandbox import Sandbox, Served
from o365lib.sandbox.command import write_files

ROOT = Path(__file__).parents[1]
WRITES = {"POST", "PATCH", "PUT", "DELETE"}


class DemoProject:
    """The committed parameters and notebooks, and the demonstration's tenants."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.folder = folder
        self.served = served
        self.sandbox: Sandbox = served.sandbox
        for name in ("parameters", "notebooks"):
            shutil.copytree(ROOT / name, folder / name)
        write_files(served, folder / ".sandbox")
        self.impatient()

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "evidence")

    @property
    def places(self) -> Places:
        keys = {"O365_KEYS": str(self.folder / "keys")}
        return Places.find(parameters=self.folder / "parameters", environment=keys)

    def impatient(self) -> None:
        """Let nothing wait for longer than a second."""
        defaults = self.folder / "parameters" / "defaults.yaml"
        text = defaults.read_text("utf-8")
        for name, seconds in (("replication", 60), ("verification", 60)):
            assert f"{name}_seconds: {seconds}" in text
            text = text.replace(f"{name}_seconds: {seconds}", f"{name}_seconds: 1")
        defaults.write_text(text, "utf-8")

    def edit(self, client: str, **changes) -> None:
        """Change keys of a client's file."""
        file = self.folder / "parameters" / "clients" / f"{client}.yaml"
        content = YAML(typ="safe").load(file.read_text("utf-8"))
        file.write_text(json.dumps(content | changes), "utf-8")

    def tenant(self, client: str):
        return self.sandbox.tenant(client)

    def account(self, client: str):
        """The service account in a client's tenant, or None."""
        tenant = self.tenant(client)
        return tenant.find_user(f"practiceprotect@{tenant.initial_domain}")

    def roles(self, client: str) -> set[str]:
        names = {
            "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
            "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
        }
        tenant = self.tenant(client)
        return {names[role] for role in tenant.roles_of(self.account(client)["id"])}

    def writes(self) -> list[str]:
        """Every request that could have changed a tenant, in order."""
        return [
            f"{seen.method} {seen.path}"
            for seen in self.sandbox.journal
            if seen.host == "graph" and seen.method in WRITES and not seen.path.endswith("/$batch")
        ]

    def records(self, client: str):
        """A client's records, oldest first."""
        return self.archive.records(client)

    def request(self, word: str, client: str, **parameters) -> RunRequest:
        """What `o365 run` would run."""
        places = self.places
        return RunRequest(
            runbook=places.runbook(word), client=client, places=places, parameters=parameters
        )

    def leaks(self, *texts: str) -> list[str]:
        """Where a secret of the sandbox stands: in the archive, a notebook or these texts."""
        places = {f"text {number}": text for number, text in enumerate(texts)}
        for name in ("evidence", "notebooks", ".lab"):
            for file in (self.folder / name).rglob("*"):
                if file.is_file():
                    places[str(file.relative_to(self.folder))] = file.read_text("utf-8", "replace")
        known = self.sandbox.secrets()
        return [
            f"{place}: {text}" for place, held in places.items() for text in known if text in held
        ]
