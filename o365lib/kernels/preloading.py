"""What a template imports and tries once, so that no kernel has to.

Only names: this room knows nothing of runbooks. What cannot be imported is left to the kernel that
wants it, which then shows the error where a person can read it.

Nothing here may open a connection, start a thread, read a person's settings or choose by the
environment: every kernel would have it.
"""

import contextlib
import importlib

# In this order: what others build on first.
MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "ipykernel.zmqshell",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "faulthandler",
    "pdb",
    "psutil",
    "tornado.platform.asyncio",
    "zmq.eventloop.zmqstream",
    "o365lib.runbook",
    "o365lib.evidence.gate",
    "o365lib.evidence.secret_patterns",
    "ipywidgets",
    "msal",
    "pandas",
    "pandas.io.formats.style",
    "requests",
)

# Functions without arguments that try what is slow at first use.
FUNCTIONS = (
    ("o365lib.kernels.rehearsal", "rehearse"),
    ("o365lib.runbook.warm_up", "warm_up"),
)


def preload() -> None:
    """Import the modules and try what is slow the first time."""
    for name in MODULES:
        # Whatever a module does wrong at import, it does again in the kernel that asks for it.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    for module, function in FUNCTIONS:
        with contextlib.suppress(Exception):
            getattr(importlib.import_module(module), function)()
