"""`o365 evidence`: what was done, one module a group of commands."""

import click

from o365lib.cli.evidence import (
    adopting,
    indexing,
    listing,
    publishing,
    reconciling,
    reporting,
    sealing,
    searching,
    stamping,
    verifying,
)

__all__ = ["evidence"]


@click.group()
def evidence() -> None:
    """What was done: runs, their records and executed notebooks."""


for _command in (
    listing.list_runs,
    listing.show_run,
    searching.search_runs,
    indexing.rebuild_index,
    sealing.seal,
    adopting.adopt,
    reporting.report,
    publishing.publish,
    publishing.fetch,
    reconciling.reconcile,
    verifying.verify,
    verifying.head,
    stamping.stamp,
):
    evidence.add_command(_command)
