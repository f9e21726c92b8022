"""Batches of this project, as the command that people type, each with a template of its own."""

import json
import os
import statistics
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.counting import Watch, counted
from benchmarks.fleet import Fleet
from benchmarks.peer_runs import APPROVED_BY, NOTEBOOK
from benchmarks.peers import environment_of

_TEMPLATE = "o365lib.kernels.template"
_START_SECONDS = 120
_FEWEST_WAVES = 8


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What came of a batch.

    Attributes:
        clients: how many.
        seconds: of the whole command, start of Python and summary notebook included.
        cpu_seconds: of it, its workers, template and kernels, for each client.
        failed: how many clients were not done.
        middle_a_minute: clients a minute between the ends of the middle half of the clients, as
            rates of peers are taken: without the start, and without the last ones' idle cores;
            0 where the batch is small.
    """

    clients: int
    seconds: float
    cpu_seconds: float
    failed: int
    middle_a_minute: float

    @property
    def clients_a_minute(self) -> float:
        """How fast it was, from the command's start to its end."""
        return 60 * self.clients / self.seconds


def run_batch(
    project: Fleet, clients: list[str], *options: str, watch: Watch | None = None
) -> Batch:
    """Run the create runbook for clients and count."""
    with tempfile.TemporaryDirectory(prefix="bench-") as runtime:
        done = counted(
            project.command(
                "run", "create", *clients, "--approved-by", APPROVED_BY, "--json", *options
            ),
            environment={
                **environment_of(project, project.folder / "evidence"),
                "JUPYTER_RUNTIME_DIR": runtime,
            },
            folder=project.folder,
            watch=watch,
        )
    told: dict[str, Any] = json.loads(done.output)
    if not told["counts"].get("done"):
        raise RuntimeError(f"Nothing was done: {told['counts']}, {told['runs'][:1]}")
    return Batch(
        clients=len(clients),
        seconds=done.seconds,
        cpu_seconds=done.cpu_seconds / len(clients),
        failed=len(clients) - told["counts"].get("done", 0),
        middle_a_minute=_middle(told["runs"]),
    )


def _middle(runs: list[dict[str, Any]]) -> float:
    done = [Path(each["record_file"]) for each in runs if each["outcome"] == "done"]
    if len(done) < _FEWEST_WAVES * jobs_by_default():
        return 0.0  # clients that run at once end at once, which is no rate
    records = [json.loads(each.read_bytes()) for each in done]
    ends = sorted(datetime.fromisoformat(each["ended"]).timestamp() for each in records)
    first, last = len(ends) // 4, 3 * len(ends) // 4
    between = ends[last] - ends[first]
    return 60 * (last - first) / between if between else 0.0


@dataclass
class DriverUse:
    """The driver's own highest resident memory and CPU, looked at while it lives."""

    highest_bytes: int = 0
    cpu_seconds: float = 0.0

    def __call__(self, counting: psutil.Process) -> None:
        """Look once."""
        for driver in counting.children():
            if "run" not in driver.cmdline():
                continue
            status = Path(f"/proc/{driver.pid}/status").read_text("utf-8")
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.highest_bytes = max(self.highest_bytes, int(line.split()[1]) * 1024)
            times = driver.cpu_times()
            self.cpu_seconds = times.user + times.system


@dataclass
class KernelMemory:
    """The memory of all kernels that are alive, and of all processes of a batch together.

    Attributes:
        most_alive: kernels at once.
        own_bytes: the median kernel's own (unique set size), highest of all looks at most kernels.
        most_own_bytes: of the largest kernel then; that of the summary, which is alone, has more.
        total_bytes: of all processes; shared pages count once (proportional set size).
    """

    most_alive: int = 0
    own_bytes: float = 0.0
    most_own_bytes: int = 0
    total_bytes: int = 0

    def __call__(self, counting: psutil.Process) -> None:
        """Look once."""
        family = counting.children(recursive=True)
        templates = {each.pid for each in family if _is_template(each)}
        own, total = [], 0
        for each in family:
            with suppress(psutil.Error):
                is_kernel = each.ppid() in templates
                usage = each.memory_full_info()
                total += usage.pss
                if is_kernel:
                    own.append(usage.uss)
        self.total_bytes = max(self.total_bytes, total)
        if len(own) > self.most_alive:
            self.most_alive, self.own_bytes, self.most_own_bytes = len(own), 0.0, 0
        if own and len(own) == self.most_alive:
            self.own_bytes = max(self.own_bytes, statistics.median(own))
            self.most_own_bytes = max([self.most_own_bytes, *own])


@dataclass
class Cells:
    """The floor: the cells in a kernel that is running already; for each client, in rounds."""

    cpu_seconds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def cells_alone(project: Fleet, clients: list[str], *, rounds: int) -> Cells:
    """Execute the runbook's cells for all clients in one ordinary kernel.

    Args:
        project: with the sandbox's latency set.
        clients: one to warm the kernel up, and as many for each round.
        rounds: how many.
    """
    from jupyter_client.manager import start_new_kernel

    notebook = json.loads((project.folder / NOTEBOOK).read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = Cells()
    each_round = (len(clients) - 1) // rounds
    manager, kernel = start_new_kernel(
        startup_timeout=_START_SECONDS,
        kernel_name="python3",
        cwd=str(project.folder),
        env=environment_of(project, project.folder / "evidence-of-cells"),
        stderr=-3,  # subprocess.DEVNULL
    )
    try:
        process = psutil.Process(manager.provisioner.pid)
        _execute(kernel, cells, clients[0])
        for number in range(rounds):
            begun, cpu = time.perf_counter(), _cpu(process)
            for client in clients[1 + number * each_round : 1 + (number + 1) * each_round]:
                _execute(kernel, cells, client)
            found.seconds.append((time.perf_counter() - begun) / each_round)
            found.cpu_seconds.append((_cpu(process) - cpu) / each_round)
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
    return found


def jobs_by_default() -> int:
    """Return how many runs `o365 run` has at once on this machine, as it is now."""
    from o365lib.runs.machine import jobs_here

    return jobs_here()


def has_option(name: str) -> bool:
    """Whether `o365 run` has an option."""
    from o365lib.cli.run import run

    return any(name in each.opts for each in run.params)


def end_templates(folder: str) -> None:
    """End the templates whose sockets are in a folder; they are detached from who had them."""
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if each.pid != os.getpid() and folder in " ".join(each.cmdline()):
                each.terminate()


def _execute(kernel: Any, cells: list[dict[str, Any]], client: str) -> None:
    """Execute cells with a client for a parameter, and make sure that none failed."""
    for cell in cells:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", ()):
            source += f"\nclient, approved_by = {client!r}, {APPROVED_BY!r}"
        reply = kernel.execute_interactive(source, output_hook=lambda _: None, allow_stdin=False)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"A cell failed: {reply['content'].get('evalue')}")
    # Else it would be taken for a parameter that the runbook does not know.
    kernel.execute_interactive("del run", output_hook=lambda _: None)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _is_template(process: psutil.Process) -> bool:
    """Whether a process is a template, and not a kernel of one: these have its command line."""
    try:
        parent = process.parent()
        return _TEMPLATE in process.cmdline() and not (parent and _TEMPLATE in parent.cmdline())
    except psutil.Error:
        return False
