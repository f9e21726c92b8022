"""The archive while a command runs runbooks: what was left behind first, the digest at the end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from o365lib import clock
from o365lib.cli.made_key import tell_if_made
from o365lib.cli.output import say
from o365lib.cli.passphrase import asker
from o365lib.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from o365lib.cli.options import Options
    from o365lib.cli.remote_archive import RemoteArchive
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.chain import Link
    from o365lib.evidence.sealing import Finished, OpenBatch
    from o365lib.parameters import Defaults, TimeStampRules
    from o365lib.places import Places


@dataclass
class OpenEvidence:
    """What a command adds to the archive, and what came of it.

    Attributes:
        batch: the runs' batch.
        digest: the batch's digest, once it is signed; None where nothing was sealed.
        stamped: when a time stamp authority says it was there; None without one.
        published: to which store all was published; empty without one.
        problems: what could not be finished, each as a sentence; filled in at the end.
    """

    batch: OpenBatch
    digest: Link | None = None
    stamped: datetime | None = None
    published: str = ""
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
        stamped = f", stamped at {clock.iso(self.stamped)}" if self.stamped else ""
        published = f" Published to {self.published}." if self.published else ""
        return (
            f"Sealed by the key of {one_line(signer.name)} ({signer.key.fingerprint}); the"
            f" archive's digest is number {self.digest.number}{stamped}.{published}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the same for machines."""
        key, link = self.batch.signer.key, self.digest
        return {
            "key_id": key.key_id,
            "digest": {"number": link.number, "sha256": link.sha256, "file": str(link.path)}
            if link
            else None,
            "stamped": clock.iso(self.stamped) if self.stamped else None,
            "published": self.published or None,
            "problems": list(self.problems),
        }


@contextmanager
def open_evidence(
    options: Options,
    places: Places,
    defaults: Defaults,
    *,
    clients: Collection[str],
    passphrase_file: Path | None,
) -> Iterator[OpenEvidence]:
    """Give a batch of the archive for the length of a `with` block, and sign its digest after that.

    What earlier processes had left behind is finished first, and told on standard error; runs whose
    kernels were still ending then, in the end. A time stamp that cannot be had is told, and is no
    failure: it can be asked for later. What cannot be published is a problem, and is published by
    the next command.

    Args:
        options: name the archive, perhaps by URL.
        places: where its folder and the keys are.
        defaults: say who stamps the time, and where the archive is published.
        clients: whose records must be at hand.
        passphrase_file: has the key's passphrase.

    Raises:
        EvidenceError: the key cannot be used, the archive not be written, or a store that was named
            as the archive not be read. Nothing was started.
    """
    from o365lib.cli.remote_archive import remote_of
    from o365lib.errors import EvidenceError
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.key_store import KeyStore
    from o365lib.evidence.sealing import OpenBatch

    archive = Archive(places.evidence)
    keys = KeyStore(places.keys)
    opened = OpenEvidence(OpenBatch.begin(archive, keys, asker(passphrase_file)))
    tell_if_made(keys, opened.batch.signer, archive.root)
    remote: RemoteArchive | None = None
    try:
        remote = remote_of(options, defaults, archive, lambda: opened.batch.signer)
        if options.archive_url:
            _take_up_from_clusters(archive, options.archive_url)
        _finish_left_behind(archive, opened, defaults)
        _bring_up_to_date(remote, clients, is_needed=bool(options.archive_url))
        yield opened
    finally:
        _finish_what_was_ending(archive, opened, defaults)
        try:
            opened.digest = opened.batch.close()
        except EvidenceError as error:
            opened.problems.append(f"The batch has no digest yet. {error}")
        opened.problems += opened.batch.problems
        # Published first: where another machine was quicker, the digest is signed anew.
        _publish(opened, remote)
        _stamp(opened, defaults.time_stamp, remote)
    for problem in opened.problems:
        say(f"o365: {problem}")


def _take_up_from_clusters(archive: Archive, url: str) -> None:
    """Bring what workers did after their driver was killed, before it is taken for never begun."""
    from o365lib.evidence.batches.folder import cut_off_on_clusters
    from o365lib.runs.delivery import StoreDelivery

    for batch_id in cut_off_on_clusters(archive.root):
        brought = StoreDelivery(url).take_up(archive.root, batch_id)
        if brought:
            say(f"Brought from {url}, of the batch {batch_id}: {', '.join(brought)}.")


def _finish_left_behind(archive: Archive, opened: OpenEvidence, defaults: Defaults) -> None:
    from o365lib.evidence import time_stamp
    from o365lib.evidence.sealing import finish_left_behind

    for finished in finish_left_behind(archive, opened.batch.signer):
        for line in lines_of(finished):
            say(line)
        if finished.digest:
            time_stamp.stamp_as_told(finished.digest.path, defaults.time_stamp)


def _finish_what_was_ending(archive: Archive, opened: OpenEvidence, defaults: Defaults) -> None:
    """Finish the runs that could not be finished at first: their kernels have ended by now."""
    from o365lib.errors import EvidenceError

    try:
        _finish_left_behind(archive, opened, defaults)
    except EvidenceError as error:
        opened.problems.append(f"What an earlier command left is unfinished. {error}")


def _bring_up_to_date(
    remote: RemoteArchive | None, clients: Collection[str], *, is_needed: bool
) -> None:
    """Read the store; if it is no more than a copy of the folder, a failure does not matter now."""
    from o365lib.errors import EvidenceError

    if remote is None:
        return
    try:
        remote.bring_up_to_date(clients)
    except EvidenceError as error:
        if is_needed:
            raise
        say(f"o365: What other machines published cannot be read now. {error}")


def _publish(opened: OpenEvidence, remote: RemoteArchive | None) -> None:
    from o365lib.errors import EvidenceError

    if remote is None or opened.digest is None:
        return
    try:
        done, newer = remote.publish()
    except EvidenceError as error:
        opened.problems.append(
            f"Sealed, but not published yet: {error} The next `o365 run` publishes it, or"
            " `o365 evidence publish`."
        )
        return
    opened.digest = newer or opened.digest
    opened.problems += done.problems
    opened.published = "" if done.problems else remote.store.url


def _stamp(opened: OpenEvidence, rules: TimeStampRules, remote: RemoteArchive | None) -> None:
    if opened.digest is None or rules.url is None:
        return
    from o365lib.errors import EvidenceError
    from o365lib.evidence import time_stamp

    try:
        file = time_stamp.stamp(opened.digest.path, url=rules.url, roots=rules.roots)
        digest = bytes.fromhex(opened.digest.sha256)
        opened.stamped = time_stamp.check(digest, file.read_bytes(), rules.roots)
    except EvidenceError as error:
        say(f"o365: The digest has no time stamp yet. {error}")
        say("o365: `o365 evidence stamp` asks for it again.")
        return
    _publish(opened, remote)


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
