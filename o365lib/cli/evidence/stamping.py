"""`o365 evidence stamp`: time stamps for the digests that have none yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from o365lib.cli.evidence.listing import opened_archive
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from o365lib.cli.options import Options

_READ_BYTES = 64 * 1024


@click.command("stamp")
@click.option("--url", help="A time stamp authority. Without it: that of the defaults.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file with the authority's root certificate.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def stamp(
    context: click.Context, *, url: str | None, certificate: Path | None, as_json: bool
) -> None:
    """Let a time stamp authority stamp the digests that have no time stamp.

    A batch asks for a stamp itself if the defaults name an authority; this asks for those that it
    did not get. The latest comes first: its stamp covers all digests before it.
    """
    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence import time_stamp

    options: Options = context.obj
    archive = opened_archive(options)
    url, roots = _authority(options, url, certificate)
    waiting = time_stamp.unstamped(archive.root)[::-1]
    made: list[Path] = []
    problem: EvidenceError | None = None
    for file in waiting:
        try:
            made.append(time_stamp.stamp(file, url=url, roots=roots))
        except EvidenceError as error:  # the next would fail likewise
            problem = error
            break
    left = len(waiting) - len(made)
    if as_json:
        told = [file.name for file in made]
        show_json({"stamped": told, "left": left, "problem": problem.message if problem else None})
    elif not waiting:
        show_text("Every digest has a time stamp.")
    else:
        show_text(f"{_counted(len(made))} stamped, {left} left.")
    if problem:
        raise problem


def _authority(
    options: Options, url: str | None, certificate: Path | None
) -> tuple[str, tuple[bytes, ...]]:
    if (url is None) != (certificate is None):
        raise UsageError(
            "An authority is named by its address and its certificate.",
            remedy="Say both --url and --certificate, or neither.",
        )
    if url is not None and certificate is not None:
        with certificate.open("rb") as stream:
            return url, (stream.read(_READ_BYTES),)
    from o365lib import parameters

    rules = parameters.load_defaults(options.places().parameters).time_stamp
    if rules.url is None:
        raise UsageError(
            "No time stamp authority is known.",
            remedy="Name one in defaults.yaml (`time_stamp`), or by --url and --certificate.",
        )
    return rules.url, rules.roots


def _counted(number: int) -> str:
    return "1 digest is" if number == 1 else f"{number} digests are"
