"""It is tried in a process of its own: what was imported here already would hide what it does."""

import subprocess
import sys

CHECKED = """
import os, socket, sys, threading
import o365lib.runbook
before = set(sys.modules)
def audit(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.rename", "os.mkdir", "os.remove")):
        raise SystemExit(f"it did {event}")
    flags = arguments[2] if event == "open" else None
    if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
        if "__pycache__" not in str(arguments[0]):
            raise SystemExit(f"it wrote {arguments[0]}")
sys.addaudithook(audit)
from o365lib.runbook.warm_up import warm_up
environment = dict(os.environ)
warm_up()
from o365lib import secret
assert threading.active_count() == 1, threading.enumerate()
assert len(os.listdir("/proc/self/task")) <= 1 + THREADS, os.listdir("/proc/self/task")
assert not secret._known
assert dict(os.environ) == environment
print(sorted({"msal_extensions.token_cache", "encodings.utf_8_sig", "pandas"} - set(sys.modules)))
"""


def test_it_loads_what_is_late_and_leaves_nothing_else():
    # What numpy's own library starts is its; a template keeps it from that.
    code = CHECKED.replace("THREADS", "64")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_template_calls_it_by_its_name():
    code = (
        "import sys\nfrom o365lib.kernels.preloading import preload\npreload()\n"
        "from o365lib.runbook import warm_up\n"
        "print(sorted(name for name in warm_up._LATE if name not in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
