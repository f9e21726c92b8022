import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from o365lib.parameters import yaml_text
from o365lib.parameters.yaml_text import MAX_BYTES, read_document


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "some.yaml"

    def read_text(text):
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_document(file)

    return read_text


def only_problem(result):
    _, problems = result
    (problem,) = problems
    return (problem.line, problem.column), f"{problem.field}: {problem.message}"


def test_plain_values_mean_what_yaml_1_2_says(read):
    document, problems = read(
        "country: NO\nanswer: yes\nswitch: on\ntruth: true\nten: 010\nnegative: -3\n"
        "quoted: 'true'\nnumber: \"5\"\nday: 2026-01-02\nsixty: 1:30\nnothing: ~\nempty:\n"
        "hexadecimal: 0x1F\nreal: 1.5\n"
    )
    assert problems == []
    assert document.data == {
        "country": "NO",
        "answer": "yes",
        "switch": "on",
        "truth": True,
        "ten": 10,
        "negative": -3,
        "quoted": "true",
        "number": "5",
        "day": "2026-01-02",
        "sixty": "1:30",
        "nothing": None,
        "empty": None,
        "hexadecimal": "0x1F",
        "real": "1.5",
    }


def test_a_truth_is_a_truth_and_no_number(read):
    document, _ = read("truth: true\nlie: False\n")
    assert document.data["truth"] is True
    assert document.data["lie"] is False


def test_every_value_knows_its_line_and_column(read):
    document, _ = read("# comment\na: 1\nb:\n  c: [x, y]\n  d:\n    - z\n")
    assert document.keys["b", "c"] == (4, 3)
    assert document.values["b", "c"] == (4, 6)
    assert document.values["b", "c", 1] == (4, 10)
    assert document.values["b", "d", 0] == (6, 7)
    assert document.values[()] == (2, 1)


def test_values_are_found_by_their_location_and_missing_ones_are_none(read):
    document, _ = read("a:\n  b: [1, 2]\n")
    assert document.value_at(("a", "b", 1)) == 2
    assert document.value_at(("a", "b", 7)) is None
    assert document.value_at(("a", "b", "x")) is None
    assert document.value_at(("a", "b", 1, "deeper")) is None
    assert document.value_at(("x",)) is None


def test_windows_line_ends_and_a_byte_order_mark_are_fine(read):
    document, problems = read(b"\xef\xbb\xbfa: 1\r\nb: two\r\n")
    assert problems == []
    assert document.data == {"a": 1, "b": "two"}


