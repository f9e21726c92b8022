"""Two machines, one store: whoever comes second signs again, after what is there.

A store is written create-only, so of two machines that have sealed runs of one client, or ended a
batch, at the same time, one finds its numbers taken. What it signed was never in the store: it is
taken back here, the other machine's files are fetched, and the same runs are sealed after them.
The runs' own files are not touched.

What is taken back is noted before, so that a process that is killed meanwhile leaves nothing
unsealed.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, digest, layout, seal
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.envelope import Envelope, Signer
from o365lib.evidence.fetching import fetch
from o365lib.evidence.files import sha256_of
from o365lib.evidence.pending import PendingBatch, open_runs
from o365lib.evidence.statement import Statement
from o365lib.evidence.stores import Store
from o365lib.evidence.stores import sha256_of as sha256_in

_STAMP = ".tsr"


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
        EvidenceError: another command is adding to the working copy, or the store or the disk
            failed. What was taken back by then is sealed by the next command.
    """
    root = archive.root
    if any(open_runs(root).values()):
        raise EvidenceError(
            f"Another command is adding runs to {root}, and another machine has published before.",
            remedy="Publish again when it has ended: o365 evidence publish.",
        )
    own = _Own.of(archive, store)
    if not own.names:
        return None
    pending = PendingBatch.begin(root)
    try:
        for run, said in own.again:
            pending.add_run(run, str(said.get("runbook", "")))
        for name in sorted(own.kept):
            pending.add_file(name)
        for path in own.files[::-1]:
            path.with_suffix(_STAMP).unlink(missing_ok=True)
            path.unlink()
        fetch(store, root, sorted(own.taken), say=say)
        sealed = {_seal_again(run, said, signer) for run, said in own.again}
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
        again: the runs of these seals, each with what the seal said.
        names: what the digests cover.
        kept: of that, what stays as it is.
    """

    digests: list[Path]
    taken: dict[str, list[Path]]
    again: list[tuple[RunFolder, Mapping[str, Any]]]
    names: set[str]
    kept: set[str]

    @classmethod
    def of(cls, archive: Archive, store: Store) -> Self:
        root = archive.root
        digests = _only_here(store, root, layout.DIGESTS)
        names: set[str] = set().union(*(_subjects(path) for path in digests))
        taken = {
            client: seals
            for client in sorted({_client(name) for name in names if _is_seal(name)})
            if (seals := _only_here(store, root, f"{client}/{layout.SEALS}"))
            and _has(store, _name(root, seals[0]))
        }
        again = [_to_seal_again(archive, path) for seals in taken.values() for path in seals]
        kept = {name for name in names if _client(name) not in taken or not _is_seal(name)}
        return cls(digests, taken, again, names, kept)

    @property
    def files(self) -> list[Path]:
        """What is taken back."""
        return [*self.digests, *(path for seals in self.taken.values() for path in seals)]


def _to_seal_again(archive: Archive, path: Path) -> tuple[RunFolder, Mapping[str, Any]]:
    said = seal.read_seal(path).predicate
    return archive.run(str(said.get("client")), str(said.get("run_id"))), said


def _seal_again(run: RunFolder, said: Mapping[str, Any], signer: Signer) -> str:
    record = None
    with contextlib.suppress(EvidenceError):  # sealed as unreadable before, and so again
        record = run.read_record()
    return seal.seal_run(run, record, signer, search=said.get("search") or {}).name


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


def _subjects(path: Path) -> set[str]:
    found = Statement.from_bytes(Envelope.from_json(chain.read(path)).payload)
    return {subject.name for subject in found.subjects}


def _client(name: str) -> str:
    return name.partition("/")[0]


def _is_seal(name: str) -> bool:
    return f"/{layout.SEALS}/" in name


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
