"""Many queries in one round trip, each with its own typed result or error.

    with ReadBatch(session) as batch:
        organization = batch.add(get_organization())
        user = batch.add(get_user(user_id))
    organization.value()

- The `with` statement raises what concerns the whole batch; `Answer.value` what concerns one query.
- More than 20 queries take more than one round trip; lists that go on are followed.
"""

from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from o365lib.errors import GraphError, RunbookError, UntrustedHost
from o365lib.graph.batch import BatchRequest, BatchResponse
from o365lib.graph.query import Query
from o365lib.graph.session import GraphSession

T = TypeVar("T")


class Answer(Generic[T]):
    """The result of one query of a batch, once the batch was sent."""

    def __init__(self, query: Query[T]) -> None:
        self._query = query
        self._results: list[T] = []
        self._error: RunbookError | None = None

    @property
    def error(self) -> RunbookError | None:
        """What went wrong with this query; None where it has a value or was not sent yet."""
        return self._error

    def value(self) -> T:
        """Return the result.

        Raises:
            GraphError: what the item's status means; nothing is changed by a read.
            UntrustedHost: a list would go on at another host.
            RuntimeError: the batch was not sent yet.
        """
        if self._error is not None:
            raise self._error
        if not self._results:
            raise RuntimeError("this batch was not sent yet: leave its `with` block first")
        return self._results[0]

    def request(self) -> BatchRequest:
        """Return the query as a request for a batch."""
        return BatchRequest(
            "GET", self._query.path, headers=self._query.headers, needs=self._query.needs
        )

    def settle(self, session: GraphSession, response: BatchResponse) -> None:
        """Take the result out of the answer."""
        try:
            self._results = [session.result(self._query, response)]
        except (GraphError, UntrustedHost) as error:
            self._error = error


class ReadBatch:
    """Queries that are asked together at the end of a `with` block.

    Args:
        session: through which to ask.
    """

    def __init__(self, session: GraphSession) -> None:
        self._session = session
        self._answers: list[Answer[Any]] = []

    def add(self, query: Query[T]) -> Answer[T]:
        """Add a query and return where its result will be."""
        answer = Answer(query)
        self._answers.append(answer)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            return
        responses = self._session.batch([answer.request() for answer in self._answers])
        for answer, response in zip(self._answers, responses, strict=True):
            answer.settle(self._session, response)
