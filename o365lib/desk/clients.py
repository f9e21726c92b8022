"""What the client picker shows: every client with its purpose, its last run, and its account."""

from dataclasses import asdict
from typing import Any

from o365lib import clock, clouds
from o365lib.desk.client_form import form
from o365lib.errors import ParametersError
from o365lib.evidence.archive import Archive
from o365lib.evidence.standing_reading import ClientInArchive, read_standing
from o365lib.parameters import Client, load_client, load_defaults, load_what_is_right
from o365lib.places import Places
from o365lib.plain_text import one_line
from o365lib.service_account.due import DueAccount, due_accounts

_SOON_DAYS = 14


def read_clients(places: Places) -> list[dict[str, Any]]:
    """Return every client that has a file, right or wrong, by name, ready for JSON.

    Raises:
        ParametersError: the defaults are wrong.
        EvidenceError: the archive cannot be listed.
    """
    files = load_what_is_right(places.parameters, project=places.project)
    known = read_standing(Archive(places.evidence))
    due: dict[str, DueAccount] = {}
    for each in due_accounts(
        (account for client in known.values() for account in client.accounts),
        files.clients,
        files.defaults,
        today=clock.now().date(),
        within_days=_SOON_DAYS,
    ):
        due.setdefault(each.account.client, each)
    names = sorted({*files.clients, *files.problems} & places.client_names())
    return [
        {
            **(_of_file(files.clients[name]) if name in files.clients else {"client": name}),
            "problems": [str(each) for each in files.problems.get(name, ())],
            **_of_archive(known.get(name), due.get(name)),
        }
        for name in names
    ]


def read_client(places: Places, name: str) -> Client:
    """Return one client as its file is now.

    Raises:
        ParametersError: there is no such client, or its file is wrong.
    """
    return load_client(places.parameters, name, project=places.project)


def read_form(places: Places) -> list[dict[str, Any]]:
    """Return the fields of the form for a new client.

    Raises:
        ParametersError: the defaults are wrong.
    """
    return form(load_defaults(places.parameters, project=places.project))


def problems_of(error: ParametersError) -> list[dict[str, Any]]:
    """Return what is wrong with a file, ready for JSON."""
    return [{**asdict(each), "text": str(each)} for each in error.problems]


def _of_file(client: Client) -> dict[str, Any]:
    return {
        "client": client.client,
        "display_name": client.display_name,
        "tenant": client.tenant,
        "cloud": client.cloud,
        "purpose": client.purpose,
        "onboarding": client.onboarding,
        "sandbox": client.cloud == clouds.SANDBOX,
    }


def _of_archive(known: ClientInArchive | None, due: DueAccount | None) -> dict[str, Any]:
    run = known.last_run if known else None
    account = due.account if due else None
    return {
        "last_run": run
        and {
            "runbook": run.runbook,
            "outcome": run.outcome,
            "reason": one_line(run.reason, longest=200),
            "when": clock.iso(run.started) if run.started else "",
        },
        "account": account
        and {
            "since": f"{account.since.date()}" if account.since else "",
            "roles": list(account.roles),
            "is_certain": account.is_certain,
        },
        "due": due
        and {"state": due.state, "days": due.days, "remove_by": str(due.remove_by or "")},
    }
