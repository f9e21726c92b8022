"""A kernel's first steps leave nothing but what libraries keep."""

import os
import subprocess
import sys

CODE = """
import atexit, logging, os, sys, threading
from o365lib.kernels import rehearsal
def state():
    return (sys.modules["__main__"], dict(os.environ), sys.displayhook, sys.excepthook, sys.stdout,
            logging.getLogger("traitlets").handlers, sorted(os.listdir("/proc/self/fd")),
            os.listdir("/proc/self/task"), sys.path.copy())
before = state()
rehearsal.rehearse()
assert state() == before, (state(), before)
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Application
assert not InteractiveShell.initialized() and not Application.initialized()
import tornado.ioloop
assert tornado.ioloop.IOLoop.current(instance=False) is None
assert "pandas.io.formats.style" in sys.modules
"""


def test_a_rehearsal_leaves_the_process_as_it_was():
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
