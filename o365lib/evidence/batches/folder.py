"""A batch's folder in the archive: to begin a batch, to take one up again, to find one.

- The folder gets its name when the signed inputs are in it: at no moment is there a batch without.
- A batch whose claims are elsewhere, since the archive was fetched or copied without them, is not
  taken up: nobody here knows what was attempted.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.archive import RECORD_FILE
from o365lib.evidence.batches import signing
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.claims import Claim, FolderClaims
from o365lib.evidence.batches.driver_lock import Driver, DriverLock
from o365lib.evidence.batches.inputs import Inputs
from o365lib.evidence.batches.standing import FINISHED, ClientStanding, left_to_do, standings
from o365lib.evidence.files import (
    PART,
    create_atomically,
    make_folder,
    sync_folder,
    write_atomically,
)
from o365lib.evidence.layout import (
    BATCH_FILE,
    BATCHES,
    CLAIMS,
    INPUTS_FILE,
    INPUTS_STATEMENT,
    is_run_id,
    number_of,
)
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.sealing import OpenBatch

_MOST_NAMES = 5


class BatchFolder:
    """One batch's folder; made by `begin` or `open`.

    Args:
        root: the archive's.
        batch_id: the batch's; its folder must exist.
    """

    def __init__(self, root: Path, batch_id: str) -> None:
        self.root = root
        self.batch_id = batch_id
        self.path = root / BATCHES / batch_id
        self._claims = FolderClaims(self.path / CLAIMS)
        self._lock = DriverLock(self.path)
        self._inputs: Inputs | None = None

    @classmethod
    def begin(cls, evidence: OpenBatch, inputs: Inputs) -> Self:
        """Make a batch's folder with its signed inputs, durably, and return it.

        Args:
            evidence: where; its key signs, and its digest will cover the signature.
            inputs: what the batch begins with.

        Raises:
            EvidenceError: it cannot be signed or written, or there is such a batch already.
                Nothing was begun.
        """
        root, batch_id = evidence.archive.root, inputs.batch_id
        made = cls(root, batch_id)
        content = inputs.to_bytes()
        signature = signing.signed_inputs(inputs, content, evidence.signer)
        evidence.add_file(signing.statement_name(batch_id))
        part = made.path.with_name(f".{batch_id}.{secrets.token_hex(4)}{PART}")
        try:
            make_folder(root / BATCHES)
            make_folder(part)
            make_folder(part / CLAIMS)
            create_atomically(part / INPUTS_FILE, content)
            create_atomically(part / INPUTS_STATEMENT, signature)
            part.rename(made.path)
            sync_folder(made.path.parent)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise _not_written(made.path, error, state="Nothing was begun.") from error
        made._inputs = inputs
        return made

    @classmethod
    def open(cls, root: Path, text: str) -> Self:
        """Return the batch with this id, or the only one whose id begins or ends with this text.

        Args:
            root: the archive's.
            text: what was asked for.

        Raises:
            UsageError: there is none, or more than one; it names those that come near.
            EvidenceError: the archive cannot be listed.
        """
        known = batch_ids(root)
        found = [each for each in known if each == text] or [
            each for each in known if text and (each.startswith(text) or each.endswith(text))
        ]
        if len(found) == 1:
            return cls(root, found[0])
        if found:
            raise UsageError(
                f"{len(found)} batches fit {text!r}: {_some(found)}.", remedy="Give more of the id."
            )
        near = get_close_matches(text, known, n=3, cutoff=0.6)
        if near:
            remedy = f"Did you mean {' or '.join(near)}?"
        elif known:
            remedy = f"There are: {_some(known[::-1])}."
        else:
            remedy = "There is no batch in this archive; `o365 run` begins one."
        raise UsageError(f"There is no batch {text!r} in {root}.", remedy=remedy)

    def inputs(self) -> Inputs:
        """Return what the batch began with; read, and compared with what was signed, once.

        Raises:
            EvidenceError: it cannot be read, or was edited. The batch must not be taken up.
        """
        if self._inputs is None:
            self._inputs = signing.checked_inputs(self.root, self.batch_id)
        return self._inputs

    def believe(self, keys: Mapping[str, PublicKey]) -> Inputs:
        """Return what the batch began with if one of these keys has signed it; `inputs` then too.

        To be called before anything of it is executed.

        Args:
            keys: see `signing.believed_keys`.

        Raises:
            EvidenceError: it cannot be read, was edited, or somebody else has signed it. The batch
                must not be taken up.
        """
        self._inputs = signing.checked_inputs(self.root, self.batch_id, believed=keys)
        return self._inputs

    def claim(self, client: str, attempt: int, run_id: str) -> bool:
        """Claim an attempt; return whether it is ours. See `claims.Claims.claim`."""
        return self._claims.claim(client, attempt, run_id)

    def claim_of(self, client: str, attempt: int) -> Claim | None:
        """Return who has claimed an attempt; None where nobody has."""
        return self._claims.claim_of(client, attempt)

    def claims(self) -> dict[str, list[Claim]]:
        """Return all claims by client, in the order of their attempts.

        Raises:
            EvidenceError: they cannot be listed, or are not in this archive.
        """
        if not self._claims.folder.is_dir():
            raise EvidenceError(
                f"What was attempted in the batch {self.batch_id} is not known here: its claims are"
                " not in this archive.",
                state="Nothing was started.",
                remedy="Take it up in the archive in which it was driven; or begin a new batch,"
                " which reads each tenant first and does what is left.",
            )
        return self._claims.claims()

    def outcomes(self, claims: Mapping[str, Sequence[Claim]]) -> dict[tuple[str, str], str]:
        """Return the outcomes of the runs that were claimed, by client and run id.

        A run without a record that can be read has none.
        """
        return {
            (claim.client, claim.run_id): outcome
            for each in claims.values()
            for claim in each
            if claim.run_id and (outcome := outcome_of(self.root, claim.client, claim.run_id))
        }

    def standings(self) -> tuple[ClientStanding, ...]:
        """Return how all clients stand, in the order of the inputs.

        Raises:
            EvidenceError: see `inputs` and `claims`.
        """
        inputs, claims = self.inputs(), self.claims()
        return standings(inputs.clients, claims, self.outcomes(claims))

    def left_to_do(self) -> tuple[ClientStanding, ...]:
        """Return the clients for whom something is left to do, in the order of the inputs.

        Raises:
            EvidenceError: see `inputs` and `claims`.
        """
        inputs, claims = self.inputs(), self.claims()
        return left_to_do(inputs.clients, claims, self.outcomes(claims))

    def take_driver_lock(self) -> bool:
        """Become the batch's driver; False where another process is: `driver` tells which.

        Raises:
            EvidenceError: the archive's file system refuses locks.
        """
        return self._lock.take()

    def release_driver_lock(self) -> None:
        """Let others drive the batch; without effect where this object does not."""
        self._lock.release()

    def driver(self) -> Driver | None:
        """Return who drives the batch now, if that is known; ask after `take_driver_lock`."""
        return self._lock.driver()

    def write_batch(self, batch: BatchFile) -> None:
        """Replace `batch.json`, as a whole and durably. It can be called at any time.

        Raises:
            EvidenceError: it could not be written; the one before is intact.
        """
        path = self.path / BATCH_FILE
        try:
            write_atomically(path, batch.to_bytes().decode())
        except OSError as error:
            state = "What came of the runs is in their records."
            raise _not_written(path, error, state=state) from error

    def read_batch(self) -> BatchFile | None:
        """Return what `batch.json` says; None where no drive has written one yet.

        Raises:
            EvidenceError: it cannot be read.
        """
        path = self.path / BATCH_FILE
        try:
            return BatchFile.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError(
                f"{path} cannot be read ({error.strerror}).",
                remedy="Give yourself the right to read it.",
            ) from error

    def sign_batch(self, evidence: OpenBatch, batch: BatchFile) -> str:
        """Sign what a drive ends with; return the signed file's path from the archive's root.

        Args:
            evidence: its key signs, and its digest, which must not have been signed yet, will cover
                the file.
            batch: what came of the batch.

        Raises:
            EvidenceError: it cannot be signed or written.
        """
        content = (self.path / INPUTS_FILE).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        while True:
            number = self._last_number() + 1
            name = signing.result_name(self.batch_id, number)
            signed = signing.signed_result(
                batch, number, inputs_sha256=digest, signer=evidence.signer
            )
            evidence.add_file(name)
            try:
                create_atomically(self.root / name, signed)
            except FileExistsError:
                continue
            except OSError as error:
                state = "What came of the runs is in their records."
                raise _not_written(self.root / name, error, state=state) from error
            return name

    def _last_number(self) -> int:
        return max((number_of(each.name) or 0 for each in self.path.iterdir()), default=0)


def batch_ids(root: Path) -> list[str]:
    """Return the ids of an archive's batches, oldest first.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    folder = root / BATCHES
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if is_run_id(each.name) and each.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EvidenceError(
            f"The batches in {folder} cannot be listed ({error.strerror}).",
            remedy="Give yourself the right to read there.",
        ) from error


