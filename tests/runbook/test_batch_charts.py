"""The charts of a batch: what is counted into which bar."""

from datetime import UTC, datetime, timedelta

import pytest

from o365lib.runbook.batch_charts import bins, charts, percentile
from o365lib.runbook.batch_reading import BatchFigures
from tests.ended_batch import BEGUN, Ran, end_batch


@pytest.fixture
def found(summary_places):
    folder = end_batch(summary_places, {"alpine": [Ran()], "beta": [Ran("refused")], "gamma": []})
    batch = folder.read_batch()
    assert batch is not None
    return BatchFigures(batch, {})


def test_values_are_counted_into_spans_as_wide_as_people_count():
    assert bins([0.5, 1.5, 1.7, 11.9]) == [
        ("0-2", 3), ("2-4", 0), ("4-6", 0), ("6-8", 0), ("8-10", 0), ("10-12", 1)
    ]  # fmt: skip


def test_all_values_are_counted_whatever_they_are():
    for values in ([0.0], [3.0] * 5, [0.001, 0.002], [5000.0, 1.0], [-1.0, 2.0], list(range(400))):
        assert sum(number for _, number in bins(values)) == len(values)
        assert len(bins(values)) <= 14


def test_one_run_that_took_an_hour_does_not_make_one_bar_of_all_the_others():
    found = bins([*[1.0 + each / 100 for each in range(400)], 3600.0])
    assert found[-1][0].startswith("over ")
    assert found[-1][1] == 1
    assert sum(number > 0 for _, number in found) > 5


def test_no_values_make_no_spans():
    assert bins([]) == []


def test_a_percentile_is_one_of_the_values():
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(list(range(1, 101)), 95) == 95
    assert percentile([7], 95) == 7


def test_outcomes_that_need_a_person_are_marked(found):
    outcomes = charts(found)[0]
    assert [(bar.label, bar.value, bar.is_trouble) for bar in outcomes.bars] == [
        ("done", 1, False),
        ("refused", 1, True),
        ("not started", 1, True),
    ]


def test_the_course_goes_up_to_all_that_ended(found):
    found.ended = [BEGUN + timedelta(seconds=each) for each in (0, 50, 50, 3000)]
    bars = charts(found)[1].bars
    assert bars[-1].value == 4
    values = [bar.value for bar in bars]
    assert values == sorted(values)
    assert bars[-1].label == "20:50"


def test_all_that_ended_at_one_instant_are_counted(found):
    found.ended = [datetime(2026, 11, 23, 20, 0, tzinfo=UTC)] * 3
    assert charts(found)[1].bars[-1].value == 3


def test_requests_are_told_a_minute_over_the_whole_time(found):
    found.minutes.update({"2026-11-23T20:00": 60, "2026-11-23T20:03": 30, "": 4, "what": 1})
    found.told_to_wait.update({"2026-11-23T20:03": 2})
    requests, told = charts(found)[4:]
    assert [bar.value for bar in requests.bars] == [60, 0, 0, 30]
    assert [bar.value for bar in told.bars] == [0, 0, 0, 2]
    assert requests.bars[0].label == "20:00"


def test_a_long_batch_has_no_more_bars_than_can_be_told_apart(found):
    start = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    for minute in range(600):
        found.minutes[f"{start + timedelta(minutes=minute):%Y-%m-%dT%H:%M}"] = 10
    bars = charts(found)[4].bars
    assert len(bars) <= 24
    assert {bar.value for bar in bars} == {10}


def test_a_batch_without_any_run_says_what_there_is_not(found):
    said = [chart.sentence() for chart in charts(found)[1:]]
    assert said[0].endswith("No run has ended.")
    assert said[-1].endswith("Nobody was told to wait.")
