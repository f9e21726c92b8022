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
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

from o365lib.secret import MASK

CHUNK_BYTES = 1 << 20
OVERLAP_BYTES = 1 << 15

# JSON in a notebook's output in a notebook, and one more.
_DEEPEST_JSON = 3
# A page that shows another page's source.
_DEEPEST_HTML = 2

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
_UNREADABLE = bytes({*range(256)} - {*range(0x20, 0x7F)} - {0x0A})
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
        self._layers = _layers(text.replace("\0", ""))
        self._unpacked = _layers(_unpacked(self._layers[-1]))

    def for_values(self) -> list[str]:
        """Return where to look for a certain value, in the spellings of `secret.spellings`.

        These are the text without each layer of JSON's escapes, without what tables, lists and line
        breaks put between its parts, and what stands in base64 in it; and each of them without
        HTML's escapes.
        """
        found = [*self._layers, _glued(self._layers[0]), *self._unpacked]
        return [*found, *chain.from_iterable(map(_without_html, found))]

    def for_patterns(self) -> list[str]:
        """Return where to look for what has a certain form: in ASCII, without any escapes.

        `MASKED` stands for a character of a mask, and a question mark for others beyond ASCII.
        """
        return [_plain(self._layers[-1]), _plain(self._unpacked[-1])]


def _layers(text: str) -> list[str]:
    """Return a text, and what it is without each layer of JSON's escapes."""
    found = [text]
    while "\\" in found[-1] and len(found) <= _DEEPEST_JSON:
        found.append(_without_escapes(found[-1]))
    return found


def _without_html(text: str) -> Iterator[str]:
    """Yield a text without each layer of HTML's escapes that it has."""
    for _ in range(_DEEPEST_HTML):
        before, text = text, html.unescape(text)
        if text == before:
            return
        yield text


def _plain(text: str) -> str:
    for _ in range(_DEEPEST_HTML):
        if "%" in text:
            text = unquote(text)
        if "&" in text:
            text = _layers(html.unescape(text))[-1]
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
    # Half a pair of surrogates, which JSON may hold, is no UTF-8.
    for run in text.encode("utf-8", "replace").translate(_TO_BASE64).split():
        if len(run) < _SHORTEST_BASE64 or _NO_BASE64.fullmatch(run):
            continue
        for start in range(4):
            end = start + (len(run) - start) // 4 * 4
            raw = binascii.a2b_base64(run[start:end])
            if start == 0 and len(run) % 4 > 1:
                # Two or three more characters are one or two more bytes.
                raw += binascii.a2b_base64(run[end:] + b"=" * (4 - len(run) % 4))
            found.append(_readable(raw))
    return "\n".join(found)


def _readable(raw: bytes) -> str:
    """Return bytes as text; of what is no text the letters, digits and signs."""
    try:
        return raw.decode().replace("\0", "")
    except UnicodeDecodeError:
        return raw.translate(None, _UNREADABLE).decode("ascii")


def _without_escapes(text: str) -> str:
    # Pairs of backslashes first: what follows one of them is no escape.
    text = text.replace("\\\\", "\0")
    if "\\n" in text:
        text = _LIST_BREAK.sub("\n", text)
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    for escape, meaning in (('\\"', '"'), ("\\/", "/"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "")):
        text = text.replace(escape, meaning)
    return text.replace("\0", "\\")
