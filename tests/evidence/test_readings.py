"""Whatever a text went through on its way into a file, it is read as what it was."""

import base64
import html
import json
import textwrap
from urllib.parse import quote

import pytest

from o365lib.evidence import readings
from o365lib.evidence.readings import CHUNK_BYTES, OVERLAP_BYTES, Readings, chunks

TEXT = 'Xy#7 "in quotes" <&> back\\slash ümlaut'


def in_notebook(text: str) -> str:
    """As nbformat writes an output: a list of lines."""
    return json.dumps({"text": text.splitlines(keepends=True)}, indent=1)


VALUES = {
    "as it is": TEXT,
    "JSON": json.dumps([TEXT], ensure_ascii=False),
    "JSON in ASCII": json.dumps([TEXT]),
    "JSON in JSON": json.dumps([json.dumps([TEXT])]),
    "JSON in JSON in JSON": json.dumps([json.dumps([json.dumps([TEXT])])]),
    "HTML in HTML": html.escape(html.escape(TEXT)),
    "HTML in HTML in JSON": json.dumps([html.escape(html.escape(TEXT))]),
    "HTML in HTML in base64": base64.b64encode(html.escape(html.escape(TEXT)).encode()).decode(),
    "base64": base64.b64encode(TEXT.encode()).decode(),
    "base64 of URLs": base64.urlsafe_b64encode(("??" + TEXT).encode()).decode(),
    "base64 a byte on": base64.b64encode(f"a{TEXT}b".encode()).decode(),
    "base64 two bytes on": base64.b64encode(f"ab{TEXT}cd".encode()).decode(),
    "base64 behind other letters": "xy/" + base64.b64encode(TEXT.encode()).decode(),
    "base64 of mail": base64.encodebytes(("." * 50 + TEXT + "." * 50).encode()).decode(),
    "base64 of mail in JSON": json.dumps(
        base64.encodebytes(("." * 50 + TEXT + "." * 50).encode()).decode()
    ),
    "UTF-16": TEXT.encode("utf-16-le").decode("latin-1").replace("ü", "ü"),
    "UTF-16 in base64": base64.b64encode("Xy#7 in UTF-16".encode("utf-16-le")).decode(),
    "slashes escaped": json.dumps(base64.b64encode(b"???" + TEXT.encode()).decode()).replace(
        "/", "\\/"
    ),
}


@pytest.mark.parametrize("spelling", VALUES)
def test_a_value_is_there_in_one_of_the_readings(spelling):
    wanted = "Xy#7 in UTF-16" if spelling == "UTF-16 in base64" else TEXT
    assert any(wanted in reading for reading in Readings(VALUES[spelling]).for_values())


def test_a_long_value_is_there_however_lines_tables_and_lists_broke_it():
    value = "AbC9" * 30
    wrapped = textwrap.wrap(value, 40)
    for text in (
        "\n".join(wrapped),
        "\r\n".join(wrapped),
        in_notebook("\n".join(wrapped)),
        "\n".join(f"│ {line} │" for line in wrapped),
        repr(wrapped),
        json.dumps(wrapped, indent=2),
    ):
        assert any(value in reading for reading in Readings(text).for_values())


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        html.escape,
        lambda text: quote(text, safe=""),
        lambda text: quote(html.escape(text)),
        lambda text: json.dumps([html.escape(text)]),
        lambda text: json.dumps([json.dumps([html.escape(text)])]),
        lambda text: json.dumps([text]).replace("<", "\\u003c").replace("&", "\\u0026"),
        lambda text: base64.b64encode(text.encode()).decode(),
        in_notebook,
    ],
)
def test_a_form_is_there_in_ascii_without_any_escape(spell):
    read = Readings(spell('{"password": "Xy#7<&>\'ü"}')).for_patterns()
    assert any('"password": "Xy#7<&>\'?"' in reading for reading in read)


def test_a_mask_is_told_from_other_characters_beyond_ascii():
    assert Readings("•••ü").for_patterns()[0] == f"{readings.MASKED * 3}?"


def test_half_a_character_of_json_is_read_over():
    assert any("Xy#7" in reading for reading in Readings(r'["\ud83d", "Xy#7"]').for_patterns())


def test_digests_guids_and_names_are_not_taken_for_base64():
    text = (
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
        "62e90394-69f5-4237-9190-012177145e10\ncreate_service_account\nnotebooks/runbooks"
    )
    assert Readings(text).for_values()[-1] == ""


def test_lines_of_a_file_are_counted_through_its_chunks(tmp_path):
    file = tmp_path / "file"
    file.write_text("".join(f"line {number}\n" for number in range(1, 400_001)), "utf-8")
    read = list(chunks(file))
    assert len(read) > 3
    for chunk in read:
        lines = chunk.text.split("\n")
        assert lines[1] == f"line {chunk.line + 1}"


def test_chunks_overlap_so_that_nothing_is_cut_in_all_of_them(tmp_path):
    file = tmp_path / "file"
    piece = "ü" * (OVERLAP_BYTES // 4)
    for start in (CHUNK_BYTES - 10, CHUNK_BYTES - OVERLAP_BYTES // 2, 2 * CHUNK_BYTES - 1):
        file.write_text("x" * start + piece + "x" * CHUNK_BYTES, "utf-8")
        assert any(piece in chunk.text for chunk in chunks(file))
        assert max(len(chunk.text) for chunk in chunks(file)) <= CHUNK_BYTES + OVERLAP_BYTES


def test_an_empty_file_has_no_chunks(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert list(chunks(tmp_path / "file")) == []
