"""Seals: who did what for whom, over the exact bytes of each file of a run.

- A seal is an in-toto statement in a DSSE envelope at `<client>/_seals/<number>.json`; it names the
  seal before it of the same client, so that a run cannot be taken out, put in or moved unseen.
- It covers the regular files that lie in the run's folder. Whatever else lies there is in no seal,
  which verifying tells.
- A run is sealed once. `seal_of` finds the seal of a run that was sealed before.

The fields are explained in docs/seals.md.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, statement
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.envelope import Envelope, Signer, sign
from o365lib.evidence.files import PART, sha256_of
from o365lib.evidence.layout import SEALS, number_of
from o365lib.evidence.record import Record
from o365lib.evidence.statement import SCHEMA_VERSION, SEAL, Statement, Subject

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Seal:
    """A seal that is in the archive.

    Attributes:
        link: its place in its client's chain.
        predicate: what it says.
    """

    link: chain.Link
    predicate: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its path from the archive's root, with `/`."""
        path = self.link.path
        return f"{path.parent.parent.name}/{SEALS}/{path.name}"


def seal_run(
    run: RunFolder,
    record: Record | None,
    signer: Signer,
    *,
    search: Mapping[str, Any],
    also: Mapping[str, Any] | None = None,
) -> Seal:
    """Seal a run and return its seal.

    Args:
        run: whose files will not be written any more.
        record: its record as it is on file; None where it cannot be read.
        signer: whose key signs.
        search: how its files were searched for secrets, for the seal.
        also: what else the seal is to say.

    Raises:
        EvidenceError: it cannot be sealed; the archive is as it was.
    """
    try:
        subjects = _subjects(run)
    except OSError as error:
        raise EvidenceError(
            f"The files of run {run.run_id} of {run.client} cannot be read ({error.strerror}).",
            state="The run is not sealed.",
            remedy="Give yourself the right to read them; `o365 evidence seal` then seals it.",
        ) from error
    said = _of_the_run(run, record)
    predicate: dict[str, Any] = {}

    def make(number: int, before: chain.Link | None) -> Envelope:
        predicate.clear()
        predicate.update(
            schema_version=SCHEMA_VERSION,
            number=number,
            **said,
            sealed=clock.iso(clock.now()),
            search=dict(search),
            **(also or {}),
            previous=before.as_previous() if before else None,
            signer=statement.signer_of(signer),
        )
        return sign(Statement(subjects, SEAL, predicate).to_bytes(), signer)

    return Seal(chain.append(run.path.parent / SEALS, make, root=run.path.parent.parent), predicate)


def seal_of(run: RunFolder) -> Seal | None:
    """Return a run's seal; None where it has none that can be read. Signatures are not verified.

    Raises:
        EvidenceError: the client's seals cannot be listed.
    """
    folder = run.path.parent / SEALS
    for number in reversed(chain.numbers(folder)):  # most are asked for soon after they were made
        try:
            found = read_seal(chain.path_of(folder, number))
        except EvidenceError:
            continue
        if found.predicate.get("run_id") == run.run_id:
            return found
    return None


def read_seal(path: Path) -> Seal:
    """Return the seal in a file. Its signature is not verified.

    Raises:
        EvidenceError: there is none.
    """
    raw = chain.read(path)
    found = Statement.from_bytes(Envelope.from_json(raw).payload)
    number = number_of(path.name)
    if found.predicate_type != SEAL or number is None:
        raise EvidenceError(f"{path} is no seal.", remedy="`o365 evidence verify` tells more.")
    return Seal(chain.Link(number, hashlib.sha256(raw).hexdigest(), path), found.predicate)


def _subjects(run: RunFolder) -> tuple[Subject, ...]:
    """The run's files, each with its digest; what a broken-off write left behind is removed."""
    found = []
    with os.scandir(run.path) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if not entry.is_file(follow_symlinks=False):
                continue
            if entry.name.startswith(".") and entry.name.endswith(PART):
                os.unlink(entry.path)  # noqa: PTH108 -- scandir gives text
                continue
            name = f"{run.client}/{run.run_id}/{entry.name}"
            found.append(Subject(name, sha256_of(Path(entry.path))))
    return tuple(found)


def _of_the_run(run: RunFolder, record: Record | None) -> dict[str, Any]:
    if record is None:
        return {"client": run.client, "run_id": run.run_id, "outcome": UNREADABLE}
    plan = record.plan or {}
    whole = record.model_dump(mode="json", include=_FROM_RECORD)
    return {**whole, "plan_digest": str(plan.get("digest", ""))}


_FROM_RECORD = {
    "client",
    "tenant_id",
    "cloud",
    "run_id",
    "runbook",
    "runbook_digest",
    "package_version",
    "parameters_digest",
    "operator",
    "approval",
    "ticket",
    "dry_run",
    "outcome",
    "started",
    "ended",
}
