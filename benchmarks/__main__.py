"""Measure, print tables, and write them into `README.md` and `RESULTS.md` here: `make bench`.

With `--session`, `--quick` or `--only` large batches alone are measured, and not all of them.

Every figure is taken from outside, by the command that a person would type. The machine's speed is
told beside them, because it is what they depend on.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import large_batches
from benchmarks.fleet import Fleet, fleet

ROUNDS = 5
CLIENTS = 100
JOBS = 4
MARKERS = ("<!-- figures -->\n", "<!-- end of figures -->\n")
PAGE = Path(__file__).with_name("README.md")


def main() -> None:
    """Measure everything and write it down."""
    if not {"--session", "--quick", "--only", "-h", "--help"}.intersection(sys.argv):
        single_runs()
    large_batches.main()


def single_runs() -> None:
    """Measure single runs, and one batch of some at once."""
    with tempfile.TemporaryDirectory() as folder, fleet(Path(folder), CLIENTS + 20) as project:
        names = iter(project.clients)
        rows = [
            ("`o365 --help`, wall seconds", "0.3", spread(seconds_of_help)),
            (
                "one create run, start to archived record, latency 0, wall seconds",
                "4",
                spread(lambda: seconds_of_create(project, next(names))),
            ),
            (
                "the same cells in a kernel that is already running, wall seconds",
                "the floor",
                spread(lambda: seconds_of_steps(project, next(names))),
            ),
            (
                "requests in sequence of one create run at 250 ms, sign-in included",
                "8",
                str(requests_in_sequence(project, next(names))),
            ),
            *batch_rows(project, [next(names) for _ in range(CLIENTS)]),
        ]
    write(rows)


def spread(measure: Callable[[], float]) -> str:
    """Return the median of some rounds, and the range, after one round to warm up."""
    measure()
    figures = [measure() for _ in range(ROUNDS)]
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"


def seconds_of_help() -> float:
    """Return how long `o365 --help` takes."""
    begun = time.perf_counter()
    command = [str(Path(sys.executable).with_name("o365")), "--help"]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def seconds_of_create(project: Fleet, client: str) -> float:
    """Return how long one client's run took, as the command tells."""
    told = project.run("run", "create", client, "--approved-by", "Benchmark")
    assert told["counts"] == {"done": 1}, told
    return float(told["runs"][0]["seconds"])


def seconds_of_steps(project: Fleet, client: str) -> float:
    """Return how long the steps of a run took by its own record, first to last."""
    from o365lib.evidence.record import Record

    told = project.run("run", "create", client, "--approved-by", "Benchmark")
    record = Record.from_json(Path(told["runs"][0]["record_file"]).read_bytes())
    return sum((step.ended - step.started).total_seconds() for step in record.steps if step.ended)


def requests_in_sequence(project: Fleet, client: str) -> int:
    """Return how many requests one create run makes when Graph takes 250 ms for each."""
    project.set_latency(0.25)
    try:
        told = project.run("run", "create", client, "--approved-by", "Benchmark")
        assert told["counts"] == {"done": 1}, told
        record = json.loads(Path(told["runs"][0]["record_file"]).read_text("utf-8"))
        return len(record["requests"])
    finally:
        project.set_latency(0)


def batch_rows(project: Fleet, clients: list[str]) -> list[tuple[str, str, str]]:
    """Return the figures of one batch: its time, its memory, and that all of it was done."""
    command = project.command(
        "run", "create", *clients, "--approved-by", "Benchmark", "--jobs", str(JOBS), "--json"
    )
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        memory = Memory(process.pid)
        memory.start()
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        memory.stop()
    seconds = time.perf_counter() - begun
    assert told["counts"] == {"done": len(clients)}, told["counts"]
    what = f"{len(clients)} clients, `--jobs {JOBS}`"
    return [
        (f"{what}: highest memory of all processes, GB", "2.5", f"{memory.highest / 1e9:.2f}"),
        (f"{what}: wall seconds", "", f"{seconds:.0f}"),
        (f"{what}: clients a minute", "", f"{60 * len(clients) / seconds:.0f}"),
    ]


class Memory(threading.Thread):
    """Watches a process and its descendants; shared pages count once (proportional set size)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.highest = 0
        self._process = psutil.Process(pid)
        self._done = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self._done.wait(0.5):
            self.highest = max(self.highest, self._now())

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()

    def _now(self) -> int:
        total = 0
        try:
            family = [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return 0
        for process in family:
            try:
                usage = process.memory_full_info()
            except psutil.Error:
                continue
            total += getattr(usage, "pss", usage.rss)
        return total


def write(
    rows: list[tuple[str, str, str]],
    *,
    markers: tuple[str, str] = MARKERS,
    libraries: tuple[str, ...] = ("papermill", "ipykernel", "msal"),
) -> None:
    """Print the table and put it into the page, between its markers."""
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    lines = [
        f"{python}, {machine}; {versions}; medians of {ROUNDS}, with the range.",
        "",
        "| what | at most | measured |",
        "|---|---|---|",
        *(f"| {what} | {limit} | {measured} |" for what, limit, measured in rows),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    before, _, rest = PAGE.read_text("utf-8").partition(markers[0])
    _, _, after = rest.partition(markers[1])
    PAGE.write_text(before + markers[0] + text + markers[1] + after, "utf-8")


if __name__ == "__main__":
    main()
