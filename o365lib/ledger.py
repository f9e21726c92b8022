"""The ledger: every request of a run, in the order in which they ended.

- Append-only and thread-safe; it belongs to one run.
- It holds no bodies, no headers and no query of the sign-in service; paths pass `secret.mask`.
- Each entry carries the service's own request id, by which Microsoft's support finds it.
"""

import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict

from o365lib import secret

Service = Literal["sign-in", "graph"]


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
    """The list of a run's requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[RequestRecord] = []

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
        return entry

    def records(self) -> tuple[RequestRecord, ...]:
        """Return all entries so far."""
        with self._lock:
            return tuple(self._records)
