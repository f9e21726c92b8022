"""What the pages about clusters tell people to type is what works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from o365lib.runs.cluster.connection import TlsFiles
from o365lib.runs.execution import load_papermill
from tests.runs.cluster import cluster_tasks
from tests.runs.cluster.dask_cluster import Cluster, until

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page, language):
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_certificates_of_the_page_make_a_cluster(tmp_path):
    [commands] = [each for each in blocks("cluster.md", "bash") if "openssl" in each]
    subprocess.run(["bash", "-euc", commands], cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    sides = {
        side: TlsFiles(
            authority=tmp_path / "authority.pem",
            certificate=tmp_path / f"{side}.pem",
            key=tmp_path / f"{side}-key.pem",
        )
        for side in ("scheduler", "worker", "driver")
    }
    made = Cluster(tmp_path, sides)
    try:
        made.start_worker("first")
        workers = made.workers(print, function=cluster_tasks.answer)
        until(lambda: workers.slots)
        assert workers.submit("all is well").result()[0] == "all is well"
        workers.close()
    finally:
        made.end()
    for file in tmp_path.glob("*-key.pem"):
        assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["scheduler", "worker"])
def test_the_options_of_the_pages_are_those_of_dask(command):
    told = "".join(blocks("cluster.md", "bash") + blocks("kubernetes.md", "yaml"))
    lines = re.findall(rf"dask,? {command}(?:.*\\\n)*.*(?:\n +args: .*)?", told)
    options = {each for line in lines for each in re.findall(r"--[a-z-]+", line)}
    assert len(options) > 4

    known = subprocess.run(
        [sys.executable, "-m", f"distributed.cli.dask_{command}", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert [each for each in sorted(options) if each not in known] == []


def test_every_object_of_the_page_is_whole():
    found = [
        each for block in blocks("kubernetes.md", "yaml") for each in yaml.safe_load_all(block)
    ]

    assert [each["kind"] for each in found] == [
        *("Deployment", "Service", "Deployment", "NetworkPolicy"),
        *("PersistentVolumeClaim", "Job"),
    ]
    claims = {each["metadata"]["name"] for each in found if each["kind"].endswith("Claim")}
    for each in found:
        assert each["metadata"]["namespace"] == "o365"
        if "template" not in each["spec"]:
            continue
        pod = each["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in claims
        [container] = pod["containers"]
        mounting = [container, *pod.get("initContainers", [])]
        mounts = {mount["name"] for one in mounting for mount in one["volumeMounts"]}
        assert mounts == set(volumes)
        words = container["command"] + container["args"]
        assert all(isinstance(word, str) for word in words)
        if each["kind"] == "Deployment":
            labels = each["spec"]["template"]["metadata"]["labels"]
            assert each["spec"]["selector"]["matchLabels"] == labels


def test_only_the_driver_gets_the_signing_key():
    for block in blocks("kubernetes.md", "yaml"):
        for each in yaml.safe_load_all(block):
            assert ("o365-signing-key" in str(each)) == (each["kind"] == "Job")


def test_the_workflows_of_the_page_are_python():
    workflows = blocks("airflow.md", "python")

    assert len(workflows) == 2
    for each in workflows:
        compile(each, "airflow.md", "exec")


def test_what_the_operator_of_the_page_executes_is_recorded_archived_and_sealed(
    demo_project, monkeypatch, tmp_path
):
    workflow = blocks("airflow.md", "python")[1]
    kernel = re.search(r'kernel_name="(.*?)"', workflow)[1]
    monkeypatch.setenv("O365_PARAMETERS", str(demo_project.places.parameters))
    monkeypatch.setenv("O365_EVIDENCE", str(demo_project.places.evidence))
    monkeypatch.setenv("O365_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("JUPYTER_PATH", str(installed_kernels(tmp_path)))

    # As the operator does: it names neither an engine of ours nor anything of the archive.
    load_papermill().execute_notebook(
        str(demo_project.places.notebooks / "create_service_account.ipynb"),
        str(tmp_path / "output.ipynb"),
        parameters={
            "client": "alpine-books",
            "approved_by": "Robin Ward",
            "ticket": "manual__2026-11-23",
        },
        kernel_name=kernel,
        language="python",
        progress_bar=False,
        report_mode=True,
    )

    [record] = demo_project.archive.records("alpine-books")
    assert record.outcome.value == "done"
    assert record.ticket == "manual__2026-11-23"
    assert (demo_project.archive.runs("alpine-books")[0]).notebook_file.is_file()
    assert list((demo_project.archive.root / "alpine-books" / "_seals").glob("*.json"))


def installed_kernels(folder):
    """Return a folder as the package installs it, with our kernel's specification."""
    import json

    from o365lib.kernels.kernel_spec import kernel_spec

    kernel = folder / "jupyter" / "kernels" / "o365"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(kernel_spec()))
    return folder / "jupyter"
