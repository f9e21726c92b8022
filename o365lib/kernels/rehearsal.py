"""A kernel's first steps, taken once in the template: what they load and build stays.

It is done with a shell and an application that nobody ever uses, and that are taken apart again:
nothing of them is in a kernel but what the libraries keep for any shell.
"""

import atexit
import logging
import os
import sys
import tempfile
from typing import Any

import traitlets.log
from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client import localinterfaces
from traitlets.config import Config

from o365lib.kernels.kernel_application import KernelApplication

# What a runbook's cells do first: show a table, an error, a thing that shows itself.
_CELLS = (
    "import pandas as _p; _t = _p.DataFrame({'a': [1]}); _t._repr_html_()",
    "_t.style.to_html()",
    "%lsmagic\n",
)
# Python specialises what is executed often, and a kernel need not do it again.
_TIMES = 8


def rehearse() -> None:
    """Take a kernel's first steps; process, environment and modules are as they were."""
    main, environment = sys.modules["__main__"], dict(os.environ)
    hooks = sys.displayhook, sys.excepthook
    config = Config()
    config.HistoryManager.enabled = False
    try:
        with tempfile.TemporaryDirectory() as folder:
            shell: Any = ZMQInteractiveShell(
                config=config,
                ipython_dir=folder,
                user_ns={},
                compiler_class=XCachingCompiler,
            )
            atexit.unregister(shell.atexit_operations)
            for cell in _CELLS * _TIMES:
                shell.run_cell(cell, silent=True, store_history=False)
            shell.restore_sys_module_state()
        KernelApplication()
        # Which addresses this machine has; kernels are told theirs.
        localinterfaces.localhost()
    finally:
        sys.displayhook, sys.excepthook = hooks
        sys.modules["__main__"] = main
        os.environ.clear()
        os.environ.update(environment)
        # It was the first to ask for a logger, before there is an application that has one.
        vars(traitlets.log)["_logger"] = None
        logging.getLogger("traitlets").handlers.clear()
