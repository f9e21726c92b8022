"""The summary of a batch: what its notebook talks to.

- It reads the archive and nothing else: it signs in nowhere and makes no request.
- Executed by a command at the end of a batch, it keeps a record of its own, and a copy of
  `batch.json` beside it, so that the run's seal covers what the summary was made of.
- In JupyterLab it shows the same, for any batch, and writes nothing.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from o365lib import __version__, clock
from o365lib.errors import EvidenceError, RunbookError, RunError, UsageError
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.claims import Claim
from o365lib.evidence.batches.folder import BatchFolder, batch_ids
from o365lib.evidence.layout import BATCH_FILE
from o365lib.evidence.record import ErrorRecord, Operator, Outcome, Record
from o365lib.evidence.run_lock import RunLock
from o365lib.places import Places
from o365lib.reserved import BATCHES
from o365lib.runbook import batch_charts, batch_tables
from o365lib.runbook.batch_reading import BatchFigures, faults_of, read_batch_figures
from o365lib.runbook.charts import Chart, can_draw, picture, text_bar
from o365lib.runbook.frontend import Frontend
from o365lib.runbook.results import StepResult
from o365lib.runbook.steps import SteppedRun, step

NAME = "summarize_batch"

_MOST_IDS = 5
_LOOK_ONLY = (
    "Nothing was archived: only `o365 run` does that, at the end of a batch. This was a look."
)
_NO_PICTURE = (
    "For a picture of these, install matplotlib: pip install 'o365-runbooks[charts]'. It shows the"
    " same."
)


@dataclass(frozen=True, repr=False)  # not one that shows the picture's bytes
class Pictured(StepResult):
    """Charts as one picture, with their numbers in words for whoever cannot see it.

    Attributes:
        png: the picture.
        width: in points of a screen.
        height: as above.
    """

    png: bytes = b""
    width: int = 0
    height: int = 0

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        told = {"alt": " ".join(self.notes), "width": self.width, "height": self.height}
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": repr(self)}
        return data, {"image/png": told}

    def _repr_html_(self) -> None:  # type: ignore[override]  # the picture is to be shown
        return None


class BatchSummary(SteppedRun):
    """The summary of one batch. Made by `runbook.open_batch_summary`.

    Args:
        batch_id: the batch, or so much of its id as no other has.
        run_id: of the summary's own run, whose folder the command has made; empty for a look.
        places: where the archive is.
        frontend: who sits in front of the kernel.
    """

    def __init__(self, *, batch_id: str, run_id: str, places: Places, frontend: Frontend) -> None:
        super().__init__()
        self._frontend = frontend
        self._archive = Archive(places.evidence)
        self._batch_folder = _opened(places, batch_id)
        self._run: RunFolder | None = None
        self._found: BatchFigures | None = None
        if frontend.driven:
            self._run = self._archive.run(BATCHES, run_id)
            # Held until the process ends: nobody seals what it may still write.
            self._run_lock = RunLock(self._run)
            if not self._run_lock.take() or self._run.record_file.exists():
                raise EvidenceError(
                    f"Run {run_id} of {BATCHES} is in the archive already.",
                    state="Nothing was started.",
                    remedy="A run is written once: start a new one.",
                )
        self.record = Record(
            run_id=run_id or "none",
            client=BATCHES,
            runbook=NAME,
            runbook_digest=_notebook_digest(places),
            package_version=__version__,
            parameters={"batch_id": self.batch_id, "client": BATCHES, "run_id": run_id},
            operator=Operator.here(),
            started=clock.now(),
        )
        self.save()

    def __repr__(self) -> str:
        return f"Summary of the batch {self.batch_id}"

    @property
    def batch_id(self) -> str:
        """The batch's id."""
        return self._batch_folder.batch_id

    def save(self) -> None:
        """Write the record, where there is one.

        Raises:
            EvidenceError: it could not be written.
        """
        if self._run is not None:
            self._run.write_record(self.record)

    def announce(self, name: str) -> None:
        """Tell the driver which step begins."""
        self._frontend.announce(name)

    def show(self, name: str, result: StepResult | RunbookError) -> None:
        """Leave it to the notebook."""

    def skip_reason(self, *, changes: bool) -> str:  # noqa: ARG002 -- every step is for all
        """Say that no step is left out."""
        return ""

    def finish(self, outcome: Outcome, reason: str, error: ErrorRecord | None = None) -> None:
        """Close the record."""
        self.record.outcome, self.record.reason, self.record.error = outcome, reason, error
        self.record.ended, self.record.closed_by = clock.now(), "runbook"
        self.save()

    @step("read")
    def read(self) -> StepResult:
        """Read what came of the batch, and the record of each of its runs.

        Raises:
            EvidenceError: the batch has no `batch.json` that can be read, or it cannot be copied.
        """
        raw, batch = self._batch_file()
        if self._run is not None:
            self._run.write_batch(raw)
        claims, problem = self._claims()
        self._found = read_batch_figures(self._archive, batch, claims)
        faults = list(faults_of(self._found, has_claims=not problem))
        return batch_tables.batch(self._found, [*faults, *([problem] if problem else [])])

    @step("outcomes", after="read")
    def outcomes(self) -> StepResult:
        """Count how the clients ended."""
        return batch_tables.outcomes(self._figures)

    @step("needing-a-person", after="outcomes")
    def needing_a_person(self) -> StepResult:
        """List the clients that somebody has to look at."""
        return batch_tables.needing_a_person(self._figures)

    @step("remedies", after="needing-a-person")
    def remedies(self) -> StepResult:
        """Group what is to be done."""
        return batch_tables.remedies(self._figures)

    @step("durations", after="remedies")
    def durations(self) -> StepResult:
        """Show how long the runs took."""
        return batch_tables.durations(self._figures)

    @step("slowest", after="durations")
    def slowest(self) -> StepResult:
        """List the runs that took longest."""
        return batch_tables.slowest(self._figures)

    @step("steps", after="slowest")
    def steps(self) -> StepResult:
        """Show how long each step took."""
        return batch_tables.steps(self._figures)

    @step("requests", after="steps")
    def requests(self) -> StepResult:
        """Count the requests, and those that were told to wait."""
        return batch_tables.requests(self._figures)

    @step("attempts", after="requests")
    def attempts(self) -> StepResult:
        """List who was run again, and where."""
        return batch_tables.attempts(self._figures)

    @step("changed-files", after="attempts")
    def changed_files(self) -> StepResult:
        """List the files that were edited while the batch was under way."""
        return batch_tables.changed_files(self._figures)

    @step("charts", after="changed-files")
    def charts(self) -> StepResult:
        """Draw the figures, as a picture or as bars of characters."""
        return drawn(batch_charts.charts(self._figures))

    @step("close", after="charts")
    def close(self) -> StepResult:
        """Close the record of the summary."""
        found = self._figures
        reason = f"batch {self.batch_id}: {batch_tables.sentence(found.batch)}"
        self.finish(Outcome.DONE, reason)
        rows = [("Batch", self.batch_id), ("In short", batch_tables.sentence(found.batch))]
        if self._run is not None:
            rows.append(("Evidence", f"{BATCHES}/{self._run.run_id}"))
        notes = [] if self._run is not None else [_LOOK_ONLY]
        return StepResult(
            title="The summary is made", columns=("What", "Value"), rows=rows, notes=notes
        )

    @property
    def _figures(self) -> BatchFigures:
        if self._found is None:
            raise RunError("The batch was not read.", remedy="Execute the cell 'read' again.")
        return self._found

    def _batch_file(self) -> tuple[bytes, BatchFile]:
        """Return the bytes of `batch.json`, and what they say."""
        path = self._batch_folder.path / BATCH_FILE
        try:
            raw = path.read_bytes()
        except FileNotFoundError as error:
            raise EvidenceError(
                f"What came of the batch {self.batch_id} is not written yet: it has no"
                f" {BATCH_FILE}.",
                remedy=f"`o365 run --resume {self.batch_id}` ends it, and writes that.",
            ) from error
        except OSError as error:
            raise EvidenceError(
                f"{path} cannot be read ({error.strerror}).",
                remedy="Give yourself the right to read it.",
            ) from error
        return raw, BatchFile.from_bytes(raw)

    def _claims(self) -> tuple[dict[str, list[Claim]], str]:
        """Return the claims by client; or none, and why."""
        try:
            return self._batch_folder.claims(), ""
        except EvidenceError:
            return {}, "Who executed what is not known: the batch's claims are not in this archive."


