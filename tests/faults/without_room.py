"""Runs on a full disk; `test_crashes.py` starts these in a process of their own."""

import contextlib
import resource

import pytest

from tests.faults.test_crashes import finish


@contextlib.contextmanager
def no_room(*, but):
    """Let this process write no file of more bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (but, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# In bytes: less than a change takes among those of a record.
ROOM_FOR_A_STEP = 250


@pytest.mark.parametrize(
    ("word", "step"),
    [
        ("create", "create-user"),
        ("create", "hand-over"),
        ("create", "assign-role"),
        ("remove", "remove-roles"),
        ("remove", "revoke-sessions"),
        ("remove", "delete-user"),
    ],
)
def test_once_the_record_cannot_be_written_nothing_is_sent(project, word, step):
    project.add_client("client", holds="Exchange Administrator" if word == "remove" else "")
    before = []
    with contextlib.ExitStack() as stack:

        def fill():
            before.extend(project.writes())
            [run] = project.archive.runs("client")
            size = run.record_file.stat().st_size
            stack.enter_context(no_room(but=size + ROOM_FOR_A_STEP))

        record = project.carry_out(word, "client", before={step: fill})
        assert project.writes() == before
    # What was on the disk is whole, and of the time before.
    assert record.outcome == "unfinished"
    assert step not in [each.name for each in record.steps]
    finish(project, word)
