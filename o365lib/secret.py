"""Secret: a value that cannot be shown by accident.

- `repr`, `str`, formatting, pickling, copying and JSON never give the value; `reveal()` does.
- Every value that was ever held in this process is known to `mask` and `find`, in the spellings in
  which it could slip into a text: as it is, as JSON, URL-quoted, HTML-escaped and in base64.
- `generate_password` follows Entra's rules, banned words included.
"""

import base64
import functools
import html
import json
import re
import secrets
import string
import threading
from collections.abc import Iterable
from typing import Never
from urllib.parse import quote, quote_plus

MASK = "•••••"

# Shorter values would turn up in innocent text; nothing that we hold is that short.
_SHORTEST_KNOWN = 6
# A notebook keeps text line by line, so a private key is known by its lines too; the first and
# last are the same in every key, and a remainder of a few characters is nobody's secret.
_SHORTEST_LINE = 32

_lock = threading.Lock()
_known: set[str] = set()


class Secret:
    """A password, client secret, code or token.

    Args:
        value: the secret text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= _SHORTEST_KNOWN:
            with _lock:
                _known.update({value, *_lines(value)})

    def reveal(self) -> str:
        """The value, for the one call that sends it. Never assign it to a name that lives on."""
        return self._value

    def __repr__(self) -> str:
        """A mask of fixed length, so that not even the length shows."""
        return f"Secret({MASK})"

    def __str__(self) -> str:
        """The mask."""
        return MASK

    def __format__(self, format_spec: str) -> str:
        """The mask, whatever the format."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return secrets.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """By identity of the value, so that secrets can be kept in a set."""
        return hash(("o365lib.secret", self._value))

    def __reduce__(self) -> Never:
        """A secret does not travel: no pickle, no copy, no other process."""
        raise TypeError("a Secret cannot be pickled or copied")


def _lines(value: str) -> list[str]:
    lines = value.splitlines()
    if len(lines) == 1:
        return []
    return [line for line in lines if len(line) >= _SHORTEST_LINE and "-----" not in line]


def mask(text: str) -> str:
    """Return `text` with every known secret replaced, in whatever spelling it appears."""
    if len(text) >= _SHORTEST_KNOWN and (spellings := _spellings_in(text)):
        pattern = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len)[::-1])
        return re.sub(pattern, MASK, text)
    return text


def find(text: str) -> int:
    """Return how many known secrets appear in `text`, in any spelling."""
    with _lock:
        known = list(_known)
    return sum(any(spelling in text for spelling in spellings(value)) for value in known)


def may_stand_in_json(text: str) -> bool:
    """Whether a known secret, in any spelling, may appear in a text value of this JSON.

    Never false where one does: JSON writes each character by itself, so that what stands in a value
    stands in the JSON as JSON writes it. Finding none is much faster than masking each value.
    """
    with _lock:
        known = list(_known)
    return any(spelling in text for value in known for spelling in _spellings_in_json(value))


@functools.cache
def _spellings_in_json(value: str) -> frozenset[str]:
    return frozenset(json.dumps(way, ensure_ascii=False)[1:-1] for way in spellings(value))


@functools.cache
def spellings(value: str) -> frozenset[str]:
    """Return the ways in which a value may be written in JSON, a URL, HTML or base64."""
    ways = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        html.escape(value),
        repr(value)[1:-1],
    }
    raw = value.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        ways.add(encode(raw).decode().rstrip("="))
    return frozenset(way for way in ways if len(way) >= _SHORTEST_KNOWN)


def _spellings_in(text: str) -> set[str]:
    with _lock:
        known = list(_known)
    return {way for value in known for way in spellings(value) if way in text}


# Entra allows more; these are unambiguous to read aloud and survive mail, HTML and a shell.
# https://learn.microsoft.com/entra/identity/authentication/concept-password-ban-bad-combined-policy
_LOWER = "abcdefghijkmnopqrstuvwxyz"
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"
_SYMBOLS = "#%*+-=?@_!"
_ALPHABET = _LOWER + _UPPER + _DIGITS + _SYMBOLS
_NORMALISED = str.maketrans({"0": "o", "1": "l", "$": "s", "@": "a"})
_SHORTEST_BANNED = 4

PASSWORD_LENGTH = 24


def generate_password(*, banned_words: Iterable[str] = (), length: int = PASSWORD_LENGTH) -> Secret:
    """Return a new random password that Entra accepts.

    It has every class of character, begins and ends with a letter or digit, and contains none of
    the banned words (from four letters on), also not after Entra's normalisation of look-alikes.

    Args:
        banned_words: names of the tenant, the account and the vendor; split at what is no letter.
        length: in characters, between 12 and 256.

    Raises:
        ValueError: the length is out of range.
    """
    if not 12 <= length <= 256:  # noqa: PLR2004 -- our floor and Entra's ceiling, as documented above
        raise ValueError("a password has 12 to 256 characters")
    banned = {
        part
        for word in banned_words
        for part in re.split(r"[\W\d_]+", word.lower())
        if len(part) >= _SHORTEST_BANNED
    }
    while True:
        candidate = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if _acceptable(candidate, banned):
            return Secret(candidate)


def _acceptable(candidate: str, banned: set[str]) -> bool:
    classes = (_LOWER, _UPPER, _DIGITS, _SYMBOLS)
    edges = string.ascii_letters + string.digits
    if candidate[0] not in edges or candidate[-1] not in edges:
        return False
    if not all(any(character in group for character in candidate) for group in classes):
        return False
    normalised = candidate.lower().translate(_NORMALISED)
    return not any(word in normalised for word in banned)
