"""The decisions one by one, and then in front of a model of the service."""

import heapq
import random
from dataclasses import dataclass, field

import pytest

from o365lib.runs.admission import REACTION_SECONDS, Admission

SECONDS = REACTION_SECONDS


def running(number, *, slots=None):
    admission = Admission(slots or number)
    for each in range(number):
        admission.began(f"client-{each}", 0.0)
    return admission


def told_to_wait(admission, number, now, *, requests=10, throttled=1):
    for each in range(number):
        admission.heard(f"client-{each}", requests, throttled, now)


def test_all_slots_are_used_as_long_as_nobody_is_told_to_wait():
    admission = running(16)
    for now in range(100):
        told_to_wait(admission, 16, now, requests=now, throttled=0)
        assert admission.allowance(now) == 16
    assert admission.sentence() == ""


def test_half_are_allowed_when_all_are_told_to_wait():
    admission = running(16)
    told_to_wait(admission, 16, 5.0)
    assert admission.allowance(6.0) == 16  # who else is told is waited for, shortly
    assert admission.allowance(8.0) == 8


def test_a_late_question_is_answered_the_same():
    admission = running(16)
    told_to_wait(admission, 16, 5.0)
    assert admission.allowance(60.0) == 8


def test_the_cut_is_as_large_as_the_part_that_is_told_to_wait():
    admission = running(16)
    told_to_wait(admission, 8, 5.0)
    assert admission.allowance(8.0) == 12


def test_a_small_part_changes_nothing():
    admission = running(16)
    told_to_wait(admission, 3, 5.0)
    assert admission.allowance(8.0) == 16


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_client_alone_slows_no_other(number):
    admission = running(number)
    for now in range(100):
        admission.heard("client-0", 2 * now, now, float(now))
        assert admission.allowance(float(now)) == number


def test_there_is_no_second_cut_before_the_first_has_had_time_to_show():
    admission = running(16)
    told_to_wait(admission, 16, 0.5)
    assert admission.allowance(3.0) == 8
    for each in range(8, 16):
        admission.ended(f"client-{each}", 3.5)
    told_to_wait(admission, 8, 4.0, requests=20, throttled=2)
    assert admission.allowance(12.0) == 8
    told_to_wait(admission, 8, 13.5, requests=30, throttled=3)
    assert admission.allowance(16.0) == 4


def test_there_is_no_second_cut_before_the_first_is_carried_out():
    admission = running(16)
    told_to_wait(admission, 16, 0.5)
    assert admission.allowance(3.0) == 8
    for each in range(10, 16):
        admission.ended(f"client-{each}", 4.0)
    for now in range(5, 100):
        told_to_wait(admission, 10, float(now), requests=2 * now, throttled=now)
        assert admission.allowance(float(now)) == 8  # the trouble of ten says nothing about eight


def test_it_is_cut_from_what_runs_and_not_from_what_might():
    admission = running(8, slots=64)
    told_to_wait(admission, 8, 5.0)
    assert admission.allowance(8.0) == 4


def test_never_fewer_than_one_is_allowed():
    admission = running(2)
    for now in range(200):
        told_to_wait(admission, 2, float(now), requests=2 * now, throttled=now)
        assert admission.allowance(float(now)) >= 1
    assert admission.allowance(200.0) == 1
    assert Admission(0).allowance(0.0) == 1


