"""How many runs at once a machine can bear. Pure; what the machine has, `machine` says."""

RUNS_A_CORE = 16
BYTES_A_RUN = 45_000_000
FILES_A_RUN = 40
FILES_BESIDE_RUNS = 100
FEWEST_JOBS = 2


def default_jobs(*, cores: int, memory_available_bytes: int, file_limit: int | None = None) -> int:
    """Return how many runs there may be at once: the least of three sums, at least 2.

    - 16 for each core. A run waits for the network most of its time; a create run needs some
      0.2 seconds of a core and, at 250 ms a request, 3 seconds of patience.
    - One for each 45 MB of memory: at most 35 MB are a forked kernel's own, the rest is what the
      process that executes it keeps of the run: connections, messages, the notebook.
    - One for each 40 files that a process may have open, 100 left aside for its own. The runs of a
      core share one process, so each core has the limit to itself.

    Args:
        cores: that this process may use.
        memory_available_bytes: that can be had without swapping, within the container's limit.
        file_limit: how many files a process may have open; None where there is no limit.
    """
    sums = [RUNS_A_CORE * cores, memory_available_bytes // BYTES_A_RUN]
    if file_limit is not None:
        sums.append(cores * ((file_limit - FILES_BESIDE_RUNS) // FILES_A_RUN))
    return max(FEWEST_JOBS, min(sums))
