import pytest
from nbformat import validate
from nbformat.v4 import new_code_cell, new_notebook, new_output

from o365lib.runs.kernel.kept_output import KeptOutput, OutputLimits


@pytest.fixture
def kept():
    return KeptOutput(OutputLimits(cell=100, notebook=250, run=1000))


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(text):
    return {"data": {"text/plain": text}, "metadata": {}}


def text_of(outputs, name="stdout"):
    return "".join(
        each.text for each in outputs if each.output_type == "stream" and each.name == name
    )


def test_what_is_within_the_limits_is_kept_as_one_text(kept):
    outputs = []
    for piece in ("one\n", "two\n"):
        kept.add_text(outputs, printed(piece))
    kept.end_cell(outputs)
    assert [each.text for each in outputs] == ["one\ntwo\n"]


def test_streams_and_what_is_shown_stay_in_their_order(kept):
    outputs = []
    kept.add_text(outputs, printed("a"))
    kept.add_text(outputs, printed("b", "stderr"))
    outputs.append(new_output("display_data", {"text/plain": "x"}))
    kept.add_text(outputs, printed("c"))
    kept.end_cell(outputs)
    kinds = [each.get("name", each.output_type) for each in outputs]
    assert kinds == ["stdout", "stderr", "display_data", "stdout"]


def test_long_pieces_are_joined_when_the_cell_ends_and_not_again_and_again():
    kept, outputs = KeptOutput(OutputLimits()), []
    for _ in range(100):
        kept.add_text(outputs, printed("x" * 5000))
    assert len(outputs) == 100
    kept.end_cell(outputs)
    assert [len(each.text) for each in outputs] == [500_000]


def test_many_short_pieces_are_few_outputs():
    kept, outputs = KeptOutput(OutputLimits()), []
    for _ in range(50_000):
        kept.add_text(outputs, printed("xyz\n"))
    assert len(outputs) < 50


def test_of_more_text_the_beginning_is_kept_and_the_rest_is_told(kept):
    outputs = []
    for _ in range(3):
        kept.add_text(outputs, printed("x" * 60))
    kept.end_cell(outputs)
    assert text_of(outputs) == "x" * 100
    assert text_of(outputs, "stderr") == (
        "Left out here: 80 bytes of output. A cell keeps 100 bytes of text, a notebook 250 bytes"
        " of everything.\n"
    )
    validate(new_notebook(cells=[new_code_cell(outputs=outputs)]))


def test_a_character_is_kept_as_a_whole_or_not_at_all(kept):
    outputs = []
    kept.add_text(outputs, printed("x" * 99 + "€uro"))
    assert text_of(outputs) == "x" * 99


def test_each_cell_has_its_own_limit_and_the_notebook_one_for_all(kept):
    lengths = []
    for _ in range(4):
        outputs = []
        kept.begin_cell()
        kept.add_text(outputs, printed("x" * 100))
        kept.end_cell(outputs)
        lengths.append((len(text_of(outputs)), bool(text_of(outputs, "stderr"))))
    assert lengths == [(100, False), (100, False), (50, True), (0, True)]


def test_what_is_shown_counts_for_the_notebook(kept):
    assert kept.keeps(shown("x" * 240))
    assert not kept.keeps(shown("x" * 11))
    assert kept.keeps(shown("x" * 10))
    assert "11 bytes" in kept.sentence()


def test_data_that_is_no_text_counts_as_it_is_written(kept):
    assert not kept.keeps({"data": {"application/json": {"list": ["x" * 300]}}})


def test_an_update_counts_instead_of_what_it_replaces(kept):
    for _ in range(4):
        assert kept.keeps(shown("x" * 200), display_id="bar")
    assert not kept.keeps(shown("x" * 51))
    assert not kept.keeps(shown("x" * 251), display_id="bar")


def test_what_is_taken_away_makes_room(kept):
    for _ in range(4):
        outputs = []
        kept.add_text(outputs, printed("x" * 100))
        kept.end_cell(outputs)
        assert len(text_of(outputs)) == 100
        kept.forget(outputs)


def test_everything_that_arrives_counts_against_the_run(kept):
    outputs = []
    kept.add_text(outputs, printed("x" * 500))
    kept.keeps(shown("x" * 300), display_id="bar")
    assert not kept.is_too_much
    kept.keeps(shown("x" * 201), display_id="bar")
    assert kept.is_too_much
    assert kept.limits.too_much == "it printed more than 1,000 bytes"
    assert OutputLimits().too_much == "it printed more than 64 MiB"


def test_of_a_long_error_the_beginning_and_the_end_are_kept(kept):
    text = "begin " + "x" * 200_000 + " end"
    error = new_output("error", ename="E", evalue=text, traceback=["frame", text])
    kept.shorten_error(error)
    assert error.evalue.startswith("begin ")
    assert error.evalue.endswith(" end")
    assert "bytes left out" in error.evalue
    assert error.traceback[0].startswith("frame\nbegin ")
    assert len(error.evalue) + len(error.traceback[0]) < 140_000
    assert kept.is_too_much


def test_an_ordinary_error_is_as_it_was(kept):
    error = new_output("error", ename="E", evalue="no", traceback=["one", "two"])
    kept.shorten_error(error)
    assert error.traceback == ["one", "two"]


def test_of_what_never_arrived_it_is_told_that_it_was_more(kept):
    kept.lose()
    outputs = []
    kept.end_cell(outputs)
    assert "more than 1,000 bytes of output" in text_of(outputs, "stderr")
    kept.begin_cell()
    assert kept.sentence() == ""