@pytest.mark.parametrize(
    ("text", "position", "sentence"),
    [
        ("a: 1\na: 2\n", (2, 1), "a: stands twice (first in line 1)"),
        ("a:\n  b: 1\n  b: 1\n", (3, 3), "a.b: stands twice"),
        ("a:\n\tb: 1\n", (2, 1), "a tab stands here"),
        ("a:\n  b: 1\n\tc: 2\n", (3, 1), "a tab stands here"),
        ("a: 'x\nb: y\n", (1, 4), "a quotation mark is opened here"),
        ('a: "x\nb: y\n', (1, 4), "a quotation mark is opened here"),
        ("a: 'x\n# it's\nb: y\n", (1, 4), "a quotation mark is opened here"),
        ("a: [1, 2\nb: y\n", (1, 4), "a bracket is opened here"),
        ("a: {b: 1\n", (1, 4), "a bracket is opened here"),
        ("a: b: c\n", (1, 5), "a colon too many"),
        ("a: @b\n", (1, 4), "text cannot begin with this character"),
        ("a: `b\n", (1, 4), "text cannot begin with this character"),
        ('a: "\\q"\n', (1, 6), "unknown escape"),
        ("a: 1\nb\nc: 2\n", (2, 1), "a colon and a space are missing"),
        ("a: 1\n b: 2\n", (2, 3), "a colon too many, or indented too far"),
        ("a:\n  b: 1\n c: 1\n", (3, 2), "does not fit: wrong indentation"),
        ("a: *b\n", (1, 4), "a: `*` begins an alias"),
        ("a: &x 1\nb: *x\n", (2, 4), "b: `*` begins an alias"),
        ("a: !!python/name:os.system x\n", (1, 4), "a: has a tag"),
        ("a: !mine x\n", (1, 4), "a: has a tag"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document"),
        ("? [a]\n: b\n", (1, 3), "a key must be a word"),
        ("a: \x01\n", (1, 4), "a character that YAML does not allow"),
        ("%FOO bar\na: 1\n", None, ""),
        ("- a\n- b\n", (1, 1), "must be `key: value` lines"),
        ("hello\n", (1, 1), "must be `key: value` lines"),
        ("", (1, 1), "is empty"),
        ("# only a comment\n", (1, 1), "is empty"),
        ("---\n", (1, 1), "is empty"),
        (b"a: \xff\n", (1, 4), "is not UTF-8"),
        (b"a: 1\nb: \xe4\n", (2, 4), "is not UTF-8"),
        ("a: 1\n".encode("utf-16"), (1, 1), "is not UTF-8"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_a_problem_at_its_place(read, text, position, sentence):
    where, what = only_problem(read(text))
    assert sentence in what
    assert position in {None, where}


def test_values_beside_a_duplicate_key_are_still_read(read):
    document, problems = read("a: first\na: second\nb: *x\nc: 3\n")
    assert document.data == {"a": "first", "b": None, "c": 3}
    assert len(problems) == 2
    assert set(document.refused) == {("a",), ("b",)}


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "a: " + "{a: " * 60_000, "- " * 100_000, "? " * 100_000]
)
def test_deep_nesting_is_a_problem_and_no_crash(read, text):
    _, what = only_problem(read(text))
    assert "nested too deeply" in what or "a key must be a word" in what


def test_aliases_cannot_multiply(read):
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    document, problems = read(bomb)
    assert document.data["i"] == [None] * 9
    assert len(problems) == 72


def test_a_file_that_is_too_large_is_not_read(read):
    assert "larger than 256 KiB" in only_problem(read("a: " + "x" * MAX_BYTES))[1]
    assert read("a: " + "x" * (MAX_BYTES - 3))[1] == []


def test_a_missing_file_a_folder_and_a_pipe_are_problems(tmp_path):
    assert "is missing" in only_problem(read_document(tmp_path / "none.yaml"))[1]
    assert "is not a regular file" in only_problem(read_document(tmp_path))[1]
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "is not a regular file" in only_problem(read_document(tmp_path / "dangling"))[1]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "is not a regular file" in only_problem(read_document(tmp_path / "pipe"))[1]


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "real").write_text("a: 1\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real")
    document, _ = read_document(tmp_path / "link.yaml")
    assert document.data == {"a": 1}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_opened_is_a_problem(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("a: 1\n")
    file.chmod(0)
    assert "cannot be read" in only_problem(read_document(file))[1]


def test_a_file_below_the_current_folder_is_named_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert yaml_text.shown(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert yaml_text.shown(Path("a/b.yaml")) == "a/b.yaml"
    assert yaml_text.shown(Path("/elsewhere/b.yaml")) == str(Path("/elsewhere/b.yaml"))


_TEXTS = st.text(st.sampled_from("ab:-?[]{},#&*!|>'\"%@` \n0179.~"), max_size=40)


@given(_TEXTS)
def test_the_fast_parser_and_the_final_one_agree(text):
    try:
        fast = yaml_text._Reader("x").feed(yaml.parse(text, Loader=yaml_text._FAST))
    except (yaml.YAMLError, yaml_text._Unreadable):
        return  # the final parser has the word
    try:
        final = yaml_text._Reader("x").feed(YAML(typ="safe", pure=True).parse(text))
    except YAMLError:
        return  # stricter, so nothing is misread
    if isinstance(fast.root, dict) or isinstance(final.root, dict):
        assert fast.root == final.root


@given(st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "replace")) | _TEXTS)
def test_any_text_ends_in_data_or_in_a_problem_without_the_parsers_error(text):
    context = None
    try:
        assert yaml_text._read_events(text, "x").problems is not None
    except yaml_text._Unreadable as error:
        context = error.__context__
    assert context is None


def test_a_file_is_read_anew_when_it_says_something_else(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: [1]\n")
    first, _ = read_document(path)
    first.data["a"].append(2)
    again, _ = read_document(path)
    assert again.data == {"a": [1]}
    path.write_text("a: [3]\n")
    assert read_document(path)[0].data == {"a": [3]}
