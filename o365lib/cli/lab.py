"""`o365 lab`: JupyterLab on the runbooks, for an engineer at her desk."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
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
    """Open the runbooks in JupyterLab, on this machine only.

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
    environment = places.kernel_environment(driven=False)
    if client:
        parameters.load_client(places.parameters, client)
        environment[CLIENT_VARIABLE] = client
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={places.notebooks}",
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
