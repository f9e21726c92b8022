"""One signed file, taken apart: envelope, signature, statement, and whether it is in its place.

A file has one form only: the exact bytes that this package writes for that payload and signature.
So nothing can be changed in it that a signature does not cover. What is long is taken apart only
as far as it is of that form, and signed: JSON of a stranger can take much memory.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from o365lib.errors import EvidenceError
from o365lib.evidence import layout, statement
from o365lib.evidence.envelope import PAYLOAD_TYPE, Envelope, pre_authentication_encoding
from o365lib.evidence.public_keys import PublicKey, fingerprint_of
from o365lib.evidence.statement import Statement
from o365lib.evidence.verification.findings import Kind
from o365lib.evidence.verification.inventory import Place, What
from o365lib.evidence.verification.reading import LARGEST_SIGNED

_PREDICATE_TYPES = {
    What.SEAL: statement.SEAL,
    What.DIGEST: statement.DIGEST,
    What.APPROVAL: statement.APPROVAL,
    What.RECONCILIATION: statement.RECONCILIATION,
    What.ENDORSEMENT: statement.KEY_ENDORSEMENT,
    What.BATCH: statement.BATCH,
    What.BATCH_RESULT: statement.BATCH_RESULT,
}

# The exact bytes of `Envelope.to_json`, for one signature.
_FORM = re.compile(
    rb'\{\n "payloadType": "[^"\\]{1,100}",\n "payload": "[0-9A-Za-z+/=]*",\n "signatures": \[\n'
    rb'  \{\n   "keyid": "[^"\\]{1,100}",\n   "sig": "[0-9A-Za-z+/=]{1,1000}"\n  \}\n \]\n\}\n'
)

Trust = Literal["given", "endorsed", "archive"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, in itself."""

    kind: Kind
    sentence: str


