"""Faults: a chosen request is refused, lost, half done or answered with a lie.

Effects, as `Fault.effect`:

- `503`, `504`, `429`, `401` or any other status from 400 on: refused, nothing is done.
- `503-after` (any status): done, but answered with the status.
- `400-echo` (any status): refused; the error's message quotes the token and the body that came.
- `400-echo-page` (any status): the same as a page of HTML, as a gateway's error page may do.
- `reset-before`, `reset-after`: the connection is reset before or after the work was done.
- `drop`: answered with success, and nothing is done.
- `wrong-body`: done, and answered with a JSON object that has nothing to do with the request.
- `non-json`: done, and answered with a page of HTML.
- `empty-page`: a list's first page is empty and has a link to the real first page.
- `foreign-next-link`: a list's link to the next page leads to another host.
- `redirect`: answered 302 to another host, nothing is done.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field

FOREIGN_HOST = "https://graph.microsoft.example.invalid"
"""Where the lying links lead; the name cannot exist."""

_NAMED_EFFECTS = frozenset(
    {
        "reset-before",
        "reset-after",
        "drop",
        "wrong-body",
        "non-json",
        "empty-page",
        "foreign-next-link",
        "redirect",
    }
)
_STATUS_EFFECT = re.compile(r"([45]\d\d)(-after|-echo|-echo-page)?")


@dataclass(kw_only=True)
class Fault:
    """Which requests go wrong, and how.

    Attributes:
        effect: see the module.
        method: an HTTP method, or `*`.
        path: a glob on the path without the query (`/v1.0/users/*`), or a regular expression when
            it begins with `^`. The path of a batch's item begins with `/v1.0` too.
        host: `login` or `graph`.
        retry_after: the `Retry-After` header as it is written, or None for none.
        times: how many requests it strikes; None for all.
        after: how many matching requests it lets pass first.
        tenant: a tenant's id, or its name when it was added by `Faults.add`; None for all.
        in_batch: True for items of a `$batch` only, False for other requests only, None for both.
    """

    effect: str
    method: str = "*"
    path: str = "*"
    host: str = "graph"
    retry_after: str | None = None
    times: int | None = 1
    after: int = 0
    tenant: str | None = None
    in_batch: bool | None = None
    struck: int = field(default=0, compare=False)
    _seen: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.effect not in _NAMED_EFFECTS and not _STATUS_EFFECT.fullmatch(self.effect):
            known = ", ".join(sorted(_NAMED_EFFECTS))
            raise ValueError(
                f"The sandbox knows no effect {self.effect!r}; it knows a status from 400 on, the "
                f"same followed by -after, -echo or -echo-page, and {known}."
            )
        if self.host not in {"login", "graph"}:
            raise ValueError(f"A fault's host is login or graph, not {self.host!r}.")
        if self.path.startswith("^"):
            re.compile(self.path)

    @property
    def status(self) -> int | None:
        """The HTTP status of the effect, if it is one."""
        match = _STATUS_EFFECT.fullmatch(self.effect)
        return int(match[1]) if match else None

    @property
    def is_after(self) -> bool:
        """Whether the request is carried out before it goes wrong."""
        return self.effect not in {"reset-before", "redirect"} and (
            self.status is None or self.effect.endswith("-after")
        )

    @property
    def echoes(self) -> bool:
        """Whether the answer quotes what came, secrets included."""
        return "-echo" in self.effect

    @property
    def is_page(self) -> bool:
        """Whether the answer that quotes is a page instead of an error in JSON."""
        return self.effect.endswith("-echo-page")

    def matches(self, *, host: str, method: str, path: str, in_batch: bool) -> bool:
        """Tell whether a request is one of those meant, its tenant aside."""
        if self.host != host or self.method not in {"*", method}:
            return False
        if self.in_batch is not None and self.in_batch is not in_batch:
            return False
        if self.path.startswith("^"):
            return re.search(self.path, path) is not None
        return fnmatch.fnmatchcase(path, self.path)


class Faults:
    """The faults that are planned, in the order in which they were added."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Plan a fault and return it; its `struck` counts the requests that it has hit."""
        self._planned.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()

    def all(self) -> list[Fault]:
        """Return the planned faults, spent ones included."""
        return list(self._planned)

    def take(
        self, *, host: str, method: str, path: str, tenant_names: frozenset[str], in_batch: bool
    ) -> Fault | None:
        """Return the fault that strikes this request, and count it; None when it goes well.

        Args:
            host: `login` or `graph`.
            method: the request's method.
            path: its path without the query.
            tenant_names: the id and the name of the request's tenant; empty when unknown.
            in_batch: whether it is an item of a batch.
        """
        for fault in self._planned:
            if fault.times is not None and fault.struck >= fault.times:
                continue
            if fault.tenant is not None and fault.tenant not in tenant_names:
                continue
            if not fault.matches(host=host, method=method, path=path, in_batch=in_batch):
                continue
            fault._seen += 1  # noqa: SLF001  the list keeps its own entries' counts
            if fault._seen > fault.after:  # noqa: SLF001  as above
                fault.struck += 1
                return fault
        return None
