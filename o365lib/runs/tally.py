"""What came of a batch, put together for `batch.json`: earlier drives, claims and results."""

from collections.abc import Collection, Mapping, Sequence

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.batch_file import Attempt, BatchFile, ClientResult, Drive
from o365lib.evidence.batches.claims import Claim
from o365lib.evidence.batches.folder import BatchFolder, outcome_of
from o365lib.evidence.batches.inputs import Inputs
from o365lib.evidence.batches.standing import ClientStanding
from o365lib.runs.summary import NOT_STARTED, RunResult

# An attempt whose record cannot be read, or was never closed.
_UNKNOWN = "unfinished"


def before(folder: BatchFolder) -> tuple[BatchFile | None, list[str]]:
    """Return what earlier drives wrote, and what is wrong with it, as sentences."""
    try:
        return folder.read_batch(), []
    except EvidenceError as error:
        return None, [f"What earlier drives wrote is lost: {error}"]


def opening(
    inputs: Inputs,
    standings: Sequence[ClientStanding],
    earlier: BatchFile | None,
    entry: Drive,
) -> BatchFile:
    """Return what a batch has come to when a drive begins.

    Args:
        inputs: what it began with.
        standings: of all clients.
        earlier: what earlier drives wrote, if any did.
        entry: of the drive that begins.
    """
    known = {each.client: each for each in earlier.clients} if earlier else {}
    clients = [
        known[each.client]
        if each.client in known and known[each.client].run_id == each.run_id
        else ClientResult(client=each.client, outcome=each.outcome or NOT_STARTED)
        for each in standings
    ]
    return BatchFile.of(
        inputs,
        drives=[*(earlier.drives if earlier else ()), entry],
        clients=clients,
        throttled=earlier.throttled if earlier else 0,
        requests=earlier.requests if earlier else 0,
    )


def closing(
    folder: BatchFolder,
    inputs: Inputs,
    *,
    before: BatchFile | None,
    entry: Drive,
    results: Sequence[RunResult],
    changed_files: Collection[str],
    traffic: tuple[int, int],
) -> BatchFile:
    """Return what a batch has come to when a drive ends.

    Args:
        folder: of the batch; it has the claims.
        inputs: what it began with.
        before: what earlier drives wrote, if any did.
        entry: of the drive that ends.
        results: of the runs of this drive.
        changed_files: that were edited while the batch was under way.
        traffic: how many requests this drive's runs made, and how many were told to wait.
    """
    claims = folder.claims()
    fresh = {each.client: each for each in results}
    known = {each.client: each for each in before.clients} if before else {}
    clients = [
        _client(folder, client, claims.get(client, ()), fresh.get(client), known.get(client))
        for client in inputs.clients
    ]
    return BatchFile.of(
        inputs,
        drives=[*(before.drives if before else ()), entry],
        clients=clients,
        changed_files=changed_files,
        throttled=(before.throttled if before else 0) + traffic[1],
        requests=(before.requests if before else 0) + traffic[0],
    )


def _client(
    folder: BatchFolder,
    client: str,
    claims: Sequence[Claim],
    fresh: RunResult | None,
    known: ClientResult | None,
) -> ClientResult:
    earlier: Mapping[str, Attempt] = {each.run_id: each for each in known.attempts} if known else {}
    attempts = [_attempt(folder, claim, earlier.get(claim.run_id), fresh) for claim in claims]
    if not attempts:
        # Nobody claimed it: no kernel was started.
        reason = fresh.reason if fresh else ""
        return ClientResult(client=client, outcome=NOT_STARTED, reason=reason)
    last = attempts[-1]
    reason = known.reason if known and known.run_id == last.run_id else ""
    if fresh is not None and fresh.run_id == last.run_id:
        reason = fresh.reason
    return ClientResult(
        client=client,
        outcome=last.outcome,
        reason=reason or _reason_of(folder, client, last.run_id),
        run_id=last.run_id,
        attempts=tuple(attempts),
    )


def _attempt(
    folder: BatchFolder, claim: Claim, earlier: Attempt | None, fresh: RunResult | None
) -> Attempt:
    if fresh is not None and fresh.run_id == claim.run_id:
        outcome, seconds = fresh.outcome, round(fresh.seconds, 3)
        return Attempt(attempt=claim.attempt, run_id=claim.run_id, outcome=outcome, seconds=seconds)
    outcome = outcome_of(folder.root, claim.client, claim.run_id) if claim.run_id else ""
    return Attempt(
        attempt=claim.attempt,
        run_id=claim.run_id,
        outcome=outcome or (earlier.outcome if earlier else _UNKNOWN),
        seconds=earlier.seconds if earlier else None,
    )


def _reason_of(folder: BatchFolder, client: str, run_id: str) -> str:
    """Return the reason in a run's record: its drive was killed before it could tell."""
    try:
        return Archive(folder.root).run(client, run_id).read_record().reason
    except EvidenceError:
        return ""
