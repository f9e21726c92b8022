"""An embedded Microsoft 365: real HTTPS, the documented sign-in and Graph protocols, no cloud.

For demonstrations, training and tests. It knows nothing of the rest of this package, so that it
can catch the rest's mistakes instead of sharing them. See `docs/sandbox.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .application import Application
    from .clock import SandboxClock
    from .command import serve_command
    from .faults import Fault
    from .journal import RequestSeen
    from .sandbox import Sandbox
    from .server import Served
    from .tenant import SignInState, Tenant

__all__ = [
    "Application",
    "Fault",
    "RequestSeen",
    "Sandbox",
    "SandboxClock",
    "Served",
    "SignInState",
    "Tenant",
    "serve_command",
]

_HOMES = {
    "Application": "application",
    "Fault": "faults",
    "RequestSeen": "journal",
    "Sandbox": "sandbox",
    "SandboxClock": "clock",
    "Served": "server",
    "SignInState": "tenant",
    "Tenant": "tenant",
    "serve_command": "command",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the web server and cryptography are heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
