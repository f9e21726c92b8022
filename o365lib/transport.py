"""The wire: every byte that leaves for Microsoft's services goes through here.

- With `o365lib.connections` the only importer of requests; one pool of connections per run,
  MSAL's requests included.
- Nothing is sent to a host outside the client's cloud, and no redirect is followed.
- The sandbox is trusted by its own authority and no other, whatever the environment says; the
  public clouds by the company's bundle (`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`) or certifi's.
  Nothing turns verification off.
- Proxies of the environment are used for public clouds, never for this machine. `~/.netrc` and
  cookies are never used.
- Every call has timeouts, carries a `client-request-id` and leaves a record in the ledger,
  also when no answer came.
- Secrets stay inside `Secret` until the body is encoded, and bodies are never logged.
"""

import json as json_module
import logging
import math
import os
import re
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.utils import default_headers, get_environ_proxies

from o365lib import __version__, clock, secret, silence
from o365lib.clouds import Cloud
from o365lib.connections import Connections
from o365lib.errors import NoAnswer, UntrustedHost
from o365lib.ledger import BatchItemRecord, Ledger, Service
from o365lib.secret import Secret

_log = logging.getLogger(__name__)

# Middle boxes drop idle connections without a word, and a write on a dead one looks like a lost
# answer. A person may think for minutes before confirming, so start afresh after this long.
_IDLE_SECONDS: Final = 30.0

_TEXT_START: Final = 200
# So much of a page is searched for secrets before its start is cut off: half of a token is no
# longer recognised as one.
_TEXT_SEARCHED: Final = 64 * 1024
_PLAIN_SEGMENT = re.compile(r"[.$]?[A-Za-z][A-Za-z-]*|v\d\.\d|microsoft\.graph\.[A-Za-z]+")
_HEADERS: Final = {**default_headers(), "User-Agent": f"o365-runbooks/{__version__}"}
Describe = Callable[[Any], Sequence[BatchItemRecord]]


