"""Keys that took the place of others, as endorsements say it.

- All keys that are joined by endorsements are one person's.
- A key that goes on signing after a digest has named its successor is noted: a machine that has not
  heard of it yet, or somebody who kept a key that should be gone.
"""

from collections.abc import Mapping

from o365lib.evidence import trust
from o365lib.evidence.public_keys import fingerprint_of
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings

# More persons than that change keys in no archive; each takes a look at all seals.
_MOST_RETIRED = 100


def persons(endorsed: Mapping[str, str]) -> dict[str, str]:
    """Return for each key that an endorsement joins to others the same text as for those.

    Args:
        endorsed: keys' ids with the id of the key that vouches for each.
    """
    joined: dict[str, set[str]] = {}
    for key_id, by in endorsed.items():
        one = joined.setdefault(key_id, {key_id})
        other = joined.setdefault(by, {by})
        if one is not other:
            smaller, larger = sorted((one, other), key=len)
            larger |= smaller
            joined.update(dict.fromkeys(smaller, larger))
    return {key_id: min(each) for key_id, each in joined.items()}


def tell_retired(book: Book, endorsed: Mapping[str, str], findings: Findings) -> None:
    """Note which keys signed after a digest that names the endorsement of their successor.

    Args:
        book: what was found.
        endorsed: as for `persons`.
        findings: where notes go.
    """
    since: dict[str, int] = {}
    for key_id, by in endorsed.items():
        number = book.first_digest_of(trust.endorsement_name(key_id))
        if number:
            since[by] = min(number, since.get(by, number))
    for by, number in list(since.items())[:_MOST_RETIRED]:
        signed = book.signed_after(number, key_id=by)
        if signed:
            findings.note(
                f"The key {fingerprint_of(by)} has signed {signed} seals and digests after digest"
                f" {number}, which names the key that took its place: on a machine that did not"
                " know of it yet, or by somebody who kept the old key."
            )
