"""JupyterLab as `o365 lab` starts it, and a real browser in front of it.

The steps, selectors and waits here are those that hold: JupyterLab says "idle" before there is a
kernel, and a cell's `[*]` is not there before it begins.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from o365lib.sandbox import Sandbox
from tests.demo_project import DemoProject

_SECONDS = 60
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# However it is started: without a display, and reaching nothing but this machine.
CHROMIUM_OPTIONS = (
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# The code cells in their order; the picture's and the tests' handle for a cell.
CELLS = (
    *("imports", "parameters", "open", "sign-in", "look", "plan", "confirm"),
    *("create-user", "hand-over", "assign-role", "verify", "close"),
)


class Lab:
    """A running JupyterLab on a project's notebooks."""

    def __init__(self, project: DemoProject, home: Path) -> None:
        self.project, self.home = project, home
        self.token = os.urandom(16).hex()
        self.port = _free_port()
        self._log = (home / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "o365lib", "lab", "--no-browser", "--port", str(self.port)],
            cwd=project.folder / "notebooks",
            env=_environment(home, self.token),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    @property
    def folder(self) -> Path:
        """Where the session's notebooks are."""
        (folder,) = (self.project.folder / ".lab").iterdir()
        return folder

    def copy_of(self, runbook: str, client: str, ticket: str = "") -> str:
        """Make a working copy, as the start page does, and return its path in the session."""
        from o365lib.desk.clients import read_client
        from o365lib.desk.working_copies import Session

        places = self.project.places
        session = Session(self.folder, places)
        return session.open(runbook, read_client(places, client), ticket=ticket, dry_run=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_SECONDS)
        self._log.close()

    def log(self) -> str:
        return Path(self._log.name).read_text("utf-8", "replace")

    def _wait(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with opener.open(f"{self.url}api", timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.1)


class Page:
    """One notebook in the browser."""

    def __init__(self, page: Any, lab: Lab, expect: Any) -> None:
        self.page, self.lab, self.expect = page, lab, expect

    def open(self, name: str) -> None:
        """Open a notebook and wait until its kernel is really there."""
        # A workspace of its own, or the last notebook's tab is opened again beside it.
        workspace = re.sub(r"\W+", "-", name)
        address = f"{self.lab.url}lab/workspaces/{workspace}/tree/{name}"
        self.page.goto(f"{address}?token={self.lab.token}")
        self.expect(self.page.locator(".jp-NotebookPanel:visible .jp-Notebook")).to_be_visible()
        self.expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
        self.expect(self.page.locator(".jp-NotebookPanel .jp-Spinner")).to_have_count(0)
        kernel = self.page.locator(".jp-Toolbar-kernelName:visible")
        self.expect(kernel).to_have_text("Python 3 (ipykernel)")
        self.wait_idle()

    def wait_idle(self) -> None:
        status = self.page.locator("#jp-main-statusbar")
        self.expect(status).to_contain_text(re.compile(r"Python 3 \(ipykernel\) \| Idle"))

    def cell(self, name: str) -> Any:
        return self.page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(CELLS.index(name))

    def select(self, name: str) -> None:
        self.cell(name).locator(".jp-InputArea-editor").click()
        self.expect(self.cell(name)).to_have_class(re.compile("jp-mod-active"))

    def menu(self, item: str) -> None:
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name=item).click()

    def run_above(self, name: str) -> None:
        """Execute every cell above one, and wait for the last of them."""
        self.select(name)
        self.menu("Run All Above Selected Cell")
        self.wait_executed(CELLS[CELLS.index(name) - 1])

    def run_from(self, name: str, *, until: str = "close") -> None:
        """Execute one cell and all below, and wait for another to have ended."""
        self.select(name)
        self.menu("Run Selected Cell and All Below")
        self.wait_executed(until)

    def run_from_alone(self, name: str) -> None:
        """Execute one cell."""
        self.select(name)
        self.menu("Run Selected Cell and Do Not Advance")
        self.wait_executed(name)

    def restart_kernel(self) -> None:
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name="Restart Kernel and Clear Outputs of All").click()
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        self.expect(self.cell("close").locator(".jp-InputPrompt")).to_have_text("[ ]:")
        self.wait_idle()

    def wait_executed(self, name: str) -> None:
        prompt = self.cell(name).locator(".jp-InputPrompt")
        self.expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
        self.wait_idle()

    def confirm(self, client: str) -> None:
        """Fill in the form and press its button."""
        self.type_client(client)
        self.page.locator("button.o365-confirm").click()
        self.expect(self.page.locator(".o365-answer")).to_contain_text("Confirmed by")

    def type_client(self, client: str) -> None:
        button = self.page.locator("button.o365-confirm")
        self.expect(button).to_be_disabled()
        self.page.locator(".o365-client input").fill(client)
        self.expect(button).to_be_enabled()

    def save(self, file: Path) -> str:
        """Save as an engineer does, and return what is on the disk then."""
        before = file.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        deadline = time.monotonic() + _SECONDS
        while file.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "JupyterLab did not save"
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        return file.read_text("utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(home: Path, token: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "O365", "JPY"))
    }
    names = ("CONFIG", "DATA", "RUNTIME")
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in names}
    settings = home / "settings"
    for name, content in _SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return {
        **kept,
        **own,
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        # In the environment, because a command line can be read by everybody on the machine.
        "JUPYTER_TOKEN": token,
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for the tests of a file."""
    sandbox = Sandbox(seed="demo")
    sandbox.add_demo_tenants()
    with sandbox.serve() as served:
        project = DemoProject(tmp_path_factory.mktemp("project"), served)
        running = Lab(project, tmp_path_factory.mktemp("home"))
        try:
            yield running
        finally:
            running.stop()
    sandbox.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium that can reach this machine only."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        pytest.skip("chromium is not installed: `make browser` installs it")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=_SECONDS * 1000)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=browser_path, headless=True, args=[*CHROMIUM_OPTIONS]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(chromium: Any, lab: Lab) -> Page:
    """One page of the browser, in front of JupyterLab."""
    from playwright.sync_api import expect

    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", device_scale_factor=1
    )
    context.set_default_timeout(_SECONDS * 1000)
    return Page(context.new_page(), lab, expect)
