"""What `o365 sandbox serve` runs: the sandbox by itself, until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .application import new_certificate_pair
from .description import describe, without_secrets
from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .application import Application, RegisteredCertificate
    from .server import Served

_ADDRESSES = "sandbox.json"
_DEMO_TENANTS_ONLY = 0
_SHARED = "Runbooks of the vendor"
_SHOWN_TENANTS = 20
_PATIENCE_SECONDS = 0.5


class CannotServe(Exception):
    """The sandbox cannot be served as it was asked for; nothing is served.

    Args:
        message: what is in the way.
        remedy: what to do.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def serve_command(
    *,
    seed: str = "demo",
    tenants: int = _DEMO_TENANTS_ONLY,
    shared_application: bool = False,
    login_port: int = 0,
    graph_port: int = 0,
    state_file: Path | None = None,
    json_output: bool = False,
    folder: Path | None = None,
) -> int:
    """Serve the demonstration's tenants, and more, until SIGINT or SIGTERM.

    Writes into the folder: `sandbox.json` (no secrets), `ca.pem`, `control.key`, and for each
    tenant `secrets/<name>.secret`, `secrets/<name>.administrator.password` and
    `certificates/<name>.pem`. Only `sandbox.json` is removed at the end: it would be a lie. One
    that another sandbox has written there meanwhile is left.

    Args:
        seed: ids follow from it.
        tenants: how many ordinary tenants there are besides those of the demonstration.
        shared_application: whether those have one multitenant application together.
        login_port: the authority's port; 0 for a free one.
        graph_port: Graph's port; 0 for a free one.
        state_file: a SQLite file that keeps the tenants' state.
        json_output: print one JSON object on one line, secrets included, instead of words.
        folder: where files go; None means `.sandbox`.

    Returns:
        0 after it was told to stop.

    Raises:
        CannotServe: a port is taken, the folder cannot be written, or the state file belongs to
            something else; nothing is served.
    """
    sandbox = _with_state(seed, state_file)
    sandbox.add_demo_tenants()
    sandbox.add_fleet(tenants, application=_SHARED if shared_application else None)
    sandbox.saves_at_end = False  # every change comes over HTTP, and is saved before its answer
    target = (Path(".sandbox") if folder is None else folder).absolute()
    try:
        with _stopping() as stopped, _serving(sandbox, login_port, graph_port) as served:
            description = _written(served, target)
            sandbox.save()
            print_description(description, target, json_output=json_output)
            try:
                while not stopped.wait(_PATIENCE_SECONDS):
                    pass  # a wait without an end cannot be interrupted on Windows
            finally:
                _remove_own(target / _ADDRESSES, description)
    finally:
        sandbox.close()
    return 0


def _with_state(seed: str, state_file: Path | None) -> Sandbox:
    try:
        return Sandbox(seed, state_file)
    except (OSError, ValueError, sqlite3.Error) as error:
        said = str(error) if isinstance(error, ValueError) else f"{state_file}: {_why(error)}."
        raise CannotServe(
            f"The state file cannot be used. {said}",
            remedy="Name a file that a sandbox with this seed has written, or one that is not there"
            " yet, in a folder that is.",
        ) from error


@contextmanager
def _serving(sandbox: Sandbox, login_port: int, graph_port: int) -> Iterator[Served]:
    with ExitStack() as stack:
        try:
            served = stack.enter_context(sandbox.serve(login_port, graph_port))
        except OSError as error:
            login, graph = (port or "any" for port in (login_port, graph_port))
            raise CannotServe(
                f"The ports cannot be had ({_why(error)}): {login} for the sign-in, {graph} for"
                " Graph.",
                remedy="Name others with --login-port and --graph-port, or none: free ones are"
                " taken then.",
            ) from error
        yield served


def _written(served: Served, target: Path) -> dict[str, Any]:
    try:
        return write_files(served, target)
    except OSError as error:
        raise CannotServe(
            f"The sandbox's files cannot be written to {target} ({_why(error)}).",
            remedy="Name another folder with --folder, one that you may write to.",
        ) from error


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _remove_own(file: Path, description: dict[str, Any]) -> None:
    """Remove the addresses unless they are another sandbox's by now."""
    try:
        is_own = file.read_text(encoding="utf-8") == _addresses(description)
    except (OSError, ValueError):
        return
    if is_own:
        file.unlink(missing_ok=True)


def _addresses(description: dict[str, Any]) -> str:
    return json.dumps(without_secrets(description), indent=1) + "\n"


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event; the old handlers come back at the end."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in numbers}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_files(served: Served, folder: Path) -> dict[str, Any]:
    """Write all files and return the description with the secrets.

    Raises:
        OSError: something cannot be written; what was written stays.
    """
    for part in (folder, folder / "secrets", folder / "certificates"):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.chmod(0o700)
    ca_file = folder / "ca.pem"
    _write(ca_file, served.ca_file.read_text(encoding="ascii"))
    certificates = _write_certificates(served, folder / "certificates")
    description = describe(served, certificates) | {"ca_file": str(ca_file)}
    secrets = folder / "secrets"
    _write(secrets / "control.key", served.control_key)
    for tenant in description["tenants"]:
        name = tenant["name"]
        _write(secrets / f"{name}.secret", tenant["application"]["client_secret"])
        password = tenant["administrator"]["password"]
        _write(secrets / f"{name}.administrator.password", password)
    _write(folder / _ADDRESSES, _addresses(description))
    return description


def _write_certificates(served: Served, folder: Path) -> dict[str, str]:
    """Write a key pair for each tenant's application, and return the paths by tenant name.

    New ones are the same for all tenants, as those of a partner's multitenant application.
    """
    pair = new_certificate_pair("Runbooks in the sandbox")
    certificate: RegisteredCertificate | None = None
    paths = {}
    for tenant in served.sandbox.tenants.values():
        path = folder / f"{tenant.name}.pem"
        if not _is_registered(path, tenant.application):
            if certificate is None:
                certificate = tenant.application.register_certificate(pair)
            else:
                tenant.application.certificates.append(certificate)
            _write(path, pair)
        paths[tenant.name] = str(path)
    return paths


def _is_registered(path: Path, application: Application) -> bool:
    """Tell whether a file from an earlier start still holds one of the application's pairs."""
    if not path.exists():
        return False
    text = path.read_text(encoding="ascii")
    return any(certificate.pem in text for certificate in application.certificates)


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.chmod(0o600)
    draft.replace(path)


def print_description(
    description: dict[str, Any], folder: Path, *, json_output: bool = False
) -> None:
    """Print how to sign in: one line of JSON for machines, or words without secrets."""
    if json_output:
        sys.stdout.write(json.dumps(description) + "\n")
        sys.stdout.flush()
        return
    tenants = description["tenants"]
    lines = [
        f"The sandbox is ready with {len(tenants)} tenants. It is no Microsoft service.",
        f"  sign-in    {description['login_base_url']}  (device page: /devicelogin)",
        f"  Graph      {description['graph_base_url']}/v1.0",
        f"  trust      {folder / 'ca.pem'}",
        f"  secrets    {folder / 'secrets'}  (client secrets, passwords, control key)",
        "",
    ]
    lines += [
        f"  {tenant['name']:<24} {tenant['tenant_id']}  "
        f"{tenant['administrator']['user_principal_name']}"
        for tenant in tenants[:_SHOWN_TENANTS]
    ]
    if len(tenants) > _SHOWN_TENANTS:
        lines.append(f"  … and {len(tenants) - _SHOWN_TENANTS} more in {folder / _ADDRESSES}")
    lines += ["", "Ctrl-C stops it.", ""]
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()
