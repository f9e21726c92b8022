"""Chains: each seal names the one before of the same client, each digest the one before of all."""

from o365lib.evidence import layout
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings, Kind
from o365lib.evidence.verification.inventory import Place, What


def compare(book: Book, what: What, findings: Findings) -> None:
    """Tell where the chain of digests, or one of the chains of seals, has gaps or does not hold.

    Args:
        book: what was found.
        what: seals or digests.
        findings: where problems go.
    """
    last_client, last_number, last_sha256, last_is_bad = "", 0, None, 0
    for client, number, before, sha256, is_bad in book.links(what):
        if client != last_client:
            last_client, last_number, last_sha256, last_is_bad = client, 0, None, 0
        file = _file(what, client, number)
        run_id = book.run_of(Place(what, client, "", number)) if what is What.SEAL else ""
        if number != last_number + 1:
            _tell_gap(what, client, last_number + 1, number - 1, findings)
        elif number > 1 and not is_bad and not last_is_bad and before != last_sha256:
            findings.add(
                Kind.BROKEN_CHAIN,
                f"It follows another number {last_number} than the one that is there.",
                file=file,
                client=client,
                run_id=run_id,
            )
        last_number, last_sha256, last_is_bad = number, sha256, is_bad


def _tell_gap(what: What, client: str, first: int, last: int, findings: Findings) -> None:
    those = f"Number {first} is" if first == last else f"Numbers {first} to {last} are"
    findings.add(
        Kind.MISSING,
        f"{those} missing, and number {last + 1} is there.",
        file=_file(what, client, first),
        client=client,
    )


def _file(what: What, client: str, number: int) -> str:
    folder = f"{client}/{layout.SEALS}" if what is What.SEAL else layout.DIGESTS
    return f"{folder}/{layout.numbered(number)}"
