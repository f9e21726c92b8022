import itertools
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
import requests

from o365lib.sandbox.command import (
    CannotServe,
    print_description,
    serve_command,
    write_files,
)

PROGRAM = """
import sys
from pathlib import Path
from o365lib.sandbox import serve_command
folder, as_json, tenants, state, shared = sys.argv[1:]
sys.exit(serve_command(
    folder=Path(folder), json_output=as_json == "json", tenants=int(tenants),
    state_file=Path(state) if state else None, shared_application=bool(shared),
))
"""


@pytest.fixture
def start(tmp_path):
    """Start the command as a process of its own; it is ended after the test."""
    processes = []

    def run(as_json="json", tenants=0, state="", folder=tmp_path / "s", shared=""):
        process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-c", PROGRAM),
                *(str(folder), as_json, str(tenants), str(state), shared),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors


def test_a_machine_signs_in_with_what_the_one_line_says(start, tmp_path):
    process = start()
    said = json.loads(process.stdout.readline())
    tenant = said["tenants"][0]
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{said['login_base_url']}/{tenant['tenant_id']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": tenant["application"]["app_id"],
                "client_secret": tenant["application"]["client_secret"],
                "scope": f"{said['graph_base_url']}/.default",
            },
            verify=said["ca_file"],
            timeout=10,
        )
    assert answer.json()["token_type"] == "Bearer"
    assert tenant["application"]["thumbprint"]
    assert "PRIVATE KEY" in (tmp_path / "s/certificates/alpine-books.pem").read_text()
    assert (tmp_path / "s/sandbox.json").exists()
    assert stop(process) == (0, "")
    assert not (tmp_path / "s/sandbox.json").exists()
    assert (tmp_path / "s/ca.pem").exists()


def test_many_tenants_may_share_one_application(start):
    said = json.loads(start(tenants=3, shared="yes").stdout.readline())
    applications = [each["application"] for each in said["tenants"][-3:]]
    assert len({each["app_id"] for each in applications}) == 1
    assert len({each["client_secret"] for each in applications}) == 1
    assert said["tenants"][0]["application"]["app_id"] != applications[0]["app_id"]


def test_paths_in_the_description_lead_there_from_anywhere(tmp_path, start):
    process = start(folder="s")
    said = json.loads(process.stdout.readline())
    assert said["ca_file"] == str(tmp_path / "s" / "ca.pem")
    certificate = said["tenants"][0]["application"]["certificate_file"]
    assert certificate == str(tmp_path / "s" / "certificates" / "alpine-books.pem")


def test_the_addresses_of_another_sandbox_are_left(tmp_path, start):
    process = start()
    process.stdout.readline()
    (tmp_path / "s" / "sandbox.json").write_text("{}")
    assert stop(process) == (0, "")
    assert (tmp_path / "s" / "sandbox.json").read_text() == "{}"


def test_what_is_in_the_way_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("no folder and no state file")
    for wrong in ({"folder": tmp_path / "file"}, {"state_file": tmp_path / "file"}):
        with pytest.raises(CannotServe, match="cannot be") as caught:
            serve_command(**{"folder": tmp_path / "s", **wrong})
        assert caught.value.remedy
    assert not (tmp_path / "s").exists()


def test_a_person_reads_where_things_are_and_no_secret(start, tmp_path):
    process = start("words", tenants=30)
    lines = iter(process.stdout.readline, "")
    text = "".join(itertools.takewhile(lambda line: "Ctrl-C" not in line, lines))
    assert "37 tenants" in text
    assert "17 more" in text
    for path in (tmp_path / "s/secrets").iterdir():
        assert path.read_text() not in text
    assert stop(process, signal.SIGINT) == (0, "")


def test_a_restart_with_a_state_file_keeps_secrets_and_certificates(start, tmp_path):
    said = []
    for _ in range(2):
        process = start(state=tmp_path / "state")
        said.append(json.loads(process.stdout.readline())["tenants"])
        assert stop(process) == (0, "")
    assert said[0] == said[1]


@pytest.fixture
def files(served, tmp_path):
    write_files(served, tmp_path / "s")
    return tmp_path / "s"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_files_are_for_their_owner_only(files):
    for path in [files, *files.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_the_description_on_disk_has_no_secret(files, sandbox):
    text = (files / "sandbox.json").read_text()
    assert [secret for secret in sandbox.secrets() if secret in text] == []


def test_each_secret_has_a_file_of_its_own(files, sandbox, tenant):
    secrets = files / "secrets"
    assert (secrets / "control.key").read_text() == sandbox.control_key
    assert (secrets / "alpine-books.secret").read_text() == tenant.application.client_secret
    password = tenant.password_of(tenant.administrator["id"])
    assert (secrets / "alpine-books.administrator.password").read_text() == password


def test_a_kept_certificate_stays_the_only_one(files, served, tenant):
    before = (files / "certificates/alpine-books.pem").read_text()
    write_files(served, files)
    assert (files / "certificates/alpine-books.pem").read_text() == before
    assert len(tenant.application.certificates) == 1


def test_a_file_of_another_run_is_replaced_by_a_registered_certificate(served, tmp_path, tenant):
    path = tmp_path / "s/certificates/alpine-books.pem"
    path.parent.mkdir(parents=True)
    path.write_text("an older one")
    write_files(served, tmp_path / "s")
    assert tenant.application.certificates[0].pem in path.read_text()


def test_words_name_no_secret(files, served, sandbox, capsys):
    print_description(served.description(), files)
    said = capsys.readouterr().out
    assert "alpine-books" in said
    assert [secret for secret in sandbox.secrets() if secret in said] == []
