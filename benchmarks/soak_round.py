"""One round: a batch that is killed at planned moments, resumed until it is done, and examined."""

import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.soak_blows import Blow, Striker
from benchmarks.soak_checks import all_faults
from benchmarks.soak_project import SoakProject, wait_for_none
from o365lib import clock
from o365lib.evidence.batches.folder import BatchFolder, batch_ids

# Resumed so often without an end, a batch would never end.
MOST_DRIVES = 10
_LINES = 20
_COUNTED = {"started", "step", "ended"}
_DRIVE_SECONDS = 1800
# A worker without its driver ends within 15 seconds.
_GONE_SECONDS = 25


@dataclass
class DriveStory:
    """What happened in one drive.

    Attributes:
        struck: the blows that hit somebody.
        missed: those for which it was over too early.
        status: its exit status; negative where it was killed.
        said: the last lines beside its progress: warnings, errors.
    """

    struck: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    status: int = 0
    said: list[str] = field(default_factory=list)


@dataclass
class RoundStory:
    """What happened in one round.

    Attributes:
        drives: one after the other.
        attempts: how many runs were begun.
        seconds: from the first drive to the end of the last.
        faults: what is wrong in the end.
    """

    drives: list[DriveStory] = field(default_factory=list)
    attempts: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def struck(self) -> list[str]:
        """Everything that hit somebody, in order."""
        return [each for drive in self.drives for each in drive.struck]


def play(
    project: SoakProject, blows: Sequence[list[Blow]], *, seed: int, jobs: int | None = None
) -> RoundStory:
    """Play a round and return its story.

    Args:
        project: fresh.
        blows: of each drive.
        seed: decides whom of several a blow hits.
        jobs: how many runs at once; None for the command's own choice.
    """
    story, begun = RoundStory(), clock.monotonic()
    for number in range(MOST_DRIVES):
        hits = blows[number] if number < len(blows) else []
        story.drives.append(_drive(project, hits, seed=seed + number, jobs=jobs))
        if number + 1 >= len(blows) and _is_finished(project.evidence):
            break
    else:
        story.faults.append(f"The batch was not done after {MOST_DRIVES} drives.")
    story.seconds = clock.monotonic() - begun
    story.faults += [
        f"A process is left: {_described(each)}"
        for each in wait_for_none([*project.others(), *project.kernels()], _GONE_SECONDS)
    ]
    # A run whose kernel was still ending when the last drive ended is sealed by the next command.
    subprocess.run(
        project.command("evidence", "seal"),
        check=False,
        capture_output=True,
        env=project.environment,
    )
    story.faults += all_faults(project)
    for batch_id in batch_ids(project.evidence):
        claims = BatchFolder(project.evidence, batch_id).claims()
        story.attempts += sum(len(each) for each in claims.values())
    return story


def _drive(project: SoakProject, blows: list[Blow], *, seed: int, jobs: int | None) -> DriveStory:
    ids = batch_ids(project.evidence)
    # Killed before there was a batch, it begins one.
    what = ["--resume", ids[0]] if ids else ["create", "--all", "--approved-by", "Soak"]
    if project.cluster:
        how = ["--scheduler", project.cluster.address]
    else:
        how = ["--jobs", str(jobs)] if jobs else []
    output = project.folder / "output.json"
    with (
        output.open("w", encoding="utf-8") as printed,
        subprocess.Popen(
            project.command("run", *what, *how, "--progress", "json", "--json"),
            stdout=printed, stderr=subprocess.PIPE, text=True, env=project.environment,
        ) as driver,
    ):  # fmt: skip
        striker = Striker(project, blows, seed, driver.kill)
        guard = threading.Timer(_DRIVE_SECONDS, driver.kill)
        guard.start()
        events, said = 0, list[str]()
        assert driver.stderr is not None
        for line in driver.stderr:
            event = _event(line)
            if event in _COUNTED:
                events += 1
                striker.told(events)
            elif not event:
                said = [*said[-_LINES:], line.rstrip()]
        status = driver.wait()
        guard.cancel()
        striker.end()
    return DriveStory(striker.struck, striker.missed, status, said)


def _event(line: str) -> str:
    try:
        return str(json.loads(line).get("event", ""))
    except (ValueError, AttributeError):
        return ""


def _is_finished(evidence: Path) -> bool:
    ids = batch_ids(evidence)
    if not ids:
        return False
    folder = BatchFolder(evidence, ids[-1])
    batch = folder.read_batch()
    return batch is not None and not folder.left_to_do() and batch.drives[-1].ended is not None


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return str(process.pid)
