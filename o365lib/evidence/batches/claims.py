"""Claims: who executes which attempt of a batch. Of all that try, one makes the claim.

- A claim is a file that is made once and never written again: in a folder that all share, or in a
  store. From the moment `claim` returns True it outlasts a power cut.
- A claim that cannot be read, torn by a power cut on a drive without hard links say, is one all the
  same: nobody knows what was done by it.
- Each carries a token, so that one whose answer was lost, by a network drive or a store, is known
  again by who made it.
"""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from o365lib import clock
from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence.files import create_atomically
from o365lib.evidence.layout import BATCHES, CLAIMS, claim_file, claim_in

if TYPE_CHECKING:
    from o365lib.evidence.stores import Store

_LARGEST = 4096
# Requests to a store that are under way at once.
_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One attempt at one client, and who executes it.

    Attributes:
        client: whose run it is.
        attempt: 1 for the first.
        run_id: of the run; empty where the claim cannot be read.
        host_name: the machine that executes it.
        process_id: in which process there.
        claimed: when, as ISO 8601.
        token: this claim's own.
    """

    client: str
    attempt: int
    run_id: str = ""
    host_name: str = ""
    process_id: int = 0
    claimed: str = ""
    token: str = ""

    @classmethod
    def now(cls, client: str, attempt: int, run_id: str) -> Self:
        """Return the claim that this process makes."""
        return cls(
            client=client,
            attempt=attempt,
            run_id=run_id,
            host_name=socket.gethostname(),
            process_id=os.getpid(),
            claimed=clock.iso(clock.now()),
            token=secrets.token_hex(8),
        )

    @property
    def is_torn(self) -> bool:
        """Whether it could not be read: the attempt is taken, and nobody knows by which run."""
        return not self.run_id

    def to_bytes(self) -> bytes:
        """Return the file's content, which `from_bytes` reads."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes, *, client: str, attempt: int) -> Self:
        """Return the claim in the content of the file that is named for this attempt.

        One that cannot be read, or speaks of another attempt, comes back torn.
        """
        torn = cls(client=client, attempt=attempt)
        try:
            found = json.loads(content)
            claim = cls(**found)
        except (ValueError, TypeError, RecursionError):
            return torn
        texts = (claim.client, claim.run_id, claim.host_name, claim.claimed, claim.token)
        numbers = (claim.attempt, claim.process_id)
        is_sound = all(isinstance(each, str) for each in texts) and all(
            type(each) is int for each in numbers
        )
        return claim if is_sound and (claim.client, claim.attempt) == (client, attempt) else torn


class Claims(Protocol):
    """The claims of one batch, wherever they are kept."""

    def claim(self, client: str, attempt: int, run_id: str) -> bool:
        """Claim an attempt; return whether it is ours.

        Where it is not, somebody has it: perhaps we ourselves, from before (`claim_of` tells).

        Raises:
            EvidenceError: a name is unfit, or it could not be written. Nothing may be executed.
        """
        ...

    def claim_of(self, client: str, attempt: int) -> Claim | None:
        """Return who has claimed an attempt; None where nobody has.

        Raises:
            EvidenceError: that cannot be found out.
        """
        ...

    def claims(self) -> dict[str, list[Claim]]:
        """Return all claims by client, in the order of their attempts.

        Raises:
            EvidenceError: they cannot be listed.
        """
        ...


