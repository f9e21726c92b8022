"""Charts: as a picture, as bars of characters, and in words."""

import importlib.util
import struct
import subprocess
import sys

import pytest

from o365lib.runbook.charts import Bar, Chart, can_draw, picture, text_bar

OUTCOMES = Chart(
    title="Clients by outcome",
    bars=[Bar("done", 180), Bar("refused", 12, is_trouble=True)],
)
TIMES = Chart(
    title="Seconds",
    bars=[Bar("sign-in", 1.25, mark=2.5), Bar("look", 0.5, mark=0.75)],
    decimals=2,
    mark="95 in 100:",
)
COURSE = Chart(title="Ended", bars=[Bar("20:00", 1), Bar("20:01", 3)], is_upright=True)
NOTHING = Chart(title="Told to wait", bars=[], nothing="Nobody was told to wait.")
ALL = (OUTCOMES, TIMES, COURSE, NOTHING)

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def test_a_chart_says_every_number_in_words():
    assert OUTCOMES.sentence() == "Clients by outcome: done 180, refused 12."
    assert TIMES.sentence() == (
        "Seconds: sign-in 1.25 (95 in 100: 2.50), look 0.50 (95 in 100: 0.75)."
    )


@pytest.mark.parametrize("bars", [[], [Bar("a", 0), Bar("b", 0)]])
def test_a_chart_without_anything_to_show_says_so(bars):
    chart = Chart(title="Told to wait", bars=bars, nothing="Nobody.")
    assert chart.sentence() == "Told to wait: Nobody."


def test_bars_of_characters_are_as_long_as_their_part_of_the_greatest():
    assert text_bar(10, 10) == "█" * 24
    assert text_bar(5, 10) == "█" * 12
    assert text_bar(0, 10) == ""
    assert text_bar(0, 0) == ""


def test_what_is_more_than_nothing_is_seen():
    assert text_bar(1, 1_000_000) == "▏"


def test_what_is_more_than_the_greatest_is_no_longer_than_that():
    assert text_bar(20, 10) == text_bar(10, 10)


@needs_matplotlib
def test_a_picture_is_a_png_of_the_size_that_is_told():
    png, width, height = picture(ALL)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (width, height)


@needs_matplotlib
def test_equal_charts_are_equal_bytes_whatever_a_person_has_set():
    import matplotlib as mpl

    first = picture(ALL)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert picture(ALL) == first
        assert mpl.rcParams["font.size"] == 30
    assert b"Software" not in first[0]


@needs_matplotlib
def test_trouble_is_drawn_otherwise_than_what_is_well():
    well = Chart(title=OUTCOMES.title, bars=[Bar("done", 180), Bar("refused", 12)])
    assert picture([OUTCOMES])[0] != picture([well])[0]


@needs_matplotlib
def test_a_label_is_text_and_nothing_else():
    strange = Chart(title="$x^2$ \\frac", bars=[Bar("$\\undefined{", 1), Bar("a\nb\x1b[31m", 2)])
    assert picture([strange])[0].startswith(b"\x89PNG")
    assert "\x1b" not in strange.sentence()


def test_whether_pictures_can_be_drawn_is_found_out_without_the_import():
    code = (
        "import sys\n"
        "from o365lib.runbook import charts\n"
        "charts.can_draw()\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert can_draw() == (importlib.util.find_spec("matplotlib") is not None)


def test_the_notebooks_of_clients_import_no_matplotlib():
    code = "import sys\nfrom o365lib import runbook\nassert 'matplotlib' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
