"""Real Dask schedulers and workers on loopback, with certificates of an authority of their own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from o365lib.runs.cluster import ClusterWorkers
from o365lib.runs.cluster_connection import TlsFiles
from tests.store_servers import Certificates

ROOT = Path(__file__).parent.parent.parent


def until(condition):
    """Wait until something is so; the suite's own limit ends a wait in vain."""
    while not (found := condition()):
        time.sleep(0.02)
    return found


class Cluster:
    """A scheduler, and workers that can be started and killed."""

    def __init__(self, folder):
        self.folder = folder
        certificates = Certificates(folder)
        self.tls = TlsFiles(
            authority=Path(certificates.authority),
            certificate=Path(certificates.chain),
            key=Path(certificates.key),
        )
        self._options = [
            *("--tls-ca-file", certificates.authority),
            *("--tls-cert", certificates.chain),
            *("--tls-key", certificates.key),
            "--no-dashboard",
        ]
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
        with (self.folder / f"{what}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, *self._options],
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
