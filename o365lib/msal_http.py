"""MSAL's `http_client`, on the run's own transport.

- The same trust, allow-list of hosts, timeouts, proxies and ledger as every other request.
- A busy or failing sign-in service (429, 5xx) is asked again after the time it asks for, within
  bounds; a lost answer only where the grant can be sent twice.
- Every secret that passes in either direction is made known to `secret`, so that it is masked
  wherever it might turn up.

MSAL asks of it `get`, `post` and `close`, and of an answer `status_code`, `text`, `headers` and
`raise_for_status`.
https://learn.microsoft.com/python/api/msal/msal.application.clientapplication
"""

from collections.abc import Mapping
from typing import Any, Final

from o365lib import clock
from o365lib.errors import NoAnswer
from o365lib.secret import Secret
from o365lib.transport import Response, Transport, retry_after_seconds

_SECRET_FIELDS = (
    "access_token",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "password",
    "refresh_token",
    "user_code",
)

_MAX_ATTEMPTS: Final = 4
# The service asks an application that it throttles to wait for a minute.
# https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling
_LONGEST_WAIT_SECONDS: Final = 120.0
_THROTTLED: Final = 429
_TRANSIENT = frozenset({_THROTTLED, 500, 502, 503, 504})

# A code is redeemed once: whether a lost answer redeemed it, nobody knows.
_NEVER_SENT_TWICE = frozenset({"authorization_code"})


class MsalHttpClient:
    """What MSAL sends its requests with.

    Args:
        transport: of the run.

    Attributes:
        last_error: the service's last answer with an `error`; MSAL gives some of them away as text
            only.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.last_error: Mapping[str, Any] | None = None

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> "MsalResponse":
        """Send a GET.

        Raises:
            UntrustedHost: the URL is not of the client's cloud; nothing was sent.
            NoAnswer: no whole answer came.
        """
        return self._ask("GET", url, params=params, headers=headers, may_repeat=True)

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> "MsalResponse":
        """Send a form.

        Raises:
            UntrustedHost: the URL is not of the client's cloud; nothing was sent.
            NoAnswer: no whole answer came.
        """
        _make_known(data)
        grant = data.get("grant_type") if isinstance(data, Mapping) else None
        return self._ask(
            "POST",
            url,
            params=params,
            data=data,
            headers=headers,
            may_repeat=grant not in _NEVER_SENT_TWICE,
        )

    def close(self) -> None:
        """Nothing: the connections are the transport's."""

    def _ask(self, method: str, url: str, *, may_repeat: bool, **parts: Any) -> "MsalResponse":
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            wait = 2.0 ** (attempt - 1)
            try:
                answer = self._transport.send_form(method, url, attempt=attempt, **parts)
            except NoAnswer as failure:
                is_hopeless = failure.is_lasting or (failure.was_sent and not may_repeat)
                if is_hopeless or attempt == _MAX_ATTEMPTS:
                    raise
            else:
                _make_known(answer.body)
                if isinstance(answer.body, Mapping) and "error" in answer.body:
                    self.last_error = answer.body
                asked = retry_after_seconds(answer.headers)
                wait = wait if asked is None else asked
                is_final = answer.status not in _TRANSIENT or attempt == _MAX_ATTEMPTS
                if is_final or wait > _LONGEST_WAIT_SECONDS:
                    return _readable(answer)
            clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")


class MsalResponse:
    """What MSAL reads of an answer."""

    def __init__(self, answer: Response) -> None:
        self.status_code = answer.status
        self.text = answer.text
        self.headers = answer.headers

    def raise_for_status(self) -> None:
        """Raise as requests does, for MSAL's sake.

        Raises:
            NoAnswer: the status is an error.
        """
        if self.status_code >= 400:  # noqa: PLR2004 -- where HTTP's errors begin
            raise NoAnswer(
                f"status {self.status_code}",
                f"The sign-in service answered {self.status_code}.",
                was_sent=True,
            )


def _readable(answer: Response) -> MsalResponse:
    """Return what MSAL can read; of anything else it would log the whole text.

    Raises:
        NoAnswer: the service throttles, or it is no JSON object. A gateway's error page may quote
            the client secret.
    """
    if isinstance(answer.body, Mapping):
        return MsalResponse(answer)
    if answer.status == _THROTTLED:
        # The service itself says so in plain words.
        raise NoAnswer(
            "throttled",
            "It asks this application to wait, again and again: too many sign-ins at once.",
            was_sent=True,
            remedy="Wait some minutes, then run again, with fewer clients at once (`--jobs`).",
        )
    kind = answer.headers.get("content-type", "nothing")
    raise NoAnswer(
        "unreadable answer",
        f"It answered {answer.status}, not with JSON but with {kind}: {answer.text_start}".strip(),
        was_sent=True,
        remedy="Find out what stands between this machine and Microsoft's sign-in service.",
    )


def _make_known(fields: object) -> None:
    if isinstance(fields, Mapping):
        for name in _SECRET_FIELDS:
            if isinstance(value := fields.get(name), str):
                Secret(value)
