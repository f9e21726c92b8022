"""Two machines, one store: whoever comes second signs again, after what is there.

A store is written create-only, so of two machines that have sealed runs of one client, or ended a
batch, at the same time, one finds its numbers taken. What it signed was never in the store: it is
taken back here, the other machine's files are fetched, and the same runs are sealed after them.

- The runs' own files are not touched, and must be what was sealed: nothing else is sealed again.
- What is taken back is kept in `.superseded`, and each new seal names the one that it replaces.
- It is noted before, so that a process that is killed meanwhile leaves nothing unsealed.
- Nobody else signs in the archive from the first look to the last file.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, digest, layout, seal, trust
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.envelope import Envelope, Signer, verified_by
from o365lib.evidence.fetching import fetch
from o365lib.evidence.files import make_folder, sha256_of, sync_folder
from o365lib.evidence.pending import PendingBatch, open_runs
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import Statement
from o365lib.evidence.stores import Store
from o365lib.evidence.stores import sha256_of as sha256_in

_STAMP = ".tsr"
# How a run came to its seal, which stays true of the new one.
_SAID_ONCE = ("finished", "adopted")


def give_way(
    archive: Archive, store: Store, signer: Signer, *, say: Callable[[str], None]
) -> chain.Link | None:
    """Sign again, after what a store has, what it does not have; return the new digest.

    None where the store has everything that a digest covers here.

    Args:
        archive: the working copy.
        store: has the other machine's seals and digests.
        signer: whose key signs.
        say: told what a person should know meanwhile.

    Raises:
        EvidenceError: another command is adding to the working copy, or what is only here is not
            as it was signed: nothing was taken back. Or the store or the disk failed: what was
            taken back by then is sealed by the next command.
    """
    with chain.signing(archive.root):
        return _give_way(archive, store, signer, say)


def _give_way(
    archive: Archive, store: Store, signer: Signer, say: Callable[[str], None]
) -> chain.Link | None:
    root = archive.root
    if open_runs(root):
        raise EvidenceError(
            f"Another command is adding runs to {root}, or ended before it could seal them, and"
            " another machine has published before.",
            remedy="When it has ended: o365 evidence seal, then o365 evidence publish.",
        )
    own = _Own.of(archive, store)
    if not own.names:
        return None
    pending = PendingBatch.begin(root)
    try:
        for run, old in own.again:
            pending.add_run(run, str(old.predicate.get("runbook", "")))
        for name in sorted(own.kept):
            pending.add_file(name)
        for path in own.files[::-1]:
            for each in (path.with_suffix(_STAMP), path):
                _put_aside(each, root, pending.batch_id)
        fetch(store, root, sorted(own.taken), say=say)
        sealed = {_seal_again(run, old, signer) for run, old in own.again}
        link = digest.write_digest(
            root,
            own.kept | sealed,
            signer,
            batch_id=pending.batch_id,
            started=pending.started,
        )
        pending.forget(pending.notes())
    except OSError as error:
        raise EvidenceError(
            f"What another machine has published before cannot be given way to ({error.strerror}).",
            state="Some runs may be without a seal.",
            remedy="Make room or give yourself the right to write there; `o365 evidence seal` then"
            " finishes what is left.",
        ) from error
    finally:
        pending.let_go()
    return link


@dataclass(frozen=True)
class _Own:
    """What only the working copy has.

    Attributes:
        digests: in their order.
        taken: for clients whose numbers another machine has taken, their seals in their order.
        again: the runs of these seals, each with its seal.
        names: what the digests cover.
        kept: of that, what stays as it is.
    """

    digests: list[Path]
    taken: dict[str, list[Path]]
    again: list[tuple[RunFolder, seal.Seal]]
    names: set[str]
    kept: set[str]

    @classmethod
    def of(cls, archive: Archive, store: Store) -> Self:
        root = archive.root
        keys = trust.trusted_keys(root)
        digests = _only_here(store, root, layout.DIGESTS)
        names = {name for path in digests for name in _unchanged(root, path, keys)}
        taken = {
            client: seals
            for client in sorted({_client(name) for name in names if _is_seal(name)})
            if (seals := _only_here(store, root, f"{client}/{layout.SEALS}"))
            and _has(store, _name(root, seals[0]))
        }
        again = [_to_seal_again(archive, path, keys) for each in taken.values() for path in each]
        kept = {name for name in names if _client(name) not in taken or not _is_seal(name)}
        return cls(digests, taken, again, names, kept)

    @property
    def files(self) -> list[Path]:
        """What is taken back."""
        return [*self.digests, *(path for seals in self.taken.values() for path in seals)]


def _to_seal_again(
    archive: Archive, path: Path, keys: Mapping[str, PublicKey]
) -> tuple[RunFolder, seal.Seal]:
    sealed = _unchanged(archive.root, path, keys)
    old = seal.read_seal(path)
    run = archive.run(str(old.predicate.get("client")), str(old.predicate.get("run_id")))
    folder = f"{run.client}/{run.run_id}"
    added = {f"{folder}/{each.name}" for each in run.path.iterdir() if each.is_file()} - sealed
    if added or any(name.rpartition("/")[0] != folder for name in sealed):
        raise _changed(path, min(added, default=folder))
    return run, old


def _unchanged(root: Path, path: Path, keys: Mapping[str, PublicKey]) -> set[str]:
    """Return what a signed file names, all of which is as it was signed.

    Raises:
        EvidenceError: the file is not signed by one of these keys, or something is not.
    """
    signed = Envelope.from_json(chain.read(path))
    if not verified_by(signed, keys):
        raise _changed(path, _name(root, path))
    subjects = Statement.from_bytes(signed.payload).subjects
    for each in subjects:
        try:
            is_same = sha256_of(root / each.name) == each.sha256
        except OSError:
            is_same = False
        if not is_same:
            raise _changed(path, each.name)
    return {each.name for each in subjects}


def _changed(path: Path, name: str) -> EvidenceError:
    return EvidenceError(
        f"{name} is not what was signed with {path}, and another machine has taken its number.",
        state="Nothing was signed again, and nothing taken back.",
        remedy="`o365 evidence verify` tells more. Put the file back from a copy; then publish"
        " again.",
    )


def _put_aside(path: Path, root: Path, batch_id: str) -> None:
    """Keep what is taken back where it is no evidence any more."""
    if not path.exists():
        return
    place = root / layout.SUPERSEDED / batch_id / path.relative_to(root)
    for folder in reversed(place.relative_to(root).parents[:-1]):
        make_folder(root / folder)
    path.rename(place)
    sync_folder(place.parent)
    sync_folder(path.parent)


def _seal_again(run: RunFolder, old: seal.Seal, signer: Signer) -> str:
    record = None
    with contextlib.suppress(EvidenceError):  # sealed as unreadable before, and so again
        record = run.read_record()
    said = old.predicate
    also = {name: said[name] for name in _SAID_ONCE if name in said}
    return seal.seal_run(
        run,
        record,
        signer,
        search=said.get("search") or {},
        also={**also, "replaces": old.link.as_previous()},
    ).name


def _only_here(store: Store, root: Path, folder: str) -> list[Path]:
    """Return the files at a chain's end that the store lacks or has with other content."""
    found: list[Path] = []
    for number in reversed(chain.numbers(root / folder)):
        path = chain.path_of(root / folder, number)
        name = _name(root, path)
        if _has(store, name) and sha256_in(store, name) == sha256_of(path):
            break
        found.append(path)
    return found[::-1]


def _has(store: Store, name: str) -> bool:
    return any(entry.name == name for entry in store.entries(name))


def _client(name: str) -> str:
    return name.partition("/")[0]


def _is_seal(name: str) -> bool:
    return f"/{layout.SEALS}/" in name


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
