"""Text from elsewhere, made fit to be shown: data that can steer nothing.

Control characters could steer a terminal, direction characters could make a line read otherwise
than it is, and a known secret could stand in a message: all three are taken out, wherever a text
is shown. Escaping for HTML or for a table's markup is for whoever makes those.
"""

import unicodedata

from o365lib import secret

# https://www.unicode.org/reports/tr44/#General_Category_Values
_TAKEN_OUT = frozenset({"Cc", "Cf", "Co", "Cs"})


def without_controls(text: str) -> str:
    """Return a text without control and direction characters; line breaks go as well."""
    if text.isprintable():  # none of these is, and nearly every text is: a hundred times as fast
        return text
    return "".join(each for each in text if unicodedata.category(each) not in _TAKEN_OUT)


def one_line(text: object, *, longest: int | None = None) -> str:
    """Return a text on one line, without what could steer a terminal, known secrets masked.

    Args:
        text: whatever it is, a tenant's included.
        longest: in characters; what is longer is cut. None for no limit.
    """
    line = secret.mask(without_controls(" ".join(str(text).split())))
    return line if longest is None or len(line) <= longest else line[: longest - 1] + "…"
