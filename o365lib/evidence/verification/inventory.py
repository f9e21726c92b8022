"""What each name in an archive stands for; a name that stands for nothing does not belong there.

The names are those of `o365lib.evidence.layout`. Nothing is read: this decides by names alone.
"""

import re
from enum import IntEnum
from typing import NamedTuple

from o365lib.evidence import layout


class What(IntEnum):
    """What a file is. Those that are signed come after the others."""

    NO_EVIDENCE = 0
    # What a write that was cut off left in a run's folder: there until the run is sealed.
    LEFTOVER = 1
    RUN_FILE = 2
    KEY = 3
    STAMP_ROOT = 4
    TIME_STAMP = 5
    BATCH_INPUTS = 6
    SEAL = 10
    DIGEST = 11
    APPROVAL = 12
    RECONCILIATION = 13
    ENDORSEMENT = 14
    BATCH = 15
    BATCH_RESULT = 16


# What a digest has to name. Keys are named by their own ids, and time stamps come after a digest.
_IN_A_DIGEST = (
    What.SEAL,
    What.APPROVAL,
    What.RECONCILIATION,
    What.ENDORSEMENT,
    What.BATCH,
    What.BATCH_RESULT,
)
# What has to be spoken of by signed files of which kind.
CLAIMED_BY = {
    What.RUN_FILE: What.SEAL,
    What.BATCH_INPUTS: What.BATCH,
    **dict.fromkeys(_IN_A_DIGEST, What.DIGEST),
}


class Place(NamedTuple):
    """What a name stands for.

    Attributes:
        what: what the file is.
        client: whose it is; empty where it is the archive's own.
        item: the run's id, the key's, the batch's, or the file's own, without its ending.
        number: of a seal, a digest, a time stamp or a batch's result; else 0.
    """

    what: What
    client: str = ""
    item: str = ""
    number: int = 0


_HASH = re.compile(r"[0-9a-f]{64}")
# What a write that was cut off leaves behind: never under a name of evidence.
_PART = re.compile(r"\.[0-9A-Za-z_.-]{1,110}\.[0-9a-f]{8}\.part")
_SQLITE = "(-wal|-shm|-journal)?"
_IN_ROOT = re.compile(rf"\.(index\.sqlite{_SQLITE}|published{_SQLITE}|lock(\.json)?|signing\.lock)")
# The client's lock and who holds it, and the lock of a run.
_IN_CLIENT = re.compile(r"\.lock(\.json)?|\.[0-9A-Za-z][0-9A-Za-z-]{0,95}\.lock")

_NO_EVIDENCE = Place(What.NO_EVIDENCE)
_DEPTH_OF_A_FILE = 3
_DEPTH_OF_A_CLAIM = 2
_OF_A_BATCH = {layout.INPUTS_FILE: What.BATCH_INPUTS, layout.INPUTS_STATEMENT: What.BATCH}
_BATCH_STATE = {layout.BATCH_FILE, layout.DRIVER_LOCK, layout.DRIVER_FILE}
_OF_THE_ARCHIVE = frozenset({layout.DIGESTS, layout.APPROVALS, layout.KEYS})


def place_of(name: str) -> Place | None:
    """Return what a path from the archive's root stands for; None where it stands for nothing."""
    parts = name.split("/")
    if len(parts) == _DEPTH_OF_A_FILE and layout.is_client(parts[0]):
        return _of_a_client(parts[0], parts[1], parts[2])
    if parts[0] in _OF_THE_ARCHIVE:
        return _of_the_archive(parts)
    if parts[0] == layout.BATCHES and len(parts) > 2:  # noqa: PLR2004 -- folder, batch, file
        return _of_a_batch(parts[1:])
    return _no_evidence(parts)


def _of_a_client(client: str, folder: str, file: str) -> Place | None:
    if folder == layout.SEALS:
        number = layout.number_of(file)
        if number:
            return Place(What.SEAL, client, file[:-5], number)
    elif folder == layout.RECONCILIATIONS:
        if file.endswith(".json") and layout.is_run_id(file[:-5]):
            return Place(What.RECONCILIATION, client, file[:-5])
    elif layout.is_run_id(folder):
        # Whatever lay there when the run was sealed is in its seal, by any name.
        if not file:
            return _NO_EVIDENCE
        return Place(What.LEFTOVER if _PART.fullmatch(file) else What.RUN_FILE, client, folder)
    else:
        return None
    return _NO_EVIDENCE if _PART.fullmatch(file) else None


def _of_the_archive(parts: list[str]) -> Place | None:
    folder, file = "/".join(parts[:-1]), parts[-1]
    stem, _, ending = file.rpartition(".")
    place: Place | None = None
    if folder == layout.DIGESTS:
        number = layout.number_of(f"{stem}.json")
        if number and ending in {"json", "tsr"}:
            place = Place(What.DIGEST if ending == "json" else What.TIME_STAMP, "", stem, number)
    elif folder == layout.APPROVALS:
        if ending == "json" and layout.is_run_id(stem):
            place = Place(What.APPROVAL, "", stem)
    elif folder == layout.KEYS:
        if ending in {"pem", "json"} and _HASH.fullmatch(stem):
            place = Place(What.KEY if ending == "pem" else What.ENDORSEMENT, "", stem)
    elif folder == layout.TIME_STAMP_ROOTS:
        if ending == "pem" and _HASH.fullmatch(stem):
            place = Place(What.STAMP_ROOT, "", stem)
    else:
        return None
    return place or (_NO_EVIDENCE if _PART.fullmatch(file) else None)


def _of_a_batch(parts: list[str]) -> Place | None:
    """What it began with and ended with are evidence; claims, working state and locks are none."""
    batch_id, file = parts[0], parts[-1]
    if _PART.fullmatch(batch_id):  # a batch that was cut off before it began
        return _NO_EVIDENCE
    if not layout.is_run_id(batch_id) or parts[1:-1] not in ([], [layout.CLAIMS]):
        return None
    place: Place | None = None
    if parts[1:-1]:
        is_state = layout.claim_in(file) is not None
    else:
        is_state = file in _BATCH_STATE
        number = layout.number_of(file)
        if number:
            place = Place(What.BATCH_RESULT, "", batch_id, number)
        elif file in _OF_A_BATCH:
            place = Place(_OF_A_BATCH[file], "", batch_id)
    return place or (_NO_EVIDENCE if is_state or _PART.fullmatch(file) else None)


def _no_evidence(parts: list[str]) -> Place | None:
    """Marks, locks and indexes of ours, and nothing else that begins with a dot."""
    if parts[0] in {layout.PENDING, layout.SUPERSEDED}:
        return _NO_EVIDENCE
    if len(parts) == 1 and (_IN_ROOT.fullmatch(parts[0]) or _PART.fullmatch(parts[0])):
        return _NO_EVIDENCE
    if len(parts) == 2 and layout.is_client(parts[0]):  # noqa: PLR2004 -- a client's own folder
        own = _IN_CLIENT.fullmatch(parts[1]) or _PART.fullmatch(parts[1])
        return _NO_EVIDENCE if own else None
    return None
