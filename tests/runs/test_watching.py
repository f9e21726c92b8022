import json

import pytest

from o365lib.runs.summary import NOT_STARTED, OUTCOMES
from o365lib.runs.watching import (
    Figures,
    Running,
    Watch,
    counts,
    duration,
    ending,
    pace,
    time_left,
)
from tests.batch_news import ended, prompt, started, step, told, traffic


def hear(watch, *events, at=0.0):
    for event in events:
        watch.hear(event, at=at)


def steady(watch, *, per_second, seconds, first=0):
    """One client after the other, so many a second; return how many."""
    number = per_second * seconds
    for each in range(number):
        at = (each + 1) / per_second
        hear(watch, started(f"c-{first + each}"), ended(f"c-{first + each}"), at=at)
    return number


def test_before_anything_is_heard_all_wait_and_nothing_is_guessed():
    figures = Watch(3, at=50.0).figures(at=50.0)
    assert (figures.total, figures.waiting, figures.running, figures.ended) == (3, 3, 0, 0)
    assert figures.clients_per_minute is None
    assert figures.seconds_left is None
    assert figures.requests_per_second == 0
    assert figures.elapsed_seconds == 0
    assert set(figures.outcomes) == set(OUTCOMES)


def test_each_client_waits_then_runs_then_has_its_outcome():
    watch = Watch(5, at=0.0)
    hear(watch, *map(started, "abcd"), ended("a"), ended("b", "refused"), ended("c", problem="!"))
    figures = watch.figures(at=1.0)
    assert (figures.waiting, figures.running, figures.ended) == (1, 1, 3)
    assert {name: n for name, n in figures.outcomes.items() if n} == {"done": 2, "refused": 1}
    assert figures.problems == 1
    assert watch.ended == 3


def test_a_client_that_was_not_started_is_over_with_and_says_nothing_of_the_pace():
    watch = Watch(4, at=0.0)
    hear(watch, *(ended(each, NOT_STARTED) for each in "abcd"), at=10.0)
    figures = watch.figures(at=10.0)
    assert (figures.waiting, figures.outcomes[NOT_STARTED]) == (0, 4)
    assert figures.clients_per_minute is None
    assert watch.problems == ()


def test_an_outcome_that_nobody_knows_is_counted_too():
    watch = Watch(1, at=0.0)
    hear(watch, ended("a", "unfinished"))
    assert watch.figures(at=1.0).outcomes["unfinished"] == 1


def test_a_run_that_has_ended_stays_ended():
    watch = Watch(2, at=0.0)
    hear(watch, started("a"), traffic("a", 4), ended("a"))
    hear(watch, step("a", "late"), started("a"), traffic("a", 9), ended("a", "failed"))
    figures = watch.figures(at=1.0)
    assert (figures.running, figures.ended, figures.waiting) == (0, 1, 1)
    assert (figures.outcomes["done"], figures.outcomes["failed"]) == (1, 0)
    assert figures.requests == 4


def test_what_is_heard_before_the_start_is_the_start():
    watch = Watch(2, at=0.0)
    hear(watch, step("a", "sign-in"), at=3.0)
    hear(watch, started("a"), at=4.0)
    assert watch.longest(9, at=5.0) == [Running(client="a", step="sign-in", seconds=2.0)]


def test_more_clients_than_were_announced_add_up_too():
    watch = Watch(1, at=0.0)
    hear(watch, started("a"), ended("b"), ended("c"))
    figures = watch.figures(at=1.0)
    assert (figures.total, figures.waiting, figures.running, figures.ended) == (3, 0, 1, 2)


def test_what_is_told_about_the_batch_is_no_client():
    watch = Watch(2, at=0.0)
    hear(watch, told("The line is stopped."))
    assert watch.figures(at=1.0).running == 0


def test_the_longest_running_come_first_with_their_steps():
    watch = Watch(9, at=0.0)
    for number in range(5):
        hear(watch, started(f"c-{number}"), at=float(number))
    hear(watch, step("c-1", "create-user"), prompt("c-1", "Enter AB12"), ended("c-0"), at=6.0)
    assert watch.longest(2, at=10.0) == [
        Running(client="c-1", step="create-user", seconds=9.0),
        Running(client="c-2", step="", seconds=8.0),
    ]


