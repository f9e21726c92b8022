"""in-toto statements: which files, by their SHA-256, and what is said of them.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from o365lib.errors import EvidenceError
from o365lib.evidence.envelope import Signer, read_json

TYPE = "https://in-toto.io/Statement/v1"
SCHEMA_VERSION = 1

SEAL = "urn:o365-runbooks:seal:1"
DIGEST = "urn:o365-runbooks:digest:1"
APPROVAL = "urn:o365-runbooks:approval:1"
RECONCILIATION = "urn:o365-runbooks:reconciliation:1"
BATCH = "urn:o365-runbooks:batch:1"
BATCH_RESULT = "urn:o365-runbooks:batch-result:1"
KEY_ENDORSEMENT = "urn:o365-runbooks:key-endorsement:1"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARTS = {"_type", "subject", "predicateType", "predicate"}


@dataclass(frozen=True)
class Subject:
    """One file.

    Attributes:
        name: its path from the archive's root, with `/`.
        sha256: of its exact bytes, hexadecimal.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class Statement:
    """What is said of some files.

    Attributes:
        subjects: the files.
        predicate_type: of what kind it is: one of this module's constants.
        predicate: what is said, as JSON can say it.
    """

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Return the statement as it is signed: JSON in UTF-8."""
        return json.dumps(
            {
                "_type": TYPE,
                "subject": [
                    {"name": each.name, "digest": {"sha256": each.sha256}} for each in self.subjects
                ],
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            },
            ensure_ascii=False,
            indent=1,
        ).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Statement":
        """Return the statement in an envelope's payload.

        Raises:
            EvidenceError: it is none.
        """
        try:
            return _statement(read_json(payload))
        except (ValueError, TypeError, RecursionError) as error:
            raise EvidenceError(
                f"This is no in-toto statement ({type(error).__name__}: {str(error)[:80]}).",
                remedy="Compare the file with a copy from a backup.",
            ) from error


def _statement(parts: Any) -> Statement:
    if not isinstance(parts, dict) or parts.keys() != _PARTS or parts["_type"] != TYPE:
        raise ValueError("other parts than a statement has")
    kind, predicate, subjects = parts["predicateType"], parts["predicate"], parts["subject"]
    if not (isinstance(kind, str) and isinstance(predicate, dict) and isinstance(subjects, list)):
        raise TypeError("no predicate or no subjects")
    return Statement(tuple(_subject(each) for each in subjects), kind, predicate)


def _subject(part: Any) -> Subject:
    if not isinstance(part, dict) or part.keys() != {"name", "digest"}:
        raise ValueError("a subject has other parts than name and digest")
    name, digest = part["name"], part["digest"]
    if not isinstance(digest, dict) or digest.keys() != {"sha256"}:
        raise ValueError("a subject has no sha256")
    sha256 = digest["sha256"]
    if not (isinstance(name, str) and isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError("a subject has no name or no sha256")
    return Subject(name, sha256)


def signer_of(signer: Signer) -> dict[str, str]:
    """Return what a predicate says of who signs it."""
    return {"name": signer.name, "key_id": signer.key.key_id, "algorithm": signer.key.algorithm}
