"""A project whose tenants misbehave, its runbooks carried out here or by the real command."""

import atexit
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from o365lib.errors import EvidenceError, RunbookError
from o365lib.evidence.record import Record
from o365lib.sandbox import Fault, RequestSeen
from o365lib.sandbox.command import write_files
from tests.demo_project import ROOT, DemoProject
from tests.faults.search import Written

OWN_STORE = (".sandbox/secrets/", ".sandbox/certificates/")
_SECONDS = 300


ROLES = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
}


@dataclass(frozen=True)
class State:
    """A service account as it really is.

    Attributes:
        accounts: how many of this name there are, in the recycle bin too.
        is_there: whether there is one outside the recycle bin.
        roles: of all role assignments of these accounts.
        is_handed_over: whether the last mail that was sent has the password in force.
    """

    accounts: int
    is_there: bool
    roles: tuple[str, ...]
    is_handed_over: bool


MADE = State(1, is_there=True, roles=("Exchange Administrator",), is_handed_over=True)
PUT_RIGHT = State(1, is_there=True, roles=("Exchange Administrator",), is_handed_over=False)
REMOVED = State(1, is_there=False, roles=(), is_handed_over=False)


class FaultProject(DemoProject):
    """The demonstration's project, more clients, and faults."""

    def add_client(
        self, name: str, *, holds: str = "", application: str | None = None, **changes
    ) -> None:
        """Add a client and its tenant.

        Args:
            name: of both.
            holds: the role of a service account that is there already; empty for no account.
            application: a multitenant application that the tenant shares; None for one of its own.
            changes: keys of the client file that differ from those of the usual case.
        """
        tenant = self.sandbox.add_tenant(name, application=application)
        if holds:
            tenant.add_user(
                user_principal_name=f"practiceprotect@{tenant.initial_domain}",
                display_name="Practice Protect",
                givenName="Practice",
                surname="Protect",
                usageLocation=tenant.country,
                roles=[holds],
            )
        write_files(self.served, self.folder / ".sandbox")
        content = {
            "client": name,
            "tenant": tenant.initial_domain,
            "cloud": "sandbox",
            "purpose": "mail-redirection",
            "onboarding": "completed",
            "sign_in": {
                "method": "client-secret",
                "application_id": tenant.application.app_id,
                "secret": {"file": f".sandbox/secrets/{name}.secret"},
            },
            "hand_over": {
                "method": "mail",
                "recipient": "onboarding@practiceprotect.com",
                "sender": f"admin@{tenant.initial_domain}",
            },
        }
        file = self.folder / "parameters" / "clients" / f"{name}.yaml"
        file.write_text(json.dumps(content | changes), "utf-8")

    def fault(self, client: str, effect: str, method: str = "*", path: str = "*", **options):
        """Plan a fault for a client's tenant."""
        return self.sandbox.faults.add(
            Fault(effect=effect, method=method, path=path, tenant=client, **options)
        )

    def watch(self, act: Callable[[RequestSeen], None]) -> None:
        """Have something done whenever a request has taken effect and is not yet answered."""
        self.sandbox.journal = _WatchedJournal(act)

    def patient(self) -> None:
        """Let it wait for as long as the committed defaults say."""
        committed = (ROOT / "parameters" / "defaults.yaml").read_text("utf-8")
        (self.folder / "parameters" / "defaults.yaml").write_text(committed, "utf-8")

    def state(self, client: str) -> "State":
        """What is true in a client's tenant, whatever any record says."""
        tenant = self.tenant(client)
        name = f"practiceprotect@{tenant.initial_domain}"
        both = [*tenant.users.values(), *tenant.deleted_users.values()]
        ids = [user["id"] for user in both if user["userPrincipalName"].endswith(name)]
        held = [
            each["roleDefinitionId"]
            for each in tenant.role_assignments.values()
            if each["principalId"] in ids
        ]
        is_there = tenant.find_user(name) is not None
        sent = json.dumps(tenant.outbox[-1], ensure_ascii=False) if tenant.outbox else ""
        return State(
            accounts=len(ids),
            is_there=is_there,
            roles=tuple(ROLES.get(role, role) for role in held),
            is_handed_over=is_there and tenant.password_of(name) in sent,
        )

    def secrets(self) -> set[str]:
        """Every secret of the sandbox, and the lines of the private keys that it gave out."""
        found = self.sandbox.secrets()
        for file in (self.folder / ".sandbox" / "certificates").glob("*.pem"):
            key = file.read_text("ascii").partition("PRIVATE KEY-----")[2].partition("-----END")[0]
            found |= {line for line in key.splitlines() if len(line) > 40}
        return found

    def carry_out(
        self,
        word: str,
        client: str,
        *,
        before: Mapping[str, Callable[[], object]] | None = None,
        **parameters,
    ) -> Record:
        """Execute a runbook's cells in this process, which is cheaper than a kernel.

        Args:
            word: create or remove.
            client: for whom.
            before: what to do before the cell with this id.
            parameters: the notebook's.

        Returns:
            the record as it is on disk when the kernel would have ended.
        """
        cells = json.loads(self.places.runbook(word).read_text("utf-8"))["cells"]
        names = {"client": client, "dry_run": False, "approved_by": "Kim", "approved_plan": ""}
        space: dict = {**names, "ticket": "", "run_id": "", "if_unused": "", **parameters}
        with contextlib.chdir(self.folder / "notebooks"), contextlib.suppress(RunbookError):
            for cell in cells:
                if cell["cell_type"] == "code" and cell["id"] != "parameters":
                    (before or {}).get(cell["id"], lambda: None)()
                    exec("".join(cell["source"]), space)  # noqa: S102 -- the committed notebook's cell, as a kernel does
        abandon = space["run"]._abandon
        atexit.unregister(abandon)
        with contextlib.suppress(EvidenceError):
            abandon()
        return space["run"].folder.read_record()