def test_requests_a_second_are_those_of_the_last_ten_seconds():
    watch = Watch(2, at=0.0)
    hear(watch, started("a"))
    for second in range(30):
        hear(watch, traffic("a", 20 * (second + 1)), at=second + 0.5)
    assert watch.figures(at=29.99).requests_per_second == pytest.approx(20, rel=0.01)
    assert watch.figures(at=100.0).requests_per_second == 0
    assert watch.figures(at=100.0).requests == 600


def test_at_the_beginning_a_rate_is_of_the_time_that_has_passed():
    watch = Watch(2, at=1000.7)
    hear(watch, traffic("a", 8), at=1001.0)
    assert watch.figures(at=1002.7).requests_per_second == pytest.approx(4)
    # Not a division by next to nothing.
    assert watch.figures(at=1000.8).requests_per_second == pytest.approx(8)


def test_what_a_run_tells_is_a_sum_and_never_goes_back():
    watch = Watch(2, at=0.0)
    hear(watch, traffic("a", 5, 1), traffic("b", 7), traffic("a", 3, 0))
    assert watch.figures(at=1.0).requests == 12
    hear(watch, traffic("a", 6, 1))
    figures = watch.figures(at=1.0)
    assert (figures.requests, figures.throttled) == (13, 1)


def test_told_to_wait_are_the_running_runs_that_were_told_so_of_late():
    watch = Watch(9, at=0.0)
    hear(watch, *map(started, "abc"), traffic("a", 5, 1), traffic("b", 5, 1), traffic("c", 5))
    assert watch.figures(at=20.0).told_to_wait == 2
    hear(watch, traffic("b", 9, 2), ended("a"), at=25.0)
    assert watch.figures(at=40.0).told_to_wait == 1
    assert watch.figures(at=60.0).told_to_wait == 0
    assert watch.figures(at=60.0).throttled == 3


def test_the_time_left_goes_by_the_rate_of_the_last_minute():
    watch = Watch(10_000, at=0.0)
    # Slow for ten minutes, then five clients a second.
    for number in range(20):
        hear(watch, started(f"s-{number}"), ended(f"s-{number}"), at=30.0 * number)
    for number in range(400):
        hear(watch, started(f"c-{number}"), ended(f"c-{number}"), at=600 + (number + 1) / 5)
    figures = watch.figures(at=680.0)
    assert figures.clients_per_minute == pytest.approx(300, rel=0.03)
    least, most = figures.seconds_left
    right = (10_000 - 420) / 5
    assert right * 0.9 < least < right < most < right * 1.1


def test_nothing_is_guessed_from_two_ends():
    watch = Watch(100, at=0.0)
    hear(watch, ended("a"), ended("b"), at=10.0)
    assert watch.figures(at=10.0).seconds_left is None
    hear(watch, ended("c"), at=12.0)
    figures = watch.figures(at=12.0)
    assert figures.clients_per_minute == pytest.approx(15)
    least, most = figures.seconds_left
    assert least < 97 * 4 < most
    assert most > 2 * least  # three ends do not say much


def test_runs_that_take_longer_than_a_minute_have_a_pace_too():
    watch = Watch(100, at=0.0)
    for number in range(30):
        hear(watch, started(f"c-{number}"), ended(f"c-{number}"), at=120.0 * (number + 1))
    figures = watch.figures(at=3600.0)
    assert figures.clients_per_minute == pytest.approx(0.5)
    least, most = figures.seconds_left
    assert least < 70 * 120 < most


def test_a_batch_that_stands_still_gets_slower():
    watch = Watch(1000, at=0.0)
    steady(watch, per_second=2, seconds=60)
    before = watch.figures(at=60.0).seconds_left
    after = watch.figures(at=600.0).seconds_left
    assert after[0] > before[1] * 10


