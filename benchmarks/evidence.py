"""Measure the evidence of many runs, into `benchmarks/README.md`: `make bench-evidence`.

Whole commands are measured, as processes of their own, on archives that `archive_of` makes; what is
compared is measured in turns, so that both see the same machine. Files have been read before, by
making them: it is processor time that is compared, and no disk.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.__main__ import ROUNDS, spread, write
from benchmarks.archive_of import Template, archive_of, templates
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch

MARKERS = ("<!-- evidence -->\n", "<!-- end of evidence -->\n")
SIZES = (100, 10_000, 100_000)
MIDDLE = 10_000
CLIENTS = 100
SEALED_RUNS = 100

Row = tuple[str, str, str]


def main() -> None:
    """Measure everything once and write it down."""
    parser = argparse.ArgumentParser(description="Measure the evidence of many runs.")
    parser.add_argument(
        "--folder", type=Path, help="for the archives, 7 GB; kept, and used again the next time"
    )
    parser.add_argument("--largest", type=int, default=max(SIZES), help="no larger archive")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write(
            measured(asked.folder or Path(name), Path(name), asked.largest),
            markers=MARKERS,
            libraries=("cryptography", "pydantic"),
        )


def measured(folder: Path, scratch: Path, largest: int) -> list[Row]:
    """Return all figures.

    Args:
        folder: has the archives, or will have them.
        scratch: an empty folder.
        largest: how many runs an archive may have.
    """
    os.environ["O365_KEYS"] = str(scratch / "keys")
    made_from = templates()
    tell("made the demonstration's runs")
    rows = sealing_rows(scratch / "sealed", made_from)
    sizes = [size for size in SIZES if size <= largest]
    archives = {size: made(folder / f"of-{size}", size, CLIENTS, made_from) for size in sizes}
    many = made(folder / "one-each", MIDDLE, MIDDLE, made_from)
    rows += command_rows(archives[MIDDLE], f"{MIDDLE:,} runs of {CLIENTS} clients")
    rows += command_rows(many, f"{MIDDLE:,} runs of {MIDDLE:,} clients")
    return [*rows, *verify_rows(archives[MIDDLE]), *memory_rows(archives)]


def tell(text: str) -> None:
    """Say how far it is: it takes a quarter of an hour."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def made(root: Path, runs: int, clients: int, made_from: list[Template]) -> Path:
    """Return an archive of so many runs; one that is there is taken as it is."""
    if root.exists():
        return root
    seconds = archive_of(root, runs=runs, clients=clients, made_from=made_from)
    tell(f"made {runs} runs of {clients} clients in {seconds:.0f} s")
    return root


def command(root: Path, *words: str) -> list[str]:
    """Return a command that reads an archive."""
    return [
        str(Path(sys.executable).with_name("o365")),
        "--evidence",
        str(root),
        "evidence",
        *words,
    ]


def seconds_of(words: list[str]) -> float:
    """Return how long a command took that ended well."""
    begun = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begun


def command_rows(root: Path, what: str) -> list[Row]:
    """Return how long it takes to list and to search, the index being there already."""
    first = seconds_of(command(root, "index"))
    asked: list[tuple[str, tuple[str, ...], str]] = [
        ("list", ("list",), "0.5"),
        ("list --all --json", ("list", "--all", "--json"), ""),
        ("search exchange INC-0012", ("search", "exchange", "INC-0012"), "0.5"),
        ("search created", ("search", "created"), "0.5"),
        ("show", ("show", newest_run(root)), "0.5"),
    ]
    rows = [
        (
            f"{what}: `o365 evidence {name}`, wall seconds",
            limit,
            spread(functools.partial(seconds_of, command(root, *words))),
        )
        for name, words, limit in asked
    ]
    tell(f"listed and searched {what}")
    return [*rows, (f"{what}: `o365 evidence index`, wall seconds, once", "", f"{first:.1f}")]


def newest_run(root: Path) -> str:
    """Return the id of the newest run."""
    return Archive(root).runs()[-1].run_id


