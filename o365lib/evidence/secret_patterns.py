"""What a secret looks like to somebody who does not know it: detect-secrets' detectors, and ours.

- Those of its detectors were chosen that need a telling form; none that goes by entropy or by a
  word nearby, because a record is full of digests, GUIDs and request ids.
- Ours are what its collection lacks: headers, Entra's tokens and client secrets, and OAuth's fields
  in JSON and forms. They are detectors of its kind.
- No detector looks at one place twice, whatever a text is made of.
- What they find is a kind, never the value.

Imported late: detect-secrets takes a quarter of a second.

https://github.com/Yelp/detect-secrets
"""

import base64
import itertools
import json
import re
from collections.abc import Generator, Iterator

from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector

# A header has many "eyJ" only if somebody made it so.
_MOST_STARTS = 20


class _JsonWebToken(JwtTokenDetector):
    """Tokens, signed or encrypted, whole or cut off; its own expression is slow on long runs."""

    denylist = [  # noqa: RUF012 -- its base class has a list
        re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{13,}+(?:\.[A-Za-z0-9_-]*+){1,8}")
    ]

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """Yield the tokens in a text: a header that says how it is signed, and what follows it."""
        if "eyJ" not in string:
            return
        for run in self.denylist[0].finditer(string):
            parts = run[0].split(".")
            for header, body in itertools.pairwise(parts):
                if len(body) >= 8 and _is_token_header(header):  # noqa: PLR2004 -- a payload is never shorter
                    yield f"{header}.{body}"


def _is_token_header(text: str) -> bool:
    starts = [match.start() for match in re.finditer("eyJ", text)][-_MOST_STARTS:]
    return any(_says_algorithm(text[start:]) for start in starts)


def _says_algorithm(part: str) -> bool:
    # https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


class _PrivateKey(PrivateKeyDetector):
    """Private keys, with the kinds that its list lacks and PKCS #8 without its first line."""

    words = ("PRIVATE KEY", "PuTTY-User-Key", "ANBgkq")
    denylist = [  # noqa: RUF012 -- as above
        *PrivateKeyDetector.denylist,
        re.compile("BEGIN ENCRYPTED PRIVATE KEY"),
        re.compile("PuTTY-User-Key-File-3"),
        # rsaEncryption and the beginning of an octet string; a public key has a bit string there.
        re.compile("ANBgkqhkiG9w0BAQEFAASC"),
    ]

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """Yield what its expressions match, if one of their words is there at all."""
        if any(word in string for word in self.words):
            yield from super().analyze_string(string)


class _Worded(RegexBasedDetector):
    """Looks where one of its words stands, in large or small letters, and nowhere else."""

    words: tuple[str, ...]

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """Yield what an expression matches at one of the words."""
        small = string.lower()
        for word in self.words:
            for start in _starts(small, word):
                for expression in self.denylist:
                    if match := expression.match(string, start):
                        yield match[0]


def _starts(text: str, word: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + len(word))


class _Header(_Worded):
    """Bearer tokens, and what else such a header may hold.

    https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    """

    secret_type = "authorization header"  # noqa: S105 -- a kind's name
    words = ("bearer", "authorization")
    denylist = (
        re.compile(
            r"(?i)(?<![\w-])bearer[ \t]{1,8}(?=[A-Za-z._~+/-]{0,200}[0-9])[A-Za-z0-9._~+/-]{20}"
        ),
        re.compile(
            r"(?i)authorization[\"']?[ \t]{0,8}[:=,][ \t]{0,8}[\"']?"
            r"(?:basic|bearer|pop|sharedkey\w{0,8})[ \t]{1,8}[A-Za-z0-9._~+/-]{12}"
        ),
    )


class _RefreshToken(_Worded):
    """Entra's refresh tokens and codes, and those of Microsoft accounts.

    They are opaque by contract (https://learn.microsoft.com/entra/identity-platform/refresh-tokens),
    but begin alike.
    """

    secret_type = "refresh token"  # noqa: S105 -- a kind's name
    words = ("0.a", "1.a", "aqab", "agab", "m.c", "m.r")
    denylist = (
        re.compile(r"(?<![A-Za-z0-9_.-])[01]\.A[A-Za-z0-9_-]{40}"),
        re.compile(r"(?<![A-Za-z0-9_+/-])(?:AQAB|AgAB)[A-Za-z0-9_-]{100}"),
        re.compile(r"(?<![\w.])M\.[CR][0-9]{1,4}_[A-Z0-9]{2,6}\.[\w.!*$-]{40}"),
    )


class _ClientSecret(_Worded):
    """Entra's client secrets: three characters, a digit, `Q~`, and 31 or more."""

    secret_type = "client secret"  # noqa: S105 -- a kind's name
    words = ("q~",)
    denylist = (re.compile(r"(?<=[\w~.-]{3}[0-9])Q~[\w~.-]{31}"),)


_TOKENS = (
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "client_assertion",
    "code_verifier",
    "device_code",
    "secrettext",
    "secret_text",
)
_PASSWORDS = ("password", "passwd", "newpassword", "currentpassword", "temporaryaccesspass")


class _Field(_Worded):
    """Fields of OAuth and Graph with a value: in JSON and Python in quotes, in forms without.

    What only looks like it is left: masks, placeholders, prose, and the lines of code that a stack
    of frames shows (`password=password,`).
    """

    secret_type = "field that holds a secret"  # noqa: S105 -- a kind's name
    words = (*_TOKENS, *_PASSWORDS)
    denylist = (
        re.compile(
            r"(?<=[\"'])\w{1,24}[\"']\s{0,8}:\s{0,8}[\"'](?!\*\*)[^\s\"'\x1a<{$][^\s\"'\x1a]{5,8000}[\"']"
        ),
        re.compile(
            r"(?<![\w.-])\w{1,24}=(?=[^\s&\"']{0,200}[0-9])"
            r"[^\s&\"'\x1a<>{}()\[\],;]{6,200}+(?![\x1a<>{}()\[\],;])"
        ),
    )


_DETECTORS: tuple[BasePlugin, ...] = (
    _JsonWebToken(),
    _PrivateKey(),
    AzureStorageKeyDetector(),
    BasicAuthDetector(),
    _Header(),
    _RefreshToken(),
    _ClientSecret(),
    _Field(),
)


def kinds_in(text: str) -> set[str]:
    """Return the kinds of what looks like a secret in a text, and nothing of the secrets.

    Args:
        text: in ASCII, as `readings.Readings.for_patterns` returns it.
    """
    return {
        str(each.secret_type)
        for each in _DETECTORS
        if next(iter(each.analyze_string(text)), None) is not None
    }
