"""Make an archive of many runs, sealed by the product itself: `python -m benchmarks.archive_of`.

Records and executed notebooks are those of a real demonstration, with names, ids and times of their
own; seals and digests are made by the functions that seal runs, so that verifying such an archive
is verifying. Only flushing to the disk is left out, which would take hours and change no file.
"""

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.digest import write_digest
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import KEYS
from o365lib.evidence.seal import seal_run

ROOT = Path(__file__).parents[1]
RUNS_PER_BATCH = 100
FIRST_RUN = datetime(2024, 1, 1, tzinfo=UTC)
SEARCH = {"known_secrets": "not searched", "patterns": "searched", "findings": 0}

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


@dataclass(frozen=True)
class Template:
    """One run of the demonstration, as text, with what another run has otherwise."""

    record: str
    notebook: str
    run_id: str
    client: str
    display_name: str
    tenant_id: str
    minutes: tuple[str, ...]

    def of(self, number: int, client: str) -> tuple[str, str, str]:
        """Return run id, record and notebook of another run."""
        instant = FIRST_RUN + timedelta(minutes=7 * number)
        word = self.run_id.split("-")[1]
        run_id = f"{instant:%Y%m%dT%H%M%S}{number % 1000:03d}Z-{word}-{number & 0xFFFFFF:06x}"
        texts = [self.record, self.notebook]
        label = self.client.replace("-", "")
        pairs = [
            (self.run_id, run_id),
            (self.client, client),
            (label, client.replace("-", "")),
            (self.tenant_id, str(uuid.uuid5(_NAMESPACE, client))),
            (self.display_name, client.replace("-", " ").title()),
            ("DEMO-1", f"INC-{number:06d}"),
            *((minute, f"{instant:%Y-%m-%dT%H:%M}") for minute in self.minutes),
        ]
        for before, after in pairs:
            if before:
                texts = [text.replace(before, after) for text in texts]
        return run_id, texts[0], texts[1]


def templates() -> list[Template]:
    """Run the demonstration in a folder of its own and return its runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("parameters", "notebooks"):
            shutil.copytree(ROOT / part, folder / part)
        environment = {key: value for key, value in os.environ.items() if key[:5] != "O365_"}
        environment["O365_KEYS"] = str(folder / "keys")
        command = [sys.executable, "-m", "o365lib", "demo"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return [_template(run) for run in Archive(folder / "evidence").runs()]


def _template(run: RunFolder) -> Template:
    record, text = run.read_record(), run.record_file.read_text("utf-8")
    return Template(
        record=text,
        notebook=run.notebook_file.read_text("utf-8"),
        run_id=run.run_id,
        client=run.client,
        display_name=record.client_display_name,
        tenant_id=record.tenant_id,
        minutes=tuple(sorted(set(re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text)))),
    )


def archive_of(root: Path, *, runs: int, clients: int, made_from: list[Template]) -> float:
    """Make an archive and return how many seconds it took.

    Args:
        root: a folder that is not there yet; the signing key is kept beside it.
        runs: how many there are in all.
        clients: whose they are, each client's as many as the next one's.
        made_from: at least one.
    """
    begun = time.perf_counter()
    root.mkdir(mode=0o700, parents=True)
    keys = root.with_name(f"{root.name}.keys")
    signer = KeyStore(keys).signer()
    (root / KEYS).mkdir(mode=0o700)
    (root / KEYS / f"{signer.key.key_id}.pem").write_bytes(signer.key.pem)
    jobs = os.cpu_count() or 1
    shares = [range(share, clients, jobs) for share in range(jobs)]
    make = functools.partial(
        _make_runs, root=root, keys=keys, runs=runs, clients=clients, made_from=made_from
    )
    with ProcessPoolExecutor(jobs) as pool:
        sealed = sorted(pair for share in pool.map(make, shares) for pair in share)
        pool.submit(_make_digests, root, keys, [name for _, name in sealed]).result()
    return time.perf_counter() - begun


def _make_runs(
    share: range, *, root: Path, keys: Path, runs: int, clients: int, made_from: list[Template]
) -> list[tuple[int, str]]:
    """Make the runs of some clients; return each one's number and its seal's name."""
    _without_flushing()
    signer, archive = KeyStore(keys).signer(), Archive(root)
    made = []
    for place in share:
        client = f"client-{place:05d}"
        for number in range(place, runs, clients):
            template = made_from[number % len(made_from)]
            run_id, record, notebook = template.of(number, client)
            run = archive.new_run(client, run_id)
            for file, text in ((run.record_file, record), (run.notebook_file, notebook)):
                with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as stream:
                    stream.write(text.encode())
            made.append((number, seal_run(run, run.read_record(), signer, search=SEARCH).name))
    return made


def _make_digests(root: Path, keys: Path, seals: list[str]) -> None:
    _without_flushing()
    signer = KeyStore(keys).signer()
    for first in range(0, len(seals), RUNS_PER_BATCH):
        names = seals[first : first + RUNS_PER_BATCH]
        write_digest(root, names, signer, batch_id=f"batch-{first:08d}", started=FIRST_RUN)


def _without_flushing() -> None:
    os.fsync = _leave  # type: ignore[assignment]


def _leave(_descriptor: object) -> None:
    """Leave the disk its time."""


def main() -> None:
    """Make an archive as the command line says."""
    parser = argparse.ArgumentParser(description="Make an archive of many sealed runs.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=100)
    asked = parser.parse_args()
    seconds = archive_of(
        asked.folder, runs=asked.runs, clients=asked.clients, made_from=templates()
    )
    print(f"{asked.runs} runs of {asked.clients} clients in {seconds:.0f} s: {asked.folder}")


if __name__ == "__main__":
    main()
