"""Microsoft Entra's password rules.

https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy (length, classes) and
https://learn.microsoft.com/entra/identity/authentication/concept-password-ban-bad (banned words).
The global list is secret; a few words everybody would ban stand for it.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST, _LONGEST = 8, 256
_SYMBOLS = "@#$%^&*-_!+=[]{}|\\:',.?/`~\"();<> "
_ALLOWED = frozenset(string.ascii_letters + string.digits + _SYMBOLS)
_CLASSES_NEEDED = 3
_POINTS_NEEDED = 5
_SHORTEST_NAME = 4
_SAME_LETTERS = str.maketrans({"0": "o", "1": "l", "$": "s", "@": "a"})
_BANNED = (
    "password",
    "passwort",
    "welcome",
    "qwerty",
    "letmein",
    "microsoft",
    "office365",
    "administrator",
    "summer",
    "winter",
    "spring",
    "autumn",
    "abcdef",
    "changeme",
)


def is_acceptable(
    password: str,
    *,
    user_principal_name: str,
    names: Iterable[str | None],
    banned_words: Iterable[str] = (),
) -> bool:
    """Tell whether Entra takes a password.

    Args:
        password: the new password.
        user_principal_name: whose it is; its local part may not occur in it.
        names: given name, surname and the tenant's name: no word of them with at least four
            letters may occur in it.
        banned_words: the tenant's own list.
    """
    if not _SHORTEST <= len(password) <= _LONGEST or not _ALLOWED.issuperset(password):
        return False
    classes = (
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
        _SYMBOLS,
    )
    if sum(any(letter in kind for letter in password) for kind in classes) < _CLASSES_NEEDED:
        return False
    normal = _normalised(password)
    local_part = user_principal_name.partition("@")[0]
    forbidden = {word for name in (*names, local_part) for word in re.findall(r"\w+", name or "")}
    if any(len(word) >= _SHORTEST_NAME and _normalised(word) in normal for word in forbidden):
        return False
    banned = [_normalised(word) for word in (*_BANNED, *banned_words)]
    if any(_is_within_one_edit(normal, word) for word in banned):
        return False
    return _points(normal, banned) >= _POINTS_NEEDED


def _normalised(text: str) -> str:
    return text.lower().translate(_SAME_LETTERS)


def _points(normal: str, banned: list[str]) -> int:
    points = 0
    for word in sorted(banned, key=len, reverse=True):
        points += normal.count(word)
        normal = normal.replace(word, "")
    return points + len(normal)


def _is_within_one_edit(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    shorter, longer = sorted((one, other), key=len)
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    skip = 1 if len(shorter) == len(longer) else 0
    return shorter[start + skip :] == longer[start + 1 :]
