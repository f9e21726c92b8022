"""What came of a batch: the content of `batch.json`, and whether it adds up.

It names runs and repeats outcomes; what happened in a tenant is in the runs' own records.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.batches.claims import Claim
from o365lib.evidence.batches.inputs import Inputs, Who

# Of what does not add up so many are told, and the others counted.
_MOST_TOLD = 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Drive(_Part):
    """One process's time with the batch.

    Attributes:
        started: when it began.
        ended: when it ended; None while it goes on, or where it was killed.
        user_name: who drove.
        host_name: on which machine.
        jobs: how many runs at once, at most.
        scheduler: the cluster's address; empty for processes of the same machine.
        interrupted: why it ended before all was done, in a sentence; empty where it did not.
    """

    started: datetime
    ended: datetime | None = None
    user_name: str
    host_name: str
    jobs: int = Field(ge=1)
    scheduler: str = ""
    interrupted: str = ""


class Attempt(_Part):
    """One attempt at a client.

    Attributes:
        attempt: 1 for the first.
        run_id: which run.
        outcome: how it ended.
        seconds: how long it took; None where nobody knows.
    """

    attempt: int = Field(ge=1)
    run_id: str
    outcome: str
    seconds: float | None = Field(default=None, ge=0)


class ClientResult(_Part):
    """What came of one client.

    Attributes:
        client: which one.
        outcome: of the last attempt; `not started` where there was none.
        reason: why, in one line.
        run_id: of the last attempt; empty where there was none.
        attempts: all, in order.
    """

    client: str
    outcome: str
    reason: str = ""
    run_id: str = ""
    attempts: tuple[Attempt, ...] = ()


class BatchFile(_Part):
    """What came of a batch so far; made by `BatchFile.of`.

    Attributes:
        schema_version: of this form.
        batch_id: which batch.
        runbook: what was executed.
        runbook_sha256: of the notebook.
        parameters: of the runbook.
        operator: who began it.
        drives: each process that drove it, in order.
        counts: how many clients ended with which outcome.
        clients: in the order of the inputs.
        changed_files: parameter files that were changed while the batch was under way.
        throttled: how many requests were answered with a request to wait.
        requests: how many were made, over all attempts.
        seconds: over all drives.
    """

    schema_version: Literal[1] = 1
    batch_id: str
    runbook: str
    runbook_sha256: str
    parameters: dict[str, JsonValue]
    operator: Who
    drives: tuple[Drive, ...]
    counts: dict[str, int]
    clients: tuple[ClientResult, ...]
    changed_files: tuple[str, ...] = ()
    throttled: int = Field(default=0, ge=0)
    requests: int = Field(default=0, ge=0)
    seconds: float = Field(default=0, ge=0)

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        *,
        drives: Sequence[Drive],
        clients: Sequence[ClientResult],
        changed_files: Collection[str] = (),
        throttled: int = 0,
        requests: int = 0,
    ) -> Self:
        """Return what came of a batch; counts and seconds are made of the rest.

        Args:
            inputs: what it began with.
            drives: all of them, earlier ones too.
            clients: all of them, in the order of the inputs.
            changed_files: see `inputs.changed_since`.
            throttled: over all drives.
            requests: over all drives.
        """
        return cls(
            batch_id=inputs.batch_id,
            runbook=inputs.runbook.name,
            runbook_sha256=inputs.runbook.sha256,
            parameters=inputs.parameters,
            operator=inputs.operator,
            drives=tuple(drives),
            counts=dict(Counter(each.outcome for each in clients)),
            clients=tuple(clients),
            changed_files=tuple(changed_files),
            throttled=throttled,
            requests=requests,
            seconds=sum(
                (each.ended - each.started).total_seconds() for each in drives if each.ended
            ),
        )

    def to_bytes(self) -> bytes:
        """Return the file's content, which `from_bytes` reads."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return what a file's content says.

        Raises:
            EvidenceError: it is no such file, or one of a later version.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise EvidenceError(
                "This is no `batch.json` that this version of o365-runbooks knows.",
                remedy="A later version may have written it; or compare it with a backup.",
            ) from error

    def adds_up(
        self,
        *,
        inputs: Inputs | None = None,
        claims: Mapping[str, Sequence[Claim]] | None = None,
        has_record: Callable[[str, str], bool] | None = None,
    ) -> list[str]:
        """Return what does not add up, a sentence each; empty where all does.

        Args:
            inputs: what the batch began with; None leaves that comparison out.
            claims: by client; as above.
            has_record: whether a run, given by client and id, has a record; as above.
        """
        faults = [*self._sums()]
        if inputs is not None:
            faults += self._unlike(inputs)
        if claims is not None:
            faults += self._unclaimed(claims)
        if has_record is not None:
            faults += [
                f"The run {attempt.run_id} of {each.client} has no record."
                for each in self.clients
                for attempt in each.attempts
                if not has_record(each.client, attempt.run_id)
            ]
        more = len(faults) - _MOST_TOLD
        return [*faults[:_MOST_TOLD], f"{more} more."] if more > 0 else faults

    def _sums(self) -> Iterator[str]:
        total = sum(self.counts.values())
        if total != len(self.clients):
            yield f"The counts make {total}, and there are {len(self.clients)} clients."
        found = Counter(each.outcome for each in self.clients)
        for outcome in sorted({*found, *self.counts}):
            said = self.counts.get(outcome, 0)
            if said != found[outcome]:
                yield f"{said} are said to be {outcome!r}, and {found[outcome]} are."
        for client, times in Counter(each.client for each in self.clients).items():
            if times > 1:
                yield f"{client} is there {times} times."
        runs: set[tuple[str, str]] = set()
        for each in self.clients:
            yield from _of_a_client(each)
            for attempt in each.attempts:
                if (each.client, attempt.run_id) in runs:
                    yield f"Two attempts at {each.client} are said to be the run {attempt.run_id}."
                runs.add((each.client, attempt.run_id))

    def _unlike(self, inputs: Inputs) -> Iterator[str]:
        if (self.batch_id, self.runbook, self.runbook_sha256) != (
            inputs.batch_id,
            inputs.runbook.name,
            inputs.runbook.sha256,
        ):
            yield "It is of another batch, or of another runbook, than the inputs."
        there = {each.client for each in self.clients}
        for client in inputs.clients:
            if client not in there:
                yield f"{client} is in the inputs and not in the result."
        for client in sorted(there - inputs.clients.keys()):
            yield f"{client} is in the result and not in the inputs."

    def _unclaimed(self, claims: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
        attempts = {
            (each.client, attempt.attempt): attempt.run_id
            for each in self.clients
            for attempt in each.attempts
        }
        claimed = {
            (claim.client, claim.attempt): claim for each in claims.values() for claim in each
        }
        for (client, number), run_id in attempts.items():
            claim = claimed.get((client, number))
            if claim is None:
                yield f"Nobody has claimed attempt {number} at {client}."
            elif not claim.is_torn and claim.run_id != run_id:
                yield f"Attempt {number} at {client} was claimed for the run {claim.run_id}."
        for client, number in sorted(claimed.keys() - attempts.keys()):
            yield f"Attempt {number} at {client} was claimed, and nothing is told of it."


def _of_a_client(result: ClientResult) -> Iterator[str]:
    numbers = [each.attempt for each in result.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"The attempts at {result.client} have the numbers {numbers}."
    if result.attempts:
        last = result.attempts[-1]
        if (last.run_id, last.outcome) != (result.run_id, result.outcome):
            yield f"What is said of {result.client} is not what its last attempt says."
    elif result.run_id:
        yield f"{result.client} has the run {result.run_id} and no attempt."
