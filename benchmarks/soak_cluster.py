"""A Dask cluster on this machine whose scheduler and workers can be killed and are replaced."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.soak_project import ROOT

_WORKERS, _THREADS = 2, 8
_START_SECONDS = 60.0


class SoakCluster:
    """A scheduler and two workers, without certificates: they listen on loopback only."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start them.

        Args:
            folder: for what they write.
            environment: of the workers, and so of their kernels.
        """
        self._folder, self._environment = folder, {**environment, "PYTHONPATH": str(ROOT)}
        folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._workers: list[subprocess.Popen[bytes]] = []
        self._scheduler = self._start_scheduler()
        self.replace_workers()

    @property
    def address(self) -> str:
        """Where the scheduler is, and will be again."""
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def process_ids(self) -> list[int]:
        """The cluster's own processes that are alive."""
        return [each.pid for each in [self._scheduler, *self._workers] if each.poll() is None]

    def kill_worker(self, number: int) -> None:
        """Kill one of the workers as a power cut would, and start another."""
        alive = [each for each in self._workers if each.poll() is None]
        if alive:
            _kill(alive[number % len(alive)])
        self.replace_workers()

    def kill_scheduler(self) -> None:
        """Kill the scheduler, and start another at the same address with workers of its own.

        Workers whose scheduler has gone end by themselves, sooner or later; here at once.
        """
        for each in [self._scheduler, *self._workers]:
            _kill(each)
        self._scheduler = self._start_scheduler()
        self.replace_workers()

    def replace_workers(self) -> None:
        """Start as many workers as there are too few."""
        self._workers = [each for each in self._workers if each.poll() is None]
        while len(self._workers) < _WORKERS:
            options = ("--nthreads", str(_THREADS), "--nworkers", "1", "--no-nanny")
            folder = ("--local-directory", str(self._folder))
            self._workers.append(self._start("worker", self.address, *options, *folder))

    def _start_scheduler(self) -> "subprocess.Popen[bytes]":
        started = self._start("scheduler", "--port", str(self._port))
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and started.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return started
            time.sleep(0.1)
        _kill(started)
        raise RuntimeError(f"The scheduler did not start; see {self._folder}.")

    def _start(self, what: str, *options: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *options,
                 "--host", "127.0.0.1", "--no-dashboard"],
                cwd=self._folder, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def close(self) -> None:
        """End them all."""
        for each in [*self._workers, self._scheduler]:
            _kill(each)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
