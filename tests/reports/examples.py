"""Records as real runs leave them, archives of them, and what stands on a page."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.record import (
    Approval,
    Change,
    Check,
    ErrorRecord,
    HandOverRecord,
    Operator,
    Outcome,
    Record,
    Step,
)
from o365lib.reports.reading import archived_run
from o365lib.reports.seal_status import ArchiveStatus, SealStatus
from tests.evidence.sealed_archive import open_batch

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER = "21b84727-9990-42df-9a5f-300fb1d93fcf"
NAME = "practiceprotect@alpinebooks.onmicrosoft.com"
ROLE = "Exchange Administrator"
HOSTILE = "<img src=x onerror=alert(1)>"

SEALED = SealStatus(
    state="sealed", number=1, key_id="ab" * 32, fingerprint="SHA256:abab", signer_name="kim"
)


class Told:
    """A reader of seals that says of every run what it was told to say."""

    def __init__(self, status: SealStatus = SEALED, witness=None, **archive) -> None:
        self.status, self.witness = status, witness
        self.archive = ArchiveStatus(**archive)

    def of_run(self, folder, digests):
        return self.status

    def of_archive(self):
        return self.archive

    def of_client(self, client):
        return self.witness


def run_id(minutes: int, word: str = "create") -> str:
    """An id of our form, so many minutes after `NOW`."""
    return f"{NOW + timedelta(minutes=minutes):%Y%m%dT%H%M%S}000Z-{word}-abcdef"


def record(minutes: int = 0, *, runbook: str = "create", **fields) -> Record:
    began = NOW + timedelta(minutes=minutes)
    return Record(
        **{
            "run_id": run_id(minutes, runbook),
            "client": "alpine-books",
            "client_display_name": "Alpine Books",
            "cloud": "sandbox",
            "tenant_id": "e90ff48a-b36d-5392-a779-f80ac975ccbd",
            "runbook": f"{runbook}_service_account",
            "runbook_digest": "77" * 32,
            "package_version": "0.1.0",
            "purpose": "mail-redirection",
            "operator": Operator(user_name="kim", host_name="desk", signed_in_as="kim@msp.example"),
            "ticket": "T-1",
            "started": began,
            "ended": began + timedelta(seconds=5),
            "steps": [Step(name="look", started=began, ended=began, status="completed")],
            "outcome": Outcome.DONE,
            "reason": "as planned",
            "closed_by": "runbook",
            **fields,
        }
    )


def change(action: str, minutes: int = 0, **fields) -> Change:
    began = NOW + timedelta(minutes=minutes)
    told = {"target": USER, "status": "accepted", "started": began, "ended": began, **fields}
    return Change(action=action, request_id=f"request-of-{action}", **told)


def creation(minutes: int = 0, **fields) -> Record:
    """A run that made the account, gave it its role and handed it over."""
    return record(
        minutes,
        **{
            "facts": {"read": NOW.isoformat(), "account": None, "renamed": []},
            "plan": plan("create-user", "hand-over", "assign-role", role_name=ROLE),
            "approval": approval(),
            "changes": [
                change("create-user", minutes, before="does not exist", after="Practice Protect"),
                change("hand-over", minutes, after="by mail to onboarding@example.com"),
                change("assign-role", minutes, before="no role", after=ROLE),
            ],
            "hand_over": hand_over(),
            "verification": [Check(name="roles", wanted=ROLE, found=ROLE, passed=True)],
            "requests": [REQUEST, BATCH],
            **fields,
        },
    )


def removal(minutes: int = 10, **fields) -> Record:
    """A run that took the role away and deleted the account."""
    return record(
        minutes,
        runbook="remove",
        **{
            "facts": found(minutes, ROLE),
            "plan": plan("remove-role", "delete-user"),
            "approval": approval(),
            "changes": [
                change("remove-role", minutes, before=ROLE),
                change("delete-user", minutes, after="in the recycle bin for 30 days"),
            ],
            "verification": [
                Check(name="account", wanted="does not exist", found="does not exist", passed=True)
            ],
            "undo": {
                "id": USER,
                "until": (NOW + timedelta(days=30)).isoformat(),
                "how": "POST restore",
                "role_assignments": [{"display_name": ROLE}],
            },
            **fields,
        },
    )


def refusal(minutes: int = 20, **fields) -> Record:
    """A run that a guard stopped."""
    reason, remedy = "Federated with the vendor.", "End the federation first."
    code = "federated-with-vendor"
    return record(
        minutes,
        runbook="remove",
        **{
            "outcome": Outcome.REFUSED,
            "reason": reason,
            "facts": found(minutes, "Global Administrator"),
            "plan": {
                **plan(),
                "refusals": [{"code": code, "message": reason, "remedy": remedy}],
            },
            "error": ErrorRecord(
                type="Refused",
                message=reason,
                state="Nothing was changed.",
                remedy=remedy,
                step="plan",
                guard=code,
            ),
            **fields,
        },
    )


def found(minutes: int, *roles: str, user_id: str = USER) -> dict:
    """Facts of a run that found the account with these roles."""
    return {
        "read": (NOW + timedelta(minutes=minutes)).isoformat(),
        "account": {
            "user": {
                "id": user_id,
                "user_principal_name": NAME,
                "created_date_time": NOW.isoformat(),
            },
            "roles": [{"display_name": role} for role in roles],
        },
        "renamed": [],
    }


def plan(*actions: str, role_name: str = "") -> dict:
    return {
        "user_principal_name": NAME,
        "role_name": role_name,
        "changes": [
            {"action": each, "title": f"To {each}", "before": f"before {each}", "after": "then"}
            for each in actions
        ],
        "already": ["the name is right"],
        "notices": [{"code": "multi-factor", "message": "It must register a method."}],
        "refusals": [],
        "digest": "a4" * 32,
    }


def approval(**fields) -> Approval:
    told = {"approved_by": "Demo Approver", "how": "parameter", "plan_digest": "a4" * 32}
    return Approval(**{**told, "date_time": NOW, **fields})


def hand_over(**fields) -> HandOverRecord:
    return HandOverRecord(
        **{
            "method": "mail",
            "recipient": "onboarding@example.com",
            "user_id": USER,
            "status": "accepted",
            "date_time": NOW,
            "request_id": "request-of-the-mail",
            **fields,
        }
    )


REQUEST = {
    "sequence": 1,
    "started": "2026-11-23T12:00:01.250Z",
    "service": "graph",
    "method": "POST",
    "path": "/v1.0/users?$select=id",
    "status": 201,
    "attempt": 2,
    "request_id": "request-of-create-user",
    "milliseconds": 4,
    "error": "",
    "items": [],
}
BATCH = {
    **REQUEST,
    "sequence": 2,
    "path": "/v1.0/$batch",
    "items": [{"method": "GET", "path": "/domains", "status": 404, "request_id": "in-a-batch"}],
}


def write(folder: Path, *records: Record) -> Archive:
    """An archive of these runs, none of them sealed."""
    archive = Archive(folder / "evidence")
    for each in records:
        run = archive.new_run(each.client, each.run_id)
        run.write_record(each)
        run.write_notebook('{"cells": []}')
    return archive


def sealed(folder: Path, *records: Record) -> Archive:
    """An archive of these runs, sealed in one batch."""
    batch = open_batch(folder)
    for each in records:
        run = batch.begin_run(each.client, each.run_id, each.runbook)
        run.write_record(each)
        run.write_notebook('{"cells": []}')
        batch.seal(run)
    batch.close()
    return batch.archive


def folder_of(archive: Archive, each: Record) -> RunFolder:
    return archive.run(each.client, each.run_id)


def archived(folder: Path, each: Record, status: SealStatus = SEALED):
    """One run as a report reads it."""
    return archived_run(folder_of(write(folder, each), each), Told(status))


class Seen(HTMLParser):
    """What stands on a page.

    Attributes:
        tags: every tag with its attributes, in order.
        text: what a person reads, on one line.
        titles: of the headings, by level: `(1, "Overview")`.
        addresses: where links lead.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.titles: list[tuple[int, str]] = []
        self._texts: list[str] = []
        self._is_style = self._is_title = False
        self.feed(html)
        self.close()
        self.text = " ".join("".join(self._texts).split())
        self.addresses = [values["href"] for tag, values in self.tags if tag == "a"]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "style":
            self._is_style = True
        if tag in _HEADINGS:
            self.titles.append((int(tag[1]), ""))
            self._is_title = True
        if tag not in _INLINE:
            self._texts.append(" ")

    def handle_endtag(self, tag):
        if tag == "style":
            self._is_style = False
        if tag in _HEADINGS:
            self._is_title = False
        if tag not in _INLINE:
            self._texts.append(" ")

    def handle_data(self, data):
        if self._is_style:
            return
        self._texts.append(data)
        if self._is_title:
            level, title = self.titles[-1]
            self.titles[-1] = (level, title + data)


_HEADINGS = {"h1", "h2", "h3", "h4"}
_INLINE = {"a", "code", "strong", "span", "wbr"}
