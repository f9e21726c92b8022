"""Charts: one picture where matplotlib is installed, else bars made of characters.

- A chart is data: a few labelled numbers. Both forms show the same, and so does the alternative
  text of the picture, which says every number.
- The picture is a PNG, which every front end shows, trusted or not. Equal data, drawn by the same
  version of matplotlib, is equal bytes: no time, no name and no setting of the person's is in it.
- Nothing is told by colour alone: bars bear their numbers, and troubles are hatched.

matplotlib is imported when a picture is drawn and by nothing else: it takes time and memory, and a
run of a client draws none.
"""

import importlib.util
import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from o365lib.plain_text import one_line

_BLOCKS = " ▏▎▍▌▋▊▉█"
_WIDTH = 24
_LONGEST_LABEL = 32
# Below bars that stand side by side.
_MOST_TICK_LETTERS = 36
_FEWEST = 4

# Told apart by eyes of every kind, and in print: https://jfly.uni-koeln.de/color/
_BLUE, _VERMILION, _INK, _PALE = "#0072B2", "#D55E00", "#222222", "#DDDDDD"
_INCHES, _DOTS_PER_INCH = (5.2, 3.1), 110

_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.8,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.hashsalt": "o365",
}


@dataclass(frozen=True)
class Bar:
    """One labelled number.

    Attributes:
        label: what it is of.
        value: the number; not below 0.
        is_trouble: whether a person has to look at it; drawn with a hatch.
        mark: a second number of the same kind, drawn as a point; None for none.
    """

    label: str
    value: float
    is_trouble: bool = False
    mark: float | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Labelled numbers under a title.

    Attributes:
        title: what they are, with the unit.
        bars: the numbers, in order.
        decimals: how many the numbers are told with.
        mark: what a bar's second number is; empty where there is none.
        is_upright: whether the order is one of time or size, so that bars stand side by side.
        nothing: what is said where there is nothing to show.
    """

    title: str
    bars: Sequence[Bar]
    decimals: int = 0
    mark: str = ""
    is_upright: bool = False
    nothing: str = "Nothing to show."

    @property
    def most(self) -> float:
        """The greatest number; 0 where there is none."""
        return max((max(each.value, each.mark or 0.0) for each in self.bars), default=0.0)

    def told(self, bar: Bar) -> str:
        """Return a bar's number, and its second one."""
        said = f"{bar.value:,.{self.decimals}f}"
        return said if bar.mark is None else f"{said} ({self.mark} {bar.mark:,.{self.decimals}f})"

    def sentence(self) -> str:
        """Return all that the chart shows in words."""
        said = ", ".join(f"{_label(bar)} {self.told(bar)}" for bar in self.bars)
        return f"{self.title}: {said}." if self.most > 0 else f"{self.title}: {self.nothing}"


def text_bar(value: float, most: float) -> str:
    """Return a bar made of characters, as long as a number's part of the greatest one.

    What is more than nothing is seen.
    """
    if most <= 0 or value <= 0:
        return ""
    eighths = max(1, round(min(value / most, 1.0) * _WIDTH * 8))
    full, rest = divmod(eighths, 8)
    return _BLOCKS[8] * full + (_BLOCKS[rest] if rest else "")


def can_draw() -> bool:
    """Whether pictures can be drawn here. matplotlib is not imported to find out."""
    return importlib.util.find_spec("matplotlib") is not None


def picture(charts: Sequence[Chart]) -> tuple[bytes, int, int]:
    """Return all charts in one picture: its PNG, and its width and height on a screen.

    Raises:
        ImportError: matplotlib is not installed, or cannot be imported.
    """
    # A font cache that is being built is nothing to tell in an archived notebook.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = math.ceil(len(charts) / 2)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        figure = Figure(
            figsize=(_INCHES[0] * 2, _INCHES[1] * rows),
            dpi=_DOTS_PER_INCH,
            layout=ConstrainedLayoutEngine(h_pad=0.15, w_pad=0.15),
        )
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(rows, 2, squeeze=False).flat
        for each, chart in zip(axes, charts, strict=False):
            _draw(each, chart)
        for each in list(axes)[len(charts) :]:
            each.set_axis_off()
        drawn = io.BytesIO()
        # Without these its version would be written into the file.
        figure.savefig(drawn, format="png", metadata={"Software": None})
        width, height = canvas.get_width_height()
    return drawn.getvalue(), width, height


def _draw(axes: Any, chart: Chart) -> None:
    axes.set_title(one_line(chart.title))
    if chart.most <= 0:
        axes.set_axis_off()
        axes.text(0, 0.85, one_line(chart.nothing), transform=axes.transAxes, va="top")
        return
    if chart.is_upright:
        _draw_upright(axes, chart)
    else:
        _draw_flat(axes, chart)


def _draw_flat(axes: Any, chart: Chart) -> None:
    places = range(len(chart.bars))
    drawn = axes.barh(places, [bar.value for bar in chart.bars], height=0.7)
    _colour(drawn, chart)
    axes.set_yticks(places, [_label(bar) for bar in chart.bars])
    # Few bars are no thicker than many.
    axes.set_ylim(max(len(chart.bars), _FEWEST) - 0.5, -0.5)
    axes.set_xlim(0, chart.most * 1.3)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for place, bar in zip(places, chart.bars, strict=True):
        end = max(bar.value, bar.mark or 0.0)
        axes.annotate(
            chart.told(bar), (end, place), (4, 0), textcoords="offset points", va="center"
        )
        if bar.mark is not None:
            axes.plot([bar.value, bar.mark], [place, place], color=_INK, linewidth=0.8)
            axes.plot([bar.mark], [place], marker="|", color=_INK, markersize=8)


def _draw_upright(axes: Any, chart: Chart) -> None:
    places = range(len(chart.bars))
    drawn = axes.bar(places, [bar.value for bar in chart.bars], width=0.85)
    _colour(drawn, chart)
    longest = max(len(_label(bar)) for bar in chart.bars)
    step = math.ceil(len(chart.bars) * longest / _MOST_TICK_LETTERS)
    axes.set_xticks(places[::step], [_label(bar) for bar in chart.bars[::step]])
    axes.set_ylim(0, chart.most * 1.12)
    axes.yaxis.grid(visible=True, color=_PALE)
    axes.locator_params(axis="y", nbins=4, integer=chart.decimals == 0)
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:,.{chart.decimals}f}")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _colour(drawn: Any, chart: Chart) -> None:
    for patch, bar in zip(drawn, chart.bars, strict=True):
        patch.set_facecolor("white" if bar.is_trouble else _BLUE)
        patch.set_edgecolor(_VERMILION if bar.is_trouble else _BLUE)
        patch.set_hatch("////" if bar.is_trouble else "")


def _label(bar: Bar) -> str:
    return one_line(bar.label, longest=_LONGEST_LABEL)
