"""What the rounds of `make soak` look at in the end: each thing that is wrong is told."""

import json
import subprocess
import time

import pytest

from benchmarks.soak_checks import all_faults, faults_of_batch, faults_of_tenant
from benchmarks.soak_project import soak_project
from o365lib.evidence.layout import BATCH_FILE


@pytest.fixture
def project(tmp_path):
    with soak_project(tmp_path, 2) as made:
        yield made


def run(project, *arguments):
    return subprocess.run(
        project.command("run", *arguments, "--approved-by", "Soak"),
        check=True,
        capture_output=True,
        env=project.environment,
    )


def test_a_batch_that_went_well_has_no_fault_and_what_is_spoilt_is_told(project):
    run(project, "create", "--all")
    one, other = project.clients
    assert all_faults(project) == []

    project.change_password(one, "Another-1-password")
    assert [*faults_of_tenant(project, one)] == [
        f"{one}: the password that was handed over last is not the account's"
    ]
    assert [*faults_of_tenant(project, other)] == []

    (batch_file,) = project.evidence.glob(f"_batches/*/{BATCH_FILE}")
    sound = batch_file.read_text("utf-8")
    wrong = json.loads(sound)
    wrong["counts"] = {"done": 3}
    batch_file.write_text(json.dumps(wrong), "utf-8")
    assert any("The counts make 3" in fault for fault in faults_of_batch(project))
    batch_file.write_text(sound.replace('"done"', '"nothing to do"'), "utf-8")
    assert any("done in the record" in fault for fault in faults_of_batch(project))
    batch_file.write_text(sound, "utf-8")

    (seal,) = (project.evidence / one / "_seals").iterdir()
    seal.unlink()
    (record,) = (project.evidence / other).glob("*/record.json")
    record.unlink()
    faults = all_faults(project)
    assert any(f"{one}: the run" in fault and "is not sealed" in fault for fault in faults)
    assert any(f"of {other} has no record" in fault for fault in faults)
    assert any("evidence verify ended with 1" in fault for fault in faults)


def test_an_account_too_few_or_with_another_role_is_told(project):
    one, other = project.clients
    file = project.folder / "parameters" / "clients" / f"{other}.yaml"
    file.write_text(file.read_text("utf-8").replace("mail-redirection", "federation"), "utf-8")
    run(project, "create", "--all")
    (fault,) = faults_of_tenant(project, other)
    assert "the roles are [('62e90394-69f5-4237-9190-012177145e10', '/')]" in fault
    run(project, "remove", one)
    assert [*faults_of_tenant(project, one)] == [f"{one}: 0 accounts"]
    assert [*faults_of_batch(project)] == ["There are 2 batches."]
    run(project, "create", one)
    assert f"{one}: an account was deleted" in [*faults_of_tenant(project, one)]


def test_processes_are_known_by_what_they_do(project):
    assert (project.workers(), project.templates(), project.kernels()) == ([], [], [])
    driver = subprocess.Popen(
        project.command("run", "create", project.clients[0], "--approved-by", "Soak"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=project.environment,
    )
    seen = set()
    with driver:
        while driver.poll() is None:
            seen |= {each.pid for each in project.others()}
            time.sleep(0.5)  # to look at all processes takes a while
    assert driver.pid in seen
    assert project.others() == []
