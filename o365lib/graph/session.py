"""The session: reads and writes of Microsoft Graph v1.0, with its rules of patience.

- 429 is waited out for every method, as long as Graph asks and our patience lasts: it was refused
  before any work. https://learn.microsoft.com/graph/throttling
- 500, 502, 503, 504 and lost connections are repeated for reads only. A write whose answer was
  lost is never sent twice: `AnswerLost`, and the caller reads back.
- A write that certainly did not leave this machine may be sent again.
- A 401 asks the token source once for a fresh token.
- Paging follows `@odata.nextLink` within the same Graph root only.
- Errors are exceptions by meaning (`o365lib.errors`), and every wait goes through `clock.sleep`.
"""

from collections.abc import Callable, Mapping, Sequence
from secrets import SystemRandom
from typing import Any, Final, Protocol, TypeVar

from pydantic import ValidationError

from o365lib import clock
from o365lib.errors import (
    AnswerLost,
    NoAnswer,
    NotFound,
    RunbookError,
    ServiceUnavailable,
    UntrustedHost,
)
from o365lib.graph import batch
from o365lib.graph.answers import OK, THROTTLED, TRANSIENT, UNAUTHENTICATED, Asked, error_of
from o365lib.graph.batch import BatchRequest, BatchResponse
from o365lib.graph.query import Query
from o365lib.ledger import BatchItemRecord
from o365lib.secret import Secret
from o365lib.transport import Response, Transport, retry_after_seconds

T = TypeVar("T")

_VERSION: Final = "/v1.0"
_FIRST_BACK_OFF_SECONDS: Final = 0.5
_LONGEST_BACK_OFF_SECONDS: Final = 30.0
_MOST_PAGES: Final = 10_000
_JITTER = SystemRandom()


class TokenSource(Protocol):
    """Whoever can give an access token for Graph."""

    def token(self) -> Secret:
        """A token that is valid now."""

    def renew(self) -> Secret:
        """A fresh token, where the service no longer accepts the last one."""


