import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from o365lib.cli import lab


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_jupyterlab_serves_the_runbooks_on_this_machine_with_everything_set(project, tmp_path):
    runtime = tmp_path / "runtime"
    process = subprocess.Popen(
        [sys.executable, "-m", "o365lib", "lab", "alpine-books", "--no-browser", "--sandbox"],
        cwd=project,
        env={
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    committed = {file: file.read_bytes() for file in project.glob("notebooks/*")}
    with process:
        try:
            address, token = started(process)
            assert address.startswith("http://127.0.0.1:")
            assert (project / ".sandbox" / "sandbox.json").is_file()
            templates = ask(address, token, "/api/contents/runbooks")["content"]
            names = sorted(each["name"] for each in templates)
            assert names == ["create_service_account.ipynb", "remove_service_account.ipynb"]
            desk = ask(address, token, "/o365/api/desk")
            assert (desk["client"], desk["sandbox"]) == ("alpine-books", True)
            asked = {"runbook": "create_service_account", "client": "alpine-books"}
            made = ask(address, token, "/o365/api/copies", asked)["url"]
            copy = made.removeprefix("/lab/tree/")
            save(address, token, copy, "typed at the desk")
            page = ask(address, token, "/lab", text=True)
            settings = json.loads(
                re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1]
            )
            assert settings["news"]["disabled"] is True
            assert settings["extensionManager"]["can_install"] is False
            ask(address, token, "/api/kernels", {"name": "python3"})
            [connection] = [json.loads(file.read_text()) for file in runtime.glob("kernel-*.json")]
            assert connection["curve_publickey"]
            kernel = find_kernel(next(runtime.glob("kernel-*.json")))
            assert kernel["O365_CLIENT"] == "alpine-books"
            assert kernel["O365_DESK"] == "/"
            assert kernel["O365_PARAMETERS"] == str(project / "parameters")
            assert "O365_DRIVER" not in kernel
        finally:
            process.terminate()
            process.stderr.read()
    assert not (project / ".sandbox").exists()
    assert {file: file.read_bytes() for file in project.glob("notebooks/*")} == committed
    assert "typed at the desk" in (session(project) / copy).read_text("utf-8")


def session(project) -> Path:
    """The folder of the only session that there was."""
    (folder,) = (project / ".lab").iterdir()
    return folder


def save(address, token, name, text) -> None:
    """Save a notebook with this text in its first cell, as JupyterLab does."""
    saved = ask(address, token, f"/api/contents/{name}")
    saved["content"]["cells"][0]["source"] = text
    ask(address, token, f"/api/contents/{name}", saved, method="PUT")


@pytest.mark.parametrize("spoilt", ["a file in the way", "no notebook"])
def test_runbooks_that_cannot_be_copied_stop_before_jupyterlab_starts(project, error_line, spoilt):
    if spoilt == "no notebook":
        (project / "notebooks" / "create_service_account.ipynb").write_text("{}", "utf-8")
    else:
        (project / ".lab").write_text("")
    status, line = error_line("lab")
    assert status == 2
    assert "right to write there" in line


def started(process) -> tuple[str, str]:
    for line in process.stderr:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/o365/\?token=(\w+)", line):
            return found[1], found[2]
    raise AssertionError("JupyterLab did not start")


def ask(address, token, path, body=None, *, text=False, method=None):
    request = urllib.request.Request(  # noqa: S310 -- http on loopback
        address + path,
        headers={"Authorization": f"token {token}"},
        data=json.dumps(body).encode() if body else None,
        method=method,
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as answer:  # noqa: S310
        content = answer.read().decode()
    return content if text else json.loads(content)


def find_kernel(connection_file: Path) -> dict[str, str]:
    """The environment of the kernel that was started with this connection file."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if str(connection_file) in (process.info["cmdline"] or []):
            return process.environ()
    raise AssertionError("no kernel was started")


def test_a_client_that_is_not_there_stops_before_jupyterlab_starts(error_line):
    status, line = error_line("lab", "nobody")
    assert status == 2
    assert line.startswith("o365: Correct it")


def test_without_jupyterlab_one_is_told_how_to_get_it(error_line, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    status, line = error_line("lab")
    assert status == 2
    assert "pip install 'o365-runbooks[lab]'" in line
