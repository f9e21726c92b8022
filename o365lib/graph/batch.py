"""`$batch`: up to 20 requests in one, packed and unpacked. Nothing is sent from here.

- Answers come in any order and are matched by id; one that is missing shows as status 0.
- Which items may be sent again is decided here, one by one: throttled ones always (they were
  refused before any work), failed ones only where they are reads.

https://learn.microsoft.com/graph/json-batching
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from o365lib.graph.answers import (
    DEPENDENCY_FAILED,
    OK,
    THROTTLED,
    TRANSIENT,
    UNAUTHENTICATED,
    Asked,
    ErrorBody,
    error_of,
)
from o365lib.ledger import BatchItemRecord

MOST_ITEMS: Final = 20


@dataclass(frozen=True)
class BatchRequest:
    """One request for a batch.

    Attributes:
        path: relative to Graph's version root, with its query.
        body: JSON; may hold a `Secret`.
        depends_on: positions, in the same list, of requests that must succeed first.
        needs: the least permission, for the text of an error.
    """

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[int, ...] = ()
    needs: str = ""

    @property
    def asked(self) -> Asked:
        """What it asks, for the texts of errors."""
        return Asked.to(self.method, self.path, self.needs)


@dataclass(frozen=True)
class BatchResponse:
    """The answer to one request of a batch.

    Attributes:
        status: 0 where Graph left it out.
        headers: names in lower case.
    """

    asked: Asked
    status: int
    headers: Mapping[str, str]
    body: Any

    def value(self) -> Any:
        """Return the body.

        Raises:
            GraphError: what the item's status means.
            AnswerLost: it was a write, and whether it was done is unknown.
        """
        if self.status in OK:
            return self.body
        raise error_of(self.asked, status=self.status, headers=self.headers, body=self.body)


def pack(
    requests: Sequence[BatchRequest], positions: Sequence[int], done: Collection[int] = ()
) -> dict[str, Any]:
    """Return the body of a `$batch` of the requests at these positions.

    Args:
        requests: the whole list.
        positions: which of them to send.
        done: those that succeeded before; a dependency on them is left out.
    """
    return {"requests": [_packed(requests[at], at, done) for at in positions]}


def _packed(request: BatchRequest, position: int, done: Collection[int]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": str(position),
        "method": request.method,
        "url": request.path,
    }
    headers = dict(request.headers)
    if request.body is not None:
        item["body"] = request.body
        headers["Content-Type"] = "application/json"
    if headers:
        item["headers"] = headers
    if depends_on := [str(at) for at in request.depends_on if at not in done]:
        item["dependsOn"] = depends_on
    return item


def unpack(
    requests: Sequence[BatchRequest], positions: Sequence[int], body: Any
) -> dict[int, BatchResponse]:
    """Return the answers by position, one for every position."""
    listed = body.get("responses") if isinstance(body, dict) else None
    found = {
        str(item.get("id")): item
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    }
    answers = {}
    for at in positions:
        item = found.get(str(at), {})
        status, headers = item.get("status"), item.get("headers")
        answers[at] = BatchResponse(
            asked=requests[at].asked,
            status=status if isinstance(status, int) else 0,
            headers={
                str(name).lower(): str(value)
                for name, value in (headers if isinstance(headers, dict) else {}).items()
            },
            body=item.get("body"),
        )
    return answers


def item_records(answers: Mapping[int, BatchResponse]) -> list[BatchItemRecord]:
    """Return what the ledger keeps of the answers."""
    records = []
    for answer in answers.values():
        said = ErrorBody.from_graph(answer.body)
        records.append(
            BatchItemRecord(
                method=answer.asked.method,
                path=answer.asked.path,
                status=answer.status,
                request_id=answer.headers.get("request-id") or said.request_id,
                error=said.code,
            )
        )
    return records


def to_repeat(
    requests: Sequence[BatchRequest], answers: Mapping[int, BatchResponse], *, renewed: bool
) -> list[int]:
    """Return the positions of the items that can be sent again without a second effect.

    Args:
        requests: the whole list.
        answers: of the last round, by position.
        renewed: whether the token is as fresh as it gets, so that a 401 is final.
    """
    again = {
        at
        for at, answer in answers.items()
        if answer.status == THROTTLED
        or (answer.status == UNAUTHENTICATED and not renewed)
        or (not answer.asked.is_write and (answer.status in TRANSIENT or not answer.status))
    }
    # What was not begun because it waits for one of these goes with it. Graph's page on throttling
    # says 424 also for what a throttled neighbour held up, without any `dependsOn`.
    held_up = {at for at, answer in answers.items() if answer.status == DEPENDENCY_FAILED}
    growing = True
    while growing:
        more = {
            at
            for at in held_up - again
            if again and (not requests[at].depends_on or again & set(requests[at].depends_on))
        }
        again |= more
        growing = bool(more)
    return sorted(again)