def test_when_no_further_run_starts_only_those_under_way_take_time():
    watch = Watch(1000, at=0.0)
    steady(watch, per_second=2, seconds=60)
    hear(watch, started("x"), at=60.0)
    going, stopping = watch.figures(at=60.0), watch.figures(at=60.0, is_stopping=True)
    assert going.seconds_left[0] > 60
    assert stopping.seconds_left[1] < 1
    assert stopping.is_stopping


def test_when_all_is_over_no_time_is_left():
    watch = Watch(1, at=0.0)
    hear(watch, started("a"), ended("a"))
    assert watch.figures(at=2.0).seconds_left == (0.0, 0.0)


def test_the_latest_five_problems_are_kept():
    watch = Watch(100, at=0.0)
    for number in range(9):
        hear(watch, ended(f"good-{number}"), ended(f"bad-{number}", "failed"))
    hear(watch, ended("so-so", problem="not sealed"))
    assert [each.client for each in watch.problems] == ["bad-5", "bad-6", "bad-7", "bad-8", "so-so"]


def test_figures_are_json():
    watch = Watch(10, at=0.0)
    hear(watch, started("a"), traffic("a", 7, 2), at=1.0)
    figures = json.loads(json.dumps(watch.figures(at=2.0).to_json()))
    assert figures == {
        "elapsed_seconds": 2.0,
        "total": 10,
        "waiting": 9,
        "running": 1,
        "ended": 0,
        "counts": dict.fromkeys(OUTCOMES, 0),
        "problems": 0,
        "requests": 7,
        "requests_per_second": 3.5,
        "throttled": 2,
        "told_to_wait": 1,
        "clients_per_minute": None,
        "seconds_left_at_least": None,
        "seconds_left_at_most": None,
        "stopping": False,
    }
    for each in "bcde":
        hear(watch, ended(each), at=3.0)
    assert isinstance(watch.figures(at=4.0).to_json()["seconds_left_at_most"], int)


def figures_of(**given) -> Figures:
    standing = {
        "elapsed_seconds": 1.0,
        "total": 10,
        "waiting": 4,
        "running": 2,
        "outcomes": dict.fromkeys(OUTCOMES, 0) | {"done": 3, "refused": 1},
        "problems": 0,
        "requests": 9,
        "throttled": 0,
        "requests_per_second": 1234.4,
        "told_to_wait": 0,
        "clients_per_minute": None,
        "seconds_left": None,
        "is_stopping": False,
    }
    return Figures(**(standing | given))


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, "-"),
        ((0.0, 0.0), "less than a minute"),
        ((20.0, 59.0), "less than a minute"),
        ((20.0, 70.0), "about 1 min"),
        ((400.0, 560.0), "7 to 9 min"),
        ((2900.0, 3100.0), "48 to 52 min"),
        ((5000.0, 7000.0), "1.4 to 1.9 h"),
        ((7190.0, 7210.0), "about 2.0 h"),
    ],
)
def test_the_time_left_is_told_as_exactly_as_it_is_known(left, words):
    assert time_left(figures_of(seconds_left=left)) == words


def test_durations_are_shown_as_clocks_do():
    assert [duration(each) for each in (0, 7.9, 151, 3723)] == ["0:00", "0:07", "2:31", "1:02:03"]


def test_counts_name_what_occurred():
    assert counts(figures_of()) == ["2 running", "4 waiting", "3 done", "1 refused"]
    assert counts(figures_of(problems=1))[-1] == "1 of them with a problem"


def test_the_pace_names_who_is_told_to_wait():
    assert pace(figures_of()) == ["1,234 requests/s", "none told to wait", "- clients/min"]
    told_so = figures_of(throttled=1200, told_to_wait=1, clients_per_minute=480.4)
    assert pace(told_so)[1:] == ["1 of 2 told to wait (1,200 times in all)", "480 clients/min"]


def test_an_ending_is_one_line_that_steers_no_terminal():
    assert ending(ended("a", "failed", "one\ntwo\x1b[2J").result) == "failed: one two[2J"
    assert ending(ended("a", "done", "").result) == "done"
