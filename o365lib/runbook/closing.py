"""What a closed run shows its engineer: how it ended, what goes into her ticket, where it lies."""

import os
from urllib.parse import quote

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.public_keys import fingerprint_of
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.sealing import Sealed
from o365lib.places import DESK_VARIABLE
from o365lib.runbook.panels.markup import Kind
from o365lib.runbook.panels.summary import Link, Summary
from o365lib.runbook.ticket_text import ticket_text

_KINDS: dict[Outcome, Kind] = {
    Outcome.DONE: "done",
    Outcome.NOTHING_TO_DO: "done",
    Outcome.PLANNED: "waiting",
    Outcome.REFUSED: "trouble",
    Outcome.FAILED: "trouble",
    Outcome.UNVERIFIED: "warning",
    Outcome.UNFINISHED: "warning",
}


def summary(record: Record, folder: RunFolder, sealed: Sealed | None, *, key_id: str) -> Summary:
    """Return the end of a run, to be displayed.

    Args:
        record: closed.
        folder: where it is.
        sealed: its seal; None where it has none yet.
        key_id: of the key that sealed it.
    """
    seal = seal_in_words(sealed, key_id=key_id)
    text = ticket_text(record, seal=seal)
    return Summary(
        kind=_KINDS[record.outcome],
        title=f"The run has ended: {record.outcome}. {record.reason}",
        seal=seal,
        markdown=text.markdown,
        plain=text.plain,
        links=(
            Link(
                text="The report of this run, for people",
                address=_address(folder, ""),
                place=f"o365 evidence report --run {folder.run_id}",
            ),
            Link(
                text="Its record",
                address=_address(folder, folder.record_file.name),
                place=f"{folder.client}/{folder.run_id}/{folder.record_file.name} in the archive",
            ),
        ),
    )


def seal_in_words(sealed: Sealed | None, *, key_id: str) -> str:
    """Return by whose key a run is sealed and where it stands in its client's chain."""
    if sealed is None:
        return "Not sealed yet; the next command that writes to the archive does it."
    link = sealed.seal.link
    return (
        f"Sealed as number {link.number} of {sealed.run.client}, with the key "
        f"{fingerprint_of(key_id)}; SHA-256 of the seal {link.sha256}"
    )


def _address(folder: RunFolder, name: str) -> str:
    """Return where the desk serves a file of a run; nothing where there is no desk."""
    base = os.environ.get(DESK_VARIABLE, "")
    if not base:
        return ""
    return f"{base.rstrip('/')}/o365/runs/{quote(folder.client)}/{quote(folder.run_id)}/{name}"