@dataclass(frozen=True)
class FolderClaims:
    """Claims in a folder that everybody who executes runs of the batch can write to.

    Attributes:
        folder: the claims' own; it must exist.
    """

    folder: Path

    def claim(self, client: str, attempt: int, run_id: str) -> bool:
        """See `Claims.claim`. The file and its name are on the disk by the time it returns."""
        claim = Claim.now(client, attempt, run_id)
        path = self.folder / claim_file(client, attempt)
        try:
            create_atomically(path, claim.to_bytes())
        except FileExistsError:
            # A network drive that repeats a request finds the file that it has just made.
            return self.claim_of(client, attempt) == claim
        except OSError as error:
            raise EvidenceError(
                f"The run of {client} cannot be claimed in {self.folder} ({error.strerror}).",
                state="It was not begun.",
                remedy="Make room or give yourself the right to write there.",
            ) from error
        return True

    def claim_of(self, client: str, attempt: int) -> Claim | None:
        """See `Claims.claim_of`."""
        path = self.folder / claim_file(client, attempt)
        try:
            content = _read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if not os.path.lexists(path):  # it is the folder that cannot be read
                raise self._unreadable(error) from error
            content = b""
        return Claim.from_bytes(content, client=client, attempt=attempt)

    def claims(self) -> dict[str, list[Claim]]:
        """See `Claims.claims`. A file that cannot be read is a torn claim."""
        try:
            with os.scandir(self.folder) as entries:
                named = [(entry.path, claim_in(entry.name)) for entry in entries]
        except OSError as error:
            raise self._unreadable(error) from error
        found = []
        for path, name in named:
            if name is None:
                continue
            client, attempt = name
            try:
                content = _read(path)
            except OSError:
                content = b""
            found.append(Claim.from_bytes(content, client=client, attempt=attempt))
        return _by_client(found)

    def _unreadable(self, error: OSError) -> EvidenceError:
        return EvidenceError(
            f"The batch's claims in {self.folder} cannot be read ({error.strerror}).",
            remedy="Give yourself the right to read there, or put the folder back from a copy.",
        )


@dataclass(frozen=True)
class StoreClaims:
    """Claims in a store, for machines that share no folder.

    A store that protects what is created keeps each claim for as long: open it without.

    Attributes:
        store: creates a name only once, whoever asks at the same time.
        batch_id: the batch's.
    """

    store: "Store"
    batch_id: str

    def claim(self, client: str, attempt: int, run_id: str) -> bool:
        """See `Claims.claim`."""
        claim = Claim.now(client, attempt, run_id)
        name = f"{self._prefix}{claim_file(client, attempt)}"
        return claim_in_store(self.store, name, claim.to_bytes())

    def claim_of(self, client: str, attempt: int) -> Claim | None:
        """See `Claims.claim_of`."""
        name = f"{self._prefix}{claim_file(client, attempt)}"
        if not any(each.name == name for each in self.store.entries(name)):
            return None
        return self._read(name, client, attempt)

    def claims(self) -> dict[str, list[Claim]]:
        """See `Claims.claims`. Each is asked for by itself."""
        from concurrent.futures import ThreadPoolExecutor

        def read(named: tuple[str, tuple[str, int]]) -> Claim:
            name, (client, attempt) = named
            return self._read(name, client, attempt)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return _by_client(list(pool.map(read, list(self._named()))))

    @property
    def _prefix(self) -> str:
        return f"{BATCHES}/{self.batch_id}/{CLAIMS}/"

    def _named(self) -> Iterator[tuple[str, tuple[str, int]]]:
        for entry in self.store.entries(self._prefix):
            name = claim_in(entry.name.removeprefix(self._prefix))
            if name:
                yield entry.name, name

    def _read(self, name: str, client: str, attempt: int) -> Claim:
        content = b""
        for piece in self.store.read(name):
            content += piece
            if len(content) > _LARGEST:
                break
        return Claim.from_bytes(content, client=client, attempt=attempt)


def claim_in_store(store: "Store", name: str, content: bytes) -> bool:
    """Create a name in a store; return whether it is ours, and False where somebody has it.

    Args:
        store: creates a name only once, whoever asks at the same time.
        name: the path from the archive's root.
        content: nobody else's: who finds exactly these bytes there takes them for its own, written
            by a request whose answer was lost.

    Raises:
        EvidenceError: the store failed; whether the name is ours is not known.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "claim"
        source.write_bytes(content)
        try:
            store.create(name, source, sha256=sha256(content).hexdigest())
        except NameTaken:
            return False
    return True


def _by_client(claims: list[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = {}
    for each in sorted(claims, key=lambda claim: (claim.client, claim.attempt)):
        found.setdefault(each.client, []).append(each)
    return found


_FLAGS: Any = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def _read(path: str | Path) -> bytes:
    # By hand: ten thousand are read in one go.
    descriptor = os.open(path, _FLAGS)
    try:
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)