@dataclass
class Examined:
    """A signed file, as far as it could be read.

    Attributes:
        statement: None where there is none to be read. Believe it only where there is no fault.
        key: the trusted key that signed it; None where none did.
        faults: what is wrong; empty for a sound file.
        has_strange_key: whether it is said to be signed by a key that is not trusted.
    """

    statement: Statement | None = None
    key: PublicKey | None = None
    faults: list[Fault] = field(default_factory=list)
    has_strange_key: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether a trusted key signed this file for this place."""
        return not self.faults

    def fail(self, kind: Kind, sentence: str) -> None:
        """Add a fault."""
        self.faults.append(Fault(kind, sentence))


def examine(
    content: bytes | None,
    place: Place,
    keys: Mapping[str, PublicKey],
    *,
    keys_given: bool = False,
) -> Examined:
    """Return what a signed file holds, and what is wrong with it.

    Args:
        content: the file's bytes; None where there are too many.
        place: where it stands.
        keys: the trusted keys by their ids.
        keys_given: whether they came from outside the archive; else they are all that it has.
    """
    found = Examined()
    envelope = _envelope_in(content, found)
    if content is None or envelope is None:
        return found
    _check_signature(envelope, keys, found, keys_given=keys_given)
    if len(content) > LARGEST_SIGNED and not found.key:
        return found
    try:
        found.statement = Statement.from_bytes(envelope.payload)
    except EvidenceError as error:
        found.fail(Kind.EDITED, error.message)
        return found
    if _is_newer(found):
        return found
    if envelope.to_json() != content:
        found.fail(Kind.EDITED, "It was written again: these are not the bytes of a signed file.")
    _check_statement(found.statement, place, envelope, found)
    return found


def _envelope_in(content: bytes | None, found: Examined) -> Envelope | None:
    if content is None:
        found.fail(Kind.EDITED, "It is far larger than a file of its kind; it was not read in.")
        return None
    if len(content) > LARGEST_SIGNED and not _FORM.fullmatch(content):
        found.fail(Kind.EDITED, "It is long, and not of the form of a signed file.")
        return None
    try:
        return Envelope.from_json(content)
    except EvidenceError as error:
        kind = Kind.UNSIGNED if _has_no_signature(content) else Kind.EDITED
        found.fail(kind, error.message)
        return None


def _has_no_signature(content: bytes) -> bool:
    """Whether this is an envelope that somebody has stripped of its signatures."""
    squeezed = b"".join(content[-1000:].split())
    return squeezed.endswith((b'"signatures":[]}', b'"signatures":[]'))


def _check_signature(
    envelope: Envelope, keys: Mapping[str, PublicKey], found: Examined, *, keys_given: bool
) -> None:
    if len(envelope.signatures) != 1:
        found.fail(Kind.EDITED, f"It has {len(envelope.signatures)} signatures in place of one.")
        return
    if envelope.payload_type != PAYLOAD_TYPE:
        found.fail(Kind.EDITED, "Its payload is of another type than a statement.")
    signature = envelope.signatures[0]
    key = keys.get(signature.key_id)
    if key is None:
        found.has_strange_key = True
        found.fail(Kind.WRONG_KEY, _strange(envelope, keys_given=keys_given))
        return
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    if key.verify(message, signature.signature):
        found.key = key
    else:
        found.fail(Kind.EDITED, f"The signature is not that of {key.fingerprint} over this text.")


def _strange(envelope: Envelope, *, keys_given: bool) -> str:
    """What to say of a file whose key is not trusted; its own words are told as no more."""
    key_id = envelope.signatures[0].key_id
    key = (fingerprint_of(key_id) if key_id.isalnum() else "of no id")[:80]
    says = ""
    if len(envelope.payload) <= LARGEST_SIGNED:
        try:
            signer = Statement.from_bytes(envelope.payload).predicate.get("signer")
        except EvidenceError:  # told where the statement is read
            signer = None
        name = signer.get("name") if isinstance(signer, dict) else None
        says = f"; it says it is {name[:80]}" if isinstance(name, str) and name else ""
    if keys_given:
        return (
            f"It is signed by a key that is not trusted here ({key}{says}): "
            "give this signer's key with --public-key if you believe it."
        )
    return f"It is signed by a key ({key}{says}), and its public key is missing from the archive."


def _is_newer(found: Examined) -> bool:
    """Whether a newer version wrote it; then nothing more can be said of it."""
    assert found.statement
    kind, version = found.statement.predicate_type, found.statement.predicate.get("schema_version")
    base, _, number = kind.rpartition(":")
    is_ours = any(each.rpartition(":")[0] == base for each in _PREDICATE_TYPES.values())
    newer_type = is_ours and _whole(number) > statement.SCHEMA_VERSION
    newer_schema = type(version) is int and version > statement.SCHEMA_VERSION
    if not (newer_type or newer_schema):
        return False
    found.fail(
        Kind.NEWER,
        "It is of a newer version than this program knows. Verify it with a newer o365-runbooks.",
    )
    return True


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0  # noqa: PLR2004 -- digits: no number of ours is as long


def _check_statement(told: Statement, place: Place, envelope: Envelope, found: Examined) -> None:
    if told.predicate_type != _PREDICATE_TYPES[place.what]:
        found.fail(Kind.SWAPPED, f"It is no {_kind(place.what)}, in the place of one.")
        return
    if told.predicate.get("schema_version") != statement.SCHEMA_VERSION:
        found.fail(Kind.EDITED, "It says no version of its form.")
    signer, key = told.predicate.get("signer"), found.key
    if not isinstance(signer, dict) or not isinstance(signer.get("name"), str):
        found.fail(Kind.EDITED, "It does not say who signed it.")
    elif len(envelope.signatures) == 1 and signer.get("key_id") != envelope.signatures[0].key_id:
        found.fail(Kind.WRONG_KEY, "It names another key than the one that signed it.")
    elif key and signer.get("algorithm") != key.algorithm:
        found.fail(Kind.WRONG_KEY, "It names another algorithm than that of the key.")
    names = [each.name for each in told.subjects]
    if len(set(names)) != len(names):
        found.fail(Kind.EDITED, "It names a file twice.")
    if not all(name.isprintable() for name in names):
        found.fail(Kind.EDITED, "It names files as no file is named.")
    for fault in _PLACE_CHECKS[place.what](told, place):
        found.faults.append(fault)


def _of_a_seal(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _of_a_link(told.predicate, place)
    client, run_id = told.predicate.get("client"), told.predicate.get("run_id")
    if client != place.client:
        yield Fault(Kind.SWAPPED, f"It is a seal of another client, {_shown(client)}.")
    if not isinstance(run_id, str) or not run_id:
        yield Fault(Kind.EDITED, "It names no run.")
        return
    folder = f"{client}/{run_id}/"
    for each in told.subjects:
        if not each.name.startswith(folder) or "/" in each.name[len(folder) :]:
            yield Fault(Kind.SWAPPED, f"It speaks of {_shown(run_id)} and names {each.name!r}.")


def _of_a_digest(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _of_a_link(told.predicate, place)


def _of_a_link(predicate: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    """What is wrong with a number in a chain, and with what it says of the one before."""
    number, previous = predicate.get("number"), predicate.get("previous")
    if type(number) is not int or number != place.number:
        yield Fault(Kind.BROKEN_CHAIN, f"It is number {_shown(number)}, in another's place.")
    if place.number == 1:
        if previous is not None:
            yield Fault(Kind.BROKEN_CHAIN, "It is the first and names one before it.")
        return
    if not isinstance(previous, dict) or not isinstance(previous.get("sha256"), str):
        yield Fault(Kind.BROKEN_CHAIN, "It does not name the one before it.")
    elif previous.get("number") != place.number - 1:
        yield Fault(
            Kind.BROKEN_CHAIN, f"It follows number {_shown(previous.get('number'))}, by its words."
        )


def _of_an_approval(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _named(told.predicate, "approval_id", place)


def _of_a_reconciliation(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _named(told.predicate, "reconciliation_id", place)
    client = told.predicate.get("client")
    if client != place.client:
        yield Fault(Kind.SWAPPED, f"It is of another client, {_shown(client)}.")


def _of_an_endorsement(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _named(told.predicate, "endorsed_key_id", place)
    wanted = f"{layout.KEYS}/{place.item}.pem"
    if [each.name for each in told.subjects] != [wanted]:
        yield Fault(Kind.SWAPPED, "It vouches for another key.")


def _of_a_batch(told: Statement, place: Place) -> Iterator[Fault]:
    yield from _named(told.predicate, "batch_id", place)
    if place.number and told.predicate.get("number") != place.number:
        shown = _shown(told.predicate.get("number"))
        yield Fault(Kind.SWAPPED, f"It is number {shown}, in another's place.")
    wanted = f"{layout.BATCHES}/{place.item}/{layout.INPUTS_FILE}"
    if [each.name for each in told.subjects] != [wanted]:
        yield Fault(Kind.SWAPPED, "It speaks of another batch's inputs.")


def _named(predicate: Mapping[str, Any], field_name: str, place: Place) -> Iterator[Fault]:
    if predicate.get(field_name) != place.item:
        yield Fault(Kind.SWAPPED, f"It is {_shown(predicate.get(field_name))}, in another's place.")


def _kind(what: What) -> str:
    return what.name.lower().replace("_", " ")


def _shown(value: object) -> str:
    return repr(value)[:100]


_PLACE_CHECKS: dict[What, Callable[[Statement, Place], Iterator[Fault]]] = {
    What.SEAL: _of_a_seal,
    What.DIGEST: _of_a_digest,
    What.APPROVAL: _of_an_approval,
    What.RECONCILIATION: _of_a_reconciliation,
    What.ENDORSEMENT: _of_an_endorsement,
    What.BATCH: _of_a_batch,
    What.BATCH_RESULT: _of_a_batch,
}