class _WatchedJournal(list):
    def __init__(self, act: Callable[[RequestSeen], None]) -> None:
        super().__init__()
        self._act = act

    def append(self, seen: RequestSeen) -> None:
        super().append(seen)
        self._act(seen)


class Command:
    """`o365` as a process of its own, with everything that it writes in folders of its own.

    Its home, temporary files, the environments and command lines of its processes are looked at
    while it runs, since much of it is gone at the end.

    Args:
        project: where it is started.
        arguments: after `o365`.
        environment: what the operator has set.
        terminal: whether standard output and standard error are one terminal, instead of pipes.
    """

    def __init__(
        self,
        project: FaultProject,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        self.written = Written()
        self.home = project.folder.with_name(f"{project.folder.name}-home")
        self.temporary = self.home / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self._talkative_ipython()
        self._processes: dict[int, psutil.Process] = {}
        self._ended = threading.Event()
        self.screen = bytearray()
        self.has_screen_changed = threading.Condition()
        command = [sys.executable, "-m", "o365lib", *arguments]
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if terminal:
            self._terminal, theirs = os.openpty()
            pipes = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        self.process = subprocess.Popen(
            command,
            cwd=project.folder,
            env={
                **kept,
                "HOME": str(self.home),
                "USERPROFILE": str(self.home),
                "TMPDIR": str(self.temporary),
                "TEMP": str(self.temporary),
                "TERM": "xterm",
                **(environment or {}),
            },
            **pipes,
        )
        self._threads = [threading.Thread(target=self._look_on)]
        if terminal:
            os.close(theirs)
            self._threads.append(threading.Thread(target=self._read_terminal))
        else:
            self._threads += [
                threading.Thread(target=self._read, args=(stream, name))
                for stream, name in (
                    (self.process.stdout, "stdout"),
                    (self.process.stderr, "stderr"),
                )
            ]
        for thread in self._threads:
            thread.start()

    def _talkative_ipython(self) -> None:
        # Tracebacks with the values of all variables: the most that a kernel can be made to tell.
        profile = self.home / ".ipython" / "profile_default"
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "ipython_config.py").write_text('c.InteractiveShell.xmode = "Verbose"\n')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self._processes.values()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.kill()
        self._finish()

    def wait(self) -> int:
        """Wait for the command's end, keep what it left, and return its exit status."""
        self.process.wait(_SECONDS)
        self._finish()
        return self.process.returncode

    def _finish(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        if self.has_terminal:
            os.close(self._terminal)
            self._threads, self._terminal = [], -1

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal that is still open."""
        return getattr(self, "_terminal", -1) >= 0

    @property
    def output(self) -> str:
        """Standard output as text."""
        return self.written.places.get("stdout", b"").decode()

    def kernels(self) -> list[psutil.Process]:
        """The kernels that run now."""
        return [
            process
            for process in self._processes.values()
            if _is_running(process) and "ipykernel_launcher" in _told(process.cmdline)
        ]

    def until_shown(self, pattern: str) -> re.Match[str]:
        """Wait until the terminal or standard error shows a text; return where it does."""

        def look() -> re.Match[str] | None:
            return re.search(pattern, self.screen.decode(errors="replace"))

        with self.has_screen_changed:
            found = self.has_screen_changed.wait_for(look, _SECONDS)
            assert found, self.screen.decode(errors="replace")
            return found

    def _shown(self, content: bytes) -> None:
        with self.has_screen_changed:
            self.screen += content
            self.has_screen_changed.notify_all()

    def _read(self, stream, name: str) -> None:
        for line in stream:
            self.written.places[name] = self.written.places.get(name, b"") + line
            if name == "stderr":
                self._shown(line)

    def _read_terminal(self) -> None:
        while True:
            try:
                content = os.read(self._terminal, 4096)
            except OSError:  # the last process that has it open has ended
                return
            if not content:
                return
            self._shown(content)

    def _look_on(self) -> None:
        seen: dict[Path, float] = {}
        while not self._ended.wait(0.05):
            self._look_at_processes()
            self._look_at_files(seen)
        self._look_at_files(seen)

    def _look_at_processes(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            whole = psutil.Process(self.process.pid)
            for process in [whole, *whole.children(recursive=True)]:
                if process.pid in self._processes:
                    continue
                # Between fork and exec it is still a copy of us.
                if process.pid != self.process.pid and "-m" not in _told(process.cmdline):
                    continue
                self._processes[process.pid] = process
                self.written.add("command lines", "\0".join(_told(process.cmdline)))
                self.written.add("environments", json.dumps(_told(process.environ) or {}))

    def _look_at_files(self, seen: dict[Path, float]) -> None:
        for folder, _, names in os.walk(self.home):
            for name in names:
                file = Path(folder, name)
                with contextlib.suppress(OSError):
                    changed = file.stat().st_mtime
                    if seen.get(file) != changed:
                        seen[file] = changed
                        self.written.add(f"home/{file.relative_to(self.home)}", file.read_bytes())


def kernels_at(folder: Path) -> list[psutil.Process]:
    """The kernels that have a file of this folder open: the lock of the run that they execute.

    They are no children of ours: a template that all processes share has forked them.
    """
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid()
        and any(Path(each.path).is_relative_to(folder) for each in _told(process.open_files) or ())
    ]


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that must come in the end."""
    deadline = time.monotonic() + _SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _told(ask: Callable[[], list[str]] | Callable[[], dict[str, str]]):
    try:
        return ask()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
