"""`o365 evidence report`: what the records tell, for people, spreadsheets and machines."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.cli.evidence.choosing import instant
from o365lib.cli.evidence.listing import opened_archive
from o365lib.cli.evidence.verifying import public_key
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from o365lib.cli.options import Options
    from o365lib.evidence.archive import Archive, RunFolder
    from o365lib.reports.output_folder import OutputFolder
    from o365lib.reports.report import Wanted, Writer
    from o365lib.reports.seals import Seals

_PROGRESS_SECONDS = 2.0

FORMATS = ("html", "csv", "json")


@click.command("report")
@click.option("--client", metavar="NAME", help="Only this client.")
@click.option(
    "--since",
    metavar="DATE",
    callback=instant,
    help="Only later runs: 2026-11-23, or 7d, 12h, 30m. Accounts are told by all runs.",
)
@click.option("--run", metavar="RUN", help="Only this run: its id, or a part of it.")
@click.option("--html", is_flag=True, help="Pages for people. This is what you get without more.")
@click.option("--csv", is_flag=True, help="One row a run, for spreadsheets.")
@click.option("--json", is_flag=True, help="For machines.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where to write. Without it, pages go to a folder beside the archive, named like it with"
    " .report; CSV and JSON are printed.",
)
@click.option(
    "--public-key",
    "public_keys",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    metavar="FILE",
    help="A key that is trusted to seal; may be given again. Without it, the archive's own are.",
)
@click.pass_context
def report(context: click.Context, /, *, public_keys: tuple[Path, ...], **asked: Any) -> None:
    """Report what was done, by the records, with the state of each run's seal.

    Pages are an overview, one page a client that can be handed to that client, and one page a run.
    They load nothing and run nothing, so that they can be mailed and printed.
    """
    from o365lib.reports.output_folder import OutputFolder
    from o365lib.reports.report import walk
    from o365lib.reports.seals import Seals

    options: Options = context.obj
    archive = opened_archive(options)
    formats = [name for name in FORMATS if asked[name]] or ["html"]
    output: Path | None = asked["output"]
    if output is None and len(formats) > 1:
        raise UsageError(
            "Several kinds of report cannot be printed at once.",
            remedy="Name a folder with --output, or ask for one kind.",
        )
    wanted = _wanted(context, archive, **asked)
    keys = [public_key(path) for path in public_keys]
    place = output or (archive.root.with_name(f"{archive.root.name}.report"))
    is_written = output is not None or "html" in formats
    folder = OutputFolder(place, archive_root=archive.root) if is_written else None
    client = wanted.run.client if wanted.run else wanted.client
    with _progress() as tell:
        seals = Seals(
            archive,
            client=client,
            keys=keys,
            on_progress=lambda progress: tell("verified", progress.runs),
        )
        counted = _Counted(lambda count: tell("reported", count))
        with ExitStack() as stack:
            made, writers = _writers(stack, formats, wanted, folder=folder, seals=seals)
            walk(wanted, writers, seals=seals, on_run=counted)
    if folder is not None:
        _tell(made, writers, seals)


def _wanted(
    context: click.Context,
    archive: Archive,
    *,
    client: str | None,
    since: Any,
    run: str | None,
    **_formats: Any,
) -> Wanted:
    """Return what is reported.

    Raises:
        UsageError: the client has no runs, or a run was named with other conditions.
        EvidenceError: no run, or more than one, fits.
    """
    from o365lib.reports.report import Wanted

    folder: RunFolder | None = None
    if run is not None:
        if client is not None or since is not None:
            raise UsageError(
                "One run is named: --client and --since say nothing more.",
                remedy="Leave them out, or leave --run out.",
            )
        from o365lib.cli.evidence.indexing import opened_index

        with opened_index(context.obj) as index:
            folder = index.find(run)
    elif client is not None and client not in archive.clients():
        raise UsageError(
            f"There are no runs of a client {client!r} in {archive.root}.",
            remedy="`o365 evidence list` shows whose there are.",
        )
    return Wanted(archive=archive, now=clock.now(), client=client, since=since, run=folder)


def _writers(
    stack: ExitStack,
    formats: list[str],
    wanted: Wanted,
    *,
    folder: OutputFolder | None,
    seals: Seals,
) -> tuple[list[Path], list[Writer]]:
    """Return what will have been written, and who writes it."""
    from o365lib.reports.csv_text import CsvReport
    from o365lib.reports.json_text import JsonWriter
    from o365lib.reports.pages import PagesWriter

    made: list[Path] = []
    writers: list[Writer] = []

    def stream(name: str) -> IO[str]:
        if folder is None:
            return sys.stdout
        made.append(folder.root / name)
        return stack.enter_context(folder.stream(name))

    if "html" in formats:
        assert folder is not None
        writers.append(stack.enter_context(PagesWriter(wanted, folder, seals)))
    if "csv" in formats and ("html" not in formats or wanted.run is not None):
        writers.append(CsvReport(stream("runs.csv")))
    elif "csv" in formats and folder is not None:
        made.append(folder.root / "runs.csv")  # the pages have it beside them
    if "json" in formats:
        document = JsonWriter(stream("report.json"), wanted)
        stack.callback(document.close)
        writers.append(document)
    return made, writers


def _tell(made: list[Path], writers: list[Writer], seals: Seals) -> None:
    """Say where the report is, and that seals are wrong where they are."""
    from o365lib.cli.output import show_text
    from o365lib.reports.pages import PagesWriter

    pages = [writer.first_page for writer in writers if isinstance(writer, PagesWriter)]
    for path in [*pages, *made]:
        show_text(f"The report is in {path}")
    if seals.problems:
        show_text(
            f"The archive is not as it was sealed: {seals.problems:,} problem(s), each told on its"
            " page. `o365 evidence verify` lists them."
        )


class _Counted:
    """Counts calls, and tells how many there were."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell, self._count = tell, 0

    def __call__(self) -> None:
        self._count += 1
        self._tell(self._count)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Tell on standard error how far long work has come: every other second, one line."""
    last = clock.monotonic()

    def tell(done: str, count: int) -> None:
        nonlocal last
        if clock.monotonic() - last >= _PROGRESS_SECONDS:
            last = clock.monotonic()
            click.echo(f"{count:,} runs {done}", err=True)

    yield tell
