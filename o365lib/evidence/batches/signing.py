"""The signatures of a batch: over what it began with, and over what each drive ended with.

- The statement about the inputs lies beside them and names their digest: inputs that were edited
  are refused, by whoever takes the batch up and by whoever verifies the archive.
- What a drive ended with is in the signed file itself, so that there is never one without the
  other. It names the inputs by their digest too.
"""

import hashlib
import json
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, envelope, statement, trust
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.inputs import Inputs
from o365lib.evidence.envelope import Signer
from o365lib.evidence.layout import BATCHES, INPUTS_FILE, INPUTS_STATEMENT, numbered
from o365lib.evidence.statement import SCHEMA_VERSION, Statement, Subject, signer_of
from o365lib.evidence.verification.inventory import place_of
from o365lib.evidence.verification.signed_file import examine


def inputs_name(batch_id: str) -> str:
    """Return the path of a batch's inputs, from the archive's root."""
    return f"{BATCHES}/{batch_id}/{INPUTS_FILE}"


def statement_name(batch_id: str) -> str:
    """Return the path of the statement about a batch's inputs, from the archive's root."""
    return f"{BATCHES}/{batch_id}/{INPUTS_STATEMENT}"


def result_name(batch_id: str, number: int) -> str:
    """Return the path of what a drive ended with, signed, from the archive's root."""
    return f"{BATCHES}/{batch_id}/{numbered(number)}"


def signed_inputs(inputs: Inputs, content: bytes, signer: Signer) -> bytes:
    """Return the signed statement about inputs, given with their file's content.

    Raises:
        EvidenceError: the key cannot be used now.
    """
    said = Statement(
        (Subject(inputs_name(inputs.batch_id), hashlib.sha256(content).hexdigest()),),
        statement.BATCH,
        {
            "schema_version": SCHEMA_VERSION,
            "batch_id": inputs.batch_id,
            "begun": clock.iso(inputs.begun),
            "operator": inputs.operator.model_dump(),
            "runbook": {"name": inputs.runbook.name, "sha256": inputs.runbook.sha256},
            "clients": len(inputs.clients),
            "signer": signer_of(signer),
        },
    )
    return envelope.sign(said.to_bytes(), signer).to_json()


def signed_result(result: BatchFile, number: int, *, inputs_sha256: str, signer: Signer) -> bytes:
    """Return what came of a batch as a signed file.

    Args:
        result: what came of it.
        number: of the file, 1 or more.
        inputs_sha256: of what the batch began with.
        signer: whose key signs.

    Raises:
        EvidenceError: the key cannot be used now.
    """
    said = Statement(
        (Subject(inputs_name(result.batch_id), inputs_sha256),),
        statement.BATCH_RESULT,
        {
            "schema_version": SCHEMA_VERSION,
            "batch_id": result.batch_id,
            "number": number,
            "signed": clock.iso(clock.now()),
            "result": json.loads(result.to_bytes()),
            "signer": signer_of(signer),
        },
    )
    return envelope.sign(said.to_bytes(), signer).to_json()


def checked_inputs(root: Path, batch_id: str) -> Inputs:
    """Return what a batch began with, if that is still what was signed.

    Args:
        root: the archive's; its published keys say who may have signed.
        batch_id: which batch.

    Raises:
        EvidenceError: it cannot be read, was edited, or no published key has signed it.
    """
    name = statement_name(batch_id)
    place = place_of(name)
    assert place is not None  # the id was found to be one
    found = examine(chain.read(root / name), place, trust.trusted_keys(root))
    if found.statement is None or not found.is_sound:
        raise _refused(
            batch_id, f"The signature of its inputs is not sound: {found.faults[0].sentence}"
        )
    try:
        content = (root / inputs_name(batch_id)).read_bytes()
    except OSError as error:
        raise _refused(batch_id, f"Its inputs cannot be read ({error.strerror}).") from error
    if hashlib.sha256(content).hexdigest() != found.statement.subjects[0].sha256:
        raise _refused(batch_id, f"Its {INPUTS_FILE} was edited after it was signed.")
    inputs = Inputs.from_bytes(content)
    if inputs.batch_id != batch_id:
        raise _refused(batch_id, f"Its {INPUTS_FILE} is another batch's.")
    return inputs


def _refused(batch_id: str, why: str) -> EvidenceError:
    return EvidenceError(
        f"The batch {batch_id} cannot be taken up. {why}",
        state="Nothing was started.",
        remedy="Put the file back from a copy, or begin a new batch. `o365 evidence verify` tells"
        " what else is wrong.",
    )
