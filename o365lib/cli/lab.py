"""`o365 lab`: the engineer's desk: JupyterLab on working copies of the runbooks.

JupyterLab saves what it has open whenever it likes, outputs included. So each session has copies of
its own, in `.lab`, which are left there: the project's notebooks stay as they are, and what is seen
of one client does not come up before the next.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from o365lib.errors import UsageError

if TYPE_CHECKING:
    from o365lib.cli.options import Options


@click.command()
@click.argument("client", required=False)
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Serve the embedded tenants too.")
@click.option("--no-browser", is_flag=True, help="Only tell the address.")
@click.option("--port", type=click.IntRange(1, 65535), default=8888, show_default=True)
@click.pass_context
def lab(
    context: click.Context, *, client: str | None, with_sandbox: bool, no_browser: bool, port: int
) -> None:
    """Open the engineer's desk: the start page, and the runbooks in JupyterLab.

    It is served on this machine only. CLIENT is chosen already.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise UsageError(
            "JupyterLab is not installed.",
            remedy="Install it with `pip install 'o365-runbooks[lab]'`.",
        )
    from o365lib import parameters
    from o365lib.cli.sandbox import sandbox_behind
    from o365lib.desk.working_copies import Session
    from o365lib.places import CLIENT_VARIABLE, DESK_VARIABLE, SANDBOX_VARIABLE

    options: Options = context.obj
    places = options.places()
    if with_sandbox:
        places = places.with_own_sandbox()
    if client:
        parameters.load_client(places.parameters, client)
    session = Session.begin(places)
    desk = Path(str(resources.files("o365lib.desk")))
    environment = {
        **places.kernel_environment(driven=False),
        DESK_VARIABLE: "/",
        **({SANDBOX_VARIABLE: "1"} if with_sandbox else {}),
        **({CLIENT_VARIABLE: client} if client else {}),
    }
    command = [
        sys.executable,
        "-m",
        "o365lib.desk",
        f"--ServerApp.root_dir={session.folder}",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={not no_browser}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.jpserver_extensions=o365lib.desk.server=True",
        "--LabApp.default_url=/o365/",
        f"--LabApp.extra_labextensions_path={desk / 'labextensions'}",
        f"--LabApp.app_settings_dir={desk / 'settings'}",
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
