"""`o365 lab`: JupyterLab on the runbooks, for an engineer at her desk.

JupyterLab saves what it has open whenever it likes, outputs included. So each session has copies of
its own, in `.lab`, which are left there: the project's notebooks stay as they are, and what is seen
of one client does not come up before the next.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from o365lib.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.cli.options import Options
    from o365lib.places import Places


@click.command()
@click.argument("client", required=False)
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Serve the embedded tenants too.")
@click.option("--no-browser", is_flag=True, help="Only tell the address.")
@click.option("--port", type=click.IntRange(1, 65535), default=8888, show_default=True)
@click.pass_context
def lab(
    context: click.Context, *, client: str | None, with_sandbox: bool, no_browser: bool, port: int
) -> None:
    """Open copies of the runbooks in JupyterLab, on this machine only.

    CLIENT is offered to the runbooks as the client to work for.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise UsageError(
            "JupyterLab is not installed.",
            remedy="Install it with `pip install 'o365-runbooks[lab]'`.",
        )
    from o365lib import parameters
    from o365lib.cli.sandbox import sandbox_behind
    from o365lib.places import CLIENT_VARIABLE

    options: Options = context.obj
    places = options.places()
    if with_sandbox:
        places = places.with_own_sandbox()
    environment = places.kernel_environment(driven=False)
    if client:
        parameters.load_client(places.parameters, client)
        environment[CLIENT_VARIABLE] = client
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={_working_copies(places)}",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={not no_browser}",
        "--ServerApp.ip=127.0.0.1",
        # Nothing but the runbooks' own traffic leaves the machine.
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--KernelManager.transport_encryption=required",
        # In a container one is often root; without this Jupyter would only refuse.
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    behind = sandbox_behind(places.sandbox_folder) if with_sandbox else contextlib.nullcontext()
    with behind:
        context.exit(_serve(command, environment))


def _working_copies(places: Places) -> Path:
    """Copy the runbooks, without outputs, into a new folder, and return it."""
    from o365lib.evidence.archive import new_run_id
    from o365lib.evidence.files import write_atomically

    folder = places.project / ".lab" / new_run_id("lab")
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        for file in sorted(places.notebooks.glob("*.ipynb")):
            write_atomically(folder / file.name, _without_outputs(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"The runbooks cannot be copied to {folder} ({error}).",
            remedy="Give yourself the right to write there, or take the notebooks as they were"
            " committed.",
        ) from error
    return folder


def _without_outputs(notebook: str) -> str:
    content = json.loads(notebook)
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _serve(command: list[str], environment: dict[str, str]) -> int:
    """Run JupyterLab until it ends; Ctrl-C is its own affair, and a termination is handed on."""
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 -- our interpreter
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            signal.signal(signal.SIGTERM, ended)
