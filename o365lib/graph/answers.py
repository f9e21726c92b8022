"""What an answer of Graph means: errors by meaning, from status and Graph's most nested codes.

- Decided by status and codes, never by the message, which Microsoft may reword.
  https://learn.microsoft.com/graph/errors
- Bodies that are not JSON, empty ones and NUL bytes are read without failing.
- Messages are masked before they go into an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from o365lib import secret
from o365lib.errors import (
    AnswerLost,
    BadRequest,
    Conflict,
    Forbidden,
    GraphError,
    NotFound,
    RunbookError,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
    UntrustedHost,
)
from o365lib.transport import retry_after_seconds

OK: Final = range(200, 300)
REDIRECTS: Final = range(300, 400)
UNAUTHENTICATED: Final = 401
NOT_FOUND: Final = 404
DEPENDENCY_FAILED: Final = 424
THROTTLED: Final = 429
NOT_IMPLEMENTED: Final = 501
TRANSIENT: Final = frozenset({500, 502, 503, 504})

_CONFLICT_CODES = frozenset(
    {
        "ObjectConflict",
        "ConflictingObjects",
        "Request_MultipleObjectsWithSameKeyValue",
        "RoleAssignmentExists",
    }
)
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class ErrorBody:
    """What Graph says about an error.

    Attributes:
        code: Graph's own.
        message: for people, made fit to be shown.
        detail_codes: of `details[]`, then those of the nested `innerError`s.
        request_id: the service's own id of the request.
        detail_targets: the properties and objects that `details[]` blames.
    """

    code: str = ""
    message: str = ""
    detail_codes: tuple[str, ...] = ()
    request_id: str = ""
    detail_targets: tuple[str, ...] = ()

    @classmethod
    def from_graph(cls, body: Any) -> "ErrorBody":
        """Return what can be read of an error's body; nothing in it is taken for granted."""
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict):
            return cls()
        details = error.get("details")
        listed = details if isinstance(details, list) else []
        each_detail = [one for one in listed if isinstance(one, dict)]
        codes = [str(one.get("code") or "") for one in each_detail]
        targets = [_readable(str(one.get("target") or "")) for one in each_detail]
        # Graph writes innerError, its generic error page innererror.
        inner = next((error[key] for key in error if key.lower() == "innererror"), None)
        request_id = ""
        nested: list[str] = []
        while isinstance(inner, dict):
            request_id = request_id or str(inner.get("request-id") or "")
            nested.append(str(inner.get("code") or ""))
            inner = next((inner[key] for key in inner if key.lower() == "innererror"), None)
        return cls(
            code=str(error.get("code") or ""),
            message=_readable(str(error.get("message") or "")),
            detail_codes=tuple(code for code in [*codes, *nested] if code),
            request_id=request_id,
            detail_targets=tuple(target for target in targets if target),
        )


@dataclass(frozen=True)
class Asked:
    """What was asked, for the texts of errors.

    Attributes:
        method: in capitals.
        path: relative to Graph's version root.
        is_write: whether it may change something; a `$batch` of reads is none.
        needs: the least permission for it.
    """

    method: str
    path: str
    is_write: bool
    needs: str = ""

    @classmethod
    def to(cls, method: str, path: str, needs: str = "") -> "Asked":
        """Return what a single request asks."""
        return cls(method, path, method not in {"GET", "HEAD"}, needs)

    def __str__(self) -> str:
        """`METHOD /path`, without query."""
        return secret.mask(f"{self.method} {self.path.partition('?')[0]}")


def error_of(
    asked: Asked, *, status: int, headers: Mapping[str, str], body: Any, hint: str = ""
) -> RunbookError:
    """Return the error that an answer stands for.

    Args:
        asked: the request.
        status: of the answer, not one of success; 0 where a `$batch` left the item out.
        headers: of the answer, names in lower case.
        body: as parsed; None where it was no JSON.
        hint: what to say where Graph said nothing readable.
    """
    said = ErrorBody.from_graph(body)
    if status in REDIRECTS:
        return UntrustedHost(
            f"{asked} was answered with a redirect ({status}), which Graph never sends.",
            state="The token was not sent anywhere else.",
            remedy="Find out what stands between this machine and Microsoft Graph.",
        )
    is_unclear = not status or (status >= 500 and status != NOT_IMPLEMENTED)  # noqa: PLR2004 -- HTTP
    if asked.is_write and is_unclear:
        how = f"was answered {status}" if status else "got no answer inside its batch"
        return AnswerLost(
            f"{asked} {how}, which does not say whether it was done.", request=str(asked)
        )
    kind, remedy = _kind(status, said, asked.needs)
    message = said.message or hint or _unexplained(status)
    if status == THROTTLED and (seconds := retry_after_seconds(headers)) is not None:
        message = f"{message} Graph asks us to wait {seconds:.0f} seconds."
    return kind(
        message,
        status=status,
        code=said.code,
        detail_codes=said.detail_codes,
        detail_targets=said.detail_targets,
        request_id=headers.get("request-id") or said.request_id,
        request=str(asked),
        state="This request changed nothing." if asked.is_write else "",
        remedy=remedy,
    )


_MEANINGS: Mapping[int, tuple[type[GraphError], str]] = {
    UNAUTHENTICATED: (Unauthenticated, "Sign in again."),
    403: (Forbidden, ""),
    NOT_FOUND: (NotFound, ""),
    409: (Conflict, "Read what is there, and decide."),
    THROTTLED: (Throttled, "Wait some minutes, then run the runbook again."),
    NOT_IMPLEMENTED: (
        ServiceUnavailable,
        "This service does not offer that; trying again does not help.",
    ),
}


def _kind(status: int, said: ErrorBody, needs: str) -> tuple[type[GraphError], str]:
    if status == 400 and {said.code, *said.detail_codes} & _CONFLICT_CODES:  # noqa: PLR2004 -- HTTP
        return _MEANINGS[409]
    is_client_error = 400 <= status < 500  # noqa: PLR2004 -- HTTP
    other = (BadRequest, "") if is_client_error else (ServiceUnavailable, "Try again later.")
    kind, remedy = _MEANINGS.get(status, other)
    return kind, _how_to_be_allowed(needs) if kind is Forbidden else remedy


def _unexplained(status: int) -> str:
    if status == DEPENDENCY_FAILED:
        return "It was not done, because a request on which it depends failed."
    return f"The answer was {status} without an explanation."


def _how_to_be_allowed(needs: str) -> str:
    if not needs:
        return "Ask an administrator which permission or directory role is missing."
    return (
        f"It takes the Graph permission {needs}, with an administrator's consent; and a signed-in "
        "user also needs a directory role that allows it."
    )


def _readable(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return secret.mask(" ".join(printable.split()))[:_LONGEST_MESSAGE]
