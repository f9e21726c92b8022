"""The signatures of a batch: over what it began with, and over what each drive ended with.

- The statement about the inputs lies beside them and names their digest: inputs that were edited
  are refused, by whoever takes the batch up and by whoever verifies the archive.
- What a batch began with is executed, with the operator's secrets, by whoever takes it up. So that
  it agrees with a published key is not enough there: whoever may write to the archive can publish
  one. It must be the operator's own key, or one that she names.
- What a drive ended with is in the signed file itself, so that there is never one without the
  other. It names the inputs by their digest too.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import chain, envelope, statement, trust
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.inputs import Inputs
from o365lib.evidence.envelope import Signer
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import BATCHES, INPUTS_FILE, INPUTS_STATEMENT, numbered
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import SCHEMA_VERSION, Statement, Subject, signer_of
from o365lib.evidence.verification.inventory import place_of
from o365lib.evidence.verification.signed_file import Examined, examine
from o365lib.plain_text import one_line

_LONGEST_NAME = 80

# A key's id, or its first half, which is its fingerprint.
_NAMED = re.compile(r"(?:sha256:)?([0-9a-f]{32}|[0-9a-f]{64})")


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


def believed_keys(root: Path, keys: KeyStore, *, signed_by: str = "") -> dict[str, PublicKey]:
    """Return the keys whose batches this operator takes up, by their ids.

    Her own, as this machine has them; those that one of these has endorsed, as the archive has
    them; and the one that she names. An endorsement *of* one of her keys counts for nothing:
    anybody can make one.

    Args:
        root: the archive's.
        keys: the operator's.
        signed_by: the fingerprint or id of a key that the archive has; empty for none.

    Raises:
        UsageError: the archive has no such key, or that is no fingerprint.
        EvidenceError: keys cannot be read.
    """
    own = keys.own_keys()
    # Without any key given, all that are published would be trusted.
    found = trust.trusted_keys(root, own) if own else {}
    if not signed_by:
        return found
    match = _NAMED.fullmatch("".join(signed_by.split()).lower())
    if match is None:
        raise UsageError(
            f"{one_line(signed_by, longest=_LONGEST_NAME)!r} is not a key's fingerprint.",
            state="Nothing was started.",
            remedy="It is SHA256: and 32 hexadecimal digits; `o365 key show` tells it.",
        )
    named = {
        key_id: key
        for key_id, key in trust.trusted_keys(root).items()
        if key_id.startswith(match[1])
    }
    if not named:
        raise UsageError(
            f"The archive {root} has no key with this fingerprint.",
            state="Nothing was started.",
            remedy="Compare it with what the signer's own `o365 key show` tells.",
        )
    return {**found, **named}


def checked_inputs(
    root: Path, batch_id: str, *, believed: Mapping[str, PublicKey] | None = None
) -> Inputs:
    """Return what a batch began with, if that is still what was signed.

    Whoever is to execute it gives `believed`. That is the driver: workers execute only the texts
    that the driver hands out with each task, so that its check is enough.

    Args:
        root: the archive's; its published keys say who may have signed.
        batch_id: which batch.
        believed: the keys that alone may have signed, see `believed_keys`; None for any that is
            published, for who only reads.

    Raises:
        EvidenceError: it cannot be read, was edited, or none of these keys has signed it.
    """
    name = statement_name(batch_id)
    place = place_of(name)
    assert place is not None  # the id was found to be one
    published = trust.trusted_keys(root)
    found = examine(chain.read(root / name), place, {**published, **(believed or {})})
    if found.statement is None or not found.is_sound:
        raise _refused(
            batch_id, f"The signature of its inputs is not sound: {found.faults[0].sentence}"
        )
    if believed is not None and (found.key is None or found.key.key_id not in believed):
        raise _of_a_stranger(batch_id, found)
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


def _of_a_stranger(batch_id: str, found: Examined) -> EvidenceError:
    assert found.statement is not None
    assert found.key is not None
    name = one_line(found.statement.predicate["signer"]["name"], longest=_LONGEST_NAME)
    fingerprint = found.key.fingerprint
    return EvidenceError(
        f"The batch {batch_id} cannot be taken up: it was not signed with a key of yours, but by"
        f" {name}, as the signer says, with the key {fingerprint}.",
        state="Nothing was started.",
        remedy="What a batch began with is executed with your rights. If you believe this signer,"
        " and that is the signer's fingerprint, take it up with"
        f" --signed-by {''.join(fingerprint.split())}; else begin a new batch.",
    )


def _refused(batch_id: str, why: str) -> EvidenceError:
    return EvidenceError(
        f"The batch {batch_id} cannot be taken up. {why}",
        state="Nothing was started.",
        remedy="Put the file back from a copy, or begin a new batch. `o365 evidence verify` tells"
        " what else is wrong.",
    )
