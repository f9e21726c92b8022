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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

CHUNK_BYTES = 1 << 20
OVERLAP_BYTES = 1 << 15

# JSON in a notebook's output in a notebook, and one more.
_DEEPEST_JSON = 3

# Between two lines of a text that a notebook keeps as a list.
_LIST_BREAK = re.compile(r'\\n",\r?\n\s*"')
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
# What a table, a line's end or a list of lines puts between the parts of a text.
_BETWEEN = re.compile(r'(?:\\[nrt]|[\s"\',|\u2500-\u257f])+')

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
# Mail and PEM break base64 into lines of 64 or 76.
_BASE64_BREAK = re.compile(r"(?<=[A-Za-z0-9+/]{60})\r?\n(?=[A-Za-z0-9+/])")
# Digests, GUIDs and our names are in base64's alphabet too.
_NO_BASE64 = re.compile(r"[0-9a-f-]+|[0-9A-F-]+|[a-z_/-]+")
_URL_SAFE = str.maketrans("-_", "+/")


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


def plain(text: str) -> list[str]:
    """Return a text, and what it is without each layer of JSON's escapes; the last has none left.

    A text without escapes is returned alone.
    """
    found = [text.replace("\0", "")]
    while "\\" in found[-1] and len(found) <= _DEEPEST_JSON:
        found.append(_without_escapes(found[-1]))
    return found


def unescaped(text: str) -> str:
    """Return a text without the escapes of HTML and of URLs."""
    if "&" in text:
        text = html.unescape(text)
    return unquote(text) if "%" in text else text


def glued(text: str) -> str:
    """Return a text without what line breaks, lists and tables put between its parts."""
    return _BETWEEN.sub("", text)


def unpacked(text: str) -> str:
    """Return what stands in base64 in a text, a line each; it may begin anywhere in a run."""
    found = []
    for run in _BASE64.findall(_BASE64_BREAK.sub("", text)):
        if _NO_BASE64.fullmatch(run):
            continue
        packed = run.translate(_URL_SAFE)
        for start in range(4):
            length = (len(packed) - start) // 4 * 4
            found.append(binascii.a2b_base64(packed[start : start + length]))
            # Two or three more characters are one or two more bytes.
            if start == 0 and len(packed) % 4 > 1:
                found[-1] += binascii.a2b_base64(packed[length:] + "=" * (-len(packed) % 4))
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
