"""Sending one request to Graph until it is answered for good, or patience ends.

- 429 is waited out for every method, as long as Graph asks and our patience lasts: it was refused
  before any work. https://learn.microsoft.com/graph/throttling
- 500, 502, 503, 504 and lost connections are repeated for reads only. A write whose answer was
  lost is never sent twice: `AnswerLost`, and the caller reads back.
- A write that certainly did not leave this machine may be sent again.
- A 401 asks the token source once for a fresh token.
- Every wait goes through `clock.sleep`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Any, Final, Protocol

from o365lib import clock
from o365lib.errors import AnswerLost, NoAnswer, RunbookError, ServiceUnavailable
from o365lib.graph.answers import OK, THROTTLED, TRANSIENT, UNAUTHENTICATED, Asked, error_of
from o365lib.ledger import BatchItemRecord
from o365lib.secret import Secret
from o365lib.transport import Response, Transport, retry_after_seconds

_FIRST_BACK_OFF_SECONDS: Final = 0.5
_LONGEST_BACK_OFF_SECONDS: Final = 30.0
_JITTER = SystemRandom()


class TokenSource(Protocol):
    """Whoever can give an access token for Graph."""

    def token(self) -> Secret:
        """A token that is valid now."""

    def renew(self) -> Secret:
        """A fresh token, where the service no longer accepts the last one."""


@dataclass(frozen=True)
class _Failure:
    """Why an attempt failed, and whether there may be another."""

    error: RunbookError
    may_repeat: bool
    wait: float | None = None
    cause: NoAnswer | None = None


class Sender:
    """What sends a session's requests.

    Args:
        transport: of the run.
        source: of access tokens.
        patience_seconds: how long one call may take with all its waiting.
        max_attempts: how often one request is sent at most.

    Attributes:
        last_request_id: the service's own id of the last answered request.
    """

    def __init__(
        self,
        transport: Transport,
        source: TokenSource,
        *,
        patience_seconds: float,
        max_attempts: int,
    ) -> None:
        self._transport = transport
        self._source = source
        self._patience_seconds = patience_seconds
        self._max_attempts = max_attempts
        self.last_request_id = ""

    def renew(self) -> None:
        """Ask for a fresh token, for what is sent from now on."""
        self._source.renew()

    def send(
        self,
        asked: Asked,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
        describe: Callable[[Any], Sequence[BatchItemRecord]] | None = None,
    ) -> Response:
        """Send a request, again if need be, and return its answer of success.

        Args:
            asked: what it is, for the texts of errors; says whether it is a write.
            url: of the client's cloud.
            body: JSON; may hold a `Secret`.
            headers: to send along.
            attempt: of the first sending, for the ledger.
            describe: makes the ledger's entries for the items of a `$batch` answer.

        Raises:
            GraphError: what the answer's status means; this request changed nothing.
            AnswerLost: it is a write, and whether it was done is unknown.
            UntrustedHost: it was answered with a redirect; the token went nowhere else.
        """
        begun, renewed = clock.monotonic(), False
        while True:
            failure: _Failure
            try:
                answer = self._transport.send(
                    asked.method,
                    url,
                    headers=headers,
                    token=self._source.token(),
                    json=body,
                    attempt=attempt,
                    describe=describe,
                )
            except NoAnswer as lost:
                failure = _judge_silence(asked, lost)
            else:
                self.last_request_id = answer.request_id
                if answer.status in OK:
                    return answer
                if answer.status == UNAUTHENTICATED and not renewed:
                    renewed = True
                    self.renew()
                    attempt += 1
                    continue
                failure = _judge(asked, answer)
            wait = back_off_seconds(attempt) if failure.wait is None else failure.wait
            if not (failure.may_repeat and self.has_patience(begun, attempt, wait)):
                raise failure.error from failure.cause
            clock.sleep(wait)
            attempt += 1

    def has_patience(self, begun: float, attempt: int, wait: float) -> bool:
        """Whether there may be another attempt after a wait of so many seconds."""
        elapsed = clock.monotonic() - begun
        return attempt < self._max_attempts and elapsed + wait <= self._patience_seconds


def back_off_seconds(attempt: int) -> float:
    """Return how long to wait after a failed attempt for which Graph named no time."""
    # Jitter, so that many clients that were refused together do not come back together.
    longest = min(_FIRST_BACK_OFF_SECONDS * 2 ** (attempt - 1), _LONGEST_BACK_OFF_SECONDS)
    return float(longest * _JITTER.uniform(0.5, 1))


def _judge(asked: Asked, answer: Response) -> _Failure:
    error = error_of(
        asked,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        hint=not_json(answer),
    )
    is_transient = answer.status in TRANSIENT and not asked.is_write
    may_repeat = answer.status == THROTTLED or is_transient
    return _Failure(error, may_repeat, wait=retry_after_seconds(answer.headers))


def _judge_silence(asked: Asked, lost: NoAnswer) -> _Failure:
    if asked.is_write and lost.was_sent:
        message = f"{asked} was sent, but its answer never came: {lost.reason}."
        return _Failure(AnswerLost(message, request=str(asked)), may_repeat=False, cause=lost)
    error = ServiceUnavailable(
        f"{asked} could not be asked. {lost.message}",
        code=lost.reason,
        request=str(asked),
        state="This request was not sent." if asked.is_write else "",
        remedy=lost.remedy,
    )
    return _Failure(error, may_repeat=not lost.is_lasting, cause=lost)


def not_json(answer: Response) -> str:
    """Return what to say of an answer whose body is not JSON; nothing where it is."""
    if answer.body is not None or not answer.size:
        return ""
    kind = answer.headers.get("content-type", "without a type")
    return f"The answer is not JSON ({kind}, {answer.size} bytes): {answer.text_start}"
