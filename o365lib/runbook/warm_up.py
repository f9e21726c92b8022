"""What a runbook's first steps load and build, done once where kernels are forked from.

A kernel that is forked from a process in which this was done finds it done. It opens no connection,
writes nothing to the disk, starts no thread, and holds no secret and nothing of a client.
"""

import importlib

from o365lib import __version__, clock, connections, secret
from o365lib.evidence.record import Change, Operator, Outcome, Record, Step
from o365lib.ledger import Ledger
from o365lib.runbook.results import StepResult

# Loaded at first use by what the first cell, sign-in and secret files need.
_LATE = (
    "IPython.core.logger",
    "encodings.idna",
    "encodings.utf_8_sig",
    "filelock",
    "msal_extensions.persistence",
    "msal_extensions.token_cache",
)
# Python specialises what is executed often, and a kernel need not do it again.
_TIMES = 8


def warm_up() -> None:
    """Take the steps whose first time is slow."""
    for name in _LATE:
        importlib.import_module(name)
    # OpenSSL reads its own configuration, and what public clouds are trusted by is parsed.
    connections.parse_default_bundle()
    for _ in range(_TIMES):
        _keep_a_record()
        _show_a_table()


def _keep_a_record() -> None:
    ledger = Ledger()
    ledger.record(
        started=clock.iso(clock.now()),
        service="graph",
        method="GET",
        path="/v1.0/organization",
        status=200,
        attempt=1,
        request_id="",
        client_request_id="",
        milliseconds=1,
        error="",
    )
    record = Record(
        run_id="warm-up",
        client="warm-up",
        runbook="warm_up",
        package_version=__version__,
        operator=Operator(user_name="", host_name=""),
        started=clock.now(),
        steps=[Step(name="warm-up", started=clock.now())],
        changes=[Change(action="warm-up", target="", started=clock.now())],
        requests=[each.model_dump(mode="json") for each in ledger.records()],
        facts={"users": [{"id": "", "roles": [None, True]}]},
    )
    record.outcome = Outcome.DONE
    Record.from_json(record.to_json())
    secret.mask(record.to_json())


def _show_a_table() -> None:
    shown = StepResult("Warm-up", ("a", "b"), [("1", "2")] * 3, ("A note.",))
    shown._repr_html_()
    repr(shown)
    # Who steps through a notebook may ask for the table itself.
    shown.table.to_html()
