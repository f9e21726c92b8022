"""The desk's answers, of a real Jupyter server."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from o365lib.evidence.archive import Archive
from tests.desk.conftest import ROOT
from tests.reports.examples import HOSTILE, creation, folder_of, sealed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends the server by a POSIX signal")

TOKEN = "0123456789abcdef"  # of this test's server, on this machine


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    import shutil

    folder = tmp_path_factory.mktemp("project")
    for name in ("parameters", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    sealed(folder, creation(reason=HOSTILE))
    return folder


@pytest.fixture(scope="module")
def server(project, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "O365", "JPY"))}
    log = (home / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "o365lib", "lab", "--no-browser", "--port", str(port)],
        cwd=project,
        env={
            **kept,
            "JUPYTER_TOKEN": TOKEN,
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_DATA_DIR": str(home / "data"),
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api", timeout=5):  # noqa: S310 -- on loopback
                break
        except OSError:
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield SimpleNamespace(address=address, log=home / "log")
    process.terminate()
    process.wait(30)
    log.close()


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture
def ask(server):
    opener = urllib.request.build_opener(_StayHere, urllib.request.ProxyHandler({}))

    def ask(path, body=None, *, token=TOKEN, **headers):
        given = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(  # noqa: S310 -- http on loopback
            server.address + path,
            headers={**given, **headers},
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            answer = opener.open(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            return SimpleNamespace(
                status=answer.status,
                text=text,
                headers=answer.headers,
                json=json.loads(text) if text.startswith(("{", "[")) else None,
            )

    return ask


PAGES = [
    "/o365/",
    "/o365/static/start.js",
    "/o365/api/desk",
    "/o365/api/clients",
    "/o365/open?runbook=create_service_account&client=alpine-books",
    f"/o365/runs/alpine-books/{creation().run_id}/",
    f"/o365/runs/alpine-books/{creation().run_id}/record.json",
]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_answered_without_the_token(ask, path):
    for token in ("", "wrong"):
        answer = ask(path, token=token)
        assert answer.status in {302, 403}
        assert "login" in answer.headers.get("Location", "login")
    assert ask(path).status in {200, 302}


def test_the_page_loads_nothing_from_elsewhere_and_no_script_but_its_own(ask):
    page = ask("/o365/")
    assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
    assert not re.search(r"<script(?! src=)|\son\w+=", page.text)


def test_a_client_file_is_not_made_by_a_forged_request(ask, project):
    login = ask("/o365/", Cookie="")
    cookies = "; ".join(
        each.partition(";")[0] for each in login.headers.get_all("Set-Cookie") or ()
    )
    before = sorted((project / "parameters" / "clients").iterdir())
    answer = ask("/o365/api/clients", {"client": "forged"}, token="", Cookie=cookies)
    assert answer.status == 403
    assert sorted((project / "parameters" / "clients").iterdir()) == before


def test_a_new_client_is_made_or_told_what_is_wrong(ask, project):
    wrong = ask("/o365/api/clients", {"client": "new-one", "tenant": "x"})
    assert wrong.status == 400
    assert "tenant" in {each["field"] for each in wrong.json["problems"]}
    right = {
        "client": "new-one",
        "tenant": "newone.onmicrosoft.com",
        "purpose": "mail-redirection",
        "sign_in.method": "device-code",
        "hand_over.method": "screen",
    }
    assert ask("/o365/api/clients", right).status == 201
    assert (project / "parameters" / "clients" / "new-one.yaml").is_file()
    again = ask("/o365/api/clients", right)
    assert "has a file already" in again.text


def test_a_link_leads_to_the_working_copy_and_a_wrong_one_says_why(ask):
    answer = ask("/o365/open?runbook=remove_service_account&client=alpine-books&ticket=INC-7")
    assert answer.status == 302
    there = "/lab/tree/alpine-books/INC-7/remove_service_account.ipynb"
    assert answer.headers["Location"] == there
    assert any(each["url"] == there for each in ask("/o365/api/desk").json["copies"])
    wrong = ask("/o365/open?runbook=remove_service_account&client=%3Cb%3Enobody")
    assert wrong.status == 400
    assert wrong.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("body", ["[]", "{", '"x"', '{"runbook": 7}'])
def test_what_is_no_request_is_refused(ask, body):
    class Raw(str):
        __slots__ = ()

    answer = ask("/o365/api/copies", json.loads(body) if body != "{" else Raw("{"))
    assert answer.status == 400


def test_a_runs_report_and_record_are_shown_and_can_run_nothing(ask, project):
    run = f"/o365/runs/alpine-books/{creation().run_id}/"
    page = ask(run)
    assert page.status == 200
    assert "onerror=alert" not in page.text.replace("&", "").replace(
        "lt;img src=x onerror=alert", ""
    )
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    record = ask(f"{run}record.json")
    archived = folder_of(Archive(project / "evidence"), creation()).record_file
    assert record.text == archived.read_text("utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "/o365/runs/alpine-books/nothing/",
        "/o365/runs/nobody/x/record.json",
        "/o365/runs/alpine-books/..%2f..%2fkeys/record.json",
        "/o365/runs/../../etc/passwd",
        "/o365/static/../server.py",
        "/o365/static/start.html",
    ],
)
def test_nothing_but_what_is_meant_can_be_read(ask, path):
    assert ask(path).status == 404


def test_the_token_is_in_no_log(ask, server):
    ask("/o365/api/desk?token=" + TOKEN)
    assert TOKEN not in server.log.read_text()