def drawn(charts: tuple[Chart, ...]) -> StepResult:
    """Return charts as a picture where one can be drawn, else as bars of characters."""
    if can_draw():
        try:
            png, width, height = picture(charts)
        except ImportError:
            # It is there and is broken: a summary without a picture is one all the same.
            pass
        else:
            return Pictured(
                title="Charts",
                notes=[chart.sentence() for chart in charts],
                png=png,
                width=width,
                height=height,
            )
    rows = []
    for chart in charts:
        name = chart.title
        for bar in chart.bars if chart.most > 0 else ():
            rows.append((name, bar.label, chart.told(bar), text_bar(bar.value, chart.most)))
            name = ""
        if chart.most <= 0:
            rows.append((name, chart.nothing, "", ""))
    return StepResult(
        title="Charts", columns=("Chart", "Of", "Number", ""), rows=rows, notes=[_NO_PICTURE]
    )


def _opened(places: Places, batch_id: str) -> BatchFolder:
    """Return the batch that is meant.

    Raises:
        UsageError: there is no such batch, or none was named and there is none.
    """
    if batch_id:
        return BatchFolder.open(places.evidence, batch_id)
    known = batch_ids(places.evidence)
    if not known:
        raise UsageError(
            f"There is no batch in {places.evidence}.", remedy="`o365 run --all` makes one."
        )
    newest = ", ".join(reversed(known[-_MOST_IDS:]))
    raise UsageError(
        "No batch was named.",
        remedy=f"Write its id into the parameters cell. The newest: {newest}.",
    )


def _notebook_digest(places: Places) -> str:
    try:
        return hashlib.sha256(places.summary_notebook().read_bytes()).hexdigest()
    except (UsageError, OSError):
        return ""
