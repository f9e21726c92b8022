"""Options of commands that can have runs executed by a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.cli.driving import Manner
    from o365lib.cli.options import Options
    from o365lib.places import Places

NAMES = ("scheduler", "tls_ca", "tls_cert", "tls_key", "insecure_scheduler")

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="Have the runs executed by a Dask cluster: tls://HOST:8786. See docs/cluster.md.",
    ),
    click.option("--tls-ca", type=_FILE, help="The cluster's certificate authority (PEM)."),
    click.option("--tls-cert", type=_FILE, help="Your certificate for the cluster (PEM)."),
    click.option("--tls-key", type=_FILE, help="Its private key (PEM)."),
    click.option(
        "--insecure-scheduler",
        is_flag=True,
        help="Speak to a tcp:// scheduler on another machine; whoever can, commands the workers.",
    ),
)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a cluster."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def manner_of(given: dict[str, Any], places: Places, options: Options) -> Manner:
    """Return how the given options want a batch to be driven.

    Raises:
        UsageError: options that do not go together. Nothing was started.
    """
    from o365lib.cli.driving import Manner

    files = {name: given[name] for name in ("tls_ca", "tls_cert", "tls_key")}
    named = [name for name, value in files.items() if value]
    if not given["scheduler"]:
        if named or given["insecure_scheduler"]:
            raise UsageError(
                "Certificates were given, and no scheduler to show them to.",
                remedy="Add --scheduler tls://HOST:8786, or leave them out.",
            )
        return Manner(
            jobs=given["jobs"], stop_after=given["stop_after"], progress=given["progress"]
        )
    if named and len(named) < len(files):
        raise UsageError(
            "A cluster needs all three: --tls-ca, --tls-cert and --tls-key.",
            remedy="Or none of them, where Dask's own configuration names them.",
        )
    if given["jobs"]:
        raise UsageError(
            "On a cluster its workers' threads say how many runs there are at once.",
            remedy="Leave --jobs out; start the workers with --nthreads.",
        )
    return _on_cluster(given, places, options)


def _on_cluster(given: dict[str, Any], places: Places, options: Options) -> Manner:
    from o365lib.cli.driving import Manner
    from o365lib.runs.task import execute_task

    try:
        from o365lib.runs.cluster.connection import TlsFiles, checked_address
        from o365lib.runs.cluster.workers import ClusterWorkers
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(("distributed", "dask")):
            raise
        raise UsageError(
            "Clusters need a library that is not installed here.",
            remedy="pip install 'o365-runbooks[cluster]'",
        ) from error
    from o365lib.runs.delivery import StoreDelivery

    security = None
    if given["tls_ca"]:
        security = TlsFiles(
            authority=given["tls_ca"], certificate=given["tls_cert"], key=given["tls_key"]
        )
    insecure, url = given["insecure_scheduler"], options.archive_url or ""
    address = checked_address(given["scheduler"], security=security, insecure=insecure)
    return Manner(
        stop_after=given["stop_after"],
        progress=given["progress"],
        new_workers=lambda hear: ClusterWorkers(
            address,
            security=security,
            hear=hear,
            function=execute_task,
            archive=None if url else places.evidence,
            store_url=url,
            insecure=insecure,
            patience_seconds=given["timeout"],
        ),
        delivery=StoreDelivery(url) if url else None,
        scheduler=address,
    )
