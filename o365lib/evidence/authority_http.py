"""One question to a time stamp authority, and its answer, within limits.

- Nothing takes longer than the time that is allowed, whatever the network does: also a name that is
  not resolved, and an answer that comes byte by byte.
- Nothing larger than the size that is allowed is read, and no redirect is followed.
- `https` is trusted by the company's bundle (`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`) or certifi's,
  proxies are those of the environment; no password or cookie is sent.
- What is sent is a digest and a random number. What is answered is believed by nobody here: it is
  signed, and whoever wants it checks that.

https://www.rfc-editor.org/rfc/rfc3161#section-3.4
"""

import os
import ssl
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from o365lib import __version__
from o365lib.errors import EvidenceError

LARGEST_ANSWER = 256 * 1024

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_SCHEMES = {"http", "https"}


def ask(url: str, query: bytes, *, patience_seconds: float) -> bytes:
    """Send a query to an authority and return its answer.

    Args:
        url: of the authority.
        query: a TimeStampReq in DER.
        patience_seconds: for all of it.

    Raises:
        EvidenceError: no whole answer came in time, or it was none of an authority.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise _unanswered(url, "its address is no http:// or https:// URL")
    answers: list[bytes | EvidenceError] = []
    done = threading.Event()

    def work() -> None:
        try:
            answers.append(_exchange(url, query, patience_seconds))
        except EvidenceError as error:
            answers.append(error)
        finally:
            done.set()

    # A thread of its own: nothing else ends the resolution of a name.
    threading.Thread(target=work, daemon=True).start()
    if not done.wait(patience_seconds) or not answers:
        raise _unanswered(url, f"it took longer than {patience_seconds:g} seconds")
    [answer] = answers
    if isinstance(answer, EvidenceError):
        raise answer
    return answer


def _exchange(url: str, query: bytes, timeout_seconds: float) -> bytes:
    request = urllib.request.Request(  # noqa: S310 -- the scheme was looked at
        url,
        data=query,
        headers={
            "Content-Type": _QUERY,
            "Accept": _REPLY,
            "User-Agent": f"o365-runbooks/{__version__}",
        },
    )
    try:
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=_tls())
        )
        with opener.open(request, timeout=timeout_seconds) as response:
            kind = response.headers.get_content_type()
            content: bytes = response.read(LARGEST_ANSWER + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _unanswered(url, f"it answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise _unanswered(url, str(reason)[:200] or type(error).__name__) from None
    if len(content) > LARGEST_ANSWER:
        raise _unanswered(url, f"its answer is larger than {LARGEST_ANSWER // 1024} KiB")
    if kind != _REPLY:
        raise _unanswered(url, f"it answered something else than a time stamp ({kind[:60]})")
    return content


def _tls() -> ssl.SSLContext:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle is None:
        import certifi

        bundle = certifi.where()
    if Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: the answer is then its status."""


def _unanswered(url: str, why: str) -> EvidenceError:
    # No more than the host: an address may have an account's name in it.
    host = urlsplit(url).hostname or "without a name"
    return EvidenceError(
        f"The time stamp authority {host} gave no time stamp: {why}.",
        state="The digest is in the archive without a time stamp.",
        remedy="`o365 evidence stamp` asks again, also much later; runs are not held up by it.",
    )
