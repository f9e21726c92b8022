from o365lib.errors import RunbookError
from o365lib.runs.workers import WorkerLost


def test_a_lost_worker_is_told_as_every_error_with_what_to_do():
    lost = WorkerLost("The process ended.", remedy="Resume the batch.")

    assert isinstance(lost, RunbookError)
    assert lost.remedy == "Resume the batch."
