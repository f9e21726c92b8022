"""What one would use without this project, with the same notebook, kernels and sandbox.

Every fairness is theirs: no progress bar; the best size of several; the import that JupyterLab
makes slow is left out, as we leave it out; what a pool or a library needs to start does not count,
nor the first clients, for the rate is taken between ends.
"""

import itertools
import json
import os
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.counting import Counted, counted
from benchmarks.fleet import ROOT, Fleet

# `make bench` makes it: installed beside us it would slow papermill down, ours and the peers'.
_PLOOMBER = ROOT / "build" / "ploomber" / "bin" / "python"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A way to execute notebooks.

    Attributes:
        letter: as the page refers to it.
        name: what it is.
        ways: of `peer_runs`, the best of which is measured.
        has_size: whether it executes several at once.
    """

    letter: str
    name: str
    ways: tuple[str, ...]
    has_size: bool = False


PEERS = (
    Peer(letter="a", name="`papermill` in a loop", ways=("loop",)),
    Peer(letter="b", name="`papermill` by `xargs -P`", ways=("xargs",), has_size=True),
    Peer(
        letter="c",
        name="`papermill.execute_notebook` in a pool",
        ways=("threads", "processes"),
        has_size=True,
    ),
    Peer(letter="d", name="`ploomber-engine` in a loop, nothing isolated", ways=("ploomber",)),
)


@dataclass
class Rate:
    """Clients a minute, in rounds, and CPU seconds for each client."""

    clients_a_minute: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def median(self) -> float:
        """Clients a minute."""
        return statistics.median(self.clients_a_minute) if self.clients_a_minute else 0.0


def is_there(peer: Peer) -> bool:
    """Whether a peer is installed."""
    return peer.ways != ("ploomber",) or _PLOOMBER.exists()


def clients_needed(size: int, rounds: int) -> int:
    """Return how many clients a measurement takes: the first `size` of them warm it up."""
    return size * (rounds + 1)


def rate_of(project: Fleet, clients: list[str], *, way: str, size: int, rounds: int) -> Rate:
    """Return how fast a way is.

    Args:
        project: with the sandbox's latency set.
        clients: as many as `clients_needed` says.
        way: of `peer_runs`.
        size: how many at once.
        rounds: each is `size` clients long.
    """
    done = _run(project, clients, way=way, size=size)
    ends = {}
    for line in done.output.splitlines():
        client, _, at = line.rpartition(" ")
        if client in clients and _is_done(project, client):
            ends[client] = float(at)
    times = sorted(ends.values())[size - 1 :]
    marks = times[::size][: rounds + 1]
    return Rate(
        [60 * size / (end - begin) for begin, end in itertools.pairwise(marks)],
        [done.cpu_seconds / len(clients)],
        len(clients) - len(ends),
    )


def environment_of(project: Fleet, evidence: Path) -> dict[str, str]:
    """Return the environment in which the runbook finds the project, without our command."""
    return {
        **os.environ,
        "O365_PARAMETERS": str(project.folder / "parameters"),
        "O365_SANDBOX": str(project.folder / ".sandbox" / "sandbox.json"),
        "O365_EVIDENCE": str(evidence),
        "O365_KEYS": str(project.folder / "keys"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _run(project: Fleet, clients: list[str], *, way: str, size: int) -> Counted:
    environment = environment_of(project, _evidence(project))
    environment["PYTHONPATH"] = _with_lean_import(project.folder, environment)
    python = str(_PLOOMBER) if way == "ploomber" else sys.executable
    command = [python, "-m", "benchmarks.peer_runs", way, str(size), str(project.folder)]
    return counted([*command, *clients], environment=environment, folder=project.folder)


def _with_lean_import(folder: Path, environment: Mapping[str, str]) -> str:
    """Return a path on which `rfc3987_syntax` cannot be imported: see `runs.execution`."""
    lean = folder / "lean"
    lean.mkdir(exist_ok=True)
    (lean / "rfc3987_syntax.py").write_text("raise ImportError\n", "utf-8")
    return os.pathsep.join(filter(None, (str(lean), environment.get("PYTHONPATH"))))


def _evidence(project: Fleet) -> Path:
    return project.folder / "evidence-of-peers"


def _is_done(project: Fleet, client: str) -> bool:
    records = (_evidence(project) / client).glob("*/record.json")
    told: list[dict[str, Any]] = [json.loads(each.read_bytes()) for each in records]
    return [each["outcome"] for each in told] == ["done"]
