"""Every error that a person can meet, under one root, each with its remedy.

    RunbookError                 the root: what happened, what is now true, what to do
    ├── UsageError               a command, parameter or step was used in a way that has no meaning
    │   ├── ParametersError      client files or defaults are wrong: every problem with its position
    │   ├── StepOutOfOrder       a runbook's step was called before the one it builds on
    │   └── StepTooLate          a runbook's step was called that would alter what stands
    ├── SecretUnavailable        a secret that the client file refers to cannot be read
    ├── SignInError              the sign-in service said no, or nobody finished the sign-in
    ├── UntrustedHost            an answer pointed outside the client's cloud
    ├── NoAnswer                 the connection failed, before or after the request was sent
    ├── GraphError               Microsoft Graph answered with an error
    │   ├── BadRequest           400: the request is wrong in itself
    │   ├── Unauthenticated      401: the token is missing, expired or for somebody else
    │   ├── Forbidden            403: a permission or a directory role is missing
    │   ├── NotFound             404: no such object, or not yet visible
    │   ├── Conflict             an object with this name, or this assignment, is there already
    │   ├── Throttled            429, and the service kept saying so
    │   └── ServiceUnavailable   5xx, or no connection, after the allowed repetitions of a read
    ├── AnswerLost               a write was sent and its answer never came
    ├── Refused                  a guard stopped the run; nothing was changed
    ├── NotVerified              written, but reading back did not show it in time
    ├── ChangeFailed             a change did not take place, or took place otherwise
    ├── HandOverFailed           the credentials could not be handed over
    ├── EvidenceError            the archive cannot be read or written
    │   ├── NameTaken            create-only: other bytes stand under this name already
    │   └── SecretFound          a secret stood in a run's files: they were put into quarantine
    └── RunError                 a notebook could not be executed to its end

Each carries three sentences: `message` (what happened), `state` (what is now true in the tenant)
and `remedy` (what to do now). IPython asks an exception for `_render_traceback_` before it builds
a stack of frames, so in a notebook an error reads as a box of sentences.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH = 78

# What an error says that knows only of itself; a run that has changed something puts it right.
NOTHING_CHANGED = "Nothing was changed."


class RunbookError(Exception):
    """The root of the package's errors.

    Args:
        message: what happened, in one sentence or a few.
        state: what is now true in the tenant; empty where nothing was touched.
        remedy: what to do now.
    """

    title = "The runbook stopped"
    kind = "failed"
    # Whether a person has seen it already, so that a notebook need not say it twice.
    is_shown = False

    def __init__(self, message: str, *, state: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.state = state
        self.remedy = remedy

    def __str__(self) -> str:
        """All three sentences in one line, as the command line prints them."""
        return " ".join(part for part in (self.message, self.state, self.remedy) if part)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way between processes, with all parts."""
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))

    def sentences(self) -> list[tuple[str, str]]:
        """The labelled parts, in the order in which a person wants them."""
        labels = ("What happened", "In the tenant", "What to do")
        parts = zip(labels, (self.message, self.state, self.remedy), strict=True)
        return [(label, text) for label, text in parts if text]

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the stack of frames.

        https://ipython.readthedocs.io/en/stable/config/integrating.html#custom-exception-tracebacks
        """
        short = f"{self.title}: the box above says what to do."
        return [short] if self.is_shown else self.lines()

    def lines(self) -> list[str]:
        """All three sentences under their labels, as lines of text for a terminal."""
        rule = "─" * _WIDTH
        lines = [rule, self.title, rule]
        for label, text in self.sentences():
            lines += [f"{label}:", *_wrapped(text), ""]
        return lines


def _wrapped(text: str) -> list[str]:
    # Ids and addresses are copied from here, so that no line breaks within one.
    wrapper = textwrap.TextWrapper(_WIDTH, break_long_words=False, break_on_hyphens=False)
    wrapper.initial_indent = wrapper.subsequent_indent = "  "
    return [line for paragraph in text.splitlines() for line in wrapper.wrap(paragraph)]


def _rebuild(
    kind: type[RunbookError], args: tuple[object, ...], state: dict[str, object]
) -> RunbookError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(RunbookError):
    """A command, parameter or step was used in a way that has no meaning."""

    title = "Wrong usage"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a file: lines and columns count from 1."""

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        """`file:line:column: field: message`, which editors turn into links."""
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {field}{self.message}"


class ParametersError(UsageError):
    """Client files or defaults are wrong; `problems` has every one of them, sorted."""

    title = "Wrong parameters"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        those = "it" if len(self.problems) == 1 else f"these {len(self.problems)}"
        super().__init__(
            "\n".join(str(problem) for problem in self.problems),
            remedy=f"Correct {those}; `o365 check` shows what is left.",
        )

    def __str__(self) -> str:
        """A line for each problem, and one for the remedy."""
        return f"{self.message}\n{self.remedy}"


class StepOutOfOrder(UsageError):
    """A runbook's step was called before the one it builds on."""

    title = "Not yet"


class StepTooLate(UsageError):
    """A runbook's step was called that would alter what stands: a plan begun, or a closed run."""

    title = "Not any more"


class SecretUnavailable(RunbookError):
    """A secret that the client file refers to cannot be read. Nothing was sent anywhere."""

    title = "A secret is missing"


