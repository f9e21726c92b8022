"""A question to Graph as a value: what to ask, how to read the answer, what it takes to be allowed.

- A `Query` is a read. `GraphSession.fetch` asks it alone; `GraphSession.read_batch` asks many in
  one round trip. Building one sends nothing.
- Paths are relative to Graph's version root and are built here, so that no name from a tenant can
  reach another path or another filter than was meant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

T = TypeVar("T")

# https://learn.microsoft.com/graph/aad-advanced-queries
ADVANCED: Mapping[str, str] = {"ConsistencyLevel": "eventual"}


@dataclass(frozen=True)
class Query(Generic[T]):
    """A read of Graph.

    Attributes:
        path: relative to the version root, with its query: `/users?$top=5`.
        parse: makes the result of the answer's body; for a collection, of the list of all pages.
        needs: the least permission, as Graph's reference names it.
        is_collection: whether the answer is a list that may go on at `@odata.nextLink`.
        headers: to send along.
        if_missing: makes the result where Graph answers 404; None where a 404 is an error.
    """

    path: str
    parse: Callable[[Any], T]
    needs: str = ""
    is_collection: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    if_missing: Callable[[], T] | None = None


def segment(value: str) -> str:
    """Return a key as one path segment.

    Raises:
        ValueError: it is empty, or dots that would climb to another path.
    """
    if value.strip(".") == "":
        raise ValueError(f"{value!r} is not a key")
    return quote(value, safe="@")


def literal(value: str) -> str:
    """Return a text as an OData string literal: in quotes, quotes inside doubled.

    https://learn.microsoft.com/graph/query-parameters#escaping-single-quotes
    """
    return "'" + value.replace("'", "''") + "'"


def with_query(path: str, options: Mapping[str, str | int | None]) -> str:
    """Return a path with these query options; those that are None are left out."""
    given = {name: str(value) for name, value in options.items() if value is not None}
    return f"{path}?{urlencode(given, quote_via=quote, safe='$,()/:@')}" if given else path
