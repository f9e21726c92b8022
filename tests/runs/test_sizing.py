import pytest

from o365lib.runs.sizing import default_jobs

PLENTY = 10**12


@pytest.mark.parametrize(
    ("cores", "memory", "files", "jobs"),
    [
        (2, PLENTY, None, 32),
        (16, PLENTY, None, 256),
        (2, 450_000_000, None, 10),
        (2, PLENTY, 500, 20),  # each of two processes has room for 10 runs beside its own files
        (4, PLENTY, 500, 40),
        (1, 0, None, 2),
        (1, PLENTY, 50, 2),
    ],
)
def test_as_many_runs_as_cores_memory_and_files_allow_and_two_at_least(cores, memory, files, jobs):
    assert default_jobs(cores=cores, memory_available_bytes=memory, file_limit=files) == jobs
