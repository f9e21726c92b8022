"""What befalls a batch: who is killed and when, decided by a seed."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import psutil

from benchmarks.soak_project import SoakProject

Target = Literal[
    "driver", "worker", "template", "kernel", "sandbox killed", "sandbox frozen", "scheduler"
]
CLUSTER_TARGETS: tuple[Target, ...] = get_args(Target)
TARGETS = CLUSTER_TARGETS[:-1]

# A create run tells about so many things.
EVENTS_A_CLIENT = 11


@dataclass(frozen=True)
class Blow:
    """One stroke of fate.

    Attributes:
        target: whom it hits.
        after: so many events of the drive have been told by then.
    """

    target: Target
    after: int

    def __str__(self) -> str:
        """As it is printed."""
        return f"{self.target} at event {self.after}"


def planned(seed: int, clients: int, *, targets: Sequence[Target] = TARGETS) -> list[list[Blow]]:
    """Return the blows of each drive of a round; later drives are left alone.

    Over the seeds each target comes first equally often. Moments are counted in what the driver
    tells, so that they are as far into the batch on a slow machine as on a fast one.
    """
    chance = random.Random(seed)  # noqa: S311 -- to be repeated, not to be secret
    drives = []
    events = EVENTS_A_CLIENT * clients
    for drive in range(chance.choice((1, 2, 2, 3))):
        number = chance.randint(1, 3)
        first = targets[seed % len(targets)] if drive == 0 else chance.choice(targets)
        hit = [first, *chance.choices(targets, k=number - 1)]
        if hit.count("driver") > 1:
            hit = [*(each for each in hit if each != "driver"), "driver"]
        moments = sorted(chance.randint(1, max(2, events * 4 // 5)) for _ in hit)
        # Whoever kills the driver has the last word in its drive.
        hit.sort(key=lambda each: each == "driver")
        drives.append([Blow(*each) for each in zip(hit, moments, strict=True)])
        events //= 4
    return drives


class Striker:
    """Carries blows out; one that finds nobody waits for the next event."""

    def __init__(
        self, project: SoakProject, blows: list[Blow], seed: int, kill_driver: Callable[[], None]
    ) -> None:
        self._project, self._waiting, self._kill_driver = project, list(blows), kill_driver
        self._chance = random.Random(seed)  # noqa: S311 -- as above
        self.struck: list[str] = []
        self._thaws: list[threading.Timer] = []

    @property
    def missed(self) -> list[str]:
        """The blows for which the drive was over too early."""
        return [str(each) for each in self._waiting]

    def told(self, events: int) -> None:
        """Strike what is due after so many events."""
        while self._waiting and self._waiting[0].after <= events:
            if not self._strike(self._waiting[0].target):
                return
            self.struck.append(f"{self._waiting.pop(0).target} at event {events}")

    def _strike(self, target: Target) -> bool:
        project = self._project
        match target:
            case "driver":
                self._kill_driver()
            case "sandbox killed":
                project.kill_sandbox()
                time.sleep(self._chance.uniform(0.1, 2))
                project.start_sandbox()
            case "sandbox frozen":
                project.pause_sandbox(is_paused=True)
                seconds = self._chance.uniform(0.5, 4)
                thaw = threading.Timer(seconds, lambda: project.pause_sandbox(is_paused=False))
                thaw.start()
                self._thaws.append(thaw)
            case "scheduler" if project.cluster:
                project.cluster.kill_scheduler()
            case "worker" if project.cluster:
                project.cluster.kill_worker(self._chance.randrange(100))
            case "worker" | "template" | "kernel":
                found = {
                    "worker": project.workers,
                    "template": project.templates,
                    "kernel": project.kernels,
                }[target]()
                if not found:
                    return False
                with contextlib.suppress(psutil.Error):
                    self._chance.choice(found).kill()
            case _:
                return False  # there is no scheduler here
        return True

    def end(self) -> None:
        """Wait for what is still under way."""
        for each in self._thaws:
            each.join()
