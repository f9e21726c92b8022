import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from o365lib import clock
from o365lib.cli.live_table import LiveTable
from tests.batch_news import StillClock, ended, prompt, started, step, told, traffic

REASON = "The domain contoso.example is federated, so the client's own people make its users."


class Screen:
    """A terminal, and what a table has last drawn on it and printed above it."""

    def __init__(self, width, height, still):
        self._file = io.StringIO()
        self.still = still
        self.console = Console(
            file=self._file,
            force_terminal=True,
            width=width,
            height=height,
            color_system=None,
            legacy_windows=False,
        )

    def written(self):
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return text

    def lines(self, table):
        """Have the table drawn, and return its lines."""
        self.still.seconds += 1
        self.written()
        table.tick()
        # Before the table, rich moves the cursor to where the one before began.
        return self.written().rpartition("\x1b[2K")[2].lstrip("\r").splitlines()


@pytest.fixture
def open_table():
    still = StillClock()
    tables = []

    def make(total, width=100, height=40):
        screen = Screen(width, height, still)
        tables.append(LiveTable(total, screen.console))
        return tables[-1], screen

    with clock.use(still):
        yield make
        for table in tables:
            table.end()


def show(table, *events):
    for event in events:
        table.show(event)


def busy(table, clients=200, problems=9):
    """Let a large batch have everything that a table can show."""
    for number in range(clients):
        name = f"harbour-and-sons-manufacturing-{number}"
        show(table, started(name), step(name, "create-user"), traffic(name, 9, number % 3))
    for number in range(problems):
        show(table, ended(f"harbour-and-sons-manufacturing-{number}", "refused", REASON))
    show(table, told("Many runs are told to wait: at most 24 of 64 at once from now on."))


def test_a_table_has_figures_running_clients_and_what_ctrl_c_means(open_table):
    table, screen = open_table(20)
    show(table, started("alpine-books"), started("bayside-legal"))
    show(table, step("alpine-books", "create-user"), ended("cedar-dental"))
    show(table, traffic("alpine-books", 40, 3))
    lines = screen.lines(table)
    assert lines[0].startswith("██░")
    assert lines[0].endswith("  1 of 20   5 %   0:01   left: -")
    assert lines[1:] == [
        "2 running   17 waiting   1 done",
        "40 requests/s   1 of 2 told to wait (3 times in all)   - clients/min",
        "  alpine-books   create-user  0:01",
        "  bayside-legal  starting     0:01",
        "Ctrl-C: start no more; twice: interrupt those under way.",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("total", [5, 5000])
def test_a_table_fits_whatever_is_to_be_said(open_table, width, total):
    table, screen = open_table(total, width=width)
    busy(table)
    lines = screen.lines(table)
    assert len(lines) <= 15
    assert max(map(cell_len, lines)) < width


def test_a_table_is_lower_than_a_low_terminal(open_table):
    table, screen = open_table(5000, height=10)
    busy(table)
    assert len(screen.lines(table)) <= 9


def test_of_many_running_clients_those_that_take_longest_are_named(open_table):
    table, screen = open_table(5000)
    busy(table, problems=0)
    lines = screen.lines(table)
    named = [line.split()[0] for line in lines if "create-user" in line]
    assert named == [f"harbour-and-sons-manufacturing-{n}" for n in range(8)]
    assert "  and 192 more" in lines


def test_of_a_large_batch_the_table_names_the_latest_problems(open_table):
    table, screen = open_table(5000)
    busy(table, clients=20)
    assert "-0: refused" not in screen.written()
    lines = screen.lines(table)
    shown = [line.split(":")[0] for line in lines if line.startswith("! ")]
    assert shown == [f"! harbour-and-sons-manufacturing-{n}" for n in range(4, 9)]
    assert any(line.startswith("  and ") for line in lines)


def test_of_a_small_batch_what_did_not_end_well_stays_on_the_screen(open_table):
    table, screen = open_table(2)
    show(table, ended("alpine-books", "refused", "one\ntwo"), ended("b", problem="!", reason="But"))
    above = screen.written()
    assert "alpine-books: refused: one two" in above
    assert "b: done: But" in above
    assert not any(line.startswith("! ") for line in screen.lines(table))


def test_what_went_well_leaves_no_line(open_table):
    table, screen = open_table(2)
    show(table, started("alpine-books"), ended("alpine-books"))
    assert "alpine-books" not in screen.written()


@pytest.mark.parametrize("total", [2, 5000])
def test_a_prompt_stays_on_the_screen_word_for_word(open_table, total):
    table, screen = open_table(total)
    show(table, prompt("alpine-books", "Enter [b]AB12[/b]\x1b[2J\nat https://login.example"))
    assert "alpine-books: Enter [b]AB12[/b][2J\nat https://login.example" in screen.written()


def test_text_from_elsewhere_is_text(open_table):
    table, screen = open_table(5000)
    show(table, step("alpine-books", "[red]create\x1b[2J\nuser"))
    show(table, ended("b", "failed", "[link=x]\u202ereason"), told("[bold]ne\u202ews\x07"))
    text = "\n".join(screen.lines(table))
    assert "[red]create[2J user" in text
    assert "! b: failed: [link=x]reason" in text
    assert "[bold]news\n" in text
    assert "\x1b" not in text


def test_the_latest_news_stand_in_the_table_and_those_before_it_above(open_table):
    table, screen = open_table(5000)
    show(table, told("At most 32 at once."))
    assert any(line.endswith(" At most 32 at once.") for line in screen.lines(table))
    show(table, told("The line is stopped."))
    above = screen.written()
    assert above.count("At most 32 at once.") == 1
    lines = screen.lines(table)
    assert any(line.endswith(" The line is stopped.") for line in lines)
    assert not any("At most 32" in line for line in lines)
    table.end()
    assert screen.written().endswith(" The line is stopped.\n")


def test_long_news_are_above_at_once_as_a_whole_and_their_beginning_in_the_table(open_table):
    table, screen = open_table(5000, width=60)
    busy(table)
    screen.written()
    show(table, told(f"No further client is started. {'A long reason. ' * 30}The end."))
    assert "The end." in screen.written()
    lines = screen.lines(table)
    assert len(lines) <= 15
    assert any("No further client is started." in line for line in lines)
    table.end()
    assert "The end." not in screen.written()


def test_after_a_stop_ctrl_c_means_something_else(open_table):
    table, screen = open_table(20)
    table.stopping(1)
    assert screen.lines(table)[-1] == "No further run starts. Ctrl-C: interrupt those under way."
    table.stopping(2)
    assert screen.lines(table)[-1] == "Being interrupted; the records are being closed."


def test_a_table_is_drawn_where_something_changed_or_a_second_is_over(open_table):
    table, screen = open_table(20)
    screen.written()
    table.tick()
    assert screen.written() == ""
    show(table, started("alpine-books"))
    table.tick()
    assert "alpine-books" in screen.written()
    table.tick()
    assert screen.written() == ""
    screen.still.seconds += 1
    table.tick()
    assert "0:01" in screen.written()


def test_the_table_leaves_the_screen_at_the_end(open_table):
    table, screen = open_table(20)
    screen.lines(table)
    table.end()
    assert "waiting" not in screen.written()


def test_a_screen_without_such_signs_has_a_bar_of_others(open_table):
    still = StillClock()
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
    with clock.use(still):
        console = Console(file=file, force_terminal=True, width=80, color_system=None)
        table = LiveTable(4, console)
        show(table, ended("alpine-books"))
        table.tick()
        table.end()
    file.flush()
    assert b"#####" in raw.getvalue()
    assert b"....." in raw.getvalue()
