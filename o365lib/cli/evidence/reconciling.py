"""`o365 evidence reconcile`: what the service's own audit log says, beside what the records say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.cli.evidence.listing import instant
from o365lib.cli.output import say
from o365lib.cli.passphrase import passphrase_file_option
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from o365lib.cli.options import Options
    from o365lib.parameters import Client, Defaults

DEFAULT_JOBS, MOST_JOBS = 2, 16

_CLEAN, _DIFFERENT, _REFUSED = 0, 1, 3

_ENTRIES = ("When", "What", "About", "By", "Account")
_MISSING = ("Run", "Change", "When", "Status", "Why")
_NOTED = ("When", "What", "By", "Why it needs no record")
_PASSWORDS = ("Account", "Set by run", "Handed over", "Used", "Days unused", "Sign-in")


@click.command("reconcile")
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option("--all", "every", is_flag=True, help="All clients.")
@click.option(
    "--since",
    metavar="DATE",
    callback=instant,
    help="Leave out what was done before: 2026-11-23, or 7d, 12h, 30m.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=DEFAULT_JOBS,
    show_default=True,
    help="How many clients at once, each in a process of its own.",
)
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def reconcile(context: click.Context, /, *, clients: tuple[str, ...], **given: Any) -> None:
    """Compare the tenant's own audit log with the records of the runs.

    Signs in as the client's file says, reads and changes nothing. What it finds is signed and kept
    in the archive. Takes the permissions AuditLog.Read.All and Directory.Read.All; the log keeps 7
    days with Microsoft Entra ID Free, 30 with P1 or P2.

    Exit status: 0 nothing to look into, 1 something is, or a client could not be read, 3 refused.
    """
    options: Options = context.obj
    if bool(clients) == given["every"]:
        raise UsageError("For which clients?", remedy="Name some, or say --all, not both.")
    from o365lib import parameters
    from o365lib.cli.output import show_json

    found = parameters.load(options.places().parameters, clients or None)
    names = list(dict.fromkeys(clients)) or list(found.clients)
    if len(names) == 1:
        told = [_reconcile_here(options, found.clients[names[0]], found.defaults, given)]
    else:
        _require_passphrase_file(options, given)
        told = _reconcile_apart(options, names, given)
    status = max(each["exit_status"] for each in told)
    if given["as_json"]:
        show_json({"clients": told, "exit_status": status})
    else:
        for each in told:
            _show(each)
    context.exit(status)


def _reconcile_here(
    options: Options, client: Client, defaults: Defaults, given: Mapping[str, Any]
) -> dict[str, Any]:
    from o365lib import clouds
    from o365lib.cli.open_evidence import open_evidence
    from o365lib.runs.reconciling import reconcile_client

    places = options.places()
    cloud = clouds.find_cloud(client.cloud, sandbox_file=places.sandbox_file)
    with open_evidence(
        options,
        places,
        defaults,
        clients=[client.client],
        passphrase_file=given["passphrase_file"],
    ) as evidence:
        found = reconcile_client(
            client,
            defaults=defaults,
            cloud=cloud,
            batch=evidence.batch,
            since=given["since"],
            prompt=lambda text: click.echo(f"{client.client}: {text}", err=True),
        )
    status = _CLEAN if found.is_clean and not evidence.exit_status else _DIFFERENT
    return {
        "client": client.client,
        "exit_status": status,
        "file": str(found.file),
        "error": None,
        **found.predicate,
    }


# ---- several clients -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Child:
    """A process of ours for one client: tokens of two clients never share one."""

    options: Options
    since: datetime | None
    passphrase_file: Any

    def run(self, client: str) -> dict[str, Any]:
        """Return what it told, or why it could not tell anything."""
        # Standard error is the person's: a device code is shown there, and never kept.
        ended = subprocess.run(  # noqa: S603 -- our own interpreter and program
            list(self._command(client)),
            stdout=subprocess.PIPE,
            check=False,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        try:
            (told,) = json.loads(ended.stdout)["clients"]
        except ValueError:
            status = _REFUSED if ended.returncode == _REFUSED else _DIFFERENT
            return {"client": client, "exit_status": status, "error": "It is told above."}
        return dict(told)

    def _command(self, client: str) -> Iterator[str]:
        places = self.options.places()
        yield from (sys.executable, "-m", "o365lib")
        yield from ("--parameters", str(places.parameters))
        yield from ("--evidence", self.options.archive_url or str(places.evidence))
        yield from ("evidence", "reconcile", client, "--json")
        if self.since is not None:
            yield from ("--since", clock.iso(self.since))
        if self.passphrase_file is not None:
            yield from ("--passphrase-file", str(self.passphrase_file))


def _require_passphrase_file(options: Options, given: Mapping[str, Any]) -> None:
    """Refuse to let several processes ask for a passphrase on one terminal."""
    from o365lib.evidence.key_store import KeyStore

    key = KeyStore(options.places().keys).describe()
    if key and key.protection == "passphrase" and given["passphrase_file"] is None:
        raise UsageError(
            "Your signing key has a passphrase, and several clients cannot ask for it at once.",
            remedy="Name a file that holds it: --passphrase-file FILE, or O365_PASSPHRASE_FILE.",
        )


def _reconcile_apart(
    options: Options, names: Sequence[str], given: Mapping[str, Any]
) -> list[dict[str, Any]]:
    child = _Child(options, given["since"], given["passphrase_file"])

    def run(client: str) -> dict[str, Any]:
        click.echo(f"{clock.iso(clock.now())} {client}: reading", err=True)
        told = child.run(client)
        say(f"{clock.iso(clock.now())} {client}: {_in_short(told)}")
        return told

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=given["jobs"]) as pool:
        return list(pool.map(run, names))


def _in_short(told: Mapping[str, Any]) -> str:
    if told.get("error"):
        return "refused" if told["exit_status"] == _REFUSED else "failed"
    return "nothing to look into" if told["exit_status"] == _CLEAN else "to be looked into"


# ---- for people ----------------------------------------------------------------------------------


def _show(told: Mapping[str, Any]) -> None:
    from o365lib.cli.output import show_table, show_text

    if told["error"]:
        show_text(f"{told['client']}: not reconciled. {told['error']}")
        return
    log = told["log"]
    days = f"keeps {log['retention_days']} days"
    if not log["retention_known"]:
        days = f"is taken to keep {log['retention_days']} days, since the licences were not told"
    reach = (
        f"can be read from {log['readable_from']} on; compared from {told['from']} to {told['to']}."
    )
    if log["readable_from"] >= told["to"]:
        reach = f"has no entry at all, so that until {told['to']} it bears witness to nothing."
    show_text(f"{told['client']}: the log of {told['tenant_id']} {days} and {reach}")
    for title, columns, rows in _tables(told):
        if rows:
            show_table(columns, rows, title=title)
    show_text(f"{len(told['matched'])} change(s) stand in both the log and the records.")
    for problem in told["problems"]:
        show_text(f"To look into: {problem}")
    if not told["problems"]:
        show_text("Nothing to look into.")
    if told["records"]["unsealed"]:
        show_text(f"Without a seal yet: {', '.join(told['records']['unsealed'])}.")
    show_text(f"Kept in {told['file']}.")


def _tables(told: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], list[list[str]]]]:
    yield (
        "Changes without a record",
        _ENTRIES,
        [
            [each["date_time"], each["activity"], each["detail"], each["by"], each["account_id"]]
            for each in told["without_record"]
        ],
    )
    yield (
        "Records without a change",
        _MISSING,
        [
            [each["run_id"], each["action"], each["started"], each["status"], each["why"]]
            for each in told["without_change"]
        ],
    )
    yield (
        "Noted",
        _NOTED,
        [[each["date_time"], each["activity"], each["by"], each["why"]] for each in told["noted"]],
    )
    yield "The password", _PASSWORDS, [_password_row(each) for each in told["passwords"]]


def _password_row(password: Mapping[str, Any]) -> list[str]:
    used = {
        "used": "yes",
        "unused": "no",
        "replaced": f"no: replaced by {password['replaced_by']}",
        "changed": "changed since; by whom the log does not tell",
        "unknown": "not known",
    }[password["became"]]
    if password["set_by_run"] is None:
        return [password["account_id"], "no run", "", used, "", password["sign_in"]]
    to = "to nobody"
    if password["handed_over"]:
        to = f"{password['handed_over']} by {password['method']} to {password['recipient']}"
        to += f" ({password['request_id']})" if password["request_id"] else ""
    days = password["days_unused"]
    return [
        password["account_id"],
        password["set_by_run"],
        to,
        used,
        "" if days is None else f"{days} (limit {password['limit_days']})",
        password["sign_in"],
    ]
