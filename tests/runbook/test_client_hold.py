from datetime import UTC, datetime, timedelta

import pytest

from o365lib import clock
from o365lib.errors import Refused
from o365lib.evidence.archive import Archive
from o365lib.runbook.client_hold import ClientHold


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


def hold(archive, run_id, *, client="contoso", is_at_desk=True):
    return ClientHold(archive.new_run(client, run_id), archive, is_at_desk=is_at_desk)


def took(taken, others=()):
    try:
        taken.take(others, read=clock.now() - timedelta(seconds=1), way_back="Look again.")
    except Refused as refused:
        return refused
    return None


def test_whoever_comes_second_is_told_who_and_since_when(archive):
    first = hold(archive, "r1")
    assert first.come(()) == ""
    who = hold(archive, "r2").come(())
    assert "has been at work on this client since" in who
    assert str(datetime.now(UTC).year) in who
    assert "(run r1)" in who


def test_another_client_and_a_batch_hold_nobody_back(archive):
    first, batch = hold(archive, "r1"), hold(archive, "r3", is_at_desk=False)
    assert first.come(()) == ""
    assert hold(archive, "r2", client="fabrikam").come(()) == ""
    assert batch.come(()) == ""
    assert took(batch) is None
    # Now the batch changes the tenant.
    assert took(first).code == "run-under-way"


def test_a_run_of_the_same_kernel_gives_its_place_up(archive):
    first, second = hold(archive, "r1"), hold(archive, "r2")
    first.come(())
    assert second.come([first]) == ""
    assert took(first).code == "run-under-way"
    assert took(first, [second]) is None


def test_who_has_let_go_lets_others_come_and_change(archive):
    first, second = hold(archive, "r1"), hold(archive, "r2")
    first.come(())
    assert took(first) is None
    assert first.is_locked
    first.release()
    assert second.come(()) == ""
    assert took(second) is None
    assert "r2" in took(first).message


def test_a_hold_knows_whose_client_it_is_of(archive):
    first = hold(archive, "r1")
    assert first.is_of(archive.new_run("contoso", "r9"))
    assert not first.is_of(archive.new_run("fabrikam", "r9"))
