"""A request and its answer, as both listeners hand them around."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConnectionDropped(Exception):
    """The connection shall be reset without an answer.

    Attributes:
        seen: what the journal shall know of the request, as far as it is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = Reply()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One HTTP request.

    Attributes:
        host: `login` or `graph`.
        raw_path: the path as it was sent, still percent-encoded.
        headers: by name in lower case.
        base_url: scheme and host as the client wrote them, without a slash at the end.
    """

    host: str
    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    request_id: str

    @functools.cached_property
    def segments(self) -> tuple[str, ...]:
        """The decoded segments of the path, empty ones left out."""
        return tuple(unquote(part) for part in self.raw_path.split("/") if part)

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.raw_path)

    @functools.cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @functools.cached_property
    def form(self) -> dict[str, str]:
        """The fields of a form-encoded body."""
        try:
            return dict(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True))
        except UnicodeDecodeError:
            return {}


@dataclass(kw_only=True)
class Reply:
    """One HTTP answer, and what the journal shall know of it."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    tenant_id: str | None = None
    app_id: str | None = None
    caller_id: str | None = None

    @classmethod
    def json(cls, value: Any, *, status: int = 200, **headers: str) -> Reply:
        """Return an answer of JSON; header names are given with `_` for `-`."""
        return cls(
            status=status,
            body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8"),
            headers={
                "content-type": "application/json; charset=utf-8",
                **{name.replace("_", "-"): text for name, text in headers.items()},
            },
        )

    @classmethod
    def html(cls, page: str, *, status: int = 200) -> Reply:
        """Return a page that may load nothing from elsewhere and is kept by nobody."""
        return cls(
            status=status,
            body=page.encode("utf-8"),
            headers={
                "content-type": "text/html; charset=utf-8",
                "cache-control": "no-store, no-cache",
                "x-content-type-options": "nosniff",
                "referrer-policy": "no-referrer",
            },
        )

    @classmethod
    def redirect(cls, location: str) -> Reply:
        """Return a redirection that browsers follow with GET."""
        return cls(status=302, headers={"location": location, "cache-control": "no-store"})
