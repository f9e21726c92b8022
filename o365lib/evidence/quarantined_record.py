"""The record that stays in the archive when a run's files go into quarantine.

- It is the run's own, without the texts in which a secret was found. What later runs need stands as
  it stood: what was changed, and whether credentials were handed over.
- It is searched before it is kept. If something is found still, every text goes that is not of a
  form in which no secret hides; then everything but the changes.
- The outcome is `failed`, and the error says what the run had come to and what to do now.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from o365lib import clock, secret
from o365lib.errors import SecretFound
from o365lib.evidence import gate
from o365lib.evidence.archive import NOTEBOOK_FILE, RECORD_FILE
from o365lib.evidence.gate import KNOWN_SECRET, Findings
from o365lib.evidence.masking import with_texts
from o365lib.evidence.record import LONGEST_REASON, ErrorRecord, Outcome, Quarantined, Record
from o365lib.plain_text import one_line
from o365lib.secret import MASK

_WHAT_TO_DO = (
    "Make the secret worthless first: set another password, revoke the token, replace the client"
    " secret or key. The files are beside the archive, in the folder whose name ends in"
    " .quarantine: see there how the secret got into them, and delete them then."
)

# A GUID, an instant, a word of the ledger: nobody's secret, whoever alone knows what is one.
_HARMLESS = re.compile(
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{1,7})?(?:Z|[+-][0-9:]{5})"
    r"|GET|POST|PATCH|PUT|DELETE|graph|sign-in"
)


def made_of(record: Record, findings: Findings, files: list[Quarantined]) -> Record:
    """Return what stays of a record.

    Args:
        record: as it was on file.
        findings: which secrets were found where.
        files: what is in quarantine.
    """
    if record.quarantined:
        return record.model_copy(update={"quarantined": files})
    *candidates, least = _candidates(record, findings)
    for candidate in candidates:
        said = _saying_so(candidate, findings, files)
        if not gate.kinds_in(said.to_json()):
            return said
    return _saying_so(least, findings, files)


def _candidates(record: Record, findings: Findings) -> Iterator[Record]:
    if not _is_hidden_from_us(record, findings):
        yield _record_of(with_texts(record, _unless_found))
    yield _record_of(with_texts(record, _unless_doubtful))
    yield Record(
        run_id=record.run_id,
        client=record.client,
        runbook=record.runbook,
        package_version=record.package_version,
        operator=record.operator.model_copy(update={"signed_in_as": "", "object_id": ""}),
        dry_run=record.dry_run,
        started=record.started,
        ended=record.ended,
        outcome=record.outcome,
        closed_by=record.closed_by,
        changes=[
            each.model_copy(
                update={"detail": "", "before": None, "after": None, "request_id": "", "note": ""}
            )
            for each in record.changes
        ],
        hand_over=record.hand_over
        and record.hand_over.model_copy(update={"recipient": "", "request_id": "", "note": ""}),
        verification=[
            each.model_copy(update={"wanted": "", "found": ""}) for each in record.verification
        ],
    )


def _is_hidden_from_us(record: Record, findings: Findings) -> bool:
    """Whether a secret stands in the record that another process knows and this one does not."""
    if KNOWN_SECRET not in findings.kinds_of(RECORD_FILE):
        return False
    return with_texts(record, secret.mask) == record.model_dump(mode="json")


def _unless_found(text: str) -> str:
    return MASK if gate.kinds_in(text, known=secret.find) else text


def _unless_doubtful(text: str) -> str:
    return text if _HARMLESS.fullmatch(text) else MASK


def _record_of(tree: dict[str, Any]) -> Record:
    return Record.from_json(json.dumps(_without_patterns(tree)))


def _without_patterns(value: JsonValue, key: str = "") -> Any:
    """Return a tree without what looks like a secret, by itself or by its key; nowhere."""
    if isinstance(value, str):
        return MASK if gate.kinds_in(json.dumps({key: value})) else value
    if isinstance(value, dict):
        return {
            MASK if gate.kinds_in(name) else name: _without_patterns(each, name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_without_patterns(each, key) for each in value]
    return value


def _saying_so(record: Record, findings: Findings, files: list[Quarantined]) -> Record:
    """Return a record that is clean with what became of the run."""
    earlier, state = str(record.outcome), record.error.state if record.error else ""
    # What a driver says was the runbook's ending, it has read in the notebook.
    is_quoted = record.closed_by == "driver" and KNOWN_SECRET in findings.kinds_of(NOTEBOOK_FILE)
    if record.reason and not is_quoted:
        earlier = f"{earlier}, {record.reason}"
    kinds = sorted({kind for file in files for kind in file.kinds}) or ["secret"]
    error = SecretFound(
        f"In this run's files stood what must never be written: {', '.join(kinds)}. They were put"
        f" into quarantine. The run itself had come to: {earlier}",
        state="" if is_quoted else state,
        remedy=_WHAT_TO_DO,
    )
    return record.model_copy(
        update={
            "outcome": Outcome.FAILED,
            "reason": one_line(error.message, longest=LONGEST_REASON),
            "error": ErrorRecord(
                type=type(error).__name__,
                message=error.message,
                state=error.state,
                remedy=error.remedy,
                step="" if record.error is None else record.error.step,
            ),
            "ended": record.ended or clock.now(),
            "closed_by": record.closed_by or "driver",
            "quarantined": files,
        }
    )