def verify_rows(root: Path) -> list[Row]:
    """Return how long verifying takes on one core, beside hashing the same files."""
    runs = len(Archive(root).runs())
    words = {
        "verify": on_one_core(command(root, "verify", "--json")),
        "sha256sum": on_one_core(
            ["sh", "-c", f"find '{root}' -type f -print0 | xargs -0 sha256sum > /dev/null"]
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in words}
    for _ in range(ROUNDS):
        for name, line in words.items():
            taken[name].append(seconds_of(line))
    tell("verified")
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    spreads = {
        name: f"{medians[name]:.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        for name, seconds in taken.items()
    }
    what = f"{runs:,} runs"
    return [
        (f"{what}: `o365 evidence verify` on one core, wall seconds", "", spreads["verify"]),
        (f"{what}: runs verified a second", "at least 1,000", f"{runs / medians['verify']:,.0f}"),
        (f"{what}: `sha256sum` of the same files, wall seconds", "", spreads["sha256sum"]),
        (
            f"{what}: verifying, as many times as long as `sha256sum`",
            "4",
            f"{medians['verify'] / medians['sha256sum']:.1f}",
        ),
    ]


def on_one_core(words: list[str]) -> list[str]:
    """Return a command that may use one core only, where the system can say so."""
    return ["taskset", "-c", "0", *words] if sys.platform == "linux" else words


def memory_rows(archives: dict[int, Path]) -> list[Row]:
    """Return the highest memory of each command, by the number of runs."""
    rows = []
    sizes = ", ".join(f"{size:,}" for size in archives)
    asked: dict[str, tuple[str, ...]] = {
        "verify": ("verify", "--json"),
        "index": ("index",),
        "list": ("list",),
        "list --all": ("list", "--all"),
        "search created": ("search", "created"),
    }
    for name, words in asked.items():
        told = [f"{peak_of(command(root, *words)) / 1e6:.0f}" for root in archives.values()]
        rows.append(
            (
                f"`o365 evidence {name}`: highest memory (resident set), MB, at {sizes} runs",
                "flat",
                ", ".join(told),
            )
        )
        tell(f"memory of {name}: {told}")
    return rows


def peak_of(words: list[str]) -> int:
    """Return the highest resident set of a command that ended well, in bytes."""
    # A process begins with the peak of the one that started it: here a Python with nothing in it.
    code = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *words], check=True, capture_output=True
    )
    return int(told.stdout) * (1 if sys.platform == "darwin" else 1024)


def sealing_rows(root: Path, made_from: list[Template]) -> list[Row]:
    """Return what sealing adds to a run: the search for secrets, the seal and the digest."""
    runs = iter(range(10**6))
    alone = [
        1000 * sealing_seconds(root, made_from, 1, runs.__next__)[0] for _ in range(SEALED_RUNS)
    ]
    each, digest = sealing_seconds(root, made_from, SEALED_RUNS, runs.__next__)
    tell("sealed")
    flushes = spread(lambda: 1000 * flush_seconds(root))
    return [
        (
            "sealing a run that is a batch of its own: notes, search, seal, digest; milliseconds",
            "20",
            f"{statistics.median(alone):.1f} ({min(alone):.1f} to {max(alone):.1f})",
        ),
        (
            f"sealing in a batch of {SEALED_RUNS}, for each run, milliseconds",
            "20",
            f"{1000 * each:.1f}",
        ),
        ("the digest of that batch, milliseconds", "", f"{1000 * digest:.1f}"),
        ("one small file written durably on this disk, milliseconds", "", flushes),
    ]


def sealing_seconds(
    root: Path, made_from: list[Template], count: int, number: Callable[[], int]
) -> tuple[float, float]:
    """Return how long sealing took for each run of a batch in all, and how long its digest took."""
    keys = KeyStore(Path(os.environ["O365_KEYS"]))
    begun = time.perf_counter()
    batch = OpenBatch.begin(Archive(root), keys)
    taken = time.perf_counter() - begun
    for _ in range(count):
        place = number()
        run_id, record, notebook = made_from[place % len(made_from)].of(place, "client-00000")
        begun = time.perf_counter()
        run = batch.begin_run("client-00000", run_id, "create_service_account")
        taken += time.perf_counter() - begun
        run.record_file.write_text(record, "utf-8")
        run.notebook_file.write_text(notebook, "utf-8")
        begun = time.perf_counter()
        batch.seal(run)
        taken += time.perf_counter() - begun
    begun = time.perf_counter()
    batch.close()
    digest = time.perf_counter() - begun
    return (taken + digest) / count, digest


def flush_seconds(root: Path) -> float:
    """Return how long it takes to write a small file and to have it on the disk."""
    begun = time.perf_counter()
    with (root / ".flushed").open("wb") as stream:
        stream.write(b"x" * 3000)
        stream.flush()
        os.fsync(stream.fileno())
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
