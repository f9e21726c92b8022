"""The store to which the archive is published: before a batch it is read, after it written to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from o365lib.cli.output import counted, say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from o365lib.cli.options import Options
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.chain import Link
    from o365lib.evidence.envelope import Signer
    from o365lib.evidence.publishing import Published
    from o365lib.evidence.stores import Store
    from o365lib.parameters import ArchiveRules, Defaults

# As often as other machines may come first, one after the other.
_ATTEMPTS = 5


def store_of(rules: ArchiveRules, url: str) -> Store:
    """Return the store at a URL, which is asked to protect what is published as the rules say.

    Raises:
        UsageError: it is no place for an archive, or what it needs is not installed.
    """
    from o365lib.evidence.stores import Retention, open_store

    retention = None
    if rules.mode != "none":
        assert rules.retention_days is not None  # the model demands both or neither
        retention = Retention(rules.retention_days, rules.mode)
    store = open_store(url, retention=retention)
    if retention and store.retention is None:
        say(f"{store.url} is a folder: it protects nothing from whoever may write there.")
    return store


def remote_of(
    options: Options, defaults: Defaults, archive: Archive, signer: Callable[[], Signer]
) -> RemoteArchive | None:
    """Return the store that was named as the archive, or that the defaults publish it to.

    Raises:
        UsageError: as `store_of`.
    """
    url = options.archive_url or defaults.archive.url
    if not url:
        return None
    return RemoteArchive(archive, store_of(defaults.archive, url), defaults.archive, signer)


@dataclass
class RemoteArchive:
    """A working copy and the store that it is published to.

    Attributes:
        archive: the working copy.
        store: where it is published.
        rules: how.
        signer: returns whose key signs again what another machine took the numbers of.
    """

    archive: Archive
    store: Store
    rules: ArchiveRules
    signer: Callable[[], Signer]

    def publish(self, *, again: bool = False) -> tuple[Published, Link | None]:
        """Publish what the store lacks; return what was done, and the digest if it was signed anew.

        Where another machine has published under the same numbers, what is only here is signed
        again after that.

        Raises:
            EvidenceError: the store failed. What was sent is whole and stays there.
        """
        from o365lib.errors import NameTaken
        from o365lib.evidence.giving_way import give_way
        from o365lib.evidence.publishing import Published, publish

        link = None
        done = Published()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                done.problems.clear()  # told anew by each attempt, while what was sent adds up
                publish(
                    self.archive.root,
                    self.store,
                    say=say,
                    retention_required=self.rules.retention_required,
                    again=again,
                    done=done,
                )
            except NameTaken:
                if attempt == _ATTEMPTS:
                    raise
                newer = give_way(self.archive, self.store, self.signer(), say=say)
                if newer is None:  # it is no number of ours that is taken: somebody edited a file
                    raise
                say("Another machine has published meanwhile; this one's seals come after it now.")
                link = newer
            else:
                return done, link
        raise AssertionError("unreachable")

    def bring_up_to_date(self, clients: Collection[str] | None) -> None:
        """Publish what was left unpublished, and fetch what other machines did for clients.

        Raises:
            EvidenceError: the store failed.
        """
        done, _ = self.publish()
        if done.runs:
            runs = (
                f"{counted(done.runs, 'run')}, sealed earlier, {'is' if done.runs == 1 else 'are'}"
            )
            say(f"{runs} published to {self.store.url} now.")
        self.fetch(clients)

    def fetch(self, clients: Collection[str] | None) -> None:
        """Fetch what other machines did, for clients or, with None, for all.

        Raises:
            EvidenceError: the store failed.
        """
        from o365lib.evidence.fetching import fetch

        fetch(self.store, self.archive.root, clients, say=say)
