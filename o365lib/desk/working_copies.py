"""Working copies of runbooks: one for each client, ticket and runbook of a session.

    <session>/runbooks/<runbook>.ipynb                 the templates, which nobody can write
    <session>/<client>/<ticket or date>/<runbook>.ipynb

- A copy has the client, the ticket and whether it is a dry run written into its parameters cell, as
  Python's own literals, and says in its metadata whose it is: JupyterLab's banner reads that.
- Who opens the same runbook for the same client and ticket again gets the copy that is there, with
  what she has seen and done in it.
- The project's notebooks stay as they are; outputs that stand in them are in no copy.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib import clock, clouds
from o365lib.errors import UsageError
from o365lib.evidence.archive import new_run_id
from o365lib.evidence.files import write_atomically
from o365lib.parameters import Client
from o365lib.places import Places

TEMPLATES = "runbooks"
METADATA = "o365"

_LONGEST_TICKET = 200
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Runbook:
    """A runbook as the start page offers it.

    Attributes:
        name: its notebook's, without ending.
        title: the heading of its first cell.
        summary: that cell's first paragraph, as plain text.
        needs_client: whether it is executed for a client.
    """

    name: str
    title: str
    summary: str
    needs_client: bool


@dataclass(frozen=True, kw_only=True)
class WorkingCopy:
    """A copy that was made in this session.

    Attributes:
        path: from the session's folder, with `/`.
        runbook: its name.
        client: its name; empty where it is for none.
        ticket: as it was given.
    """

    path: str
    runbook: str
    client: str
    ticket: str


class Session:
    """One session's folder.

    Args:
        folder: made by `begin`.
        places: the project's.
    """

    def __init__(self, folder: Path, places: Places) -> None:
        self.folder, self._places = folder, places

    @classmethod
    def begin(cls, places: Places) -> "Session":
        """Make a session's folder, with the templates in it, and return it.

        Raises:
            UsageError: the folder cannot be made, or a notebook cannot be read.
        """
        folder = places.project / ".lab" / new_run_id("lab")
        try:
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
            templates = folder / TEMPLATES
            templates.mkdir(mode=0o700)
            for file in sorted(places.notebooks.glob("*.ipynb")):
                content = _without_outputs(file)
                _write(templates / file.name, content)
                (templates / file.name).chmod(0o400)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"The runbooks cannot be copied to {folder} ({error}).",
                remedy="Give yourself the right to write there, or take the notebooks as they were"
                " committed.",
            ) from error
        return cls(folder, places)

    def runbooks(self) -> list[Runbook]:
        """Return the runbooks, those for a client first."""
        found = [_described(file) for file in sorted((self.folder / TEMPLATES).glob("*.ipynb"))]
        return sorted(found, key=lambda each: (not each.needs_client, each.name))

    def copies(self) -> list[WorkingCopy]:
        """Return the copies of this session, the newest first."""
        files = [
            file
            for file in self.folder.glob("*/*/*.ipynb")
            if not file.is_symlink() and ".ipynb_checkpoints" not in file.parts
        ]
        files.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return [copy for file in files if (copy := self._copy_at(file))]

    def open(self, runbook: str, client: Client | None, *, ticket: str, dry_run: bool) -> str:
        """Make a working copy, or find the one that is there; return its path, with `/`.

        Args:
            runbook: its name.
            client: whose; None for a runbook that is executed for none.
            ticket: kept in the record; may be empty.
            dry_run: end after the plan.

        Raises:
            UsageError: there is no such runbook, it needs a client or needs none, the ticket is no
                line of text, or the copy cannot be written.
        """
        known = {each.name: each for each in self.runbooks()}
        if runbook not in known:
            raise UsageError(
                f"There is no runbook named {runbook!r}.", remedy=f"One of: {', '.join(known)}."
            )
        if known[runbook].needs_client != (client is not None):
            needs = "needs a client" if client is None else "is executed for no client"
            raise UsageError(f"The runbook {runbook} {needs}.", remedy="Choose on the start page.")
        if len(ticket) > _LONGEST_TICKET or not (ticket.isprintable() or not ticket):
            raise UsageError(
                f"The ticket is no line of at most {_LONGEST_TICKET} characters.",
                remedy="Give the ticket's number.",
            )
        whose = client.client if client else "all-clients"
        place = self.folder / whose / _folder_name(ticket, dry_run=dry_run)
        file = place / f"{runbook}.ipynb"
        if not file.exists():
            values: dict[str, str | bool] = {"ticket": ticket, "dry_run": dry_run}
            if client:
                values["client"] = client.client
            content = _without_outputs(self.folder / TEMPLATES / file.name)
            _fill_in(content, values)
            content["metadata"][METADATA] = _told(runbook, client, ticket, dry_run=dry_run)
            try:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(file, content)
            except OSError as error:
                raise UsageError(
                    f"The working copy cannot be written ({error.strerror or error}).",
                    remedy=f"Give yourself the right, and the room, to write in {self.folder}.",
                ) from error
        return file.relative_to(self.folder).as_posix()

    def _copy_at(self, file: Path) -> WorkingCopy | None:
        try:
            told = json.loads(file.read_text("utf-8"))["metadata"][METADATA]
            return WorkingCopy(
                path=file.relative_to(self.folder).as_posix(),
                runbook=str(told["runbook"]),
                client=str(told["client"]),
                ticket=str(told["ticket"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # somebody's own notebook, or one that is being saved


def _told(
    runbook: str, client: Client | None, ticket: str, *, dry_run: bool
) -> dict[str, str | bool]:
    """Return what the banner shows of a copy."""
    return {
        "runbook": runbook,
        "client": client.client if client else "",
        "display_name": client.display_name if client else "",
        "tenant": client.tenant if client else "",
        "cloud": client.cloud if client else "",
        "ticket": ticket,
        "dry_run": dry_run,
        "sandbox": bool(client) and client is not None and client.cloud == clouds.SANDBOX,
    }


def _folder_name(ticket: str, *, dry_run: bool) -> str:
    """Return a folder's name for a ticket: its letters and digits, or today where there is none."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", ticket).strip("-")[:_LONGEST_NAME]
    name = word or f"{clock.now().date()}"
    if ticket and word != ticket:
        # Two tickets that differ in their signs alone have a folder each.
        name = f"{name}-{hashlib.sha256(ticket.encode()).hexdigest()[:6]}"
    return f"{name}-dry-run" if dry_run else name


