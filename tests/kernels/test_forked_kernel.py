"""A fork has what its starter gave, and nothing of the template's or of another kernel's."""

import json
import os
import resource
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from .conftest import templates_in

SECRET = "eyJ0eXAi.q7Zk3wV9pLm2XcB8nR5t.Yh6Jd4Gs1Fa0"  # the look of a token
# Said backwards, so that only the kernel that puts it together has it in memory.
PUT_TOGETHER = f"secret = {SECRET[::-1]!r}[::-1]"


def holds(pid, text):
    """Whether a process has a text anywhere in its memory."""
    wanted = text.encode()
    process = Path(f"/proc/{pid}")
    with (process / "maps").open() as maps, (process / "mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(part, 16) for part in span.split("-"))
            memory.seek(begin)
            try:
                if wanted in memory.read(end - begin):
                    return True
            except (OSError, ValueError):
                continue
    return False


def test_it_has_exactly_the_environment_that_it_was_given(start, shared_folder):
    kernel = start(shared_folder, env={"O365_ONLY": "this", "TZ": "Asia/Tokyo"})
    code = "import json, os, time; print(json.dumps([dict(os.environ), time.strftime('%z')]))"
    environment, zone = json.loads(kernel.ask(code))
    assert environment["O365_ONLY"] == "this"
    assert zone == "+0900"
    # ipykernel itself says what kind of terminal it is.
    added = set(environment) - {"O365_ONLY", "TZ"}
    assert added <= {
        "TERM", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER", "MPLBACKEND",
        "PYDEVD_USE_FRAME_EVAL",
    }  # fmt: skip
    assert b"O365_ONLY" not in Path(f"/proc/{kernel.pid}/environ").read_bytes()


def test_it_has_its_starters_folder_umask_and_limits(start, shared_folder, tmp_path):
    before = os.umask(0o027)
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        kernel = start(shared_folder, cwd=str(tmp_path))
    finally:
        os.umask(before)
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    code = "import os, resource; print(os.getcwd(), os.umask(0), resource.getrlimit({}))"
    told = kernel.ask(code.format(resource.RLIMIT_CORE))
    assert told == f"{tmp_path} {0o027} {(0, hard)}"
    files = kernel.ask(code.format(resource.RLIMIT_NOFILE))
    assert files.endswith(str(resource.getrlimit(resource.RLIMIT_NOFILE)))


def test_its_signals_are_the_systems(kernel):
    code = "import signal as s; print(s.getsignal(s.SIGTERM), s.getsignal(s.SIGCHLD), end=' '); "
    told = kernel.ask(f"{code}print(s.set_wakeup_fd(-1), s.getsignal(s.SIGINT).__name__)")
    assert "Handlers.SIG_DFL Handlers.SIG_DFL" in told or told.startswith("0 0")
    assert told.endswith("default_int_handler")


def test_no_two_have_the_same_random_numbers(start, shared_folder):
    code = (
        "import random, secrets, uuid, tempfile, multiprocessing, numpy, os\n"
        "print(random.random(), secrets.token_hex(), uuid.uuid1(), uuid.uuid4(),\n"
        "      tempfile.mktemp(), bytes(multiprocessing.current_process().authkey).hex(),\n"
        "      numpy.random.random(), os.urandom(9).hex(), sep='|')"
    )
    told = [start(shared_folder).ask(code).split("|") for _ in range(3)]
    for values in zip(*told, strict=True):
        assert len(set(values)) == 3


def test_what_a_run_sets_is_in_no_other_run_before_or_after(start, shared_folder):
    before = start(shared_folder)
    before.ask("1")
    run = start(shared_folder, env={**os.environ, "O365_OF_A": SECRET[:20]})
    run.ask(
        "import builtins, os, random, pandas, o365lib, sys, tempfile, warnings\n"
        "for each in (builtins, os, random, pandas, o365lib): each.left_behind = 1\n"
        "os.environ['LEFT_BEHIND'] = '1'; random.seed(1); pandas.set_option('display.width', 7)\n"
        "sys.path.append('/left'); os.chdir('/'); os.umask(0); warnings.simplefilter('error')\n"
        f"file = open(tempfile.mktemp(), 'w'); {PUT_TOGETHER}\n"
        "from o365lib.secret import Secret; token = Secret(secret)"
    )
    after = start(shared_folder)
    look = (
        "import builtins, os, random, pandas, o365lib, sys\n"
        "print([hasattr(each, 'left_behind') for each in"
        " (builtins, os, random, pandas, o365lib)], 'LEFT_BEHIND' in os.environ,"
        " 'O365_OF_A' in os.environ, pandas.get_option('display.width'), '/left' in sys.path,"
        " 'token' in globals())"
    )
    clean = f"{[False] * 5} False False 80 False False"
    assert after.ask(look) == clean
    assert before.ask(look) == clean
    # More than one, where a file of the package was edited in between.
    templates = templates_in(shared_folder)
    assert templates
    assert holds(run.pid, SECRET)
    assert holds(run.pid, SECRET[:20])
    for pid in (before.pid, after.pid, *(template.pid for template in templates)):
        assert not holds(pid, SECRET)
        assert not holds(pid, SECRET[:20])


def test_its_debugger_knows_which_files_were_imported(start, shared_folder):
    kernel = start(shared_folder)
    asked = (
        "import sys, pandas, ipykernel.ipkernel as made; kernel = get_ipython().kernel\n"
        "print(pandas.__file__ in kernel._kernel_modules, made.sys is sys,"
        " kernel.debugger is None or kernel.debugger.kernel_modules is kernel._kernel_modules)"
    )
    assert kernel.ask(asked) == "True True True"


def test_it_has_no_file_open_but_its_own(start, shared_folder):
    first = start(shared_folder)
    first.ask("1")
    second = start(shared_folder)
    second.ask("1")
    template = psutil.Process(first.pid).parent()

    def files(pid):
        found = set()
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # the one by which we look
                found.add(str(file.readlink()))
        return found

    shared = files(first.pid) & files(second.pid)
    mine = files(os.getpid())
    assert {each for each in shared if each.startswith(("socket", "/memfd", "pipe"))} <= mine
    sockets = {each for each in files(template.pid) if each.startswith("socket")}
    assert sockets.isdisjoint(files(first.pid) | files(second.pid))


def test_it_ends_as_an_interpreter_does(start, shared_folder, tmp_path):
    kernel = start(shared_folder, cwd=str(tmp_path))
    kernel.ask(
        "import atexit, threading, time, pathlib\n"
        "file = open('written', 'w'); file.write('not yet on disk')\n"
        "atexit.register(pathlib.Path('told').touch)\n"
        "threading.Thread(target=lambda: (time.sleep(.3), pathlib.Path('waited').touch())).start()"
    )
    process = kernel.manager.provisioner.process
    kernel.manager.shutdown_kernel()
    assert process.returncode == 0
    assert (tmp_path / "written").read_text() == "not yet on disk"
    assert (tmp_path / "told").exists()
    assert (tmp_path / "waited").exists()


def test_its_streams_are_what_its_starter_gave(start, shared_folder, tmp_path):
    code = "import os, sys; os.write(sys.__stderr__.fileno(), b'raw'); os.write(1, b'said\\n')"
    with (tmp_path / "errors").open("wb") as errors:
        kernel = start(
            shared_folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        )
    kernel.ask(code)
    reader = kernel.manager.provisioner.process.stdout
    assert reader.readline() == b"said\n"
    reader.close()
    assert b"raw" in (tmp_path / "errors").read_bytes()


def test_what_it_started_ends_with_its_owner(start, shared_folder):
    kernel = start(shared_folder)
    child = int(kernel.ask("import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"))
    kernel.manager.provisioner.process._connection.close()
    for pid in (kernel.pid, child):
        _ended(pid)


def _ended(pid):
    for _ in range(600):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.05)
    pytest.fail(f"{pid} still runs")
