"""`o365 demo`: the main job on the embedded tenants, from nothing to evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from o365lib.cli.passphrase import passphrase_file_option
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from o365lib.cli.open_evidence import OpenEvidence
    from o365lib.cli.options import Options
    from o365lib.evidence.sealing import OpenBatch
    from o365lib.places import Places
    from o365lib.runs.summary import RunResult

APPROVED_BY = "Demo Approver"
TICKET = "DEMO-1"

FEDERATED = "federated-with-vendor"

# What the demonstration shows: (create, remove); `-` where there is no such run.
PROMISED: dict[str, tuple[str, str]] = {
    "alpine-books": ("done", "done"),
    "bayside-legal": ("nothing to do", f"refused {FEDERATED}"),
    "cedar-dental": ("done", "-"),
    "dunes-surveying": ("planned", "-"),
    "eastgate-physio": ("done", "-"),
    "fernhill-motors": ("done", "-"),
    "gumtree-vets": ("nothing to do", "done"),
}


@click.command()
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True)
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def demo(context: click.Context, *, jobs: int, passphrase_file: Path | None, as_json: bool) -> None:
    """Do the main job on embedded tenants: create for all, remove where onboarding is over.

    Only clients of the sandbox are touched. Exit status 0 means that all came out as promised.
    """
    from o365lib import parameters
    from o365lib.cli.open_evidence import open_evidence
    from o365lib.cli.sandbox import sandbox_behind
    from o365lib.parameters import ArchiveRules, Defaults

    options: Options = context.obj
    # Whatever sandbox the environment names: the demonstration has one of its own.
    places = options.places().with_own_sandbox()
    # What the demonstration does is published nowhere.
    defaults = Defaults.model_copy(
        parameters.load_defaults(places.parameters), update={"archive": ArchiveRules()}
    )
    evidence = open_evidence(options, places, defaults, clients=[], passphrase_file=passphrase_file)
    with sandbox_behind(places.sandbox_folder), evidence as opened:
        results = _run_both(places, evidence=opened.batch, jobs=jobs)
    outcomes = {name: tuple(map(_said, both)) for name, both in results.items()}
    otherwise = sorted(
        name for name, promised in PROMISED.items() if outcomes.get(name) != promised
    )
    _show(options, results, otherwise, opened, as_json=as_json)
    context.exit(1 if otherwise else opened.exit_status)


def _run_both(
    places: Places, *, evidence: OpenBatch, jobs: int
) -> Mapping[str, tuple[RunResult | None, RunResult | None]]:
    """Return each client's two results."""
    from o365lib import parameters
    from o365lib.cli.driving import Manner, drive
    from o365lib.cli.run import is_over
    from o365lib.clouds import SANDBOX
    from o365lib.runs import batch
    from o365lib.runs.stop import Stop

    clients = {
        name: client
        for name, client in parameters.load(places.parameters).clients.items()
        if client.cloud == SANDBOX
    }
    if not clients:
        raise UsageError(
            f"No client in {places.parameters} is in the sandbox.",
            remedy="The demonstration needs client files that say `cloud: sandbox`.",
        )
    stop = Stop()
    found: list[dict[str, RunResult]] = []
    for word, names in (
        ("create", list(clients)),
        ("remove", [name for name, client in clients.items() if is_over(client)]),
    ):
        begun = batch.begin(
            places.runbook(word),
            names,
            places=places,
            evidence=evidence,
            parameters={"approved_by": APPROVED_BY, "ticket": TICKET},
        )
        done = drive(begun, evidence=evidence, manner=Manner(jobs=jobs), stop=stop)
        results = done.results
        found.append({result.client: result for result in results})
    created, removed = found
    return {name: (created.get(name), removed.get(name)) for name in clients}


def _said(result: RunResult | None) -> str:
    return f"{result.outcome} {result.guard}".strip() if result else "-"


def _show(
    options: Options,
    results: Mapping[str, tuple[RunResult | None, RunResult | None]],
    otherwise: list[str],
    opened: OpenEvidence,
    *,
    as_json: bool,
) -> None:
    from o365lib.cli.invocation import evidence_line
    from o365lib.cli.output import show_json, show_table, show_text
    from o365lib.cli.what_to_do import show_what_to_do

    archive = options.archive_root()
    if as_json:
        told: list[dict[str, Any]] = [
            {
                "client": name,
                "create": created.to_json() if created else None,
                "remove": removed.to_json() if removed else None,
            }
            for name, (created, removed) in results.items()
        ]
        show_json(
            {
                "clients": told,
                "as_promised": not otherwise,
                "otherwise": otherwise,
                "evidence": str(archive),
                "seal": opened.to_json(),
            }
        )
        return
    rows = []
    for name, (created, removed) in results.items():
        both = [each for each in (created, removed) if each]
        rows.append(
            (
                name,
                created.outcome if created else "-",
                removed.outcome if removed else "-",
                "\n".join(each.reason for each in both if each.reason),
            )
        )
    show_table(("Client", "Create", "Remove", "Reason"), rows)
    show_what_to_do([each for both in results.values() for each in both if each], options)
    show_text(opened.sentence())
    show_text(f"Executed notebooks and records are in {archive}. All of them:")
    click.echo(f"  {evidence_line(options, 'list')}")
    if otherwise:
        click.echo(f"Not as the demonstration promises: {', '.join(otherwise)}.", err=True)
