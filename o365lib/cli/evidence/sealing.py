"""`o365 evidence seal`: finish what commands that were killed have left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from o365lib.cli.evidence.listing import opened_archive
from o365lib.cli.passphrase import asker, passphrase_file_option

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.cli.options import Options


@click.command("seal")
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def seal(context: click.Context, *, passphrase_file: Path | None, as_json: bool) -> None:
    """Seal the runs that an earlier command could not seal any more.

    `o365 run` does the same before it begins. A run that is under way is left alone.
    """
    from o365lib.cli.made_key import tell_if_made
    from o365lib.cli.open_evidence import lines_of
    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence.key_store import KeyStore
    from o365lib.evidence.pending import open_runs
    from o365lib.evidence.sealing import OpenBatch, finish_left_behind
    from o365lib.places import keys_folder

    options: Options = context.obj
    archive = opened_archive(options)
    keys = KeyStore(keys_folder())
    own = OpenBatch.begin(archive, keys, asker(passphrase_file))
    tell_if_made(keys, own.signer, archive.root)
    try:
        finished = [*finish_left_behind(archive, own.signer)]
    finally:
        own.close()
    under_way = sorted(run_id for _, run_id in open_runs(archive.root))
    if as_json:
        show_json(
            {
                "sealed": [
                    {
                        "client": each.run.client,
                        "run_id": each.run.run_id,
                        "outcome": each.record.outcome.value if each.record else None,
                        "seal_file": str(each.seal.link.path),
                    }
                    for batch in finished
                    for each in batch.sealed
                ],
                "digests": [batch.digest.number for batch in finished if batch.digest],
                "problems": [batch.problem for batch in finished if batch.problem],
                "open": under_way,
            }
        )
    else:
        for batch in finished:
            for line in lines_of(batch):
                show_text(line)
        if not finished:
            show_text("Nothing was left behind.")
        if under_way:
            show_text(f"Under way, or not finished yet: {', '.join(under_way)}.")
    context.exit(1 if any(batch.problem for batch in finished) else 0)
