"""How runs get to their driver where machines share no folder, but a store: Azure or S3.

    .incoming/<batch id>/<run id>/records/00000001.json   the record as it was at each step's begin
    .incoming/<batch id>/<run id>/files/<name>            the run's files, once it has ended
    .incoming/<batch id>/<run id>/handed_over.json        their digests: all of them are there

- A worker has a working copy of its own, for as long as its process lives: keys and approvals, and
  the earlier runs of those clients that it is given.
- Nothing is sent in which a secret was found: such files stay on the worker's machine, in
  quarantine, and what is handed over is the record that says so.
- The driver takes a run's files from the store, seals them and publishes them as all others. Its
  claim it takes before: the driver knows of every attempt at a run that it has handed out.
- Of a machine that died the store has the record's latest version. What the run did after it is not
  known, and the record that the driver makes of it says so: `unverified`, unless nothing could have
  been changed.

These names prove nothing and are read by nobody else; nothing in the store is ever removed by us.
"""

import atexit
import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from o365lib import secret
from o365lib.errors import EvidenceError
from o365lib.evidence import gate, quarantine
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.batches.claims import StoreClaims
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.files import sha256_of
from o365lib.evidence.layout import APPROVALS, BATCHES, CLAIMS, KEYS, claim_file, claim_in, numbered
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.stores import FolderStore, Store, checked_name, open_store
from o365lib.runs.execution import Execution, Listener

if TYPE_CHECKING:
    from o365lib.runs.task import RunTask

INCOMING = ".incoming"
_HANDED_OVER = "handed_over.json"
_MACHINE_LOST = "The machine that executed it was lost."
_UNKNOWN_SINCE = (
    "What the run did after its record was last handed over is not known: the tenant may have been"
    " changed."
)

_lock = threading.Lock()
_working_copies: dict[str, Path] = {}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreDelivery:
    """By way of a store.

    Attributes:
        url: the archive's.
    """

    url: str

    def place(self, task: "RunTask") -> RunFolder:
        """Return the run's folder in this process's working copy, with what the run may read.

        Raises:
            EvidenceError: the store cannot be read, or the disk says no. Nothing was started.
        """
        store, client = open_store(self.url), task.request.client
        root = _working_copy(f"{self.url} {task.batch_id}", store)
        _bring(store, f"{client}/", root)
        run = Archive(root).run(client, task.run_id)
        return run if run.exists() else Archive(root).new_run(client, task.run_id)

    def claim(self, task: "RunTask") -> bool:
        """Claim the run in the store; return False where it was claimed before.

        Raises:
            EvidenceError: it could not be claimed. Nothing was started.
        """
        claims = StoreClaims(open_store(self.url), task.batch_id)
        return claims.claim(task.request.client, task.attempt, task.run_id)

    @contextmanager
    def following(self, task: "RunTask", run: RunFolder) -> Iterator[Listener]:
        """Give what sends the record's versions to the store, as steps begin."""
        sender = _Sender(open_store(self.url), run, _prefix(task.batch_id, task.run_id))
        yield Listener(on_step=lambda _: sender.send_record())

    def hand_over(self, task: "RunTask", run: RunFolder, execution: Execution) -> None:
        """Send an ended run's files to the store, and remove them here.

        Args:
            task: the run's.
            run: its folder here; nobody writes to it any more.
            execution: what came of it.

        Raises:
            EvidenceError: the store failed. The files are still here; the message says where.
        """
        findings = gate.search(run, known=secret.find).with_own_secrets(execution.own_secrets)
        if findings:
            quarantine.quarantine(run, _record_of(run), findings)
        try:
            _Sender(open_store(self.url), run, _prefix(task.batch_id, task.run_id)).send_files()
        except EvidenceError as error:
            raise EvidenceError(
                f"The run was executed, and its files could not be sent to {self.url}:"
                f" {error.message}",
                state=f"They are on the machine that executed it, in {run.path}.",
                remedy=error.remedy,
            ) from error
        with suppress(OSError):
            shutil.rmtree(run.path)

    def receive(self, task: "RunTask", run: RunFolder, *, is_lost: bool) -> bool:
        """Bring a run's claim and its files to the archive here; return whether all had been sent.

        Args:
            task: the run's.
            run: its folder in the driver's archive; what is in it already stays.
            is_lost: the machine will send nothing more: the record's latest version is closed and
                put there, where there is one.

        Raises:
            EvidenceError: the store cannot be read, or what was sent is not what stands there.
        """
        store, root = open_store(self.url), run.path.parent.parent
        _bring_claim(store, root, task)
        return _receive(store, task.batch_id, run, is_lost=is_lost)

    def bring_claims(self, root: Path, batch_id: str) -> None:
        """Bring those claims of a batch to the driver's archive that are not there yet.

        Args:
            root: the archive's.
            batch_id: the batch.

        Raises:
            EvidenceError: the store cannot be read, or the disk says no. What was brought stays.
        """
        _bring_claims(open_store(self.url), root, batch_id)

    def take_up(self, root: Path, batch_id: str) -> list[str]:
        """Bring what workers did after their driver was lost; return the ids of the runs brought.

        To be called before what was left behind is finished: a run whose folder is empty here may
        have been executed elsewhere.

        Args:
            root: the driver's archive.
            batch_id: the batch, which nobody drives.

        Raises:
            EvidenceError: the store cannot be read, or the disk says no. What was brought stays.
        """
        store, brought = open_store(self.url), list[str]()
        _bring_claims(store, root, batch_id)
        for client, some in StoreClaims(store, batch_id).claims().items():
            for claim in some:
                run = Archive(root).run(client, claim.run_id) if claim.run_id else None
                if run and run.exists() and not run.record_file.exists():
                    _receive(store, batch_id, run, is_lost=True)
                    brought += [claim.run_id] * run.record_file.exists()
        return brought


