"""The session: reads and writes of Microsoft Graph v1.0, with its rules of patience.

- What is repeated and what never is, `o365lib.graph.sending` decides for single requests, and
  `o365lib.graph.batch` for the items of a batch.
- Paging follows `@odata.nextLink` within the same Graph root only.
- Errors are exceptions by meaning (`o365lib.errors`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from o365lib import clock
from o365lib.errors import (
    AnswerLost,
    NotFound,
    ServiceUnavailable,
    UntrustedHost,
)
from o365lib.graph import batch
from o365lib.graph.answers import OK, UNAUTHENTICATED, Asked
from o365lib.graph.batch import BatchRequest, BatchResponse
from o365lib.graph.query import Query
from o365lib.graph.sending import Sender, TokenSource, back_off_seconds, not_json
from o365lib.ledger import BatchItemRecord
from o365lib.transport import Response, Transport, retry_after_seconds

T = TypeVar("T")

_VERSION: Final = "/v1.0"
_MOST_PAGES: Final = 10_000


class GraphSession:
    """Microsoft Graph, as one identity in one client's tenant.

    Args:
        transport: of the run.
        source: of access tokens.
        patience_seconds: how long one call may take with all its waiting.
        max_attempts: how often one request is sent at most.
    """

    def __init__(
        self,
        transport: Transport,
        source: TokenSource,
        *,
        patience_seconds: float = 120,
        max_attempts: int = 6,
    ) -> None:
        self._sender = Sender(
            transport, source, patience_seconds=patience_seconds, max_attempts=max_attempts
        )
        self._root = transport.cloud.graph_base_url + _VERSION

    @property
    def last_request_id(self) -> str:
        """The service's own id of the last answered request."""
        return self._sender.last_request_id

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
        except (ValidationError, TypeError, LookupError) as error:
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
                self._sender.renew()
                renewed = True
            asked_for = [retry_after_seconds(answered[at].headers) for at in positions]
            wait = max(seconds if seconds is not None else 0 for seconds in asked_for)
            wait = wait or back_off_seconds(attempt)
            if not self._sender.has_patience(begun, attempt, wait):
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

        answer = self._sender.send(
            asked,
            f"{self._root}/$batch",
            body=batch.pack(requests, positions, done),
            attempt=attempt,
            describe=describe,
        )
        return batch.unpack(requests, positions, _json_object(asked, answer))

    def _read(self, asked: Asked, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return _json_object(asked, self._sender.send(asked, url, headers=headers))

    def _parsed(self, query: Query[T], asked: Asked, body: Any) -> T:
        read = self._all_pages(query, asked, body) if query.is_collection else body
        try:
            return query.parse(read)
        except (ValidationError, TypeError, LookupError) as error:
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
        answer = self._sender.send(asked, self._root + path, body=body)
        return _json_object(asked, answer) if answer.size else None


def _json_object(asked: Asked, answer: Response) -> dict[str, Any]:
    if isinstance(answer.body, dict):
        return answer.body
    if asked.is_write:
        raise AnswerLost(
            f"{asked} was answered {answer.status}, but not readably: {not_json(answer)}",
            request=str(asked),
        )
    raise ServiceUnavailable(
        f"{asked} was not answered readably: {not_json(answer)}",
        status=answer.status,
        request=str(asked),
        request_id=answer.request_id,
        remedy="Find out whether something stands between this machine and Microsoft Graph.",
    )