def newest_unfinished(root: Path, keys: Mapping[str, PublicKey]) -> str | None:
    """Return the id of the newest batch that has something left to do; None where none has.

    A batch that cannot be read, or that somebody else signed, is passed by: asking for it by its id
    tells what is wrong.

    Args:
        root: the archive's.
        keys: whose batches are looked at; see `signing.believed_keys`.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    for batch_id in reversed(batch_ids(root)):
        folder = BatchFolder(root, batch_id)
        with contextlib.suppress(EvidenceError):
            folder.believe(keys)
            if _says_finished(folder):
                continue
            if folder.left_to_do():
                return batch_id
    return None


def cut_off_on_clusters(root: Path) -> list[str]:
    """Return the ids of batches whose last driver, with a cluster, was killed; oldest first.

    Their runs may have been executed on other machines after that.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    found = []
    for batch_id in batch_ids(root):
        folder = BatchFolder(root, batch_id)
        with contextlib.suppress(EvidenceError):
            last = (batch.drives if (batch := folder.read_batch()) else ())[-1:]
            is_cut_off = any(each.scheduler and each.ended is None for each in last)
            if is_cut_off and folder.take_driver_lock():  # nobody is driving it now
                folder.release_driver_lock()
                found.append(batch_id)
    return found


def outcome_of(root: Path, client: str, run_id: str) -> str:
    """Return the outcome in a run's record, as it stands there; empty where none can be read."""
    try:
        # Not the whole record by its model: there may be ten thousand.
        found = json.loads((root / client / run_id / RECORD_FILE).read_bytes()).get("outcome")
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _says_finished(folder: BatchFolder) -> bool:
    """Whether the last drive came to its end and left nothing to do, by its own words."""
    batch = folder.read_batch()
    if batch is None or not all(each.outcome in FINISHED for each in batch.clients):
        return False
    return {each.client for each in batch.clients} == folder.inputs().clients.keys()


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _not_written(path: Path, error: OSError, *, state: str) -> EvidenceError:
    return EvidenceError(
        f"{path} cannot be written ({error.strerror or type(error).__name__}).",
        state=state,
        remedy="Make room or give yourself the right to write there.",
    )