class _Sender:
    """Sends one run's files."""

    def __init__(self, store: Store, run: RunFolder, prefix: str) -> None:
        self._store, self._run, self._prefix = store, run, prefix
        self._sent, self._count = "", 0

    def send_record(self) -> None:
        """Send the record as it is, if it is another than before; a failure is logged alone."""
        try:
            text = self._run.record_file.read_text("utf-8")
        except OSError:  # not yet written
            return
        if text == self._sent or gate.kinds_in(text, known=secret.find):
            return
        try:
            self._create(f"records/{numbered(self._count + 1)}", text)
        except EvidenceError as error:  # its end will be sent; the run itself is well
            _logger.warning("%s", error)
            return
        self._sent, self._count = text, self._count + 1

    def send_files(self) -> None:
        """Send all files, and last the list of them.

        Raises:
            EvidenceError: the store failed, or has something else under a name.
        """
        digests = {}
        for name, file in gate.files_of(self._run.path):
            if not any(part.startswith(".") for part in name.split("/")):
                digests[name] = sha256_of(file)
                self._store.create(f"{self._prefix}files/{name}", file, sha256=digests[name])
        told = {"client": self._run.client, "run_id": self._run.run_id, "files": digests}
        self._create(_HANDED_OVER, json.dumps(told, indent=2))

    def _create(self, name: str, text: str) -> None:
        content = text.encode()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            file.write_bytes(content)
            self._store.create(self._prefix + name, file, sha256=sha256(content).hexdigest())


def _bring_claims(store: Store, root: Path, batch_id: str) -> None:
    claims = f"{BATCHES}/{batch_id}/{CLAIMS}/"
    for entry in store.entries(claims):
        if claim_in(entry.name.removeprefix(claims)) and not (root / entry.name).exists():
            FolderStore(root).create_from(entry.name, store.read(entry.name))


