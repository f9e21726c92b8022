"""Finds secrets in whatever was written, in the spellings in which they could slip in.

Independent of `o365lib.secret`: what masks and what looks for leaks must not share a mistake.
"""

import base64
import gzip
import html
import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

# Of a long secret a piece is a leak too. Of a token only its signature: header and claims are
# public, and ids among the claims stand in signed evidence, in base64 as they do in the token.
_LONG = 60
_PIECE = 24
# What a table, a line's end or a list of lines puts between the parts of a text.
_BETWEEN = re.compile(rb'(?:\\[nrt]|\x1b\[[0-9;]*[A-Za-z]|[\s"\',|]|\xe2\x94[\x80-\xbf])+')


@dataclass
class Written:
    """Everything that was written, by place."""

    places: dict[str, bytes] = field(default_factory=dict)

    def add(self, place: str, content: str | bytes) -> None:
        """Keep a text; under the same place, beside what is there."""
        raw = content.encode() if isinstance(content, str) else content
        self.places[place] = self.places.get(place, b"") + b"\n" + raw

    def add_folder(self, folder: Path, *, but: tuple[str, ...] = ()) -> None:
        """Keep every file below a folder, except below those named in `but`."""
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and not name.startswith(but):
                self.add(f"{folder.name}/{name}", file.read_bytes())

    def leaks(self, secrets: set[str]) -> list[str]:
        """Return `place: spelling` wherever one of these stands."""
        whole = b"\n".join(self.places.values())
        blob = whole + b"\n" + _BETWEEN.sub(b"", whole) + b"\n" + b"\n".join(_unpacked(whole))
        found = []
        for secret in secrets:
            for spelling, text in spellings(secret):
                if text in blob:
                    places = [place for place, held in self.places.items() if _holds(held, text)]
                    found += [f"{place}: {spelling}" for place in places or ["somewhere"]]
        return sorted(set(found))


def spellings(secret: str) -> list[tuple[str, bytes]]:
    """Return a secret as it could be written, each with the spelling's name."""
    raw = secret.encode()
    found = {"JSON in JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()}
    found |= {
        "JSON": json.dumps(secret)[1:-1].encode(),
        "URL": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "HTML": html.escape(secret).encode(),
        "repr": repr(secret)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "UTF-16 LE": secret.encode("utf-16-le"),
        "UTF-16 BE": secret.encode("utf-16-be"),
        "between lines": _BETWEEN.sub(b"", raw),
        "reversed": raw[::-1],
    }
    for offset in range(3):
        for name, encode in (("", base64.b64encode), (" of URLs", base64.urlsafe_b64encode)):
            found[f"base64{name}, {offset} bytes on"] = _within_base64(raw, offset, encode)
    found |= {f"piece {number}": piece for number, piece in enumerate(_pieces(raw))}
    unique = {text: name for name, text in found.items() if text != raw}
    return [("raw", raw), *((name, text) for text, name in unique.items())]


def _within_base64(raw: bytes, offset: int, encode) -> bytes:
    """The characters that depend on the secret alone when it begins so far into a text."""
    text = encode(b"\0" * offset + raw)
    end = {0: len(text), 1: -3, 2: -2}[(offset + len(raw)) % 3]
    return text[(0, 2, 3)[offset] : end]


def _pieces(raw: bytes) -> list[bytes]:
    if len(raw) < _LONG:
        return []
    body = raw[raw.rfind(b".") + 1 :] if raw.startswith(b"eyJ") else raw
    starts = [*range(0, 4 * _PIECE, _PIECE), len(body) // 2, len(body) - _PIECE]
    return [body[start : start + _PIECE] for start in starts if 0 <= start <= len(body) - _PIECE]


def _unpacked(raw: bytes) -> list[bytes]:
    found = []
    for start in (match.start() for match in re.finditer(rb"\x1f\x8b\x08", raw)):
        try:
            found.append(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw[start:]))
        except (zlib.error, gzip.BadGzipFile):
            continue
    return found


def _holds(held: bytes, text: bytes) -> bool:
    return (
        text in held or text in _BETWEEN.sub(b"", held) or any(text in x for x in _unpacked(held))
    )