def recovering(number, *, until):
    """Cut to half, then calm; what was allowed at each reaction time."""
    admission = running(number)
    told_to_wait(admission, number, 0.5)
    admission.allowance(3.0)
    for each in range(number // 2, number):
        admission.ended(f"client-{each}", 4.0)
    allowed, now, requests = [], 4.0, 10
    while now < until:
        now, requests = now + SECONDS, requests + 10
        for each in range(admission.allowance(now)):
            if f"client-{each}" not in admission._runs:
                admission.began(f"client-{each}", now)
        told_to_wait(admission, number, now, requests=requests)
        allowed.append(admission.allowance(now))
    return admission, allowed


def test_it_recovers_one_by_one_and_faster_the_longer_it_stays_calm():
    _, allowed = recovering(32, until=100)
    assert allowed == sorted(allowed)
    steps = [after - before for before, after in zip([16, *allowed], allowed, strict=False)]
    assert set(steps[:3]) <= {0, 1}
    assert max(steps) == 3


def test_where_some_are_told_to_wait_it_stays_and_then_recovers_from_small_steps():
    admission, allowed = recovering(32, until=80)
    before = allowed[-1]
    for each in range(before):
        admission.began(f"client-{each}", 90.0)
    told_to_wait(admission, 5, 95.0)
    assert admission.allowance(96.0) == before
    told_to_wait(admission, before, 110.0, requests=30, throttled=0)
    assert admission.allowance(110.0) == before + 1


def test_all_are_allowed_again_in_the_end_and_no_more_than_all():
    admission, allowed = recovering(16, until=200)
    assert allowed[-1] == 16
    assert not admission.is_held_back


def test_silence_is_no_sign_that_it_is_calm():
    admission = running(8)
    told_to_wait(admission, 8, 0.5)
    assert admission.allowance(3.0) == 4
    # All wait for minutes, and ask nothing.
    assert admission.allowance(300.0) == 4


def test_more_is_not_allowed_where_less_is_used():
    admission = running(8)
    told_to_wait(admission, 8, 0.5)
    admission.allowance(3.0)
    for each in range(1, 8):
        admission.ended(f"client-{each}", 3.0)
    admission.heard("client-0", 50, 1, 13.5)
    assert admission.allowance(13.5) == 5  # eight were there since the cut
    admission.heard("client-0", 90, 1, 24.0)
    assert admission.allowance(24.0) == 5


def test_a_new_run_of_a_client_counts_its_requests_from_the_start():
    admission = running(4)
    told_to_wait(admission, 4, 0.5, requests=50, throttled=9)
    admission.allowance(3.0)
    for each in range(4):
        admission.ended(f"client-{each}", 4.0)
        admission.began(f"client-{each}", 5.0)
    told_to_wait(admission, 2, 14.0, requests=3, throttled=1)
    for each in (2, 3):
        admission.ended(f"client-{each}", 14.0)
    assert admission.allowance(15.0) == 2
    assert admission.allowance(17.5) == 1


def test_late_news_of_a_run_that_ended_says_nothing():
    admission = running(4)
    for each in range(4):
        admission.ended(f"client-{each}", 1.0)
    told_to_wait(admission, 4, 2.0)
    assert admission.allowance(9.0) == 4


def test_the_operator_hears_once_of_each_new_low_and_of_its_end():
    admission = running(16)
    told_to_wait(admission, 16, 0.5)
    admission.allowance(3.0)
    assert admission.sentence() == (
        "16 of 16 running clients were asked by Microsoft to wait: for now at most 8 of 16 run at "
        "once."
    )
    assert admission.sentence() == ""
    admission, _ = recovering(16, until=60)
    admission.sentence()
    assert 8 < admission.allowance(60.0) < 16
    admission, _ = recovering(16, until=200)
    assert admission.sentence() == "Hardly anybody is asked to wait: 16 run at once again."


def test_slots_may_grow_and_shrink():
    admission = running(4)
    admission.slots = 8
    assert admission.allowance(0.0) == 8
    admission.slots = 2
    assert admission.allowance(0.0) == 2
    admission = running(16)
    told_to_wait(admission, 16, 0.5)
    assert admission.allowance(3.0) == 8
    admission.slots = 32
    assert admission.allowance(3.0) == 8
    admission.slots = 4
    assert admission.allowance(3.0) == 4


# --- a model of the service, and of runs that ask it ---


class Window:
    """So many requests in a fixed window; who comes too late waits for the next one."""

    def __init__(self, per_second, seconds):
        self.quota, self.seconds = per_second * seconds, seconds
        self.used: dict[int, int] = {}

    def wait(self, now):
        number = int(now // self.seconds)
        self.used[number] = self.used.get(number, 0) + 1
        return 0 if self.used[number] <= self.quota else (number + 1) * self.seconds - now


class Bucket:
    """So many requests a second, with two seconds' worth of reserve."""

    def __init__(self, per_second):
        self.rate, self.level, self.at = per_second, 2.0 * per_second, 0.0

    def wait(self, now):
        self.level = min(2.0 * self.rate, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return 1
        self.level -= 1
        return 0


@dataclass
class Fleet:
    """Runs of so many requests each, one after the other, a quarter of a second apart.

    As ours do, a run waits as long as it is asked to; unlike ours, it never gives up.
    """

    service: object
    clients: int = 300
    requests: int = 25
    slots: int = 64
    fixed: int | None = None
    own_limit: frozenset[str] = frozenset()
    refused: int = 0
    ended_at: float = 0.0
    levels: list[int] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def go(self):
        self.chance, self.admission = random.Random(7), Admission(self.slots)
        self.left = [f"client-{number}" for number in range(self.clients)]
        self.under_way: dict[str, list[int]] = {}
        self.due: list[tuple[float, str]] = []
        tick = 0.0
        while self.left or self.under_way:
            while self.due and self.due[0][0] < tick:
                self.ask(*heapq.heappop(self.due))
            self.start(tick)
            if self.left:
                self.levels.append(self.admission.allowance(tick))
            self.sentences += filter(None, [self.admission.sentence()])
            tick += 0.5
        self.ended_at = tick
        return self

    def start(self, now):
        allowed = self.fixed or self.admission.allowance(now)
        while self.left and len(self.under_way) < allowed:
            client = self.left.pop(0)
            self.under_way[client] = [0, 0]
            self.admission.began(client, now)
            heapq.heappush(self.due, (now + self.chance.uniform(0.1, 0.4), client))

    def ask(self, now, client):
        counts = self.under_way[client]
        wait = 20 if client in self.own_limit and counts[0] % 2 == 0 else self.service.wait(now)
        counts[0] += 1
        counts[1] += bool(wait)
        self.refused += bool(wait)
        self.admission.heard(client, *counts, now)
        if counts[0] - counts[1] == self.requests:
            del self.under_way[client]
            self.admission.ended(client, now)
            self.start(now)
        else:
            then = now + (wait + self.chance.uniform(0, 0.1) or 0)
            then += 0 if wait else self.chance.uniform(0.1, 0.4)
            heapq.heappush(self.due, (then, client))


SERVICES = {
    "a bucket for ten": lambda: Bucket(40),
    "a bucket for four": lambda: Bucket(16),
    "a bucket for half": lambda: Bucket(128),
    "windows of a second": lambda: Window(40, 1),
    "windows of ten seconds": lambda: Window(40, 10),
    "windows of twenty seconds": lambda: Window(40, 20),
}


@pytest.mark.parametrize("service", SERVICES)
def test_it_comes_near_the_best_fixed_number_with_far_fewer_refusals(service):
    make = SERVICES[service]
    best = min(Fleet(make(), fixed=fixed).go().ended_at for fixed in (2, 4, 6, 10, 16, 32, 64))
    without, fleet = Fleet(make(), fixed=64).go(), Fleet(make()).go()
    assert best / fleet.ended_at >= 0.8
    assert fleet.refused < without.refused / 2
    # It settles: it neither falls to one nor returns to all.
    settled = fleet.levels[len(fleet.levels) // 2 :]
    assert min(settled) >= 2
    assert max(settled) < 64
    assert len(fleet.sentences) < 10


def test_a_service_that_has_room_is_used_whole():
    fleet, without = Fleet(Bucket(1000)).go(), Fleet(Bucket(1000), fixed=64).go()
    assert fleet.ended_at == without.ended_at
    assert set(fleet.levels) == {64}


def test_clients_at_limits_of_their_own_slow_no_other():
    own = frozenset({"client-3", "client-90", "client-200"})
    fleet = Fleet(Bucket(1000), slots=16, own_limit=own).go()
    assert set(fleet.levels) == {16}
    assert fleet.refused > 0