def _bring_claim(store: Store, root: Path, task: "RunTask") -> None:
    """Bring the claim of a run's attempt, whoever made it, if there is one."""
    file = claim_file(task.request.client, task.attempt)
    name = f"{BATCHES}/{task.batch_id}/{CLAIMS}/{file}"
    if (root / name).exists():
        return
    try:
        FolderStore(root).create_from(name, store.read(name))
    except EvidenceError:
        # Most have one: whether this one has is asked for only where it cannot be read.
        if any(entry.name == name for entry in store.entries(name)):
            raise


def _receive(store: Store, batch_id: str, run: RunFolder, *, is_lost: bool) -> bool:
    prefix = _prefix(batch_id, run.run_id)
    names = sorted(each.name.removeprefix(prefix) for each in store.entries(prefix))
    if _HANDED_OVER in names:
        told = _list_in(_text(store, prefix + _HANDED_OVER), run)
        for name, digest in told.items():
            FolderStore(run.path).create_from(name, store.read(f"{prefix}files/{name}"))
            if sha256_of(run.path / name) != digest:
                raise EvidenceError(
                    f"{name} of run {run.run_id} in {store.url} is not what the worker sent.",
                    state="The run is not sealed.",
                    remedy="Look who can write to the store; `o365 evidence seal` seals what is in"
                    f" {run.path}.",
                )
        return True
    versions = [name for name in names if name.startswith("records/")]
    if is_lost and versions and not run.record_file.exists():
        record = Record.from_json(_text(store, prefix + versions[-1]))
        if (record.client, record.run_id) == (run.client, run.run_id):
            _close(record)
            run.write_record(record)
    return False


def _close(record: Record) -> None:
    if record.outcome is not Outcome.UNFINISHED:
        return
    step = next((each.name for each in reversed(record.steps)), "")
    close_unfinished(record, closed_by="driver", message=_MACHINE_LOST, step=step)
    if not record.dry_run:
        record.outcome = Outcome.UNVERIFIED
        if record.error:
            record.error.state = record.error.state or _UNKNOWN_SINCE


def _list_in(text: str, run: RunFolder) -> dict[str, str]:
    try:
        told = json.loads(text)
        files = told["files"]
        is_sound = (told["client"], told["run_id"]) == (run.client, run.run_id) and all(
            isinstance(digest, str) and _is_of_a_run(name) for name, digest in files.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise EvidenceError(
            f"What was handed over of run {run.run_id} cannot be read.",
            state="The run is not sealed.",
            remedy="Look who can write to the store.",
        )
    return dict(files)


def _is_of_a_run(name: str) -> bool:
    """Whether a file's name leads to a place in its run's folder that is no lock and no mark."""
    try:
        return not any(part.startswith(".") for part in checked_name(name).split("/"))
    except EvidenceError:
        return False


def _record_of(run: RunFolder) -> Record | None:
    try:
        return run.read_record()
    except EvidenceError:
        return None


def _prefix(batch_id: str, run_id: str) -> str:
    return f"{INCOMING}/{batch_id}/{run_id}/"


def _text(store: Store, name: str) -> str:
    return b"".join(store.read(name)).decode()


def _working_copy(name: str, store: Store) -> Path:
    """Return this process's folder for a batch, with what belongs to all clients."""
    with _lock:
        root = _working_copies.get(name)
        if root is None:
            above = Path(tempfile.mkdtemp(prefix="o365-worker-"))
            # What is put into quarantine beside it stays, for a person to look at.
            atexit.register(_remove, above)
            root = above / "archive"
            root.mkdir(mode=0o700)
            for folder in (KEYS, APPROVALS):
                _bring(store, f"{folder}/", root)
            _working_copies[name] = root
    return root


def _remove(above: Path) -> None:
    shutil.rmtree(above / "archive", ignore_errors=True)
    with suppress(OSError):
        above.rmdir()


def _bring(store: Store, prefix: str, root: Path) -> None:
    for entry in store.entries(prefix):
        is_ours = not (entry.is_link or entry.is_special or "/." in f"/{entry.name}")
        if is_ours and not (root / entry.name).exists():
            FolderStore(root).create_from(entry.name, store.read(entry.name))