class SignInError(RunbookError):
    """The sign-in service said no, or nobody finished the sign-in. It has changed nothing.

    Args:
        message: a sentence for the person.
        remedy: what to do.
        error: the OAuth error code (`invalid_grant`, ...).
        code: the AADSTS number, 0 where there is none.
        correlation_id: what Microsoft's support asks for.
    """

    title = "Not signed in"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        error: str = "",
        code: int = 0,
        correlation_id: str = "",
    ) -> None:
        super().__init__(message, state=NOTHING_CHANGED, remedy=remedy)
        self.error = error
        self.code = code
        self.correlation_id = correlation_id


class UntrustedHost(RunbookError):
    """An answer pointed outside the client's cloud; nothing was sent there."""

    title = "A host outside the client's cloud"


class NoAnswer(RunbookError):
    """The connection failed. Graph's session and the sign-in turn it into what it means there.

    Args:
        reason: in a few words, for tables: `timeout`, `connection reset`, ...
        message: a sentence.
        was_sent: whether the request may have reached the service; False is certain.
        is_lasting: whether trying again cannot help (an untrusted certificate).
    """

    title = "No answer"

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        was_sent: bool,
        is_lasting: bool = False,
        remedy: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason
        self.was_sent = was_sent
        self.is_lasting = is_lasting


class GraphError(RunbookError):
    """Microsoft Graph answered with an error.

    Args:
        message: Graph's message, or ours where Graph gave none.
        status: the HTTP status; 0 where no answer came.
        code: Graph's error code (`Request_ResourceNotFound`, ...).
        detail_codes: the codes in `error.details[]` (`ObjectConflict`, ...).
        detail_targets: what these blame: properties (`userPrincipalName`, ...), or objects
            (`User_<object id>`).
        request_id: the service's own id of the request, for Microsoft's support.
        request: `METHOD /path` of what was asked.
        state: what is now true in the tenant.
        remedy: what to do now.
    """

    title = "Microsoft Graph said no"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        detail_codes: Sequence[str] = (),
        detail_targets: Sequence[str] = (),
        request_id: str = "",
        request: str = "",
        state: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, state=state, remedy=remedy)
        self.status = status
        self.code = code
        self.detail_codes = tuple(detail_codes)
        self.detail_targets = tuple(detail_targets)
        self.request_id = request_id
        self.request = request

    def sentences(self) -> list[tuple[str, str]]:
        """The parts, and the request with its id for Microsoft's support."""
        technical = f"{self.request} was answered {self.status} {self.code}".strip()
        if self.request_id:
            technical += f"\nrequest-id {self.request_id}"
        return [*super().sentences(), ("For support", technical)]


class BadRequest(GraphError):
    """400: the request is wrong in itself; repeating it does not help."""


class Unauthenticated(GraphError):
    """401: the token is missing, expired, or meant for somebody else."""


class Forbidden(GraphError):
    """403: a permission or a directory role is missing."""


class NotFound(GraphError):
    """404: there is no such object, or it is not visible yet."""


class Conflict(GraphError):
    """An object with this name, or this assignment, is there already.

    `detail_targets` tells which property is taken, where Graph says so.
    """


class Throttled(GraphError):
    """429, and the service kept saying so until our patience ended."""


class ServiceUnavailable(GraphError):
    """5xx, or no connection, after the allowed repetitions of a read."""


class AnswerLost(RunbookError):
    """A write was sent and its answer never came: it may or may not have taken effect."""

    title = "The answer to a change was lost"

    def __init__(self, message: str, *, request: str = "") -> None:
        super().__init__(
            message,
            state="The change may have taken effect or not.",
            remedy="Run the runbook again: it reads the tenant first and does only what is left.",
        )
        self.request = request


class Refused(RunbookError):
    """A guard stopped the run; nothing was changed.

    Args:
        code: the guard's name, as it stands in the record (`federated-with-vendor`, ...).
        message: the reason.
        remedy: the way out.
        state: what is now true in the tenant, where the run had begun to change it.
    """

    title = "Refused"
    kind = "refused"

    def __init__(
        self, code: str, message: str, *, remedy: str = "", state: str = NOTHING_CHANGED
    ) -> None:
        super().__init__(message, state=state, remedy=remedy)
        self.code = code

    def sentences(self) -> list[tuple[str, str]]:
        """The parts, led by the guard's name."""
        return [("Guard", self.code), *super().sentences()]


class NotVerified(RunbookError):
    """Written, but reading back did not show it in time."""

    title = "Not verified"
    kind = "unverified"


class ChangeFailed(RunbookError):
    """A change did not take place, or took place otherwise than planned."""

    title = "A change failed"


class HandOverFailed(RunbookError):
    """The credentials could not be handed over; the next run replaces the password."""

    title = "The credentials were not handed over"


class EvidenceError(RunbookError):
    """The archive cannot be read or written."""

    title = "The evidence archive"


class NameTaken(EvidenceError):
    """Other bytes stand in the archive under this name already; nothing was overwritten.

    `name` is the path from the archive's root, with `/`.
    """

    title = "Taken in the evidence archive"

    def __init__(self, message: str, *, name: str = "", state: str = "", remedy: str = "") -> None:
        super().__init__(message, state=state, remedy=remedy)
        self.name = name


class SecretFound(EvidenceError):
    """A secret stood in a run's files: they were put into quarantine, and the run has failed."""

    title = "A secret was found"


class RunError(RunbookError):
    """A notebook could not be executed to its end."""

    title = "The run broke off"
