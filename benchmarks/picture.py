"""Draw clients a minute from `results.json`: `python -m benchmarks.picture`."""

import json
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "images" / "clients-a-minute.svg"

_COLOURS = {"ours": "#0b6e4f", "d": "#c9a227"}
_OTHERS = ("#9aa5b1", "#7b8794", "#5f6c7b")


def main() -> None:
    """Draw it."""
    latencies = json.loads((HERE / "results.json").read_text("utf-8"))["rates"]["latencies"]
    draw(latencies, PICTURE)
    print(PICTURE)


def draw(latencies: dict[str, dict[str, dict[str, Any]]], file: Path) -> None:
    """Draw a bar for each way at each latency.

    Args:
        latencies: seconds, with the ways by their letters and the rate of each.
        file: an SVG, the same for the same figures.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "clients-a-minute"
    mpl.rcParams["font.size"] = 10
    figure, panels = plt.subplots(
        1, len(latencies), figsize=(10, 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, (latency, ways) in zip(panels[0], latencies.items(), strict=True):
        letters = sorted(ways, key=lambda letter: (letter == "ours", letter))
        figures = [ways[letter]["rate"] for letter in letters]
        others = iter(_OTHERS)
        colours = [_COLOURS.get(letter) or next(others) for letter in letters]
        bars = panel.barh([_label(letter, ways) for letter in letters], figures, color=colours)
        panel.bar_label(bars, labels=[f"{each:.0f}" for each in figures], padding=3)
        panel.set_title(f"{1000 * float(latency):.0f} ms a request")
        panel.set_xlim(0, 1.2 * max(figures))
        panel.invert_yaxis()
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("clients a minute, the same notebook on the same machine")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _label(letter: str, ways: dict[str, dict[str, Any]]) -> str:
    name = ways[letter]["name"].replace("`", "").replace("**", "").split(",")[0]
    return "\n".join(textwrap.wrap(name, 28))


if __name__ == "__main__":
    main()
