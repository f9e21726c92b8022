"""What is kept of what a notebook prints: all of what is reasonable, and of more its beginning.

A runbook prints some kilobytes. One that prints in an endless loop must neither fill the memory of
the process that executes dozens of others, nor the archive. What is counted is UTF-8 bytes of text,
and characters of base64.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from nbformat.v4 import new_output

MEBIBYTE = 1 << 20

# A traceback ends with what happened; of too long a text the beginning and the end are kept.
_LONGEST_ERROR = 64 << 10
# Pieces of a stream are joined while the whole is short: joining takes as long as the whole is.
_LONGEST_JOINED = 8 << 10


@dataclass(frozen=True, kw_only=True)
class OutputLimits:
    """How many bytes of output are kept.

    Attributes:
        cell: of text that one cell prints.
        notebook: of everything that all cells print and show.
        run: how many a run may print and show before it is stopped.
    """

    cell: int = MEBIBYTE
    notebook: int = 8 * MEBIBYTE
    run: int = 64 * MEBIBYTE

    @property
    def too_much(self) -> str:
        """Why a run is stopped, as part of a sentence."""
        return f"it printed more than {_size(self.run)}"


@dataclass
class KeptOutput:
    """Counts what the cells of one execution print.

    Attributes:
        limits: how much is kept.
        arrived: how many bytes have been printed and shown so far, kept or not.
    """

    limits: OutputLimits
    arrived: int = 0
    _printed: int = 0
    _left_out: int = 0
    _kept: int = 0
    _is_cut: bool = False
    _shown: dict[str, int] = field(default_factory=dict)

    @property
    def is_too_much(self) -> bool:
        """Whether the run is to be stopped."""
        return self.arrived > self.limits.run

    def begin_cell(self) -> None:
        """Count a new cell's text from nothing."""
        self._printed = self._left_out = 0
        self._is_cut = False

    def end_cell(self, outputs: list[Any]) -> None:
        """Join what belongs together in a cell's outputs, and say what is not among them."""
        joined: list[Any] = []
        for same, pieces in groupby(outputs, _stream_of):
            group = list(pieces)
            if same:
                group[0]["text"] = "".join(each["text"] for each in group)
                del group[1:]
            joined.extend(group)
        if sentence := self.sentence():
            joined.append(new_output("stream", name="stderr", text=sentence))
        outputs[:] = joined

    def lose(self) -> None:
        """Count what was too large to arrive at all."""
        self._is_cut = True

    def forget(self, outputs: list[Any]) -> None:
        """Count outputs no longer that are taken away."""
        for each in outputs:
            self._kept -= len(each.get("text", "").encode("utf-8", "surrogatepass"))
            self._kept -= _size_of(each.get("data", {}))
        self._shown.clear()

    def add_text(self, outputs: list[Any], new: Any) -> None:
        """Add a piece of a stream to a cell's outputs, or what of it is to be kept.

        Args:
            outputs: the cell's; a short piece joins the one before it.
            new: an output of the type `stream`.
        """
        raw = new["text"].encode("utf-8", "surrogatepass")
        if not outputs:  # also after they were cleared
            self._printed = 0
        fits = max(min(self.limits.cell - self._printed, self.limits.notebook - self._kept), 0)
        self.arrived += len(raw)
        if len(raw) > fits:
            new["text"] = raw[:fits].decode("utf-8", "ignore")
            self._left_out += len(raw) - fits
        self._printed += min(len(raw), fits)
        self._kept += min(len(raw), fits)
        last = outputs[-1] if outputs else {}
        is_continued = last.get("output_type") == "stream" and last["name"] == new["name"]
        if is_continued and len(last["text"]) + len(new["text"]) <= _LONGEST_JOINED:
            last["text"] += new["text"]
        elif new["text"]:
            outputs.append(new)

    def keeps(self, content: Mapping[str, Any], *, display_id: str = "") -> bool:
        """Whether a thing that is shown is kept; counts it.

        Args:
            content: of a message that shows or updates it.
            display_id: by which it can be updated; what it was before is not counted then.
        """
        size = _size_of(content.get("data", {}))
        self.arrived += size
        before = self._shown.get(display_id, 0)
        if self._kept + size - before > self.limits.notebook:
            self._left_out += size
            return False
        self._kept += size - before
        if display_id:
            self._shown[display_id] = size
        return True

    def shorten_error(self, error: Any) -> None:
        """Shorten an error's text and frames in place where they are very long."""
        self.arrived += len(error["evalue"]) + sum(len(each) for each in error["traceback"])
        error["evalue"] = _shortened(error["evalue"])
        whole = "\n".join(error["traceback"])
        if len(whole) > _LONGEST_ERROR:
            error["traceback"] = [_shortened(whole)]

    def sentence(self) -> str:
        """Return what the cell is to say about what it does not show; empty if that is nothing."""
        if not (self._left_out or self._is_cut):
            return ""
        left_out = f"more than {_size(self.limits.run)}" if self._is_cut else _size(self._left_out)
        return (
            f"Left out here: {left_out} of output. A cell keeps"
            f" {_size(self.limits.cell)} of text, a notebook {_size(self.limits.notebook)}"
            " of everything.\n"
        )


def _stream_of(output: Any) -> str:
    return str(output["name"]) if output["output_type"] == "stream" else ""


def _size_of(data: Mapping[str, Any]) -> int:
    return sum(len(each if isinstance(each, str) else json.dumps(each)) for each in data.values())


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_ERROR:
        return text
    half = _LONGEST_ERROR // 2
    return f"{text[:half]}\n[{_size(len(text) - 2 * half)} left out]\n{text[-half:]}"


def _size(count: int) -> str:
    if count < MEBIBYTE:
        return f"{count:,} bytes"
    return f"{count / MEBIBYTE:,.1f}".removesuffix(".0") + " MiB"
