"""Large batches, beside what one would otherwise use: `python -m benchmarks.large_batches`.

Each part has a project and a sandbox of its own, and its figures are written as they come, so that
a run that is cut off leaves what it has.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import ours, peers, scale, simulated_run
from benchmarks.dask_cluster import cluster
from benchmarks.fleet import Fleet, fleet
from benchmarks.page import Results
from benchmarks.scale import Scale

HERE = Path(__file__).parent
# For figures that are looked at and not kept.
PASSING = HERE.parent / "build" / "benchmarks"

_KERNELS_LATENCY = 2.0
_MB, _GB = 1e6, 1e9
_TASKS_A_SLOT = 3
_SIMULATED_THREADS = 4

_begun = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that are asked for, as much as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    how_much = parser.add_mutually_exclusive_group()
    for each, what in (
        ("full", "5,000 clients too"),
        ("session", "an hour"),
        ("quick", "a look: whether it runs; figures go to build/benchmarks"),
    ):
        how_much.add_argument(f"--{each}", action="store_true", help=what)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--folder", type=Path, help="for the figures")
    given = parser.parse_args(arguments)
    # Cut off, it ends its sandbox and its workers all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Cut off."))
    chosen = scale.ALL
    if given.full or given.session or given.quick:
        chosen = scale.FULL if given.full else scale.SESSION if given.session else scale.QUICK
    folder = given.folder or (PASSING if given.quick else HERE)
    results = Results(folder, chosen, is_continued=bool(given.only))
    for part in given.only or PARTS:
        say(f"{part}:")
        results.begin(part)
        try:
            PARTS[part](chosen, results)
        except Exception as error:  # noqa: BLE001 -- the other parts' figures are wanted all the same
            say(f"{part} failed: {type(error).__name__}: {error}")
            results.note(part, "told", f"failed: {type(error).__name__}")
    print(results.text())


def say(text: str) -> None:
    """Print what is going on, with the minutes since the start."""
    seconds = int(time.monotonic() - _begun)
    print(f"[{seconds // 60:02}:{seconds % 60:02}] {text}", flush=True)


def floor(how: Scale, results: Results) -> None:
    """Measure the cells in a kernel that is running already."""
    wanted = 1 + how.rounds * how.cell_clients
    with new_project(wanted) as (project, names):
        cells = ours.cells_alone(project, take(names, wanted), rounds=how.rounds)
    results.note("floor", "cpu_seconds", statistics.median(cells.cpu_seconds))
    results.note("floor", "seconds", statistics.median(cells.seconds))
    say(f"CPU {statistics.median(cells.cpu_seconds):.3f} s a client")


def memory(how: Scale, results: Results) -> None:
    """Have many kernels alive at once, by a sandbox that takes its time."""
    look = ours.KernelMemory()
    with new_project(how.kernels) as (project, names):
        project.set_latency(_KERNELS_LATENCY)
        ours.run_batch(project, take(names, how.kernels), "--jobs", str(how.kernels), watch=look)
    figures = {
        "alive": look.most_alive,
        "own_mb": look.own_bytes / _MB,
        "most_own_mb": look.most_own_bytes / _MB,
        "total_gb": look.total_bytes / _GB,
    }
    results.note("memory", "kernels", figures)
    say(str({name: round(figure, 2) for name, figure in figures.items()}))


def rates(how: Scale, results: Results) -> None:
    """Measure clients a minute: the peers and ours, at each latency."""
    there = [each for each in peers.PEERS if peers.is_there(each)]
    if len(there) < len(peers.PEERS):
        say("ploomber-engine is missing: make build/ploomber/.o365-installed")
        results.note("rates", "told", "(d) is not installed")
    best: dict[str, tuple[str, int]] = {}
    found: dict[str, dict[str, Any]] = {}
    with new_project(_clients_of_rates(how)) as (project, names):
        if how.is_size_sought_once:
            project.set_latency(how.latencies[min(1, len(how.latencies) - 1)])
            best = {each.letter: _best_way(project, names, each, how) for each in there}
        for latency in how.latencies:
            project.set_latency(latency)
            if not how.is_size_sought_once:
                best = {each.letter: _best_way(project, names, each, how) for each in there}
            told = found[str(latency)] = {}
            for each in there:
                way, size = best[each.letter]
                clients = take(names, peers.clients_needed(size, how.rounds))
                rate = peers.rate_of(project, clients, way=way, size=size, rounds=how.rounds)
                at_once = (
                    f", {size} {way if way != 'xargs' else 'at once'}" if each.has_size else ""
                )
                told[each.letter] = _told_of(rate, each.name + at_once)
                say(f"{latency * 1000:.0f} ms, {each.letter}: {rate.median:.1f} clients a minute")
                results.note("rates", "latencies", found)
            rate, row = _batches_of_ours(project, names, clients=how.clients, times=how.rounds)
            if not latency:
                results.note("rates", "size", row)  # for the table of growth
            told["ours"] = _told_of(rate, f"**`o365 run create`**, {how.clients} clients")
            say(f"{latency * 1000:.0f} ms, ours: {rate.median:.1f} clients a minute")
            results.note("rates", "latencies", found)
    results.note("rates", "jobs_by_default", ours.jobs_by_default())


def _clients_of_rates(how: Scale) -> int:
    searches = 1 if how.is_size_sought_once else len(how.latencies)
    sought = searches * 3 * sum(2 * size for size in how.sizes)
    largest = max(how.sizes)
    measured = 2 * (peers.clients_needed(1, how.rounds) + peers.clients_needed(largest, how.rounds))
    return sought + len(how.latencies) * (measured + how.rounds * how.clients)


def _best_way(
    project: Fleet, names: Iterator[str], peer: peers.Peer, how: Scale
) -> tuple[str, int]:
    """Return the way and size at which a peer is fastest, each tried once."""
    sizes = how.sizes if peer.has_size else (1,)
    tries = [(way, size) for way in peer.ways for size in sizes]
    if len(tries) == 1:
        return tries[0]
    speed = {}
    for way, size in tries:
        clients = take(names, peers.clients_needed(size, 1))
        speed[way, size] = peers.rate_of(project, clients, way=way, size=size, rounds=1).median
        say(f"{peer.letter}, {way}, {size} at once: {speed[way, size]:.1f} clients a minute")
    return max(speed, key=speed.__getitem__)


def _batches_of_ours(
    project: Fleet, names: Iterator[str], *, clients: int, times: int
) -> tuple[peers.Rate, dict[str, Any]]:
    """Return how fast batches of a size are, and their line in the table of growth."""
    batches, uses, rate = [], [], peers.Rate()
    for _ in range(times):
        use = ours.DriverUse()
        batch = ours.run_batch(project, take(names, clients), watch=use)
        batches.append(batch)
        uses.append(use)
        rate.clients_a_minute.append(batch.clients_a_minute)
        rate.cpu_seconds.append(batch.cpu_seconds)
        rate.failed += batch.failed
    return rate, {
        "clients": clients,
        "times": times,
        "seconds": statistics.median(each.seconds for each in batches),
        "middle": statistics.median(each.middle_a_minute for each in batches),
        "driver_mb": max(each.highest_bytes for each in uses) / _MB,
        "driver_cpu": statistics.median(each.cpu_seconds for each in uses) / clients,
        "failed": rate.failed,
    }


def _told_of(rate: peers.Rate, name: str) -> dict[str, Any]:
    if not rate.clients_a_minute:
        return {"name": name, "rate": 0, "least": 0, "most": 0, "cpu": 0, "failed": rate.failed}
    return {
        "name": name,
        "rate": rate.median,
        "least": min(rate.clients_a_minute),
        "most": max(rate.clients_a_minute),
        "cpu": statistics.median(rate.cpu_seconds),
        "failed": rate.failed,
        "rounds": asdict(rate),
    }


def growth(how: Scale, results: Results) -> None:
    """Measure batches of different sizes; one of them may have been measured by `rates`."""
    sizes: list[dict[str, Any]] = []
    if how.clients not in dict(how.growth) and "size" in results.parts.get("rates", {}):
        sizes.append(results.parts["rates"]["size"])
    with new_project(sum(clients * times for clients, times in how.growth)) as (project, names):
        for clients, times in how.growth:
            seconds = sizes[-1]["seconds"] / sizes[-1]["clients"] * clients if sizes else 0
            if how.minutes and time.monotonic() - _begun + seconds > 60 * how.minutes:
                say(f"{clients} clients would take {seconds:.0f} s: left out")
                results.note("growth", "told", f"{clients:,} clients were left out")
                break
            _, row = _batches_of_ours(project, names, clients=clients, times=times)
            sizes = sorted([*sizes, row], key=lambda each: int(each["clients"]))
            results.note("growth", "sizes", sizes)
            say(f"{clients} clients: {row['seconds']:.1f} s")


def on_cluster(how: Scale, results: Results) -> None:
    """Measure two worker processes of Dask, and local ones, in turn."""
    if not ours.has_option("--scheduler"):
        say("`o365 run` has no --scheduler")
        results.note("cluster", "told", "there is no --scheduler")
        return
    speed: dict[str, list[float]] = {"local": [], "cluster": []}
    wanted = (2 * how.cluster_rounds + 1) * how.clients
    with (
        new_project(wanted) as (project, names),
        tempfile.TemporaryDirectory(prefix="bench-") as runtime,
    ):
        environment = peers.environment_of(project, project.folder / "evidence")
        environment["JUPYTER_RUNTIME_DIR"] = runtime
        threads = max(1, ours.jobs_by_default() // 2)
        try:
            with cluster(project.folder / "dask", environment) as dask:
                dask.add_workers(2, threads=threads)
                there = ("--scheduler", dask.address)
                ours.run_batch(project, take(names, min(10, how.clients)), *there)  # warms them up
                for _ in range(how.cluster_rounds):
                    for name, options in (("local", ()), ("cluster", there)):
                        batch = ours.run_batch(project, take(names, how.clients), *options)
                        speed[name].append(batch.clients_a_minute)
                        say(f"{name}: {batch.clients_a_minute:.1f} clients a minute")
        finally:
            ours.end_templates(runtime)
    results.note(
        "cluster", "rates", {name: statistics.median(each) for name, each in speed.items()}
    )
    results.note("cluster", "told", f"2 workers of {threads} threads, {how.clients} clients")


def simulated(how: Scale, results: Results) -> None:
    """Measure how far runs that only wait spread over workers that are added."""
    from o365lib.runs.cluster.workers import ClusterWorkers

    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), os.environ) as dask:
        there = 0
        for count in how.simulated_workers:
            dask.add_workers(count - there, threads=_SIMULATED_THREADS)
            there = count
            workers = ClusterWorkers(
                dask.address, hear=lambda _: None, function=simulated_run.execute
            )
            try:
                slots = workers.slots
                begun = time.perf_counter()
                runs = [workers.submit(f"client-{n}") for n in range(slots * _TASKS_A_SLOT)]
                wait(runs)
                seconds = time.perf_counter() - begun
                assert all(each.result() for each in runs)
            finally:
                workers.close()
            efficiency = _TASKS_A_SLOT * simulated_run.SECONDS / seconds
            rate = 60 * len(runs) / seconds
            told.append({"workers": count, "slots": slots, "rate": rate, "efficiency": efficiency})
            results.note("simulated", "workers", told)
            say(f"{count} workers: {rate:.0f} runs a minute, efficiency {efficiency:.2f}")


@contextmanager
def new_project(clients: int) -> Iterator[tuple[Fleet, Iterator[str]]]:
    """Serve clients of their own for the length of a `with` block; the second is their names."""
    # A few more than are needed: those that the demonstration has are left out.
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        fleet(Path(folder), clients + 20) as project,
    ):
        yield project, iter(project.clients)


def take(names: Iterator[str], count: int) -> list[str]:
    """Return the next clients that nobody has used.

    Raises:
        RuntimeError: there are not as many.
    """
    found = list(islice(names, count))
    if len(found) < count:
        raise RuntimeError("The sandbox has too few clients.")
    return found


PARTS: dict[str, Callable[[Scale, Results], None]] = {
    "floor": floor,
    "memory": memory,
    "rates": rates,
    "cluster": on_cluster,
    "simulated": simulated,
    "growth": growth,
}

if __name__ == "__main__":
    main()
