"""One signed or sealed file on its way into a store: sent, or found there."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence import files
from o365lib.evidence.stores import Store, sha256_of
from o365lib.evidence.stores.store import name_taken, not_as_signed, unreadable


@dataclass(frozen=True)
class File:
    """One file to send.

    Attributes:
        name: from the archive's root.
        sha256: what was signed.
        is_listed: whether something is known to stand in the store under this name.
    """

    name: str
    sha256: str
    is_listed: bool

    @property
    def client(self) -> str:
        """Whose it is, or the archive's own folder in which it is."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Sent:
    """What became of a file.

    Attributes:
        file: which one.
        size: how many bytes it has.
        is_new: whether it was sent, and not there already.
        is_unprotected: whether the store does not protect it as was asked.
        fault: what is wrong with it here, or that its name is taken; None for one that is there.
    """

    file: File
    size: int = 0
    is_new: bool = False
    is_unprotected: bool = False
    fault: EvidenceError | None = None


class Sender:
    """Sends one file; used by several threads at once.

    Args:
        root: the archive's folder.
        store: where to.
        retention_required: whether a store that does not protect is an error.
    """

    def __init__(self, root: Path, store: Store, *, retention_required: bool) -> None:
        self._root, self._store, self._is_required = root, store, retention_required

    def send_in_order(self, some: Iterable[File]) -> list[Sent]:
        """Send one after the other, and none after a fault."""
        done = []
        for file in some:
            done.append(self.send(file))
            if done[-1].fault:
                break
        return done

    def send(self, file: File) -> Sent:
        """Send a file, or find it there.

        Raises:
            EvidenceError: the store failed, or does not protect and must.
        """
        source = self._root / file.name
        if file.is_listed:
            if sha256_of(self._store, file.name) != file.sha256:
                return Sent(file, fault=name_taken(self._store, file.name))
            is_new = False
        else:
            fault = _fault_here(source, file.sha256)
            if fault:
                return Sent(file, fault=fault)
            try:
                is_new = self._store.create(file.name, source, sha256=file.sha256)
            except NameTaken as error:
                return Sent(file, fault=error)
        return Sent(
            file,
            size=source.stat().st_size if source.is_file() else 0,
            is_new=is_new,
            is_unprotected=self._is_unprotected(file.name),
        )

    def _is_unprotected(self, name: str) -> bool:
        if self._store.retention is None:
            return False
        protection = self._store.protection(name)
        if self._is_required and not protection.is_protected:
            raise EvidenceError(
                f"{name} in {self._store.url} is not protected, and must be: {protection.detail}",
                remedy="docs/archive-in-the-cloud.md tells how to make a place that protects."
                " What was sent stays there.",
            )
        return not protection.is_protected


def _fault_here(source: Path, sha256: str) -> EvidenceError | None:
    """Return what is wrong with a local file, if it is not what was signed."""
    try:
        if files.sha256_of(source) == sha256:
            return None
    except OSError as error:
        return unreadable(source, error)
    return not_as_signed(source)
