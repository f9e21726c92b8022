"""Measure the engineer's desk in a real browser, into `benchmarks/README.md`: `make bench-desk`.

What an engineer waits for: from the command to a start page that answers, from a letter to the list
among ten thousand clients, from "run" to the plan, and from a click to the confirmation.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.__main__ import ROUNDS, write
from benchmarks.fleet import Fleet, fleet

MARKERS = ("<!-- desk -->\n", "<!-- end of desk -->\n")
CLIENTS = 10_000
LATENCY_SECONDS = 0.1

Row = tuple[str, str, str]

_OPTIONS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# From one cell's beginning to what another shows, in the page's own time.
_RUN_TO_PLAN = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  const notebook = panel.content;
  const cells = notebook.widgets;
  const at = name => cells.findIndex(each => each.model.id === name);
  const commands = window.jupyterapp.commands;
  notebook.activeCellIndex = at('open');
  await commands.execute('notebook:run-all-above');
  const begun = performance.now();
  for (const name of ['open', 'sign-in', 'look', 'plan']) {
    notebook.activeCellIndex = at(name);
    notebook.deselectAll();
    await commands.execute('notebook:run-cell');
  }
  while (!cells[at('plan')].node.querySelector('table')) {
    await new Promise(done => setTimeout(done, 5));
  }
  const taken = performance.now() - begun;
  notebook.activeCellIndex = at('confirm');
  await commands.execute('notebook:run-cell');
  return taken;
}"""
_CONFIRM = """async () => {
  const button = document.querySelector('button.o365-confirm');
  const answer = document.querySelector('.o365-answer');
  const begun = performance.now();
  button.click();
  while (!answer.textContent.includes('Confirmed by')) {
    await new Promise(done => requestAnimationFrame(done));
  }
  return performance.now() - begun;
}"""
_SEARCH = """async () => {
  const input = document.getElementById('search');
  const taken = [];
  for (const typed of ['s', 'sa', 'client', 'client-00', 'client-00999', 'nobody', '']) {
    const begun = performance.now();
    input.value = typed;
    input.dispatchEvent(new Event('input'));
    document.body.getBoundingClientRect();
    taken.push(performance.now() - begun);
  }
  return Math.max(...taken);
}"""


def main() -> None:
    """Measure everything and write it down."""
    parser = argparse.ArgumentParser(description="Measure the engineer's desk.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=_OPTIONS
        )
        rows = measured(browser, rounds)
        browser.close()
    write(rows, markers=MARKERS, libraries=("jupyterlab", "jupyter_server", "ipywidgets"))


def measured(browser: Any, rounds: int) -> list[Row]:
    """Return all figures."""
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, fleet(Path(name) / "project", 3) as made:
            for what, value in _one_round(browser, made).items():
                figures.setdefault(what, []).append(value)
    with tempfile.TemporaryDirectory() as name:
        many = _many_clients(Path(name))
        for _ in range(rounds):
            with _lab(many) as (address, begun):
                page = _start_page(browser, address)
                figures.setdefault("many", []).append(time.monotonic() - begun)
                figures.setdefault("search", []).append(page.evaluate(_SEARCH))
                page.context.close()
    return [
        ("`o365 lab` to a start page that answers, 3 clients, wall seconds", "5",
         spread(figures["start"], 1)),
        (f"the same with {CLIENTS:,} clients", "", spread(figures["many"], 1)),
        (f"a letter to the list, the slowest of 7 among {CLIENTS:,} clients, milliseconds", "100",
         spread(figures["search"], 0)),
        ("open, sign in, look and plan, 100 ms a request, seconds", "2",
         spread(figures["plan"], 2)),
        ("a click to the confirmation, milliseconds", "150", spread(figures["confirm"], 0)),
    ]  # fmt: skip


def spread(figures: list[float], decimals: int) -> str:
    """Return the median of figures, and the range."""
    told = (statistics.median(figures), min(figures), max(figures))
    middle, least, most = (f"{each:,.{decimals}f}" for each in told)
    return f"{middle} ({least} to {most})"


def _one_round(browser: Any, made: Fleet) -> dict[str, float]:
    client = made.clients[0]
    with _lab(made.folder) as (address, begun):
        page = _start_page(browser, address)
        start = time.monotonic() - begun
        made.set_latency(LATENCY_SECONDS)
        page.locator("#search").fill(client)
        page.locator("#search").press("Enter")
        page.locator("[id='open-create_service_account']").click()
        page.locator(".jp-NotebookPanel:visible .jp-Notebook").wait_for()
        page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()
        plan = page.evaluate(_RUN_TO_PLAN) / 1000
        page.locator(".o365-client input").fill(client)
        page.locator("button.o365-confirm:not([disabled])").wait_for()
        confirm = page.evaluate(_CONFIRM)
        page.context.close()
    return {"start": start, "plan": plan, "confirm": confirm}


def _start_page(browser: Any, address: str) -> Any:
    """Open the start page and return it when it answers."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.locator("html[data-ready]").wait_for(state="attached")
    return page


@contextmanager
def _lab(project: Path) -> Iterator[tuple[str, float]]:
    """Run `o365 lab`; give the start page's address, and when the command was begun."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = os.urandom(16).hex()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "O365", "JPY"))}
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "config"
        config.mkdir()
        content = {"LabApp": {"expose_app_in_browser": True}}
        (config / "jupyter_server_config.json").write_text(json.dumps(content))
        environment = {
            **kept,
            "JUPYTER_TOKEN": token,
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_RUNTIME_DIR": str(Path(home) / "runtime"),
            "JUPYTERLAB_WORKSPACES_DIR": str(Path(home) / "workspaces"),
            "O365_KEYS": str(Path(home) / "keys"),
        }
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "o365lib", "lab", "--no-browser", "--port", str(port)],
            cwd=project,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", process)
            yield f"http://127.0.0.1:{port}/o365/?token={token}", begun
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 -- http on loopback
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("JupyterLab did not start")


def _many_clients(folder: Path) -> Path:
    """Make a project of many clients, and an archive in which each has a run."""
    from benchmarks.archive_of import archive_of, templates

    os.environ["O365_KEYS"] = str(folder / "keys")
    root = Path(__file__).parents[1]
    shutil.copytree(root / "notebooks", folder / "notebooks")
    clients = folder / "parameters" / "clients"
    clients.mkdir(parents=True)
    shutil.copy(root / "parameters" / "defaults.yaml", folder / "parameters")
    archive_of(folder / "evidence", runs=CLIENTS, clients=CLIENTS, made_from=templates())
    for each in sorted((folder / "evidence").iterdir()):
        if each.is_dir() and not each.name.startswith(("_", ".")):
            (clients / f"{each.name}.yaml").write_text(
                f"client: {each.name}\ndisplay_name: {each.name.title()}\n"
                f"tenant: {each.name}.onmicrosoft.com\npurpose: mail-redirection\n"
                "sign_in:\n  method: device-code\nhand_over:\n  method: screen\n",
                "utf-8",
            )
    return folder


if __name__ == "__main__":
    main()
