"""A file's text as a search for secrets has to read it: in pieces, and in every likely spelling.

- A file is read in chunks that overlap, so that one of any size, or one endless line, takes bounded
  memory; what is shorter than the overlap is whole in one chunk at least.
- Readings undo what notebooks, web pages, forms and mail do to a text: JSON's escapes (also JSON in
  JSON, and a notebook's lists of lines), HTML's, percent signs, base64, and UTF-16.
- Every step takes time in proportion to the text, whatever stands in it.
"""

import binascii
import html
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from o365lib.secret import MASK

CHUNK_BYTES = 1 << 20
OVERLAP_BYTES = 1 << 15

# JSON in a notebook's output in a notebook, and one more.
_DEEPEST_JSON = 3

# Between two lines of a text that a notebook keeps as a list.
_LIST_BREAK = re.compile(r'\\n",\r?\n\s*"')
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
# What a table or a list of lines puts between the parts of a text, beside white space.
_BETWEEN = ("\\n", '"', "'", ",", "|", "\u2502")

# Shorter runs hold nothing that `secret.spellings` does not know.
_SHORTEST_BASE64 = 16
# Mail and PEM break base64 into lines of 64 or 76.
_BASE64_BREAK = re.compile(r"\n(?<=[A-Za-z0-9+/]{60}\n)(?=[A-Za-z0-9+/])")
# Everything but base64's letters, in both alphabets, is a space.
_LETTERS = (string.ascii_letters + string.digits + "+/").encode()
_TO_BASE64 = bytes(
    byte if byte in _LETTERS else {0x2D: 0x2B, 0x5F: 0x2F}.get(byte, 0x20) for byte in range(256)
)
# Digests, GUIDs and our names are of these letters too.
_NO_BASE64 = re.compile(rb"[0-9a-f+]+|[0-9A-F+]+|[a-z/+]+")

# A character of a mask in what `Readings.for_patterns` returns.
MASKED = "\x1a"


@dataclass(frozen=True)
class Chunk:
    """A piece of a file.

    Attributes:
        text: bytes that are no UTF-8 stand as replacement characters.
        line: the number of the line in which it begins, from 1.
    """

    text: str
    line: int


def chunks(file: Path) -> Iterator[Chunk]:
    """Yield a file's text; a chunk begins with the end of the one before it.

    Raises:
        OSError: the file cannot be read.
    """
    line, kept = 1, b""
    with file.open("rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            raw = kept + block
            yield Chunk(raw.decode("utf-8", "replace"), line)
            kept = raw[-OVERLAP_BYTES:]
            line += raw.count(b"\n", 0, len(raw) - len(kept))


class Readings:
    """A text in the spellings in which a secret may stand in it.

    Args:
        text: as it was read.
    """

    def __init__(self, text: str) -> None:
        layers = [text.replace("\0", "")]
        while "\\" in layers[-1] and len(layers) <= _DEEPEST_JSON:
            layers.append(_without_escapes(layers[-1]))
        self._layers = layers
        self._unpacked = _unpacked(layers[-1])

    def for_values(self) -> list[str]:
        """Return where to look for a certain value, in the spellings of `secret.spellings`.

        These are the text without each layer of JSON's escapes, without what tables, lists and line
        breaks put between its parts, and what stands in base64 in it.
        """
        return [*self._layers, _glued(self._layers[0]), self._unpacked]

    def for_patterns(self) -> list[str]:
        """Return where to look for what has a certain form: in ASCII, without any escapes.

        `MASKED` stands for a character of a mask, and a question mark for others beyond ASCII.
        """
        text = self._layers[-1]
        if "&" in text:
            text = html.unescape(text)
        if "%" in text:
            text = unquote(text)
        return [_ascii(text), _ascii(self._unpacked)]


def _ascii(text: str) -> str:
    return text.replace(MASK[0], MASKED).encode("ascii", "replace").decode("ascii")


def _glued(text: str) -> str:
    for between in _BETWEEN:
        text = text.replace(between, "")
    return "".join(text.split())


def _unpacked(text: str) -> str:
    """Return what stands in base64 in a text, a line each; it may begin anywhere in a run."""
    found = []
    if "\n" in text:
        text = _BASE64_BREAK.sub("", text.replace("\r", ""))
    for run in text.encode().translate(_TO_BASE64).split():
        if len(run) < _SHORTEST_BASE64 or _NO_BASE64.fullmatch(run):
            continue
        for start in range(4):
            end = start + (len(run) - start) // 4 * 4
            found.append(binascii.a2b_base64(run[start:end]))
        # Two or three more characters are one or two more bytes.
        if len(run) % 4 > 1:
            tail = run[len(run) // 4 * 4 :]
            found[-4] += binascii.a2b_base64(tail + b"=" * (4 - len(tail)))
    return b"\n".join(found).decode("utf-8", "replace").replace("\0", "")


def _without_escapes(text: str) -> str:
    if "\\n" in text:
        text = _LIST_BREAK.sub("\n", text)
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    # Pairs of backslashes first: what follows one of them is no escape.
    text = text.replace("\\\\", "\0")
    for escape, meaning in (('\\"', '"'), ("\\/", "/"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "")):
        text = text.replace(escape, meaning)
    return text.replace("\0", "\\")
