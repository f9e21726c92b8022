"""What a runbook's notebook talks to.

    run = runbook.open("create_service_account", client, dry_run=dry_run, ...)
    run.sign_in()

Every step returns something that shows itself as a table, and raises an error that shows itself as
sentences.
"""

import os
from typing import cast

from o365lib import parameters
from o365lib.errors import Refused, RunbookError, UsageError
from o365lib.masked_log import mask_unconfigured_logs
from o365lib.places import CLIENT_VARIABLE, Places
from o365lib.reserved import BATCHES, is_reserved
from o365lib.runbook.batch_summary import NAME as SUMMARY
from o365lib.runbook.batch_summary import BatchSummary
from o365lib.runbook.creation import CreationRun
from o365lib.runbook.frontend import Frontend
from o365lib.runbook.removal import RemovalRun
from o365lib.runbook.run import Run
from o365lib.service_account.unused_password import CHOICES

__all__ = [
    "OWN_PARAMETERS",
    "PARAMETERS",
    "SUMMARY_PARAMETERS",
    "BatchSummary",
    "CreationRun",
    "RemovalRun",
    "known_parameters",
    "open",
    "open_batch_summary",
]

# What a runbook's notebook has in its parameters cell.
PARAMETERS = ("client", "dry_run", "approved_by", "approved_plan", "ticket", "run_id")

# What one runbook alone has there besides. It has no password in its name, because it is none.
OWN_PARAMETERS = {"create_service_account": ("if_unused",)}

# What the notebook that sums up a batch has there; it is run for no client.
SUMMARY_PARAMETERS = ("batch_id", "client", "run_id")

_KINDS: dict[str, tuple[type[Run], str]] = {
    "create_service_account": (CreationRun, "create"),
    "remove_service_account": (RemovalRun, "remove"),
}


def open(  # noqa: A001 -- read with its module's name, as in `runbook.open(...)`
    name: str,
    client: str,
    *,
    dry_run: bool = False,
    ticket: str = "",
    run_id: str = "",
    if_unused: str = "",
) -> CreationRun | RemovalRun:
    """Begin a run: read the client's file, make its folder in the archive, write its first record.

    Args:
        name: the runbook, as its notebook is named.
        client: as its file is named; empty for the one that `o365 lab CLIENT` was started for.
        dry_run: end after the plan; nothing is changed.
        ticket: kept in the record.
        run_id: given by the command that starts the run; empty for a new one.
        if_unused: of the create runbook: `replace` a password that was handed over and that nobody
            has used, or `disable` the account; empty does neither.

    Raises:
        UsageError: there is no such runbook, or a parameter is of the wrong type or value.
        ParametersError: the client's file or the defaults are wrong.
        Refused: the notebook was given a parameter that the runbook does not know.
        EvidenceError: the archive cannot be written. Nothing was sent anywhere.
    """
    request: dict[str, str | bool] = {
        "client": os.environ.get(CLIENT_VARIABLE, "") if client == "" else client,
        "dry_run": dry_run,
        "ticket": ticket,
        "run_id": run_id,
    }
    if name in OWN_PARAMETERS:
        request["if_unused"] = if_unused
    frontend = Frontend.of()
    try:
        return _opened(name, request, frontend, if_unused=if_unused)
    except RunbookError as error:
        frontend.show_error(error)
        raise


def open_batch_summary(batch_id: str, client: str, run_id: str) -> BatchSummary:
    """Begin the summary of a batch. It reads the archive, signs in nowhere and changes nothing.

    Args:
        batch_id: the batch, as `o365 run` told it, or as much of it as no other has.
        client: the reserved name under which summaries are archived, as the notebook has it.
        run_id: given by the command that makes the summary; without one nothing is archived.

    Raises:
        UsageError: there is no such batch, or a parameter is of the wrong type or value.
        Refused: the notebook was given a parameter that it does not know.
        EvidenceError: the archive cannot be read or written.
    """
    _check_types({"client": client, "batch_id": batch_id, "run_id": run_id})
    if not is_reserved(client):
        raise UsageError(
            f"The summary of a batch is made for no client, and {client!r} was named.",
            remedy=f"Leave the parameter client as it was: {BATCHES!r}.",
        )
    mask_unconfigured_logs()
    places, frontend = Places.find(), Frontend.of()
    _check_known(frontend, SUMMARY)
    return BatchSummary(batch_id=batch_id, run_id=run_id, places=places, frontend=frontend)


def known_parameters(name: str) -> tuple[str, ...]:
    """Return what a notebook of this name has in its parameters cell."""
    if name == SUMMARY:
        return SUMMARY_PARAMETERS
    return (*PARAMETERS, *OWN_PARAMETERS.get(name, ()))


def _opened(
    name: str, request: dict[str, str | bool], frontend: Frontend, *, if_unused: str
) -> CreationRun | RemovalRun:
    if name not in _KINDS:
        raise UsageError(
            f"There is no runbook named {name!r}.", remedy=f"One of: {', '.join(sorted(_KINDS))}."
        )
    _check_types(request)
    _check_choice(if_unused, allowed=CHOICES if name in OWN_PARAMETERS else ("",))
    mask_unconfigured_logs()
    places = Places.find()
    _check_known(frontend, name)
    wanted = str(request["client"])
    found = parameters.load(places.parameters, [wanted], project=places.project)
    kind, plan_kind = _KINDS[name]
    run = kind(
        name=name,
        kind="create" if plan_kind == "create" else "remove",
        places=places,
        frontend=frontend,
        client=found.clients[wanted],
        defaults=found.defaults,
        request=request,
    )
    return cast("CreationRun | RemovalRun", run)


def _check_known(frontend: Frontend, name: str) -> None:
    known = known_parameters(name)
    if unknown := frontend.unknown_parameters(set(known)):
        raise Refused(
            "unknown-parameter",
            f"The runbook knows no parameter named {', '.join(unknown)}.",
            remedy=f"Its parameters are {', '.join(known)}.",
        )


def _check_choice(if_unused: str, *, allowed: tuple[str, ...]) -> None:
    if if_unused not in allowed:
        raise UsageError(
            f"The parameter if_unused is {if_unused!r}.",
            remedy=f"Give it as {' or '.join(repr(each) for each in allowed)}.",
        )


def _check_types(request: dict[str, str | bool]) -> None:
    for name, value in request.items():
        wanted = bool if name == "dry_run" else str
        if not isinstance(value, wanted):
            raise UsageError(
                f"The parameter {name} is {value!r}, a {type(value).__name__}.",
                remedy=f"Give it as {'True or False' if wanted is bool else 'a text in quotes'}.",
            )
    if not request["client"]:
        raise UsageError(
            "No client was named.",
            remedy="Write the client's name, as its file is called, into the parameters cell.",
        )
