"""A notebook's text, as nbformat writes it, at a tenth of what nbformat takes for it.

nbformat copies the whole notebook, validates it and writes it with `json`'s Python encoder. While a
notebook is executed it is stored again and again; what is stored last goes through nbformat itself.
"""

import json
from json.encoder import encode_basestring
from typing import Any

# nbformat splits these into lines beside everything that is text/...; see nbformat/v4/rwbase.py.
_SPLIT = {"application/javascript", "image/svg+xml"}
_NOT_STORED = {"orig_nbformat", "orig_nbformat_minor", "signature"}


def text_of(notebook: Any) -> str:
    """Return the very text that `nbformat.writes` returns, without validating the notebook.

    Raises:
        TypeError: the notebook holds what JSON does not know.
    """
    metadata = {key: each for key, each in notebook["metadata"].items() if key not in _NOT_STORED}
    cells = [_cell(cell) for cell in notebook["cells"]]
    return _json({**notebook, "metadata": metadata, "cells": cells}, "\n")


def _cell(cell: Any) -> dict[str, Any]:
    shaped = {**cell, "source": _lines(cell["source"])}
    if "trusted" in cell["metadata"]:
        shaped["metadata"] = {k: each for k, each in cell["metadata"].items() if k != "trusted"}
    if "attachments" in cell:
        shaped["attachments"] = {k: _bundle(each) for k, each in cell["attachments"].items()}
    if cell["cell_type"] == "code":
        shaped["outputs"] = [_output(each) for each in cell["outputs"]]
    return shaped


def _output(output: Any) -> Any:
    if output["output_type"] == "stream":
        return {**output, "text": _lines(output["text"])}
    return {**output, "data": _bundle(output["data"])} if "data" in output else output


def _bundle(data: Any) -> dict[str, Any]:
    return {
        kind: _lines(each) if kind.startswith("text/") or kind in _SPLIT else each
        for kind, each in data.items()
    }


def _lines(text: Any) -> Any:
    return text.splitlines(keepends=True) if isinstance(text, str) else text


def _json(value: Any, margin: str) -> str:
    """Return what `json.dumps` returns with an indent of 1 and sorted keys."""
    if isinstance(value, str):
        return encode_basestring(value)
    inner = margin + " "
    if isinstance(value, dict):
        items = [f"{encode_basestring(key)}: {_json(value[key], inner)}" for key in sorted(value)]
        opening, closing = "{", "}"
    elif isinstance(value, list | tuple):
        items = [_json(each, inner) for each in value]
        opening, closing = "[", "]"
    else:
        return json.dumps(value)
    if not items:
        return opening + closing
    return opening + inner + ("," + inner).join(items) + margin + closing
