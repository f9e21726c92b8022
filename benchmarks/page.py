"""What was measured: kept as it comes, and written as `RESULTS.md` each time.

The figures themselves stay in `results.json` beside it, for the picture, and for the next part.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fleet import ROOT
from benchmarks.scale import Scale

_LIBRARIES = (
    "papermill", "nbclient", "ipykernel", "jupyter_client", "pandas", "msal", "distributed",
    "jupyterlab",
)  # fmt: skip
_PLOOMBER = ROOT / "build" / "ploomber"  # see `peers`

_HEAD = """\
# Large batches: figures

Made by `make bench`; [how it is measured](README.md#large-batches). Figures of another machine
differ; ratios hold better than seconds.
"""


class Results:
    """The figures of all parts, in a folder.

    Args:
        folder: where `RESULTS.md` and `results.json` are.
        scale: by which is measured now.
        is_continued: keep the parts that were measured before and are not measured now.
    """

    def __init__(self, folder: Path, scale: Scale, *, is_continued: bool = False) -> None:
        self._folder, self._scale = folder, scale
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "results.json"
        self.parts: dict[str, dict[str, Any]] = {}
        if is_continued and self._file.exists():
            self.parts = json.loads(self._file.read_text("utf-8"))

    def begin(self, part: str) -> None:
        """Forget what a part was measured at before, and note when it is measured now."""
        self.parts[part] = {
            "begun": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "scale": self._scale.name,
            "load": round(psutil.getloadavg()[0], 1),
        }

    def note(self, part: str, name: str, figure: Any) -> None:
        """Keep a figure, and write everything that is there."""
        self.parts[part][name] = figure
        self.parts["machine"] = {"told": _machine()}
        self._file.write_text(json.dumps(self.parts, indent=1) + "\n", "utf-8")
        (self._folder / "RESULTS.md").write_text(self.text(), "utf-8")

    def text(self) -> str:
        """Return the page."""
        told = [_HEAD, self.parts.get("machine", {}).get("told", ""), ""]
        for title, table in (
            ("What was to be reached", self._aims),
            ("Clients a minute", self._rates),
            ("Growth", self._growth),
            ("More machines, simulated", self._simulated),
            ("When it was measured", self._when),
        ):
            rows = table()
            if len(rows) > 1:
                told += [f"## {title}", "", *_table(rows), ""]
        return "\n".join(told)

    def _aims(self) -> list[list[str]]:
        rows = [["figure", "wanted", "measured"]]
        rates = self.parts.get("rates", {})
        for latency, ways in rates.get("latencies", {}).items():
            ours = ways.get("ours", {}).get("rate", 0)
            best = max((each["rate"] for key, each in ways.items() if key in "abc"), default=0)
            if ours and best:
                what = f"clients a minute at {_ms(latency)}, as many times the best of (a) to (c)"
                rows.append([what, "at least 10", f"{ours / best:.1f}"])
            if ours and ways.get("d", {}).get("rate"):
                what = f"clients a minute at {_ms(latency)}, as many times (d)"
                rows.append([what, "above 1", f"{ours / ways['d']['rate']:.1f}"])
        at_0 = rates.get("latencies", {}).get("0.0", {})
        best = max((each["rate"] for key, each in at_0.items() if key in "abc"), default=0)
        for size in self._sizes():
            if size["middle"] and best:
                what = f"{size['clients']:,} clients at 0 ms, the middle half, as many times"
                rows.append([f"{what} the best of (a) to (c)", "", f"{size['middle'] / best:.1f}"])
        floor = self.parts.get("floor", {}).get("cpu_seconds")
        cpu = rates.get("latencies", {}).get("0.0", {}).get("ours", {}).get("cpu")
        if floor and cpu:
            what = f"CPU of a client ({cpu:.2f} s), as many times the floor ({floor:.2f} s)"
            rows.append([what, "at most 3", f"{cpu / floor:.1f}"])
        if memory := self.parts.get("memory", {}).get("kernels"):
            alive = memory["alive"]
            rows += [
                [
                    f"memory of each further kernel, {alive} alive, MB (the largest)",
                    "at most 35",
                    f"{memory['own_mb']:.0f} ({memory['most_own_mb']:.0f})",
                ],
                [
                    f"memory of all processes, {alive} kernels alive, GB",
                    "at most 3",
                    f"{memory['total_gb']:.2f}",
                ],
            ]
        further, sizes = self._further(), self._sizes()
        if len(further) > 1:
            first, middle, last = (f"{sizes[each]['clients']:,}" for each in (0, -2, -1))
            rows += [
                [
                    f"a further client between {middle} and {last}, as long as up to {middle}",
                    "0.85 to 1.15",
                    f"{further[-1] / further[-2]:.2f}",
                ],
                [
                    f"driver's memory, MB, at {first}, {middle}, {last} clients",
                    "flat",
                    ", ".join(f"{sizes[each]['driver_mb']:.0f}" for each in (0, -2, -1)),
                ],
            ]
        if both := self.parts.get("cluster", {}).get("rates"):
            rows.append(
                ["two Dask workers here, as many times local mode", "at least 0.9",
                 f"{both['cluster'] / both['local']:.2f}"]
            )  # fmt: skip
        return rows

    def _rates(self) -> list[list[str]]:
        latencies = self.parts.get("rates", {}).get("latencies", {})
        ways: dict[str, str] = {}
        for each in latencies.values():
            ways |= {key: way["name"] for key, way in each.items()}
        columns: list[Callable[[dict[str, Any]], str]] = [_rate, _cpu]
        rows = [
            ["", *(f"{_ms(each)}" for each in latencies), *(f"CPU, {_ms(e)}" for e in latencies)]
        ]
        for key in sorted(ways, key=lambda key: (key == "ours", key)):
            letter = f"({key}) " if len(key) == 1 else ""
            cells = [column(each.get(key)) for column in columns for each in latencies.values()]
            rows.append([f"{letter}{ways[key]}", *cells])
        return rows

    def _growth(self) -> list[list[str]]:
        rows = [
            ["clients", "batches", "seconds", "clients a minute, the middle half",
             "seconds for each further client",
             "driver's highest memory, MB", "driver's CPU for each client, s", "not done"],
        ]  # fmt: skip
        for each, more in zip(self._sizes(), ["", *map(_seconds, self._further())], strict=False):
            rows.append(
                [f"{each['clients']:,}", str(each["times"]), f"{each['seconds']:.1f}",
                 f"{each['middle']:.0f}" if each["middle"] else "", more,
                 f"{each['driver_mb']:.0f}", f"{each['driver_cpu']:.3f}", str(each["failed"])]
            )  # fmt: skip
        return rows

    def _sizes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.parts.get("growth", {}).get("sizes", [])
        return found

    def _further(self) -> list[float]:
        """Return how long each further client takes, from one size to the next."""
        return [
            (after["seconds"] - before["seconds"]) / (after["clients"] - before["clients"])
            for before, after in pairwise(self._sizes())
        ]

    def _simulated(self) -> list[list[str]]:
        rows = [["workers", "runs at once", "runs a minute", "efficiency"]]
        rows.extend(
            [
                str(each["workers"]),
                str(each["slots"]),
                f"{each['rate']:,.0f}",
                f"{each['efficiency']:.2f}",
            ]
            for each in self.parts.get("simulated", {}).get("workers", [])
        )
        return rows

    def _when(self) -> list[list[str]]:
        rows = [["part", "begun", "how much", "load before", "besides"]]
        for name, each in self.parts.items():
            if "begun" in each:
                rows.append(
                    [name, each["begun"], each["scale"], str(each["load"]), each.get("told", "")]
                )
        return rows


def _rate(way: dict[str, Any] | None) -> str:
    if not way:
        return ""
    failed = f", {way['failed']} failed" if way["failed"] else ""
    return f"**{way['rate']:.0f}** ({way['least']:.0f} to {way['most']:.0f}){failed}"


def _cpu(way: dict[str, Any] | None) -> str:
    return f"{way['cpu']:.2f} s" if way else ""


def _seconds(figure: float) -> str:
    return f"{figure:.3f}"


def _ms(latency: str) -> str:
    return f"{1000 * float(latency):.0f} ms"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _machine() -> str:
    versions = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    beside = [str(each) for each in _PLOOMBER.glob("lib/python*/site-packages")]
    found = distributions(name="ploomber-engine", path=beside)
    versions.extend(f"ploomber-engine {each.version}" for each in found)
    memory = psutil.virtual_memory().total / 1e9
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}; "
        f"{', '.join(versions)}."
    )
