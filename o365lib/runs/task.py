"""One run as a task that any process can execute: what it takes with it, and its claim.

- A task carries what the batch started with: the notebook, the defaults and the client's file. What
  is edited while the batch is under way changes nothing in it.
- Before a kernel is started the run is claimed, durably and once. A task that is given to a worker
  twice, as a cluster may do when a machine is lost, is executed once; the second time its record is
  all that there is to say.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.working_copy import materialize
from o365lib.runs.events import Event, Tell
from o365lib.runs.execution import Execution, Listener, Problem, execute, said
from o365lib.runs.request import RunRequest

# Of the temporary folder with a run's copy of notebook and parameters.
FOLDER_PREFIX = "o365-run-"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The texts that a batch started with, as far as they concern one client.

    Attributes:
        notebook: the runbook.
        defaults: `defaults.yaml`; empty where there was none.
        client: the client's file; empty where there was none.
    """

    notebook: str
    defaults: str = ""
    client: str = ""


class Delivery(Protocol):
    """How a run's files and claim get to where the batch's driver finds them."""

    def place(self, task: "RunTask") -> RunFolder:
        """Return the run's folder on this machine.

        Raises:
            EvidenceError: it cannot be made. Nothing was started.
        """
        ...

    def claim(self, task: "RunTask") -> bool:
        """Claim the run, durably; return False where it was claimed before.

        Raises:
            EvidenceError: it could not be claimed. Nothing was started.
        """
        ...

    def following(self, task: "RunTask", run: RunFolder) -> AbstractContextManager[Listener]:
        """Give what hears of the run beside the driver, while it is executed."""
        ...

    def hand_over(self, task: "RunTask", run: RunFolder, execution: Execution) -> None:
        """Hand an executed run's files over to the driver.

        Raises:
            EvidenceError: they could not be handed over, and where they are.
        """
        ...

    def receive(self, task: "RunTask", run: RunFolder, *, is_lost: bool) -> bool:
        """Bring what was handed over to the run's folder at the driver; return whether all was.

        Args:
            task: the run's.
            run: its folder at the driver.
            is_lost: nothing more will come: what there is of its record is closed.

        Raises:
            EvidenceError: it could not be brought.
        """
        ...

    def bring_claims(self, root: Path, batch_id: str) -> None:
        """Bring those claims of a batch to the driver's archive that are not there yet.

        Args:
            root: the archive's.
            batch_id: the batch, which the caller drives.

        Raises:
            EvidenceError: they could not be brought.
        """
        ...


@dataclass(frozen=True)
class SharedFolder:
    """The archive is a folder that driver and workers share: nothing has to be handed over."""

    def place(self, task: "RunTask") -> RunFolder:
        """Return the run's folder, which the driver has made."""
        return Archive(task.request.places.evidence).run(task.request.client, task.run_id)

    def claim(self, task: "RunTask") -> bool:
        """Claim the run in the batch's folder."""
        batch = BatchFolder(task.request.places.evidence, task.batch_id)
        return batch.claim(task.request.client, task.attempt, task.run_id)

    def following(
        self,
        task: "RunTask",  # noqa: ARG002 -- of the protocol
        run: RunFolder,  # noqa: ARG002 -- as above
    ) -> AbstractContextManager[Listener]:
        """Give nobody: whoever shares the folder sees its files."""
        return nullcontext(Listener())

    def hand_over(self, task: "RunTask", run: RunFolder, execution: Execution) -> None:
        """Do nothing: the files are where the driver looks."""

    def receive(self, task: "RunTask", run: RunFolder, *, is_lost: bool) -> bool:  # noqa: ARG002 -- as above
        """Do nothing: the files are there."""
        return True

    def bring_claims(self, root: Path, batch_id: str) -> None:
        """Do nothing: the claims are there."""


SHARED_FOLDER = SharedFolder()


@dataclass(frozen=True, kw_only=True)
class RunTask:
    """What a worker is given.

    Attributes:
        batch_id: of the batch.
        attempt: how many times the client's run is begun in this batch, this one included.
        run_id: the run's.
        request: what is to be run, and in which project.
        copy: what the batch started with.
        delivery: how files and claim get to the driver.
    """

    batch_id: str
    attempt: int
    run_id: str
    request: RunRequest
    copy: Copy
    delivery: Delivery = SHARED_FOLDER


def execute_task(task: RunTask, tell: Tell, stop: threading.Event) -> Execution:
    """Execute a run, unless it was claimed before, and return what came of it.

    Args:
        task: the run.
        tell: hears of its progress, in the calling thread.
        stop: when it is set, the run is interrupted and its record closed.
    """
    client, delivery = task.request.client, task.delivery
    try:
        run = delivery.place(task)
        with _folder() as folder:
            # Before the claim: where there is no room for it, no attempt has been made.
            request = _from_copy(task, folder, run)
            if not delivery.claim(task):
                return Execution(is_repeated=True)
            with delivery.following(task, run) as follower:
                listener = Listener(
                    on_step=_both(
                        follower.on_step,
                        lambda step: tell(Event(kind="step", client=client, text=step)),
                    ),
                    on_prompt=lambda text: tell(Event(kind="prompt", client=client, text=text)),
                    on_traffic=lambda requests, throttled: tell(
                        Event(kind="traffic", client=client, requests=requests, throttled=throttled)
                    ),
                )
                execution = execute(request, run, listener=listener, stop=stop)
                delivery.hand_over(task, run, execution)
                return execution
    except EvidenceError as error:
        return Execution(record_problem=Problem(message=said(error), remedy=error.remedy))


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a temporary folder; what of it cannot be removed afterwards does no harm to the result.

    Raises:
        EvidenceError: it cannot be made.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
    except OSError as error:
        raise EvidenceError(
            f"A temporary folder cannot be made ({error.strerror or type(error).__name__}).",
            state="The run was not begun.",
            remedy="Make room where temporary files are, or name another place by TMPDIR.",
        ) from error
    with made as folder:
        yield Path(folder)


def _both(first: Callable[[str], None], second: Callable[[str], None]) -> Callable[[str], None]:
    def hear(text: str) -> None:
        first(text)
        second(text)

    return hear


def _from_copy(task: RunTask, folder: Path, run: RunFolder) -> RunRequest:
    """Return the request with its notebook and its parameters in a folder of this run's own.

    The archive is the one that the run's folder is in, on this machine.
    """
    request, places = task.request, task.request.places
    name = request.runbook.name
    materialize(
        folder,
        defaults=task.copy.defaults,
        clients={request.client: task.copy.client} if task.copy.client else {},
        runbook=request.runbook.stem,
        notebook=task.copy.notebook,
    )
    own = folder / "notebooks"
    working = places.notebooks if places.notebooks.is_dir() else own
    copied = replace(
        places,
        parameters=folder / "parameters",
        notebooks=own,
        evidence=run.path.parent.parent,
        copied_from=places.project,
    )
    return replace(request, runbook=own / name, places=copied, folder=working)
