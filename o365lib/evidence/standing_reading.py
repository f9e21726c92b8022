"""Which accounts stand in every client's tenant by the archive, quickly also for thousands.

What the records of a client come to is kept beside the archive's index, and read anew where a run
was added or closed since. Like the index it may be thrown away at any time, and where it cannot be
kept, it is only slower.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.files import write_atomically
from o365lib.evidence.index import Index
from o365lib.evidence.index_entry import IndexedRun
from o365lib.evidence.layout import STANDING
from o365lib.evidence.standing_accounts import StandingAccount, slim, standing


@dataclass(frozen=True, kw_only=True)
class ClientInArchive:
    """What the archive knows of a client.

    Attributes:
        client: its name.
        last_run: the newest; it may be unreadable.
        accounts: that stand by the records that can be read.
        unreadable: how many runs cannot be read.
    """

    client: str
    last_run: IndexedRun
    accounts: tuple[StandingAccount, ...]
    unreadable: int


class _Kept(BaseModel):
    """One client as it is kept: what it was made from, and what it came to."""

    model_config = ConfigDict(extra="forbid")

    stamp: str
    accounts: tuple[StandingAccount, ...]


_KEPT = TypeAdapter(dict[str, _Kept])


def read_standing(
    archive: Archive, *, on_client: Callable[[], None] = lambda: None
) -> dict[str, ClientInArchive]:
    """Return what the archive knows of each client that has runs, by name.

    Args:
        archive: it need not be there.
        on_client: called for each client whose records had to be read.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    if not archive.root.is_dir():
        return {}
    file = archive.root / STANDING
    kept = _read_kept(file)
    now: dict[str, _Kept] = {}
    found: dict[str, ClientInArchive] = {}
    with Index(archive) as index:
        latest = list(index.latest())
    for each in latest:
        client = each.run.client
        as_kept = kept.get(client)
        if as_kept is None or not each.stamp or as_kept.stamp != each.stamp:
            on_client()
            records = [slim(record) for record in archive.records(client)]
            accounts = tuple(standing(records)) if records else ()
            as_kept = _Kept(stamp=each.stamp, accounts=accounts)
        now[client] = as_kept
        found[client] = ClientInArchive(
            client=client,
            last_run=each.run,
            accounts=as_kept.accounts,
            unreadable=each.unreadable,
        )
    if now != kept:
        _keep(file, now)
    return found


def _read_kept(file: Path) -> dict[str, _Kept]:
    try:
        return {} if file.is_symlink() else _KEPT.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}


def _keep(file: Path, now: dict[str, _Kept]) -> None:
    with contextlib.suppress(OSError, EvidenceError):
        write_atomically(file, _KEPT.dump_json(now).decode())
