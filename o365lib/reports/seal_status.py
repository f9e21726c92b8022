"""What a report says of a run's seal, and nothing about how that was found out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from o365lib.evidence.archive import RunFolder
from o365lib.reports.parts import Words
from o365lib.reports.second_witness import Witness

State = Literal["sealed", "not sealed", "invalid", "under way"]


@dataclass(frozen=True, kw_only=True)
class SealStatus:
    """Whether a run's files are those that were sealed.

    Attributes:
        state: `invalid` where anything about the seal or the sealed files is wrong.
        number: the seal's number among those of its client; None without a seal.
        key_id: of the key that signed it; empty where that is not known.
        fingerprint: of that key, for people.
        signer_name: who signed, as the seal says.
        problems: one sentence each.
    """

    state: State
    number: int | None = None
    key_id: str = ""
    fingerprint: str = ""
    signer_name: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ArchiveStatus:
    """What is known of the archive as a whole.

    Attributes:
        problems: those that are no single run's, one sentence each.
        more_problems: how many there are beyond these.
        is_key_given: whether the keys came from outside the archive.
        stamped_until: what was there by this instant is proved by a time stamp; None without one.
    """

    problems: tuple[str, ...] = ()
    more_problems: int = 0
    is_key_given: bool = False
    stamped_until: datetime | None = None


class SealReader(Protocol):
    """Who knows of seals."""

    def of_run(self, folder: RunFolder, digests: Mapping[str, str]) -> SealStatus:
        """Return what is known of a run's seal.

        Args:
            folder: the run.
            digests: the SHA-256 of the files that are reported, by their names.
        """

    def of_archive(self) -> ArchiveStatus:
        """Return what is known of the archive as a whole."""

    def of_client(self, client: str) -> Witness | None:
        """Return the newest comparison with the client's own audit log; None without one."""


def verdict(seal: SealStatus) -> Words:
    """Return the seal's state in a few words."""
    if seal.state == "sealed":
        return Words(f"✓ sealed, number {seal.number}", "good")
    if seal.state == "under way":
        return Words("… not sealed yet: the run is under way", "doubt")
    if seal.state == "invalid":
        return Words("✗ SEAL NOT VALID", "bad")
    return Words("✗ NOT SEALED", "bad")


def sentence(seal: SealStatus) -> str:
    """Return what that means for whoever relies on the run's files."""
    if seal.state == "sealed":
        return (
            "The record and the executed notebook are, byte by byte, those that were sealed when "
            "the run ended."
        )
    if seal.state == "under way":
        return "A run is sealed when it ends."
    if seal.state == "invalid":
        return "Do not rely on this page before it is known why: what it tells may not be what was."
    return "Nothing shows whether the record has been changed since the run."
