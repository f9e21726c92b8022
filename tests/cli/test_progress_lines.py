import json

import pytest

from o365lib import clock
from o365lib.cli.progress_lines import SMALL_BATCH, JsonLines, Lines, Quiet, visible
from tests.batch_news import StillClock, ended, prompt, started, step, told, traffic


@pytest.fixture(autouse=True)
def still():
    with clock.use(StillClock()) as clock_in_place:
        yield clock_in_place


@pytest.fixture
def printed(capsys):
    """Return the lines of standard error; standard output has none."""

    def lines():
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()

    return lines


def show(display, *events):
    for event in events:
        display.show(event)


NEWS = (
    started("alpine-books"),
    step("alpine-books", "create-user"),
    traffic("alpine-books", 7),
    prompt("alpine-books", "Enter AB12\x1b[2J at https://login.example"),
    told("The line is stopped."),
    ended("alpine-books", "refused", "one\ntwo"),
)


def test_of_a_small_batch_each_event_is_a_line_with_its_time(printed):
    display = Lines(2)
    show(display, *NEWS)
    display.tick()
    display.end()
    assert printed() == [
        "2026-08-20T10:00:00.000Z alpine-books: started",
        "2026-08-20T10:00:00.000Z alpine-books: create-user",
        "2026-08-20T10:00:00.000Z alpine-books: Enter AB12[2J at https://login.example",
        "2026-08-20T10:00:00.000Z The line is stopped.",
        "2026-08-20T10:00:00.000Z alpine-books: refused: one two (1 of 2)",
    ]


def test_of_a_large_batch_only_what_ended_and_the_figures_have_lines(printed):
    display = Lines(5000)
    show(display, *NEWS)
    display.tick()
    assert [line.partition("Z ")[2] for line in printed()] == [
        "alpine-books: Enter AB12[2J at https://login.example",
        "The line is stopped.",
        "alpine-books: refused: one two (1 of 5,000)",
        (
            "1 of 5,000 ended in 0:00: 0 running, 4,999 waiting, 1 refused; "
            "7 requests/s, none told to wait, - clients/min; time left: -"
        ),
    ]


def test_a_batch_is_small_as_long_as_somebody_may_read_its_steps(printed):
    show(Lines(SMALL_BATCH), started("a"))
    show(Lines(SMALL_BATCH + 1), started("a"))
    assert len(printed()) == 1


def test_a_large_batch_ends_with_its_figures(printed):
    display = Lines(60)
    show(display, *(event for n in range(60) for event in (started(f"c-{n}"), ended(f"c-{n}"))))
    printed()
    display.end()
    (line,) = printed()
    assert "60 of 60 ended in 0:00: 0 running, 0 waiting, 60 done" in line


def test_lines_count_no_time_for_what_will_not_start(printed):
    display = Lines(5000)
    show(display, *(ended(f"c-{n}") for n in range(10)))
    display.stopping(1)
    display.tick()
    assert printed()[-1].endswith("time left: less than a minute")


def test_for_machines_each_line_is_an_object_with_its_event_and_time(printed):
    display = JsonLines(2)
    show(display, *NEWS)
    display.stopping(0)
    display.tick()
    display.stopping(1)
    display.end()
    lines = [json.loads(line) for line in printed()]
    assert {line.pop("time") for line in lines} == {"2026-08-20T10:00:00.000Z"}
    *others, ended_line, first, last = lines
    assert others == [
        {"event": "started", "client": "alpine-books"},
        {"event": "step", "client": "alpine-books", "step": "create-user"},
        {
            "event": "prompt",
            "client": "alpine-books",
            "text": "Enter AB12\x1b[2J at https://login.example",
        },
        {"event": "told", "text": "The line is stopped."},
    ]
    assert ended_line == {"event": "ended", **NEWS[-1].result.to_json()}
    assert first["event"] == last["event"] == "figures"
    assert (first["requests"], first["counts"]["refused"], first["stopping"]) == (7, 1, False)
    assert last["stopping"]


def test_a_line_for_machines_steers_no_terminal(printed):
    show(JsonLines(2), step("alpine-books", "one\u2028two\x85\u202ethree\x1b[2J"))
    (line,) = printed()
    assert line.isprintable()
    assert json.loads(line)["step"] == "one\u2028two\x85\u202ethree\x1b[2J"


def test_when_nothing_is_to_be_shown_a_person_still_hears_what_concerns_all(printed):
    display = Quiet()
    show(display, *NEWS)
    display.stopping(1)
    display.tick()
    display.end()
    assert printed() == [
        "alpine-books: Enter AB12[2J at https://login.example",
        "The line is stopped.",
    ]


def test_text_keeps_its_lines_and_loses_what_steers_a_terminal():
    assert visible("one\r\ntwo\x07\u200b\nthree") == "one\ntwo\nthree"