def _fill_in(notebook: dict[str, Any], values: Mapping[str, str | bool]) -> None:
    """Write values into the parameters cell, in place of the literals that stand there."""
    for cell in notebook["cells"]:
        if "parameters" not in cell.get("metadata", {}).get("tags", ()):
            continue
        lines = "".join(cell["source"]).splitlines()
        for name, value in values.items():
            pattern = re.compile(rf"^{name} = (?:\"[^\"\\]*\"|True|False)(?=\s|$)")
            literal = f"{name} = {value!r}".replace("\\", "\\\\")
            lines = [pattern.sub(literal, line) for line in lines]
        cell["source"] = "\n".join(lines)


def _without_outputs(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return content


def _described(file: Path) -> Runbook:
    content = json.loads(file.read_text("utf-8"))
    text = next(
        ("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "markdown"),
        "",
    )
    lines = [line.strip() for line in text.splitlines()]
    title = next((line.lstrip("# ") for line in lines if line.startswith("# ")), file.stem)
    return Runbook(
        name=file.stem,
        title=title,
        summary=" ".join(_first_paragraph(lines)),
        needs_client=_needs_client(content),
    )


def _first_paragraph(lines: list[str]) -> Iterator[str]:
    is_in = False
    for line in lines:
        if line.startswith("#") or (not line and not is_in):
            continue
        if not line or line.startswith("|"):
            return
        is_in = True
        yield re.sub(r"[*`_]", "", line)


def _needs_client(notebook: dict[str, Any]) -> bool:
    """Whether the parameters cell leaves the client to be filled in."""
    cells = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if "parameters" in cell.get("metadata", {}).get("tags", ())
    ]
    return any(re.search(r'^client = ""', text, re.MULTILINE) for text in cells)


def _write(file: Path, content: dict[str, Any]) -> None:
    write_atomically(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