class GraphSession:
    """Microsoft Graph, as one identity in one client's tenant.

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
        patience_seconds: float = 120,
        max_attempts: int = 6,
    ) -> None:
        self._transport = transport
        self._source = source
        self._patience_seconds = patience_seconds
        self._max_attempts = max_attempts
        self._root = transport.cloud.graph_base_url + _VERSION
        self.last_request_id = ""

    def fetch(self, query: Query[T]) -> T:
        """Ask one query and return its result.

        Raises:
            GraphError: what the answer's status means; nothing is changed by a read.
            UntrustedHost: a list would go on at another host.
        """
        asked = Asked.to("GET", query.path, query.needs)
        try:
            body = self._read(asked, self._root + query.path, query.headers)
            return self._parsed(query, asked, body)
        except NotFound:
            if query.if_missing is None:
                raise
            return query.if_missing()

    def result(self, query: Query[T], response: BatchResponse) -> T:
        """Return a query's result from its answer in a batch; a list's later pages are fetched.

        Raises:
            GraphError: what the answer's status means; nothing is changed by a read.
            UntrustedHost: a list would go on at another host.
        """
        try:
            return self._parsed(query, response.asked, response.value())
        except NotFound:
            if query.if_missing is None:
                raise
            return query.if_missing()

    def post(self, path: str, body: Any = None, *, needs: str = "") -> Any:
        """Send a POST and return the answer's JSON, or None where it has no body.

        Raises:
            GraphError: Graph refused; this request changed nothing.
            AnswerLost: whether it was done is unknown.
        """
        return self._write("POST", path, body, needs)

    def create(self, path: str, body: Any, parse: Callable[[Any], T], *, needs: str = "") -> T:
        """Send a POST and return what `parse` makes of the created object.

        Raises:
            GraphError: Graph refused; this request changed nothing.
            AnswerLost: whether it was done is unknown, or what was created cannot be read.
        """
        created = self.post(path, body, needs=needs)
        try:
            return parse(created)
        except (ValidationError, TypeError, KeyError) as error:
            asked = Asked.to("POST", path, needs)
            raise AnswerLost(
                f"{asked} succeeded, but its answer is not of Graph's published form.",
                request=str(asked),
            ) from error

    def patch(self, path: str, body: Any, *, needs: str = "") -> Any:
        """Send a PATCH and return the answer's JSON, or None where it has no body.

        Raises:
            GraphError: Graph refused; this request changed nothing.
            AnswerLost: whether it was done is unknown.
        """
        return self._write("PATCH", path, body, needs)

    def delete(self, path: str, *, needs: str = "") -> None:
        """Send a DELETE.

        Raises:
            GraphError: Graph refused; this request changed nothing.
            AnswerLost: whether it was done is unknown.
        """
        self._write("DELETE", path, None, needs)

    def batch(self, requests: Sequence[BatchRequest]) -> list[BatchResponse]:
        """Send many requests, 20 a time, and return their answers in the order of the requests.

        Throttled items are sent again, alone, when their time has come; failed reads too.

        Raises:
            ValueError: a request depends on one outside its own twenty; nothing was sent.
            GraphError: Graph refused a whole batch; of that batch nothing was done.
            AnswerLost: the answer to a batch with a write in it was lost.
        """
        twenties = [
            range(start, min(start + batch.MOST_ITEMS, len(requests)))
            for start in range(0, len(requests), batch.MOST_ITEMS)
        ]
        for twenty in twenties:
            if any(at not in twenty for each in twenty for at in requests[each].depends_on):
                raise ValueError("requests that depend on each other must be in the same twenty")
        answers: dict[int, BatchResponse] = {}
        for twenty in twenties:
            answers |= self._batch_of_twenty(requests, list(twenty))
        return [answers[at] for at in range(len(requests))]

    def _batch_of_twenty(
        self, requests: Sequence[BatchRequest], positions: list[int]
    ) -> dict[int, BatchResponse]:
        answers: dict[int, BatchResponse] = {}
        begun, attempt, renewed = clock.monotonic(), 1, False
        while True:
            done = [at for at, answer in answers.items() if answer.status in OK]
            answered = self._send_batch(requests, positions, done, attempt)
            answers |= answered
            positions = batch.to_repeat(requests, answered, renewed=renewed)
            if not positions:
                return answers
            if any(answered[at].status == UNAUTHENTICATED for at in positions):
                self._source.renew()
                renewed = True
            asked_for = [retry_after_seconds(answered[at].headers) for at in positions]
            wait = max(seconds if seconds is not None else 0 for seconds in asked_for)
            wait = wait or _back_off_seconds(attempt)
            if not self._has_patience(begun, attempt, wait):
                return answers
            clock.sleep(wait)
            attempt += 1

    def _send_batch(
        self,
        requests: Sequence[BatchRequest],
        positions: list[int],
        done: Sequence[int],
        attempt: int,
    ) -> dict[int, BatchResponse]:
        is_write = any(requests[at].asked.is_write for at in positions)
        asked = Asked("POST", "/$batch", is_write)

        def describe(body: Any) -> list[BatchItemRecord]:
            return batch.item_records(batch.unpack(requests, positions, body))

        answer = self._exchange(
            asked,
            f"{self._root}/$batch",
            body=batch.pack(requests, positions, done),
            attempt=attempt,
            describe=describe,
        )
        return batch.unpack(requests, positions, _json_object(asked, answer))

    def _read(self, asked: Asked, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return _json_object(asked, self._exchange(asked, url, headers=headers))

    def _parsed(self, query: Query[T], asked: Asked, body: Any) -> T:
        read = self._all_pages(query, asked, body) if query.is_collection else body
        try:
            return query.parse(read)
        except (ValidationError, TypeError, KeyError) as error:
            raise ServiceUnavailable(
                f"The answer to {asked} is not of Graph's published form.",
                request=str(asked),
                request_id=self.last_request_id,
            ) from error

    def _all_pages(self, query: Query[T], asked: Asked, body: Any) -> list[Any]:
        found: list[Any] = []
        seen: set[str] = set()
        while True:
            page = body.get("value") if isinstance(body, dict) else None
            if not isinstance(page, list):
                raise ServiceUnavailable(
                    f"The answer to {asked} is not a list.", request=str(asked)
                )
            found += page
            link = body.get("@odata.nextLink")
            if not link:
                return found
            if link in seen or len(seen) == _MOST_PAGES:
                raise ServiceUnavailable(
                    f"The list {asked} does not come to an end.", request=str(asked)
                )
            seen.add(link)
            if not str(link).startswith(self._root + "/"):
                raise UntrustedHost(
                    f"The list {asked} would go on outside {self._root}.",
                    state="The token was not sent there.",
                    remedy="Find out what stands between this machine and Microsoft Graph.",
                )
            body = self._read(asked, link, query.headers)

    def _write(self, method: str, path: str, body: Any, needs: str) -> Any:
        asked = Asked.to(method, path, needs)
        answer = self._exchange(asked, self._root + path, body=body)
        return _json_object(asked, answer) if answer.size else None

    def _exchange(
        self,
        asked: Asked,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
        describe: Callable[[Any], Sequence[BatchItemRecord]] | None = None,
    ) -> Response:
        begun, renewed = clock.monotonic(), False
        while True:
            wait: float | None = None
            cause: NoAnswer | None = None
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
            except NoAnswer as failure:
                cause = failure
                error = _error_without_answer(asked, failure)
                may_repeat = not (failure.is_lasting or (asked.is_write and failure.was_sent))
            else:
                self.last_request_id = answer.request_id
                if answer.status in OK:
                    return answer
                if answer.status == UNAUTHENTICATED and not renewed:
                    renewed = True
                    self._source.renew()
                    attempt += 1
                    continue
                error = error_of(
                    asked,
                    status=answer.status,
                    headers=answer.headers,
                    body=answer.body,
                    hint=_not_json(answer),
                )
                wait = retry_after_seconds(answer.headers)
                is_transient = answer.status in TRANSIENT and not asked.is_write
                may_repeat = answer.status == THROTTLED or is_transient
            wait = _back_off_seconds(attempt) if wait is None else wait
            if not (may_repeat and self._has_patience(begun, attempt, wait)):
                raise error from cause
            clock.sleep(wait)
            attempt += 1

    def _has_patience(self, begun: float, attempt: int, wait: float) -> bool:
        elapsed = clock.monotonic() - begun
        return attempt < self._max_attempts and elapsed + wait <= self._patience_seconds


def _back_off_seconds(attempt: int) -> float:
    # Jitter, so that many clients that were refused together do not come back together.
    longest = min(_FIRST_BACK_OFF_SECONDS * 2 ** (attempt - 1), _LONGEST_BACK_OFF_SECONDS)
    return float(longest * _JITTER.uniform(0.5, 1))


def _error_without_answer(asked: Asked, failure: NoAnswer) -> RunbookError:
    if asked.is_write and failure.was_sent:
        return AnswerLost(
            f"{asked} was sent, but its answer never came: {failure.reason}.", request=str(asked)
        )
    return ServiceUnavailable(
        f"{asked} could not be asked: {failure.reason}. {failure.message}",
        code=failure.reason,
        request=str(asked),
        state="This request was not sent." if asked.is_write else "",
        remedy=failure.remedy,
    )


def _json_object(asked: Asked, answer: Response) -> dict[str, Any]:
    if isinstance(answer.body, dict):
        return answer.body
    if asked.is_write:
        raise AnswerLost(
            f"{asked} was answered {answer.status}, but not readably: {_not_json(answer)}",
            request=str(asked),
        )
    raise ServiceUnavailable(
        f"{asked} was not answered readably: {_not_json(answer)}",
        status=answer.status,
        request=str(asked),
        request_id=answer.request_id,
        remedy="Find out whether something stands between this machine and Microsoft Graph.",
    )


def _not_json(answer: Response) -> str:
    if answer.body is not None or not answer.size:
        return ""
    kind = answer.headers.get("content-type", "without a type")
    return f"The answer is not JSON ({kind}, {answer.size} bytes): {answer.text_start}"
