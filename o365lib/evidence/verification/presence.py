"""Whether there is an archive at a place: an empty place has no fault, and proves nothing."""

import itertools
from collections.abc import Collection, Iterator, Sequence

from o365lib.errors import UsageError
from o365lib.evidence.archive import NOTEBOOK_FILE, RECORD_FILE
from o365lib.evidence.layout import APPROVALS, DIGESTS, KEYS, SEALS, is_client, is_run_id
from o365lib.evidence.stores import FolderStore, Store
from o365lib.evidence.verification.book import Book

# An archive has something of its own among its first names; a project's folder has not.
_LOOKED_AT = 1000


def is_archive(store: Store) -> bool:
    """Return whether a store has anything that only an archive has: a digest, a key, a run.

    Raises:
        EvidenceError: the store cannot be listed.
    """
    for folder in (DIGESTS, KEYS, APPROVALS):
        if any(True for _ in store.entries(f"{folder}/")):
            return True
    first = itertools.islice(store.entries(), _LOOKED_AT)
    return any(_is_an_archives(entry.name) for entry in first)


def require_archive(store: Store) -> None:
    """Make sure that there is an archive to verify.

    Raises:
        UsageError: there is none, or nothing of it is left.
        EvidenceError: the store cannot be listed.
    """
    if not is_archive(store):
        raise UsageError(
            f"There is no archive at {store.url}.",
            remedy="Name the folder or prefix that has `_digests` and the clients' folders; if that"
            " is this one, everything has been removed from it.",
        )


def empty_run_folders(
    store: Store, book: Book, clients: Sequence[str], busy: Collection[str]
) -> Iterator[str]:
    """Yield the empty folders in the place of runs that no seal names, as `<client>/<run id>`.

    Only a folder on a disk can be empty; a run's is so for a moment, when it begins.

    Args:
        store: the archive.
        book: what was read of it.
        clients: the only ones that matter; none for all.
        busy: what living processes are at.
    """
    if not isinstance(store, FolderStore):
        return
    for folder in store.empty_folders():
        client, _, run_id = folder.partition("/")
        is_run = is_client(client) and is_run_id(run_id)
        is_wanted = not clients or client in clients
        if is_run and is_wanted and folder not in busy and not book.is_sealed(client, run_id):
            yield folder


def _is_an_archives(name: str) -> bool:
    client, _, rest = name.partition("/")
    folder, _, file = rest.partition("/")
    is_a_runs = is_run_id(folder) and file in {RECORD_FILE, NOTEBOOK_FILE}
    return is_client(client) and (folder == SEALS or is_a_runs)
