"""`o365 evidence adopt`: seal the runs of an archive from before there were seals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from o365lib.cli.evidence.listing import opened_archive
from o365lib.cli.passphrase import asker, passphrase_file_option
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from o365lib.cli.options import Options
    from o365lib.evidence.adoption import Unsealed
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.chain import Link
    from o365lib.evidence.record import Record
    from o365lib.evidence.sealing import OpenBatch, Sealed

_COLUMNS = ("Run", "Client", "Runbook", "Outcome", "Operator")


@click.command("adopt")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="Only this client's runs.")
@click.option("--yes", is_flag=True, help="Do not ask: the list was read elsewhere.")
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def adopt(
    context: click.Context,
    /,
    *,
    clients: tuple[str, ...],
    yes: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Seal, once, the runs that were archived before there were seals.

    They are listed first. Whether they are as they were written nobody can prove: the seal says
    that you have adopted them, and when, and `verify` tells so.
    """
    from o365lib.cli.made_key import tell_if_made
    from o365lib.cli.output import show_text
    from o365lib.evidence.adoption import unsealed
    from o365lib.evidence.key_store import KeyStore
    from o365lib.evidence.sealing import OpenBatch
    from o365lib.places import keys_folder

    options: Options = context.obj
    if as_json and not yes:
        raise UsageError(
            "With --json nobody is shown what is adopted.",
            remedy="Say --yes too, once you have read the list.",
        )
    archive = opened_archive(options)
    _check_clients(clients, archive)
    found = unsealed(archive, clients)
    if not as_json:
        _show(found)
    if found.runs and not yes:
        count = "this run" if len(found.runs) == 1 else f"these {len(found.runs):,} runs"
        click.confirm(f"Adopt {count}?", abort=True, err=True)
    sealed: list[Sealed] = []
    problems, link = list(found.left_out), None
    if found.runs:
        keys = KeyStore(keys_folder())
        batch = OpenBatch.begin(archive, keys, asker(passphrase_file))
        tell_if_made(keys, batch.signer, archive.root)
        link = _adopt(batch, found, sealed, problems)
        if not as_json:
            for line in _lines(found, sealed, batch, link):
                show_text(line)
    _end(sealed, problems, link, as_json=as_json)
    context.exit(1 if problems else 0)


def _check_clients(clients: Sequence[str], archive: Archive) -> None:
    for name in clients:
        if name not in archive.clients():
            raise UsageError(
                f"There is no run of a client {name!r} in {archive.root}.",
                remedy="`o365 evidence list` shows whose there are.",
            )


def _show(found: Unsealed) -> None:
    from o365lib.cli.output import show_rows, show_text

    show_rows(
        _COLUMNS,
        (
            (run.run_id, run.client, record.runbook, record.outcome.value, _operator(record))
            if record
            else (run.run_id, run.client, "", "unreadable", "")
            for run, record in found.runs
        ),
    )
    if found.runs:
        show_text(
            "No seal speaks of these runs. They were archived before there were seals, or somebody"
            " has put them in: nothing here can tell. Compare them with what you know."
        )
    else:
        show_text("There is no run that could be adopted.")


def _operator(record: Record) -> str:
    return f"{record.operator.user_name} on {record.operator.host_name}"


def _adopt(
    batch: OpenBatch, found: Unsealed, sealed: list[Sealed], problems: list[str]
) -> Link | None:
    """Seal the runs and sign the digest; what cannot be done is added to the problems."""
    from o365lib.evidence.adoption import adopt as adopt_all

    try:
        for each in adopt_all(batch, [run for run, _ in found.runs]):
            if isinstance(each, str):
                problems.append(each)
            else:
                sealed.append(each)
    finally:
        link = None
        try:
            link = batch.close()
        except EvidenceError as error:
            problems.append(f"The batch has no digest yet. {error}")
    problems += batch.problems
    return link


def _lines(
    found: Unsealed, sealed: Sequence[Sealed], batch: OpenBatch, link: Link | None
) -> Iterator[str]:
    before = {run.path: record.outcome for run, record in found.runs if record}
    for each in sealed:
        if each.record and each.record.outcome is not before.get(each.run.path):
            yield (
                f"{each.run.run_id} of {each.run.client} is {each.record.outcome.value} now:"
                f" {each.record.reason}"
            )
    count = "1 run is" if len(sealed) == 1 else f"{len(sealed):,} runs are"
    number = f"; the archive's digest is number {link.number}" if link else ""
    key = batch.signer.key.fingerprint
    yield f"{count} adopted, sealed by the key of {batch.signer.name} ({key}){number}."


def _end(
    sealed: Sequence[Sealed], problems: Sequence[str], link: Link | None, *, as_json: bool
) -> None:
    from o365lib.cli.output import say, show_json

    if as_json:
        show_json(
            {
                "adopted": [
                    {
                        "client": each.run.client,
                        "run_id": each.run.run_id,
                        "outcome": each.record.outcome.value if each.record else None,
                        "seal_file": str(each.seal.link.path),
                    }
                    for each in sealed
                ],
                "digest": link.number if link else None,
                "problems": list(problems),
            }
        )
        return
    for problem in problems:
        say(f"o365: not adopted: {problem}")
