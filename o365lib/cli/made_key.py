"""What a person is told when her signing key has been made at first use.

Where a folder of keys was lost, by another HOME or a container built anew say, a new key is made as
at the very first use, and whoever checks finds it unknown: so she has to hear of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from o365lib.cli.output import say

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.evidence.envelope import Signer
    from o365lib.evidence.key_store import KeyStore


def tell_if_made(keys: KeyStore, signer: Signer, root: Path) -> None:
    """Say on standard error that a key was made, and whether its owner had another one before.

    Args:
        keys: gave the signer; nothing is said if the key was there.
        signer: signs with the key.
        root: the archive's folder.
    """
    if not keys.has_made:
        return
    say(
        f"Your signing key was made: {signer.name}, {signer.key.fingerprint}, in {keys.file}."
        " Tell its fingerprint to those who check."
    )
    before = _keys_before(signer, root)
    if before:
        say(
            f"What {signer.name} sealed here before is by another key, {', '.join(before)}, which"
            f" does not vouch for this one. If you have that key, put its file in place of"
            f" {keys.file}, or its folder into O365_KEYS; if it is lost, keep the new one and give"
            " it to those who check: o365 key show --pem (docs/keys.md)."
        )


def _keys_before(signer: Signer, root: Path) -> list[str]:
    """Return the fingerprints of other keys by which digests say that this person has signed."""
    from o365lib.errors import EvidenceError
    from o365lib.evidence import chain
    from o365lib.evidence.envelope import Envelope
    from o365lib.evidence.layout import DIGESTS
    from o365lib.evidence.public_keys import fingerprint_of
    from o365lib.evidence.statement import Statement

    found: dict[str, None] = {}
    folder = root / DIGESTS
    for number in chain.numbers(folder):
        try:
            raw = chain.read(chain.path_of(folder, number))
            said = Statement.from_bytes(Envelope.from_json(raw).payload).predicate.get("signer")
        except EvidenceError:  # for `o365 evidence verify` to tell
            continue
        if isinstance(said, dict) and said.get("name") == signer.name:
            key_id = said.get("key_id")
            if isinstance(key_id, str) and key_id != signer.key.key_id:
                found[fingerprint_of(key_id)] = None
    return list(found)
