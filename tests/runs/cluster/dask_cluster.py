"""Real Dask schedulers and workers on loopback, with certificates of an authority of their own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from o365lib.runs.cluster.connection import TlsFiles
from o365lib.runs.cluster.workers import ClusterWorkers
from tests.store_servers import Certificates

ROOT = Path(__file__).parents[3]


def until(condition):
    """Wait until something is so; the suite's own limit ends a wait in vain."""
    while not (found := condition()):
        time.sleep(0.02)
    return found


def tls_files(folder):
    """Make certificates that all sides can show."""
    made = Certificates(folder)
    return TlsFiles(
        authority=Path(made.authority), certificate=Path(made.chain), key=Path(made.key)
    )


class Cluster:
    """A scheduler, and workers that can be started and killed."""

    def __init__(self, folder, sides=None):
        self.folder = folder
        self._sides = sides or dict.fromkeys(("scheduler", "worker", "driver"), tls_files(folder))
        self.tls = self._sides["driver"]
        self._processes = []
        self.scheduler = self._start(
            "scheduler",
            *("--protocol", "tls", "--host", "127.0.0.1", "--port", "0"),
            *("--scheduler-file", str(folder / "scheduler.json")),
        )
        self.address = until(self._address)

    def _address(self):
        try:
            return json.loads((self.folder / "scheduler.json").read_text())["address"]
        except (OSError, ValueError):
            assert self.scheduler.poll() is None, "the scheduler has ended"
            return ""

    def _start(self, what, *options, folder=None, **environment):
        files = self._sides[what]
        with (self.folder / f"{what}.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.dask_{what}", *options),
                    *("--tls-ca-file", str(files.authority), "--tls-key", str(files.key)),
                    *("--tls-cert", str(files.certificate), "--no-dashboard"),
                ],
                cwd=folder or self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def start_worker(self, name, *, threads=2, folder=None, **environment):
        return self._start(
            "worker",
            self.address,
            *("--name", name, "--nthreads", str(threads), "--nworkers", "1"),
            *("--no-nanny", "--host", "127.0.0.1", "--local-directory", str(self.folder)),
            folder=folder,
            **environment,
        )

    def workers(self, hear, **options):
        """Return a driver's way to this cluster."""
        return ClusterWorkers(self.address, security=self.tls, hear=hear, **options)

    def end(self):
        for process in reversed(self._processes):
            process.kill()
            process.wait()
