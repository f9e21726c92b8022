"""Digests: one signed file a batch, over all that was signed in it, naming the digest before.

A seal tells what was done for one client; the chain of digests tells that no client, no run and no
approval is missing from the whole. A single run, one in JupyterLab say, is a batch of one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import chain, statement
from o365lib.evidence.envelope import Envelope, Signer, sign
from o365lib.evidence.files import sha256_of
from o365lib.evidence.layout import DIGESTS
from o365lib.evidence.record import Operator
from o365lib.evidence.statement import DIGEST, SCHEMA_VERSION, Statement, Subject


def write_digest(
    root: Path,
    names: Iterable[str],
    signer: Signer,
    *,
    batch_id: str,
    started: datetime,
    known: Mapping[str, str] | None = None,
) -> chain.Link:
    """Sign the next digest of an archive and return its place in the chain.

    Args:
        root: the archive's.
        names: the signed files that it is to cover, as paths from the root, with `/`.
        signer: whose key signs.
        batch_id: of the batch that ends with it.
        started: when that began.
        known: of some of the files, the SHA-256 that they had when they were signed: that is what
            the digest says of them, whatever became of them since.

    Raises:
        EvidenceError: a file cannot be read, or the digest not be signed or written; the chain is
            as it was.
    """
    as_signed = known or {}
    subjects = tuple(
        Subject(name, as_signed[name]) if name in as_signed else _subject(root, name)
        for name in sorted(set(names))
    )
    operator = Operator.here()

    def make(number: int, before: chain.Link | None) -> Envelope:
        predicate: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "number": number,
            "batch_id": batch_id,
            "operator": {"user_name": operator.user_name, "host_name": operator.host_name},
            "started": clock.iso(started),
            "ended": clock.iso(clock.now()),
            "previous": before.as_previous() if before else None,
            "signer": statement.signer_of(signer),
        }
        return sign(Statement(subjects, DIGEST, predicate).to_bytes(), signer)

    return chain.append(root / DIGESTS, make, root=root)


def covered(root: Path) -> set[str]:
    """Return what the digests of an archive cover, as paths from its root.

    Every digest is looked at: by its clock nobody can tell which came after the batch was begun.
    Nothing is verified. A digest that cannot be read is passed by.
    """
    found: set[str] = set()
    for number in chain.numbers(root / DIGESTS):
        path = chain.path_of(root / DIGESTS, number)
        try:
            said = Statement.from_bytes(Envelope.from_json(chain.read(path)).payload)
        except EvidenceError:
            continue
        found |= {subject.name for subject in said.subjects}
    return found


def _subject(root: Path, name: str) -> Subject:
    try:
        return Subject(name, sha256_of(root / name))
    except OSError as error:
        raise EvidenceError(
            f"{root / name} cannot be read ({error.strerror}).",
            state="The batch has no digest yet.",
            remedy="Put the file back from a copy; `o365 evidence seal` then writes the digest.",
        ) from error
