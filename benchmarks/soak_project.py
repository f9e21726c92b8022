"""A project whose sandbox can be killed and comes back as it was, and whose processes are known."""

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from benchmarks.soak_cluster import SoakCluster

ROOT = Path(__file__).parents[1]

# In the environment of every process that a command of this project starts.
MARK = "O365_SOAK"

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
_START_SECONDS = 120
_AGAIN_SECONDS = 1
_PORTS_TAKEN = 2  # the sandbox's exit status


class SoakProject:
    """Client files, an archive, a sandbox that keeps its state, and what runs on their behalf."""

    def __init__(self, folder: Path, tenants: int, runtime: Path) -> None:
        """Write the project and start its sandbox.

        Args:
            folder: an empty one.
            tenants: how many clients there are.
            runtime: where a template's socket goes; a short path, for a socket's name is short.
        """
        self.folder, self.tenants, self.runtime = folder, tenants, runtime
        self.evidence = folder / "evidence"
        self._sandbox: subprocess.Popen[str] | None = None
        self.description: dict[str, Any] = {}
        self.cluster: SoakCluster | None = None
        for name in ("notebooks", "parameters"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.rmtree(folder / "parameters" / "clients")
        self.start_sandbox()
        self._write_clients()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the project's commands: the caller's, without what names others."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("O365_")}
        return {
            **own,
            MARK: str(self.folder),
            "O365_KEYS": str(self.folder / "keys"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
        }

    @property
    def clients(self) -> list[str]:
        """The clients' names."""
        return [tenant["name"] for tenant in self.description["tenants"]]

    def command(self, *arguments: str) -> list[str]:
        """Return a command of this project."""
        parameters = str(self.folder / "parameters")
        return [sys.executable, "-m", "o365lib", "--parameters", parameters, *arguments]

    def start_sandbox(self) -> None:
        """Start the sandbox, at the addresses and with the state that it had, if it had any."""
        ports = [
            str(urllib.parse.urlsplit(self.description[f"{host}_base_url"]).port)
            if self.description
            else "0"
            for host in ("login", "graph")
        ]
        until = time.monotonic() + _START_SECONDS
        while not (line := self._begin_sandbox(*ports)):
            assert self._sandbox is not None
            with self._sandbox:
                status = self._sandbox.wait(_START_SECONDS)
            # Meanwhile a port may be somebody's who wanted any.
            if status != _PORTS_TAKEN or time.monotonic() > until:
                raise RuntimeError(f"The sandbox did not start: {status}.")
            time.sleep(_AGAIN_SECONDS)
        self.description = json.loads(line)
        own = {file.stem for file in (ROOT / "parameters" / "clients").glob("*.yaml")}
        self.description["tenants"] = [
            tenant for tenant in self.description["tenants"] if tenant["name"] not in own
        ]

    def _begin_sandbox(self, login_port: str, graph_port: str) -> str:
        """Start the sandbox's process; return what it says of itself, or nothing if it ended."""
        self._sandbox = subprocess.Popen(
            [sys.executable, "-m", "o365lib", "sandbox", "serve", "--json", "--seed", "soak",
             "--tenants", str(self.tenants), "--folder", str(self.folder / ".sandbox"),
             "--state-file", str(self.folder / "sandbox.sqlite"),
             "--login-port", login_port, "--graph-port", graph_port],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._sandbox.stdout is not None
        return self._sandbox.stdout.readline()

    def _write_clients(self) -> None:
        clients = self.folder / "parameters" / "clients"
        clients.mkdir()
        for tenant in self.description["tenants"]:
            text = _CLIENT.format(
                name=tenant["name"],
                tenant=tenant["tenant_id"],
                application=tenant["application"]["app_id"],
                secret=self.folder / ".sandbox" / "secrets" / f"{tenant['name']}.secret",
                sender=tenant["administrator"]["user_principal_name"],
            )
            (clients / f"{tenant['name']}.yaml").write_text(text, "utf-8")

    def kill_sandbox(self) -> None:
        """End the sandbox as a power cut would."""
        assert self._sandbox is not None
        with self._sandbox:
            self._sandbox.kill()

    def pause_sandbox(self, *, is_paused: bool) -> None:
        """Let the sandbox answer nobody, or go on; its connections stay."""
        assert self._sandbox is not None
        self._sandbox.send_signal(signal.SIGSTOP if is_paused else signal.SIGCONT)

    def tenant(self, name: str) -> dict[str, Any]:
        """Return a tenant as the sandbox has it."""
        key = self.description["control_key"]
        return self._ask("graph", f"/_sandbox/tenants/{name}", token=key)

    def set_latency(self, seconds: float) -> None:
        """Let every Graph request take this long."""
        body = json.dumps({"latency_seconds": seconds}).encode()
        key = self.description["control_key"]
        self._ask("graph", "/_sandbox/settings", token=key, body=body, method="PATCH")

    def change_password(self, name: str, password: str) -> None:
        """Do what the account's holder does at the first sign-in."""
        tenant = self.tenant(name)
        user = next(
            each["id"]
            for each in tenant["users"].values()
            if each["userPrincipalName"].startswith("practiceprotect@")
        )
        key = self.description["control_key"]
        path = f"/_sandbox/tenants/{name}/password/{user}"
        self._ask("graph", path, token=key, body=json.dumps({"password": password}).encode())

    def signs_in(self, tenant: dict[str, Any], user: str, password: str) -> bool:
        """Return whether a password is the user's, though it must be changed at first."""
        application = next(
            each["app_id"] for each in tenant["applications"] if each["is_public_client"]
        )
        asked = {
            "grant_type": "password",
            "client_id": application,
            "scope": "openid",
            "username": user,
            "password": password,
        }
        try:
            self._ask(
                "login",
                f"/{tenant['id']}/oauth2/v2.0/token",
                body=urllib.parse.urlencode(asked).encode(),
                kind="application/x-www-form-urlencoded",
            )
        except urllib.error.HTTPError as error:
            with error:
                codes = json.loads(error.read())["error_codes"]
            return bool(codes == [50055])  # right, and to be changed; a wrong one is 50126
        return True

    def _ask(
        self,
        host: str,
        path: str,
        *,
        token: str = "",
        body: bytes | None = None,
        method: str | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 -- HTTPS on loopback, our own sandbox
            self.description[f"{host}_base_url"] + path,
            data=body,
            method=method,
            headers={
                "Content-Type": kind,
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
        )
        context = ssl.create_default_context(cafile=self.description["ca_file"])
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310 -- as above
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def workers(self) -> list[psutil.Process]:
        """Return the processes that execute runs."""
        return [
            each
            for each in _processes()
            if self._is_ours(each, "o365lib.runs.local.worker_process")
        ]

    def templates(self) -> list[psutil.Process]:
        """Return the processes of which kernels are forked; one, as a rule."""
        return [
            each
            for each in _processes()
            if _has(each, "o365lib.kernels.template")
            and _has(each, str(self.runtime))
            and not _has_parent_like_itself(each)
        ]

    def kernels(self) -> list[psutil.Process]:
        """Return the kernels that are alive, forked ones and others."""
        found = [each for each in _processes() if self._is_ours(each, "ipykernel_launcher")]
        for template in self.templates():
            with contextlib.suppress(psutil.Error):
                found += template.children()
        return found

    def others(self) -> list[psutil.Process]:
        """Return whatever else a command of this project has started."""
        theirs = self.cluster.process_ids if self.cluster else []
        found = [each for each in _processes() if self._is_ours(each, "")]
        return [each for each in found if each.pid not in theirs]

    def _is_ours(self, process: psutil.Process, word: str) -> bool:
        if word and not _has(process, word):
            return False
        try:
            return bool(process.environ().get(MARK) == str(self.folder))
        except psutil.Error:
            return False

    def close(self) -> None:
        """End the sandbox, the cluster and the template."""
        if self.cluster:
            self.cluster.close()
        self.kill_sandbox()
        for template in self.templates():
            with contextlib.suppress(psutil.Error):
                template.kill()


def _processes() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _has(process: psutil.Process, word: str) -> bool:
    try:
        return any(word in part for part in process.cmdline())
    except psutil.Error:
        return False


def _has_parent_like_itself(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
        return parent is not None and parent.cmdline() == process.cmdline()
    except psutil.Error:
        return False


def password_in(mail: dict[str, Any]) -> str:
    """Return the password that a mail hands over; empty where it has none."""
    found = re.search(r"^Password: +(\S+)$", mail["message"]["body"]["content"], re.MULTILINE)
    return found[1] if found else ""


@contextmanager
def soak_project(folder: Path, tenants: int) -> Iterator[SoakProject]:
    """Give a project in an empty folder, for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="soak-") as runtime:
        project = SoakProject(folder, tenants, Path(runtime))
        try:
            yield project
        finally:
            project.close()


def wait_for_none(find: Sequence[Any], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end; return those that have not in time."""
    _, alive = psutil.wait_procs(find, timeout=seconds)
    return list(alive)
