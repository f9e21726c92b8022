"""A project with many clients and the sandbox behind it, in a folder of its own."""

import json
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

_CLIENT = """\
client: {name}
tenant: {tenant}
cloud: sandbox
purpose: mail-redirection
onboarding: completed
sign_in:
  method: client-secret
  application_id: {application}
  secret: {{file: {secret}}}
hand_over:
  method: mail
  recipient: onboarding@practiceprotect.com
  sender: {sender}
"""


@dataclass
class Fleet:
    """A running sandbox and a project whose clients are its tenants."""

    folder: Path
    description: dict[str, Any]

    @property
    def clients(self) -> list[str]:
        """The clients' names, in the sandbox's order."""
        return [tenant["name"] for tenant in self.description["tenants"]]

    def command(self, *arguments: str) -> list[str]:
        """Return a command of this project."""
        return [sys.executable, "-m", "o365lib", "--parameters", str(self.folder / "parameters"),
                *arguments]  # fmt: skip

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command of this project to its end and return what it prints as JSON."""
        done = subprocess.run(
            self.command(*arguments, "--json"), capture_output=True, check=False, text=True
        )
        if not done.stdout:
            raise RuntimeError(done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def set_latency(self, seconds: float) -> None:
        """Let every Graph request take this long."""
        request = urllib.request.Request(  # noqa: S310 -- HTTPS on loopback, our own sandbox
            f"{self.description['graph_base_url']}/_sandbox/settings",
            data=json.dumps({"latency_seconds": seconds}).encode(),
            method="PATCH",
            headers={
                "Authorization": f"Bearer {self.description['control_key']}",
                "Content-Type": "application/json",
            },
        )
        context = ssl.create_default_context(cafile=self.description["ca_file"])
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310 -- as above
            answer.read()


@contextmanager
def fleet(folder: Path, tenants: int) -> Iterator[Fleet]:
    """Serve tenants and write a client file for each, for the length of a `with` block."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    clients = folder / "parameters" / "clients"
    clients.mkdir(parents=True)
    shutil.copy(ROOT / "parameters" / "defaults.yaml", folder / "parameters" / "defaults.yaml")
    sandbox = folder / ".sandbox"
    command = [sys.executable, "-m", "o365lib", "sandbox", "serve", "--json", "--seed", "bench",
               "--tenants", str(tenants), "--folder", str(sandbox)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            description = json.loads(process.stdout.readline())
            own = {file.stem for file in (ROOT / "parameters" / "clients").glob("*.yaml")}
            description["tenants"] = [
                tenant for tenant in description["tenants"] if tenant["name"] not in own
            ]
            for tenant in description["tenants"]:
                name = tenant["name"]
                text = _CLIENT.format(
                    name=name,
                    tenant=tenant["tenant_id"],
                    application=tenant["application"]["app_id"],
                    secret=sandbox / "secrets" / f"{name}.secret",
                    sender=tenant["administrator"]["user_principal_name"],
                )
                (clients / f"{name}.yaml").write_text(text, "utf-8")
            yield Fleet(folder, description)
        finally:
            process.terminate()
