"""The archive's names, beside the clients' and the runs' own.

A name that begins with `_` is evidence and can be no client's or run's; one that begins with a dot
is a lock, a mark or an index, and proves nothing.

    <client>/<run id>/...                    a run's files
    <client>/_seals/00000001.json            seals of runs: each names the one before
    <client>/_reconciliations/<id>.json      comparisons with the service's own audit log
    _digests/00000001.json, 00000001.tsr     one digest a batch: each names the one before
    _approvals/<id>.json                     approvals of plans
    _batches/<id>/...                        batches: see `o365lib.evidence.batches`
    _keys/<key id>.pem, <key id>.json        public keys, and who vouches for them
    _keys/time-stamp/<sha256>.pem            roots of time stamp authorities
    .pending/<batch id>/                     runs that were begun and are in no digest yet
    .superseded/<batch id>/...               seals and digests that others took the place of
    .signing.lock                            who holds it signs
"""

import re

from o365lib.errors import EvidenceError

SEALS = "_seals"
RECONCILIATIONS = "_reconciliations"
DIGESTS = "_digests"
APPROVALS = "_approvals"
BATCHES = "_batches"
KEYS = "_keys"
TIME_STAMP_ROOTS = "_keys/time-stamp"
PENDING = ".pending"
SUPERSEDED = ".superseded"
SIGNING_LOCK = ".signing.lock"
INDEX = ".index.sqlite"
STANDING = ".standing.json"

# In a batch's folder.
INPUTS_FILE = "inputs.json"
INPUTS_STATEMENT = "inputs.statement.json"
BATCH_FILE = "batch.json"
CLAIMS = "claims"
DRIVER_LOCK = ".driver.lock"
DRIVER_FILE = ".driver.json"

_CLIENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,95}")
_SIGNED = re.compile(
    r"(?:_approvals|_keys|[a-z0-9][a-z0-9-]{0,62}/_(?:seals|reconciliations))"
    r"/[0-9A-Za-z][0-9A-Za-z-]*\.json"
    r"|_batches/[0-9A-Za-z][0-9A-Za-z-]{0,95}/(?:inputs\.statement|[0-9]{8})\.json"
)
_CLAIM = re.compile(r"([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,5})\.json")

_DIGITS = 8
_NUMBERED = re.compile(rf"([0-9]{{{_DIGITS}}})\.json")


def is_client(name: str) -> bool:
    """Whether a folder of this name, in the archive's root, is a client's."""
    return _CLIENT.fullmatch(name) is not None


def is_run_id(name: str) -> bool:
    """Whether a folder of this name, in a client's, is a run's."""
    return _RUN_ID.fullmatch(name) is not None


def is_signed_file(name: str) -> bool:
    """Whether this is the name, from the archive's root, of a file that a digest may cover."""
    return _SIGNED.fullmatch(name) is not None


def numbered(number: int) -> str:
    """Return the file name of a seal or digest with this number, 1 or more."""
    return f"{number:0{_DIGITS}}.json"


def number_of(name: str) -> int | None:
    """Return the number in such a file name; None for any other name, and for number 0."""
    match = _NUMBERED.fullmatch(name)
    return (int(match[1]) or None) if match else None


def claim_file(client: str, attempt: int) -> str:
    """Return the file name of the claim of an attempt at a client, 1 or more.

    Raises:
        EvidenceError: that is no client's name, or no number of an attempt.
    """
    name = f"{client}.{attempt}.json"
    if claim_in(name) != (client, attempt):
        raise EvidenceError(
            f"{client!r} and {attempt!r} are no client and no number of an attempt."
        )
    return name


def claim_in(name: str) -> tuple[str, int] | None:
    """Return client and number of the attempt in such a file name; None for any other name."""
    match = _CLAIM.fullmatch(name)
    return (match[1], int(match[2])) if match else None
