"""Reconciliations in the archive: what the service's own audit log was found to say, signed.

- A reconciliation is an in-toto statement in a DSSE envelope at
  `<client>/_reconciliations/<id>.json`, made once and never written again; its subjects are the
  client's seals that were there when it was made.
- Records are compared with their seals first: one that was edited since bears witness to nothing.

The fields are explained in docs/reconcile.md.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib.errors import EvidenceError
from o365lib.evidence import chain
from o365lib.evidence.archive import RECORD_FILE, Archive, RunFolder
from o365lib.evidence.envelope import Envelope, sign
from o365lib.evidence.files import create_atomically, make_folder, sha256_of
from o365lib.evidence.layout import RECONCILIATIONS, SEALS
from o365lib.evidence.record import Record
from o365lib.evidence.sealing import OpenBatch
from o365lib.evidence.statement import (
    RECONCILIATION,
    SCHEMA_VERSION,
    Statement,
    Subject,
    signer_of,
)


@dataclass(frozen=True)
class SealedRecords:
    """A client's records, and what its seals say of them.

    Attributes:
        records: those that are as they were sealed, or have no seal yet; oldest first.
        unsealed: the runs without a seal: they are under way, or a process was killed.
        altered: the runs whose record is not as it was sealed; it is not among `records`.
        unreadable: the runs whose record cannot be read.
        seals: the seals that were looked at, as a statement's subjects.
    """

    records: tuple[Record, ...]
    unsealed: tuple[str, ...]
    altered: tuple[str, ...]
    unreadable: tuple[str, ...]
    seals: tuple[Subject, ...]


def sealed_records(archive: Archive, client: str) -> SealedRecords:
    """Return a client's records with what its seals say of them. Signatures are not verified.

    Raises:
        EvidenceError: the archive or a seal cannot be read.
    """
    folder = archive.run(client, "any").path.parent / SEALS
    seals: list[Subject] = []
    digests: dict[str, str] = {}
    for number in chain.numbers(folder):
        path = chain.path_of(folder, number)
        raw = chain.read(path)
        seals.append(Subject(f"{client}/{SEALS}/{path.name}", hashlib.sha256(raw).hexdigest()))
        sealed = Statement.from_bytes(Envelope.from_json(raw).payload)
        digests |= {each.name: each.sha256 for each in sealed.subjects}
    kept: list[Record] = []
    altered, unsealed, unreadable = [], [], []
    for run in archive.runs(client):
        wanted = digests.get(f"{client}/{run.run_id}/{RECORD_FILE}")
        try:
            record = run.read_record()
        except EvidenceError as error:
            # A record is written before the first change: a run without one has changed nothing.
            if wanted is not None or not isinstance(error.__cause__, FileNotFoundError):
                unreadable.append(run.run_id)
            continue
        if record.run_id != run.run_id or wanted not in {None, _sha256(run)}:
            altered.append(run.run_id)
            continue
        if wanted is None:
            unsealed.append(run.run_id)
        kept.append(record)
    return SealedRecords(
        records=tuple(kept),
        unsealed=tuple(unsealed),
        altered=tuple(altered),
        unreadable=tuple(unreadable),
        seals=tuple(seals),
    )


def write_reconciliation(
    batch: OpenBatch,
    client: str,
    reconciliation_id: str,
    *,
    predicate: Mapping[str, Any],
    seals: Sequence[Subject],
) -> Path:
    """Sign a reconciliation and put it into the archive; return its file.

    Args:
        batch: whose digest will cover it.
        client: whose it is.
        reconciliation_id: of the form of run ids.
        predicate: what was found; version, id, client and signer are added.
        seals: what was looked at.

    Raises:
        EvidenceError: it could not be signed or written; there is none.
    """
    whole = {
        "schema_version": SCHEMA_VERSION,
        "reconciliation_id": reconciliation_id,
        "client": client,
        **predicate,
        "signer": signer_of(batch.signer),
    }
    content = sign(Statement(tuple(seals), RECONCILIATION, whole).to_bytes(), batch.signer)
    name = f"{client}/{RECONCILIATIONS}/{reconciliation_id}.json"
    path = batch.archive.run(client, reconciliation_id).path.parent / RECONCILIATIONS
    path /= f"{reconciliation_id}.json"
    batch.add_file(name)
    try:
        for folder in _missing((path.parent.parent, path.parent)):
            make_folder(folder)
        create_atomically(path, content.to_json())
    except OSError as error:
        raise EvidenceError(
            f"The reconciliation cannot be written to {path} ({error.strerror}).",
            state="The tenant was only read.",
            remedy="Make room or give yourself the right to write there, then reconcile again.",
        ) from error
    return path


def _missing(folders: Iterable[Path]) -> Iterable[Path]:
    return (each for each in folders if not each.is_dir())


def _sha256(run: RunFolder) -> str:
    try:
        return sha256_of(run.record_file)
    except OSError:
        return ""
