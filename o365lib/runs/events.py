"""What happens to runs while they are executed, told to whoever shows or decides something.

Events are small and can be sent to another process. What a person has to do to sign in travels in
one of them too (`prompt`), and is shown, never kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from o365lib.runs.summary import RunResult


@dataclass(frozen=True, kw_only=True)
class Event:
    """News of a run, or of the whole batch.

    Attributes:
        kind: a run `started`, its `step` began, a person has to do something (`prompt`), it has
            made requests (`traffic`), it `ended`; or something is `told` about the batch.
        client: the customer; empty for what is told about the batch.
        text: the step's name, the prompt or the sentence.
        requests: of `traffic`: how many the run has made so far, the sign-in's included.
        throttled: of `traffic`: how many of them were answered with a request to wait.
        result: of `ended`: what came of the run.
    """

    kind: Literal["started", "step", "prompt", "traffic", "ended", "told"]
    client: str = ""
    text: str = ""
    requests: int = 0
    throttled: int = 0
    result: RunResult | None = None


Tell = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Hear and forget: for callers that want no news."""
