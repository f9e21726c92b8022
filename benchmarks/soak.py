"""Kill whatever takes part in batches, at random moments; do they end well? `make soak`.

Every round has a project, a sandbox and an archive of its own. What was killed and when follows
from the round's seed, which is printed: `--first-seed N --rounds 1` plays it again.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from benchmarks.soak_blows import CLUSTER_TARGETS, TARGETS, planned
from benchmarks.soak_cluster import SoakCluster
from benchmarks.soak_project import soak_project
from benchmarks.soak_round import DriveStory, RoundStory, play

PAGE = Path(__file__).with_name("SOAK.md")
_LATENCY_SECONDS = 0.05
# What a command after a killed one always says.
_USUAL = ("Sealed now, since", "Your signing key was made", "The batch ")

_TEXT = """\
# Batches that were killed

`make soak` writes this page. Each round is one batch of {clients} clients in a fresh project,
carried out by `o365 run create --all` as a person would, with {latency} ms a Graph request. At
moments that a seed decides, somebody is killed with `kill -9`, as a rule several in a round: the
driver, a worker process, the template of the kernels, a kernel, or the sandbox (which starts again
at the same addresses, with the same tenants and a new certificate); or the sandbox is frozen for up
to four seconds. Killed drivers are followed by `o365 run --resume`, which may be hit as well, until
nothing is left to do.

Looked at in the end: each tenant has exactly one account, with exactly its role, and none deleted;
the password in the last mail signs in; claims, `batch.json` and records agree, each attempt has a
record and a seal; `o365 evidence verify` finds nothing; no process is left.

{machine}

| | |
|---|---|
| rounds | {rounds} |
| rounds in which something was wrong | {bad} |
| clients | {total} |
| attempts | {attempts} |
| drives, the first ones included | {drives} |
{hits}

| seed | what was hit | drives | attempts | seconds | wrong |
|---|---|---|---|---|---|
{table}
"""


def main() -> None:
    """Play rounds, print each, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--cluster", action="store_true", help="on two Dask workers")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--continued", action="store_true", help="add to the page's rounds")
    parser.add_argument("--keep", type=Path, help="folder for the projects of bad rounds")
    options = parser.parse_args()
    stories = kept(options.page) if options.continued else {}
    for seed in range(options.first_seed, options.first_seed + options.rounds):
        stories[seed] = one_round(seed, options)
        keep(options.page, stories, clients=options.clients)
    sys.exit(any(story.faults for story in stories.values()))


def one_round(seed: int, options: argparse.Namespace) -> RoundStory:
    """Play a round and print its story."""
    targets = CLUSTER_TARGETS if options.cluster else TARGETS
    blows = planned(seed, options.clients, targets=targets)
    plan = " / ".join(", ".join(map(str, each)) for each in blows)
    print(f"seed {seed}: planned {plan}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="soak-project-") as folder,
        soak_project(Path(folder), options.clients) as project,
    ):
        project.set_latency(_LATENCY_SECONDS)
        if options.cluster:
            project.cluster = SoakCluster(project.folder / "cluster", project.environment)
        story = play(project, blows, seed=seed, jobs=options.jobs)
        if story.faults and options.keep:
            shutil.copytree(project.folder, options.keep / str(seed))
    for number, drive in enumerate(story.drives, 1):
        print(f"  drive {number}: hit {drive.struck}, missed {drive.missed}, status {drive.status}")
        for line in drive.said:
            if not line.startswith(_USUAL):
                print(f"    {line[:300]}")
    for fault in story.faults:
        print(f"  WRONG {fault}")
    print(f"  {story.attempts} attempts, {story.seconds:.0f} seconds", flush=True)
    return story


def keep(written: Path, stories: dict[int, RoundStory], *, clients: int) -> None:
    """Write the page with the rounds so far, and beside it what `kept` reads."""
    written.write_text(page(stories, clients), "utf-8")
    told = {seed: asdict(story) for seed, story in stories.items()}
    _figures(written).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def kept(written: Path) -> dict[int, RoundStory]:
    """Return the rounds that a page tells, by their seeds; none where there is no page."""
    file = _figures(written)
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for story in told.values():
        story["drives"] = [DriveStory(**each) for each in story["drives"]]
    return {int(seed): RoundStory(**story) for seed, story in told.items()}


def _figures(written: Path) -> Path:
    return written.with_name("soak.json")


def page(stories: dict[int, RoundStory], clients: int) -> str:
    """Return the page with the rounds so far."""
    hits = Counter(hit.partition(" at ")[0] for each in stories.values() for hit in each.struck)
    rows = [
        f"| {seed} | {', '.join(story.struck) or 'nobody in time'} | {len(story.drives)} "
        f"| {story.attempts} | {story.seconds:.0f} | {'; '.join(story.faults)[:300] or 'nothing'} |"
        for seed, story in stories.items()
    ]
    return _TEXT.format(
        clients=clients,
        latency=int(_LATENCY_SECONDS * 1000),
        machine=f"CPython {platform.python_version()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}.",
        rounds=len(stories),
        bad=sum(bool(each.faults) for each in stories.values()),
        total=len(stories) * clients,
        attempts=sum(each.attempts for each in stories.values()),
        drives=sum(len(each.drives) for each in stories.values()),
        hits="\n".join(f"| {target} | {hits[target]} times |" for target in CLUSTER_TARGETS),
        table="\n".join(rows),
    )


if __name__ == "__main__":
    main()
