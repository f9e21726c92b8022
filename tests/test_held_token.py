import pytest

from o365lib import clock
from o365lib.held_token import HeldToken
from tests.standing_clock import StandingClock


class Service:
    """Gives a new token each time it is asked."""

    def __init__(self, expires_in=3600):
        self.asked = []
        self.expires_in = expires_in

    def __call__(self, fresh):
        self.asked.append(fresh)
        return {"access_token": f"the-token-{len(self.asked)}", "expires_in": self.expires_in}


@pytest.fixture
def standing():
    now = StandingClock()
    with clock.use(now):
        yield now


def test_it_is_asked_for_once_a_minute(standing):
    service = Service()
    held = HeldToken(service)
    assert [held(False).reveal() for _ in range(3)] == ["the-token-1"] * 3
    standing.sleep(61)
    assert held(False).reveal() == "the-token-2"
    assert service.asked == [False, False]


def test_a_fresh_one_takes_its_place(standing):
    service = Service()
    held = HeldToken(service)
    held(False)
    assert held(True).reveal() == "the-token-2"
    assert held(False).reveal() == "the-token-2"
    assert service.asked == [False, True]


@pytest.mark.parametrize("expires_in", [0, 60, 360, None])
def test_one_that_soon_ends_is_not_held(standing, expires_in):
    held = HeldToken(Service(expires_in))
    assert [held(False).reveal() for _ in range(2)] == ["the-token-1", "the-token-2"]


def test_one_that_could_not_be_renewed_is_given_no_more(standing):
    service = Service()

    def ask(fresh):
        if fresh:
            raise LookupError
        return service(fresh)

    held = HeldToken(ask)
    held(False)
    with pytest.raises(LookupError):
        held(True)
    assert held(False).reveal() == "the-token-2"
