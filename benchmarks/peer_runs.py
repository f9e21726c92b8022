"""Execute a runbook for clients as people do without this project; one line as each has ended.

`python -m benchmarks.peer_runs WAY SIZE FOLDER CLIENT...` is a process of its own, so that its cost
can be counted. Where the copies of executed notebooks go, and which notebook it is, follows from
the project's folder.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path

NOTEBOOK = "notebooks/create_service_account.ipynb"
APPROVED_BY = "Benchmark"
_LINE = threading.Lock()


def main() -> None:
    """Do it the way that is asked for."""
    way, size, folder, clients = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    (folder / "executed").mkdir(exist_ok=True)
    WAYS[way](size, folder, clients)


def command(folder: Path, client: str) -> list[str]:
    """Return papermill's command for a client, without its progress bar."""
    return [
        sys.executable, "-m", "papermill", "--no-progress-bar", "--log-level", "ERROR",
        "-k", "python3", "-p", "client", client, "-p", "approved_by", APPROVED_BY,
        str(folder / NOTEBOOK), str(_copy(folder, client)),
    ]  # fmt: skip


def in_a_loop(size: int, folder: Path, clients: list[str]) -> None:  # noqa: ARG001 -- one of WAYS
    """Run papermill's command for one client after the other."""
    for client in clients:
        done = subprocess.run(command(folder, client), check=False, stderr=subprocess.DEVNULL)
        _tell(client, "" if done.returncode == 0 else "failed")


def by_xargs(size: int, folder: Path, clients: list[str]) -> None:
    """Run papermill's command for several clients at once."""
    words = [word.replace("CLIENT", "$0") for word in command(folder, "CLIENT")]
    script = f'{" ".join(words)} 2>/dev/null && echo "$0 $(date +%s.%N)"'
    subprocess.run(
        ["xargs", "-P", str(size), "-n", "1", "sh", "-c", script],
        input="\n".join(clients),
        text=True,
        check=False,
    )


def in_threads(size: int, folder: Path, clients: list[str]) -> None:
    """Call papermill in a pool of threads."""
    import papermill  # noqa: F401 -- by one thread, before several do

    with ThreadPoolExecutor(size) as pool:
        _in_pool(pool, folder, clients)


def in_processes(size: int, folder: Path, clients: list[str]) -> None:
    """Call papermill in a pool of processes; they are forked when it has been imported."""
    import papermill  # noqa: F401 -- once, and not by each process

    with ProcessPoolExecutor(size) as pool:
        _in_pool(pool, folder, clients)


def in_this_process(size: int, folder: Path, clients: list[str]) -> None:  # noqa: ARG001 -- one of WAYS
    """Call ploomber-engine, which executes notebooks in the process that calls it."""
    from ploomber_engine import execute_notebook

    for client in clients:
        try:
            execute_notebook(
                str(folder / NOTEBOOK),
                str(_copy(folder, client)),
                parameters={"client": client, "approved_by": APPROVED_BY},
                progress_bar=False,
            )
        except Exception as error:  # noqa: BLE001 -- a peer's trouble is told, and the next is tried
            _tell(client, repr(error))
        else:
            _tell(client)


WAYS: dict[str, Callable[[int, Path, list[str]], None]] = {
    "loop": in_a_loop,
    "xargs": by_xargs,
    "threads": in_threads,
    "processes": in_processes,
    "ploomber": in_this_process,
}


def _in_pool(pool: Executor, folder: Path, clients: list[str]) -> None:
    futures = {pool.submit(_execute, folder, client): client for client in clients}
    for future in as_completed(futures):
        error = future.exception()
        _tell(futures[future], repr(error) if error else "")


def _execute(folder: Path, client: str) -> None:
    import papermill

    papermill.execute_notebook(
        str(folder / NOTEBOOK),
        str(_copy(folder, client)),
        parameters={"client": client, "approved_by": APPROVED_BY},
        kernel_name="python3",
        progress_bar=False,
    )


def _copy(folder: Path, client: str) -> Path:
    return folder / "executed" / f"{client}.ipynb"


def _tell(client: str, problem: str = "") -> None:
    """Tell when a client's notebook had ended; nothing on standard output for one that failed."""
    with _LINE:
        if problem:
            print(client, problem[:200], file=sys.stderr, flush=True)
        else:
            print(client, time.time(), flush=True)


if __name__ == "__main__":
    main()
