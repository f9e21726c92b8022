from o365lib import clock
from o365lib.service_account.waiting import in_silence, pauses
from tests.standing_clock import StandingClock


def test_pauses_grow_and_add_up_to_the_patience():
    assert list(pauses(25)) == [1, 2, 3, 5, 8, 6]
    assert list(pauses(1)) == [1]
    assert list(pauses(0)) == []
    assert sum(pauses(60)) == 60


def test_waiting_in_silence_takes_its_time_by_the_clock():
    standing = StandingClock()
    with clock.use(standing):
        in_silence("until it shows", 3)
    assert standing.sleeps == [3]
