"""What the tenant's own audit log was last found to say of a client, for that client's page.

- A comparison is signed like a seal. One that no trusted key has signed is told as such, and
  nothing that it says is.
- What it holds is data: parts that are missing or odd are left out.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from o365lib.errors import EvidenceError
from o365lib.evidence import chain
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.instants import instant_of
from o365lib.evidence.layout import RECONCILIATIONS, is_run_id
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import RECONCILIATION, Statement
from o365lib.reports import wording
from o365lib.reports.parts import Cell, Items, Part, Sentence, Words
from o365lib.reports.wording import counted

_MOST = 20

_NONE = (
    "The records have not been compared with your tenant's own audit log yet; o365 evidence "
    "reconcile does that."
)
_UNSIGNED = (
    "✗ The records were compared with your tenant's own audit log, but the comparison is not "
    "signed by a key that is trusted here. It is not told."
)
_CLEAN = "✓ Nothing was found of which only one of the two tells."


@dataclass(frozen=True, kw_only=True)
class Witness:
    """The newest comparison with a tenant's audit log.

    Attributes:
        is_signed: whether a trusted key has signed it; what follows is empty otherwise.
        begin: from when on log and records were compared.
        end: until when.
        matched: how many changes both tell of.
        strange: what the log tells and no record does, a sentence each.
        unwitnessed: what the log should tell and does not, a sentence each.
        passwords: what became of temporary passwords.
    """

    is_signed: bool
    begin: datetime | None = None
    end: datetime | None = None
    matched: int = 0
    strange: tuple[str, ...] = ()
    unwitnessed: tuple[str, ...] = ()
    passwords: tuple[Words, ...] = ()


def newest(client_folder: Path, keys: Mapping[str, PublicKey]) -> Witness | None:
    """Return the newest comparison; None where there is none.

    Args:
        client_folder: the client's folder in the archive.
        keys: those that are trusted.
    """
    folder = client_folder / RECONCILIATIONS
    try:
        names = [name.removesuffix(".json") for name in os.listdir(folder)]  # noqa: PTH208 -- names are all that is needed
    except OSError:
        return None
    ids = sorted(name for name in names if is_run_id(name))
    if not ids:
        return None
    try:
        envelope = Envelope.from_json(chain.read(folder / f"{ids[-1]}.json"))
        said = Statement.from_bytes(envelope.payload)
    except EvidenceError:
        return Witness(is_signed=False)
    is_ours = said.predicate_type == RECONCILIATION
    # A comparison of another client, copied here, is signed too.
    is_ours = is_ours and said.predicate.get("client") == client_folder.name
    if not is_ours or verified_by(envelope, keys) is None:
        return Witness(is_signed=False)
    return _read(said.predicate)


def _read(told: Mapping[str, Any]) -> Witness:
    missing = [each for each in _dicts(told, "without_change") if each.get("alarming")]
    return Witness(
        is_signed=True,
        begin=instant_of(told.get("from")),
        end=instant_of(told.get("to")),
        matched=len(list(_dicts(told, "matched"))),
        strange=tuple(
            f"{_when(each, 'date_time')}: {each.get('activity')} {each.get('detail') or ''}"
            f" (by {each.get('by') or 'nobody named'})"
            for each in _dicts(told, "without_record")
        ),
        unwitnessed=tuple(
            f"{_when(each, 'started')}: {each.get('action')} by run {each.get('run_id')}"
            for each in missing
        ),
        passwords=tuple(
            _password(each, str(told.get("user_principal_name") or ""))
            for each in _dicts(told, "passwords")
        ),
    )


def _password(told: Mapping[str, Any], name: str) -> Words:
    whose = f"The temporary password of {name or told.get('account_id')}"
    if told.get("became") == "replaced":
        by = f"{whose} was replaced by {told.get('replaced_by')}, outside the runbooks"
        return Words(f"✗ {by}; whether the vendor has the new one is not known.", "bad")
    if told.get("became") == "used":
        return Words(f"✓ {whose} was used: the account itself has chosen another one since.")
    # Earlier comparisons told no more than that it was changed, and called that used.
    if told.get("became") == "changed" or told.get("used") is True:
        return Words(f"{whose} was changed since; by whom is not told.")
    if told.get("used") is None:
        return Words(f"Whether {whose[0].lower()}{whose[1:]} was used could not be told.")
    days = told.get("days_unused")
    after = f", {counted(days, 'day')} after it was handed over" if isinstance(days, int) else ""
    if told.get("over_limit"):
        return Words(f"✗ {whose} had not been used{after}: that is too long.", "bad")
    return Words(f"{whose} had not been used yet{after}.")


def parts(witness: Witness | None) -> list[Part]:
    """Return what a client is told of it."""
    if witness is None:
        return [Sentence(_NONE)]
    if not witness.is_signed:
        return [Sentence(Words(_UNSIGNED, "bad"))]
    sentence = (
        f"The records were compared with the log that Microsoft itself writes, from "
        f"{wording.moment(witness.begin)} to {wording.moment(witness.end)}. "
        f"{counted(witness.matched, 'change')} stand in both."
    )
    items: list[Cell] = [
        *_some(witness.strange, "✗ In the log, and in no record: "),
        *_some(witness.unwitnessed, "✗ In a record, and not in the log: "),
    ]
    clean: list[Cell] = [] if items else [_CLEAN]
    return [Sentence(sentence), Items([*clean, *items, *witness.passwords])]


def _some(sentences: tuple[str, ...], before: str) -> list[Cell]:
    shown: list[Cell] = [Words(f"{before}{each}", "bad") for each in sentences[:_MOST]]
    more = len(sentences) - len(shown)
    return [*shown, Words(f"✗ and {more:,} more", "bad")] if more > 0 else shown


def _when(told: Mapping[str, Any], key: str) -> str:
    return wording.moment(instant_of(told.get(key))) or "at a time not told"


def _dicts(told: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    value = told.get(key)
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield each
