"""What a command prints of a batch when its drive has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from o365lib.cli.open_evidence import OpenEvidence
    from o365lib.cli.options import Options
    from o365lib.runs.batch import Batch, BatchResult
    from o365lib.runs.summary import RunResult

# Of a larger batch only those clients are listed that need a person.
MOST_ROWS = 100


def show_batch(
    context: click.Context,
    batch: Batch,
    done: BatchResult,
    opened: OpenEvidence,
    *,
    summary_run: RunResult | None,
    left_out: Sequence[str],
    as_json: bool,
) -> None:
    """Print what came of a batch, and end the command with its exit status."""
    from o365lib.cli.output import show_json_rows, show_text
    from o365lib.runs import summary

    results = done.results
    if summary_run is not None and not summary_run.is_good:
        opened.problems.append(f"The batch's summary is not as it should be: {summary_run.reason}")
    status = summary.exit_status(results) or opened.exit_status
    if as_json:
        told: dict[str, Any] = {
            **summary.totals(results),
            "left_out": list(left_out),
            "exit_status": status,
            "batch": _batch_json(batch, done, summary_run),
            "evidence": str(opened.batch.archive.root),
            "seal": opened.to_json(),
        }
        show_json_rows(told, "runs", (each.to_json() for each in results))
        context.exit(status)
    _show_table(context.obj, results)
    show_text(f"{summary.counted(results)} Records are in {opened.batch.archive.root}.")
    show_text(opened.sentence())
    for line in _sentences(batch, done, summary_run):
        show_text(line)
    if left_out:
        show_text(_left_out(left_out))
    context.exit(status)


def show_nothing_to_run(
    context: click.Context, left_out: Sequence[str], *, as_json: bool
) -> NoReturn:
    """Print that there is no client to run for, and end the command: there is no batch."""
    from o365lib.cli.output import show_json_rows, show_text
    from o365lib.runs import summary

    if as_json:
        told = {**summary.totals([]), "left_out": list(left_out), "batch": None}
        show_json_rows(told, "runs", [])
    else:
        show_text(summary.counted([]))
        show_text(_left_out(left_out))
    context.exit(0)


def _left_out(names: Sequence[str]) -> str:
    return f"Left out, since their onboarding is not over: {', '.join(names)}."


def _show_table(options: Options, results: Sequence[RunResult]) -> None:
    from o365lib.cli.output import show_table, show_text
    from o365lib.cli.what_to_do import show_what_to_do
    from o365lib.runs import summary

    shown = list(results)
    if len(shown) > MOST_ROWS:
        needing = summary.needing_a_person(shown)
        shown = needing[:MOST_ROWS]
        if len(needing) > MOST_ROWS:
            show_text(f"The first {MOST_ROWS} of {len(needing)} that need a person:")
    if shown:
        show_table(summary.COLUMNS, summary.rows(shown))
    show_what_to_do(results, options)


def _sentences(batch: Batch, done: BatchResult, summary_run: RunResult | None) -> list[str]:
    whole = len(done.batch_file.clients)
    lines = []
    if whole > len(done.results):
        before = whole - len(done.results)
        lines.append(f"Finished by earlier drives of this batch: {before}.")
    if done.batch_file.changed_files:
        count = len(done.batch_file.changed_files)
        named = ", ".join(done.batch_file.changed_files[:5])
        more = f" and {count - 5} more" if count > 5 else ""  # noqa: PLR2004 -- of those named
        lines.append(
            f"Edited while the batch was under way, and used as they were when it began: {named}"
            f"{more}."
        )
    if summary_run is not None and summary_run.notebook_file:
        lines.append(f"The batch's summary: {summary_run.notebook_file}.")
    if left := done.left:
        lines.append(
            f"Left to do: {left} of {whole}. `o365 run --resume {batch.batch_id}` does it."
        )
    return lines


def _batch_json(batch: Batch, done: BatchResult, summary_run: RunResult | None) -> dict[str, Any]:
    file = done.batch_file
    return {
        "batch_id": batch.batch_id,
        "file": str(batch.folder.path / "batch.json"),
        "clients": len(file.clients),
        "counts": file.counts,
        "left": done.left,
        "requests": file.requests,
        "throttled": file.throttled,
        "changed_files": list(file.changed_files),
        "interrupted": file.drives[-1].interrupted,
        "summary": summary_run.to_json() if summary_run else None,
    }
