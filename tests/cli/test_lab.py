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
    with process:
        try:
            address, token = started(process)
            assert address.startswith("http://127.0.0.1:")
            assert (project / ".sandbox" / "sandbox.json").is_file()
            names = [each["name"] for each in ask(address, token, "/api/contents")["content"]]
            assert sorted(names) == ["create_service_account.ipynb", "remove_service_account.ipynb"]
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
            assert kernel["O365_PARAMETERS"] == str(project / "parameters")
            assert "O365_DRIVER" not in kernel
        finally:
            process.terminate()
            process.stderr.read()
    assert not (project / ".sandbox").exists()


def started(process) -> tuple[str, str]:
    for line in process.stderr:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=(\w+)", line):
            return found[1], found[2]
    raise AssertionError("JupyterLab did not start")


def ask(address, token, path, body=None, *, text=False):
    request = urllib.request.Request(  # noqa: S310 -- http on loopback
        address + path,
        headers={"Authorization": f"token {token}"},
        data=json.dumps(body).encode() if body else None,
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
