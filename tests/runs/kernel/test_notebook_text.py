import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from o365lib.runs.kernel.notebook_text import text_of

SOURCE = "a = 'ä\u2028'\r\nb = \"\\x\"\n\nc"


def outputs():
    return [
        new_output("stream", name="stdout", text="one\ntwo\r\x1b[31mthree"),
        new_output("stream", name="stderr", text=""),
        new_output(
            "display_data",
            {"text/html": "<p>\n</p>", "image/svg+xml": "<svg>\n", "image/png": "a\nb",
             "application/json": {"b": [1, 2.5, None, True], "a": {}}},
            metadata={"image/png": {"width": 3}},
        ),
        new_output("execute_result", {"text/plain": "1\n2"}, execution_count=3),
        new_output("error", ename="E", evalue="x\ny", traceback=["one\ntwo", "three"]),
    ]  # fmt: skip


def notebook():
    cells = [
        new_markdown_cell("# ü\n\ntext", attachments={"a.svg": {"image/svg+xml": "<a>\n<b>"}}),
        new_code_cell(SOURCE, outputs=outputs(), execution_count=2, metadata={"trusted": True}),
        new_code_cell("", metadata={"tags": [], "papermill": {"duration": 0.25, "status": None}}),
        new_raw_cell("raw"),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    metadata = {"papermill": {"parameters": {"z": [], "a": "\udc80"}}, "signature": "x"}
    return new_notebook(cells=cells, metadata=metadata)


def test_it_is_nbformats_text_to_the_character():
    assert text_of(notebook()) == nbformat.writes(notebook())


def test_an_empty_notebook_is_nbformats_too():
    assert text_of(new_notebook()) == nbformat.writes(new_notebook())


def test_the_notebook_is_as_it_was():
    before, written = notebook(), notebook()
    text_of(written)
    assert written == before


def test_what_json_does_not_know_is_an_error():
    with pytest.raises(TypeError):
        text_of(new_notebook(metadata={"x": {1, 2}}))
