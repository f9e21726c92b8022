"""The ledger: every request of a run, in the order in which they ended.

- Append-only and thread-safe; it belongs to one run.
- It holds no bodies, no headers and no query of the sign-in service; paths pass `secret.mask`.
- Each entry carries the service's own request id, by which Microsoft's support finds it.
- It counts, and says at once when the service asks to wait: before anybody does.
"""

import threading
from collections.abc import Callable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from o365lib import secret

Service = Literal["sign-in", "graph"]

# https://learn.microsoft.com/graph/throttling
_THROTTLED: Final = 429
_BUSY: Final = frozenset({503, 504})

# To a person's sign-in that is throttled, the sign-in service answers 400 with this number.
# https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling
_LOOP: Final = "AADSTS50196"


class BatchItemRecord(BaseModel):
    """One request inside a `$batch`, and its own answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    path: str
    status: int
    request_id: str = ""
    error: str = ""


class RequestRecord(BaseModel):
    """One HTTP request and what became of it.

    Attributes:
        sequence: counts from 1.
        started: ISO 8601, UTC.
        path: with query for Graph, without for the sign-in service.
        status: the HTTP status; 0 where no answer came.
        attempt: 1, and more for repetitions of the same request.
        request_id: the service's own id.
        client_request_id: ours, sent along.
        error: empty, the service's error code, or why there was no answer (`timeout`, ...).
        retry_after_seconds: what the service asked for.
        items: the requests inside a `$batch`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    started: str
    service: Service
    method: str
    path: str
    status: int
    attempt: int
    request_id: str
    client_request_id: str
    milliseconds: int
    error: str = ""
    retry_after_seconds: float | None = None
    items: tuple[BatchItemRecord, ...] = ()


class Ledger:
    """The list of a run's requests.

    Args:
        on_throttled: hears of each answer that asks to wait, and for how many seconds if it says
            so, in the thread that sent the request, before the answer goes to whoever waits.
    """

    def __init__(self, on_throttled: Callable[[float | None], object] | None = None) -> None:
        self._lock = threading.Lock()
        self._records: list[RequestRecord] = []
        self._throttled = 0
        self._on_throttled = on_throttled

    def record(
        self,
        *,
        started: str,
        service: Service,
        method: str,
        path: str,
        status: int,
        attempt: int,
        request_id: str,
        client_request_id: str,
        milliseconds: int,
        error: str = "",
        retry_after_seconds: float | None = None,
        items: tuple[BatchItemRecord, ...] = (),
    ) -> RequestRecord:
        """Append an entry and return it; its texts are masked."""
        with self._lock:
            entry = RequestRecord(
                sequence=len(self._records) + 1,
                started=started,
                service=service,
                method=method,
                path=secret.mask(path),
                status=status,
                attempt=attempt,
                request_id=request_id,
                client_request_id=client_request_id,
                milliseconds=milliseconds,
                error=secret.mask(error),
                retry_after_seconds=retry_after_seconds,
                items=tuple(
                    item.model_copy(update={"path": secret.mask(item.path)}) for item in items
                ),
            )
            self._records.append(entry)
            is_throttled = _is_throttled(entry)
            self._throttled += is_throttled
        if is_throttled and self._on_throttled is not None:
            self._on_throttled(entry.retry_after_seconds)
        return entry

    def traffic(self) -> tuple[int, int]:
        """Return how many requests were made, and how many of them were asked to wait."""
        with self._lock:
            return len(self._records), self._throttled

    def records(self) -> tuple[RequestRecord, ...]:
        """Return all entries so far."""
        with self._lock:
            return tuple(self._records)


def _is_throttled(entry: RequestRecord) -> bool:
    """Whether the service asked to wait: 429, of an item too, or an error that says when to come.

    A service that is busy and names a time asks to wait as well; one that names none has failed.
    """
    return (
        entry.status == _THROTTLED
        or (entry.status in _BUSY and entry.retry_after_seconds is not None)
        or _LOOP in entry.error
        or any(item.status == _THROTTLED for item in entry.items)
    )
