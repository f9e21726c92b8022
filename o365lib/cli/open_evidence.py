"""The archive while a command runs runbooks: what was left behind first, the digest at the end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from o365lib.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from o365lib.evidence.archive import Archive
    from o365lib.evidence.chain import Link
    from o365lib.evidence.key_store import KeyStore
    from o365lib.evidence.sealing import Finished, OpenBatch
    from o365lib.secret import Secret


@dataclass
class OpenEvidence:
    """What a command adds to the archive, and what came of it.

    Attributes:
        batch: the runs' batch.
        digest: the batch's digest, once it is signed; None where nothing was sealed.
        problems: what could not be finished, each as a sentence; filled in at the end.
    """

    batch: OpenBatch
    digest: Link | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """Return 1 if something could not be finished, else 0."""
        return 1 if self.problems else 0

    def sentence(self) -> str:
        """Return by whose key all was sealed; empty where nothing was."""
        if self.digest is None:
            return ""
        signer = self.batch.signer
        return (
            f"Sealed by the key of {one_line(signer.name)} ({signer.key.fingerprint}); the"
            f" archive's digest is number {self.digest.number}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the same for machines."""
        key, link = self.batch.signer.key, self.digest
        return {
            "key_id": key.key_id,
            "digest": {"number": link.number, "sha256": link.sha256, "file": str(link.path)}
            if link
            else None,
            "problems": list(self.problems),
        }


@contextmanager
def open_evidence(
    archive: Archive, keys: KeyStore, passphrase: Callable[[], Secret] | None
) -> Iterator[OpenEvidence]:
    """Give a batch of an archive for the length of a `with` block, and sign its digest after that.

    What earlier processes had left behind is finished first, and told on standard error.

    Raises:
        EvidenceError: the key cannot be used, or the archive not be written. Nothing was started.
    """
    from o365lib.errors import EvidenceError
    from o365lib.evidence.sealing import OpenBatch, finish_left_behind

    opened = OpenEvidence(OpenBatch.begin(archive, keys, passphrase))
    try:
        for finished in finish_left_behind(archive, opened.batch.signer):
            for line in lines_of(finished):
                click.echo(line, err=True)
        yield opened
    finally:
        try:
            opened.digest = opened.batch.close()
        except EvidenceError as error:
            opened.problems.append(f"The batch has no digest yet. {error}")
    for problem in opened.problems:
        click.echo(f"o365: {problem}", err=True)


def lines_of(finished: Finished) -> Iterator[str]:
    """Yield what was finished of a batch that a process had left behind, one line a run."""
    for each in finished.sealed:
        outcome = each.record.outcome.value if each.record else "its record cannot be read"
        yield (
            f"Sealed now, since an earlier command ended before it could:"
            f" {each.run.run_id} of {each.run.client} ({outcome})."
        )
    if finished.digest:
        yield (
            f"The batch {finished.batch_id}, which an earlier command had left open, has its"
            f" digest now: number {finished.digest.number}."
        )
    if finished.problem:
        yield f"Still unfinished of the batch {finished.batch_id}: {one_line(finished.problem)}"
