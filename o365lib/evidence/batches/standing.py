"""How each client of a batch stands, and what is left to do: decided from claims and outcomes.

- An attempt is what was claimed. One without an outcome was interrupted: its process was killed, or
  its record cannot be read.
- Runs that did something, that found nothing to do, planned, or were refused on purpose are
  finished; those that failed or could not be verified are attempted again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from o365lib.evidence.batches.claims import Claim

Standing = Literal["finished", "failed", "interrupted", "not begun"]

FINISHED = frozenset({"done", "nothing to do", "planned", "refused"})
_FAILED = frozenset({"failed", "unverified"})


@dataclass(frozen=True, kw_only=True)
class ClientStanding:
    """How a client stands.

    Attributes:
        client: which one.
        standing: what came of the last attempt, if there was one.
        outcome: of the last attempt's run; empty where there is none.
        run_id: of the last attempt; empty where there was none, or nobody knows.
        attempt: the last one's number; 0 where none was begun.
    """

    client: str
    standing: Standing
    outcome: str = ""
    run_id: str = ""
    attempt: int = 0

    @property
    def is_left(self) -> bool:
        """Whether there is something to do."""
        return self.standing != "finished"

    @property
    def next_attempt(self) -> int:
        """The number that the next attempt has."""
        return self.attempt + 1


def standings(
    clients: Iterable[str],
    claims: Mapping[str, Sequence[Claim]],
    outcomes: Mapping[tuple[str, str], str],
) -> tuple[ClientStanding, ...]:
    """Return how all clients of a batch stand, in their order.

    Args:
        clients: the batch's.
        claims: by client.
        outcomes: of runs, by client and run id; `unfinished`, or none, for one that was cut off.
    """
    return tuple(_standing(each, claims.get(each, ()), outcomes) for each in clients)


def left_to_do(
    clients: Iterable[str],
    claims: Mapping[str, Sequence[Claim]],
    outcomes: Mapping[tuple[str, str], str],
) -> tuple[ClientStanding, ...]:
    """Return those clients for whom a batch has something left to do, in their order.

    Args:
        clients: the batch's.
        claims: by client.
        outcomes: as in `standings`.
    """
    return tuple(each for each in standings(clients, claims, outcomes) if each.is_left)


def _standing(
    client: str, claims: Sequence[Claim], outcomes: Mapping[tuple[str, str], str]
) -> ClientStanding:
    if not claims:
        return ClientStanding(client=client, standing="not begun")
    last = max(claims, key=lambda claim: claim.attempt)
    outcome = outcomes.get((client, last.run_id), "") if last.run_id else ""
    standing: Standing = "interrupted"
    if outcome in FINISHED:
        standing = "finished"
    elif outcome in _FAILED:
        standing = "failed"
    return ClientStanding(
        client=client,
        standing=standing,
        outcome=outcome,
        run_id=last.run_id,
        attempt=last.attempt,
    )
