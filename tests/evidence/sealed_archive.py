"""Archives with real seals, made without notebooks: for tests of what reads them."""

from pathlib import Path

from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.sealing import OpenBatch
from tests.evidence import small_records


def open_batch(folder: Path) -> OpenBatch:
    """A batch of the archive `evidence` in a folder, with the key in `keys` beside."""
    return OpenBatch.begin(Archive(folder / "evidence"), KeyStore(folder / "keys"))


def make_run(batch: OpenBatch, client: str, run_id: str, **fields) -> tuple[RunFolder, Record]:
    """A run that has ended and has no seal yet."""
    run = batch.begin_run(client, run_id, "create_service_account")
    record = small_records.make(
        run_id, **{"outcome": Outcome.DONE, "ended": small_records.NOW, **fields}
    )
    record.client = client
    run.write_record(record)
    run.write_notebook('{"cells": []}')
    return run, record


def seal_runs(folder: Path, *names: tuple[str, str]) -> list[RunFolder]:
    """Make and seal runs, given by client and id, in one batch with its digest."""
    batch = open_batch(folder)
    runs = [make_run(batch, *name)[0] for name in names]
    for run in runs:
        batch.seal(run)
    batch.close()
    return runs