@dataclass(frozen=True)
class Response:
    """An answer, as far as it is needed.

    Attributes:
        headers: names in lower case.
        body: the parsed JSON; None where there was none.
        text_start: the first characters of a body that is not JSON.
        size: of the body, in bytes.
        request_id: the service's own id of the request.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    text_start: str
    size: int
    request_id: str
    text: str = ""


class Transport:
    """The connections of one run.

    Args:
        cloud: whose hosts, and no others, may be asked.
        ledger: where every request is recorded.
        connect_timeout_seconds: for each connection.
        read_timeout_seconds: between two bytes of an answer.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        ledger: Ledger,
        connect_timeout_seconds: float = 10,
        read_timeout_seconds: float = 60,
    ) -> None:
        self.cloud = cloud
        self.ledger = ledger
        self._timeout = (connect_timeout_seconds, read_timeout_seconds)
        # Without a session of requests: it follows redirects, keeps cookies, lets the environment's
        # bundle win over ours and sends ~/.netrc's passwords, and takes longer than the rest of a
        # request. What we do want of the environment is passed explicitly with each request.
        # https://github.com/psf/requests/issues/3829
        self._connections = Connections()
        self._last_used = clock.monotonic()

    def close(self) -> None:
        """Close the connections; a later request would open new ones."""
        self._connections.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        token: Secret | None = None,
        json: Any = None,
        attempt: int = 1,
        describe: Describe | None = None,
    ) -> Response:
        """Send one request, once, and return the answer whatever its status.

        Args:
            method: in capitals.
            url: of the client's cloud.
            headers: to send along.
            token: becomes the `Authorization` header.
            json: the body; a `Secret` anywhere in it is revealed for sending only.
            attempt: for the ledger.
            describe: makes the ledger's entries for the items of a `$batch` answer.

        Raises:
            UntrustedHost: the URL is not of the client's cloud; nothing was sent.
            NoAnswer: no whole answer came; it says whether the request may have been sent.
        """
        data = None if json is None else json_module.dumps(json, default=_reveal).encode()
        sent = {**_HEADERS, "Accept": "application/json", **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        if token is not None:
            sent["Authorization"] = f"Bearer {token.reveal()}"
        return self._exchange(
            requests.Request(method, url, headers=sent, data=data),
            attempt=attempt,
            describe=describe,
        )

    def send_form(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
    ) -> Response:
        """Send a GET or an HTML form, as the sign-in service takes them.

        Raises:
            UntrustedHost: the URL is not of the client's cloud; nothing was sent.
            NoAnswer: no whole answer came; it says whether the request may have been sent.
        """
        return self._exchange(
            requests.Request(
                method, url, params=params, data=data, headers={**_HEADERS, **(headers or {})}
            ),
            attempt=attempt,
        )

    def _exchange(
        self, request: requests.Request, *, attempt: int = 1, describe: Describe | None = None
    ) -> Response:
        self._refuse_foreign(str(request.url))
        client_request_id = str(request.headers.get("client-request-id") or uuid.uuid4())
        request.headers["client-request-id"] = client_request_id
        request.headers["return-client-request-id"] = "true"
        started, before = clock.now(), clock.monotonic()
        answer: Response | None = None
        error = "interrupted"
        try:
            answer = self._send_once(request)
            error = _error_code(answer)
        except NoAnswer as failure:
            error = failure.reason
            raise
        except UntrustedHost:
            error = "host refused"
            raise
        finally:
            seconds = clock.monotonic() - before
            parts = urlsplit(str(request.url))
            status = answer.status if answer is not None else 0
            service = self._service(parts.netloc)
            request_id = answer.request_id if answer is not None else ""
            query = f"?{parts.query}" if parts.query and service == "graph" else ""
            self.ledger.record(
                started=clock.iso(started),
                service=service,
                method=str(request.method),
                path=parts.path + query,
                status=status,
                attempt=attempt,
                request_id=request_id,
                client_request_id=client_request_id,
                milliseconds=round(seconds * 1000),
                error=error,
                retry_after_seconds=None if answer is None else retry_after_seconds(answer.headers),
                items=() if describe is None or answer is None else tuple(describe(answer.body)),
            )
            _log.info(
                "%s %s %s %s %.3f s",
                request.method,
                path_template(parts.path),
                status or error,
                request_id or "-",
                seconds,
            )
        return answer

    def _send_once(self, request: requests.Request) -> Response:
        self._drop_idle_connections()
        handled = sys.exception()
        # The environment is asked each time: it costs nothing beside a request, and a person who
        # sets a proxy in a running kernel expects it to count.
        proxies = {} if self.cloud.ca_file else get_environ_proxies(str(request.url), no_proxy=None)
        try:
            prepared = request.prepare()
            self._refuse_foreign(str(prepared.url))
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise _not_a_request() from None
        except requests.RequestException as error:
            raise _not_a_url(self.cloud) from error
        try:
            raw = self._connections.send(
                prepared, timeout=self._timeout, verify=self._trusted(), proxies=proxies
            )
            raw.content  # noqa: B018 -- read here, where it is known what it means that it ends
        except UnicodeEncodeError:
            # Writing the headers, which leave as a whole. What is read is decoded.
            raise _not_a_request() from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            # The proxy's address: a connection is not even looked for.
            raise _not_a_url(self.cloud) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise silence.explain(error, cloud_name=self.cloud.name, handled=handled) from error
        self._last_used = clock.monotonic()
        return _response(raw)

    def _trusted(self) -> str | bool:
        if self.cloud.ca_file:
            return str(self.cloud.ca_file)
        environment = os.environ
        return environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE") or True

    def _refuse_foreign(self, url: str) -> None:
        # A backslash, a blank or a control character is read differently by different parsers,
        # and the one that checks is not the one that connects.
        is_plain = url.isascii() and url.isprintable() and not re.search(r"[\\\s]", url)
        if not (is_plain and self.cloud.permits(url)):
            host = urlsplit(url).hostname if is_plain else ""
            raise UntrustedHost(
                f"A request would have gone to {host or 'an address that is not plain'}, which is "
                f"not a host of the cloud {self.cloud.name!r}.",
                state="It was not sent.",
                remedy="Do not go on. Find out what stands between this machine and Microsoft.",
            )

    def _drop_idle_connections(self) -> None:
        if clock.monotonic() - self._last_used > _IDLE_SECONDS:
            self._connections.close()

    def _service(self, netloc: str) -> Service:
        return "sign-in" if netloc == urlsplit(self.cloud.login_base_url).netloc else "graph"


def _not_a_request() -> NoAnswer:
    # Raised `from None`: requests quotes the header's value, which may be the token.
    return NoAnswer(
        "not a request",
        "The request could not be built: a header holds characters that HTTP forbids.",
        was_sent=False,
        is_lasting=True,
    )


def _not_a_url(cloud: Cloud) -> NoAnswer:
    return NoAnswer(
        "not a URL",
        f"The cloud {cloud.name!r} could not be asked: an address is not a URL.",
        was_sent=False,
        remedy="Check the proxy settings, then try again.",
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long the service asks us to wait; None where it does not say, or not sensibly.

    Args:
        headers: of the answer, names in lower case.

    Graph sends whole seconds, fractions, or a date.
    https://learn.microsoft.com/graph/throttling
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - clock.now()).total_seconds()
        except (ValueError, TypeError):
            return None
        seconds = max(0.0, seconds)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def path_template(path: str) -> str:
    """Return a path with everything that identifies somebody as `{id}`, for the log."""
    return "/".join(
        segment if not segment or _PLAIN_SEGMENT.fullmatch(segment) else "{id}"
        for segment in path.split("/")
    )


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} cannot be sent as JSON")


def _response(raw: requests.Response) -> Response:
    content = raw.content or b""
    try:
        body = json_module.loads(content) if content.strip() else None
    except (ValueError, RecursionError):
        body = None
    page = content[:_TEXT_SEARCHED].decode("utf-8", "replace") if body is None else ""
    readable = "".join(each for each in page if each.isprintable() and each != "\ufffd")
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return Response(
        status=raw.status_code,
        headers=headers,
        body=body,
        text_start=secret.mask(readable)[:_TEXT_START],
        size=len(content),
        request_id=headers.get("request-id") or headers.get("x-ms-request-id") or "",
        text=content.decode("utf-8", "replace"),
    )


def _error_code(answer: Response) -> str:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if isinstance(error, dict):
        return str(error.get("code") or "")
    if isinstance(error, str):
        numbers = answer.body.get("error_codes")
        is_numbered = isinstance(numbers, list) and numbers and isinstance(numbers[0], int)
        return f"{error} AADSTS{numbers[0]}" if is_numbered else error
    return ""
