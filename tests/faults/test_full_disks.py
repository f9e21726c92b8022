"""A batch whose archive is on a disk that fills up: a small one, mounted for a process of ours."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.project import MADE

CLIENTS = [f"vet-{number}" for number in range(6)]
# Room for what a batch begins with and a run or two; then more.
SMALL, LARGE = "400k", "64m"

SCRIPT = """
set -u
mount -t tmpfs -o size={small} tmpfs evidence
{run} create {clients} --approved-by Kim --jobs 2 --stop-after 0 --json > first.json 2> first.err
echo $? > first.status
df evidence > first.df
mount -o remount,size={large} evidence
{run} --resume last --json > second.json 2> second.err
echo $? > second.status
{o365} evidence verify > verify.txt 2>&1
echo $? > verify.status
cp -r evidence kept
"""


@pytest.fixture
def apart():
    """A command that gives its children mounts of their own."""
    command = ["unshare", "--map-root-user", "--mount", "--", "sh", "-c"]
    try:
        subprocess.run([*command, "mount -t tmpfs tmpfs /mnt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"NOT TESTED: a full disk; no file system can be mounted here ({error})")
    return command


def test_a_disk_that_fills_up_loses_nothing_and_the_batch_is_taken_up(project, apart, tmp_path):
    for client in CLIENTS:
        project.add_client(client)
    (project.folder / "evidence").mkdir(mode=0o700)
    runtime = tmp_path / "runtime"  # a template of other mounts would not see the archive
    runtime.mkdir(mode=0o700)
    o365 = f"{sys.executable} -m o365lib"
    script = SCRIPT.format(
        run=f"{o365} run", o365=o365, clients=" ".join(CLIENTS), small=SMALL, large=LARGE
    )
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
    subprocess.run([*apart, script], cwd=project.folder, env=environment, check=True)

    folder = project.folder

    def text(name):
        return (folder / name).read_text().strip()

    first = text("first.json") + text("first.err")
    assert text("first.status") == "1", first
    assert "No space left on device" in first
    second = json.loads(text("second.json") or "{}")
    assert (folder / "second.status").read_text().strip() == "0", (
        folder / "second.err"
    ).read_text()
    assert second["batch"]["counts"] == {
        outcome: number
        for outcome, number in second["batch"]["counts"].items()
        if outcome in {"done", "nothing to do"}
    }
    assert {project.state(client) for client in CLIENTS} == {MADE}
    assert (folder / "verify.status").read_text().strip() == "0", (
        folder / "verify.txt"
    ).read_text()
    for client in CLIENTS:
        for record in Path(folder, "kept", client).glob("[!._]*/record.json"):
            assert json.loads(record.read_text())["outcome"] != "unfinished"
    shutil.rmtree(folder / "kept")
