"""`o365 sandbox`: the embedded tenant, by itself or behind another command.

One at a time serves from a folder: a second would take away the first one's CA and secrets. So each
holds a lock on a file there, the operating system's, which ends with the process that holds it. A
command with a sandbox behind it holds the lock for both.

https://py-filelock.readthedocs.io/en/latest/index.html
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from o365lib.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

    from o365lib.cli.options import Options

_START_SECONDS = 60
_STOP_SECONDS = 10

# What a sandbox writes into its folder; a state file of somebody's own is not among it.
_WRITTEN = ("sandbox.json", "ca.pem", "secrets", "certificates")
_LOCK = ".lock"

_ELSEWHERE = ", or name another folder with --folder"


@click.group()
def sandbox() -> None:
    """The embedded Microsoft 365 tenants, for training and tests."""


@sandbox.command()
@click.option("--seed", default="demo", show_default=True, help="Same seed, same tenants and ids.")
@click.option(
    "--tenants",
    type=click.IntRange(min=0),
    default=0,
    help="So many more tenants beside those of the demonstration.",
)
@click.option(
    "--shared-application",
    is_flag=True,
    help="They share one multitenant application, with its limits.",
)
@click.option("--login-port", type=click.IntRange(0, 65535), default=0, help="0 is a free one.")
@click.option("--graph-port", type=click.IntRange(0, 65535), default=0, help="0 is a free one.")
@click.option(
    "--state-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the tenants' state in this SQLite file over restarts.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="For addresses, CA and secrets. Without it: .sandbox/ beside the parameters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines, secrets included.")
@click.option("--until-input-ends", is_flag=True, hidden=True)
@click.pass_context
def serve(context: click.Context, /, *, until_input_ends: bool, **given: Any) -> None:
    """Serve the tenants on this machine until Ctrl-C, and tell how to sign in."""
    try:
        from o365lib.sandbox.command import CannotServe, serve_command
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The sandbox needs {error.name}, which is not installed.",
            remedy="Install it with `pip install 'o365-runbooks[sandbox]'`.",
        ) from error
    options: Options = context.obj
    folder = given["folder"] or options.places().sandbox_folder
    if until_input_ends:  # we are behind a command, which holds the lock
        threading.Thread(target=_interrupt_when_input_ends, daemon=True).start()
    held = nullcontext() if until_input_ends else _alone(folder, or_else=_ELSEWHERE)
    with held:
        try:
            status = serve_command(
                seed=given["seed"],
                tenants=given["tenants"],
                shared_application=given["shared_application"],
                login_port=given["login_port"],
                graph_port=given["graph_port"],
                state_file=given["state_file"],
                json_output=given["as_json"],
                folder=folder,
            )
        except CannotServe as error:
            raise UsageError(str(error), remedy=error.remedy) from error
    context.exit(status)


def _interrupt_when_input_ends() -> None:
    """End with whoever started us, even where that was killed."""
    while os.read(0, 1024):  # past Python's buffer, which must not be held when we end
        pass
    if not hasattr(signal, "pthread_kill"):  # Windows does not wake a waiting thread
        os._exit(0)
    # To the main thread, which waits: one that another thread receives would not wake it.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextmanager
def sandbox_behind(folder: Path) -> Iterator[dict[str, Any]]:
    """Serve a fresh demonstration in a process of its own, for the length of a `with` block.

    It ends, and its files go, with the block; also if this process is killed.

    Args:
        folder: for its addresses and secrets.

    Raises:
        UsageError: a sandbox is running from this folder already, or it cannot be written.
        RunbookError: it does not start.
    """
    with _alone(folder):
        _clear(folder)  # what a sandbox that was killed left behind
        try:
            with _process(folder) as process:
                yield _description(process)
        finally:
            _clear(folder)


@contextmanager
def _process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    group: dict[str, Any] = (
        {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if os.name == "nt"
        else {"start_new_session": True}  # our Ctrl-C is not its Ctrl-C
    )
    command = [sys.executable, "-m", "o365lib", "sandbox", "serve", "--json", "--until-input-ends"]
    with subprocess.Popen(  # noqa: S603 -- our own interpreter and program
        [*command, "--folder", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **group,
    ) as process:
        try:
            yield process
        finally:
            _end(process)


def _description(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    lines: list[bytes] = []
    stream: IO[bytes] | None = process.stdout
    assert stream is not None
    reader = threading.Thread(target=lambda: lines.append(stream.readline()), daemon=True)
    reader.start()
    reader.join(_START_SECONDS)
    try:
        described: dict[str, Any] = json.loads(lines[0])
    except (IndexError, ValueError) as error:
        raise RunbookError(
            "The sandbox did not start.",
            remedy="`o365 sandbox serve` alone shows why.",
        ) from error
    return described


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def _alone(folder: Path, *, or_else: str = "") -> Iterator[None]:
    """Keep other sandboxes out of a folder for the length of a `with` block.

    The lock's file goes with the block, and the folder too if nothing else is in it.

    Args:
        folder: is made where it is not there.
        or_else: what one may do besides, where another sandbox is running.

    Raises:
        UsageError: another is running from the folder, or nobody can be kept out of it. Nothing was
            written into it.
    """
    # Late: it is for those who serve.
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, mode=0o600, thread_local=False, fallback_to_soft=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"A sandbox is running already; its files are in {folder.absolute()}.",
            remedy=f"Stop the `o365 sandbox serve`, `demo` or `lab` that serves it first{or_else}.",
        ) from None
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(
            f"The sandbox's files cannot be written to {folder.absolute()} ({why}).",
            remedy="Give yourself the right to write there, on a drive that has file locks"
            f"{or_else}.",
        ) from error
    try:
        yield
    finally:
        _let_go(lock, folder)


def _let_go(lock: FileLock, folder: Path) -> None:
    # Removed while it is held: who has opened it meanwhile finds it gone, and opens another.
    # Windows refuses to remove what is open, and then it stays.
    with suppress(OSError):
        (folder / _LOCK).unlink()
    lock.release()
    with suppress(OSError):  # something is left in it
        folder.rmdir()


def _clear(folder: Path) -> None:
    for name in _WRITTEN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
