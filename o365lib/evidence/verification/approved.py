"""Whether what seals say of signed approvals is so: the four eyes, seen from the archive alone.

- The approval has to be there, sound, and of this client and this plan.
- Its key is neither the one that signed the run nor joined to it by endorsements: those are one
  person's, who changed keys.
- One approval is for one run of a client that changes something. A run that failed may have changed
  nothing, so that is only noted.

What the guards refuse before a run is told here after it, whoever left the guards out.
"""

from collections.abc import Mapping

from o365lib.evidence import layout
from o365lib.evidence.verification.book import Book, Use
from o365lib.evidence.verification.findings import Findings, Kind, some
from o365lib.evidence.verification.inventory import Place, What
from o365lib.evidence.verification.signed_file import Examined

_CHANGED = frozenset({"done", "unverified"})
_CHANGED_NOTHING = frozenset({"planned", "refused", "nothing to do"})
# Such a seal is signed by whoever came later, and not by whoever ran it.
_BY_ANOTHER_HAND = ("finished", "replaces", "adopted")
_LONGEST = 200


def enter(book: Book, place: Place, examined: Examined) -> None:
    """Enter what a sound approval covers, or by which approval a sound seal's run went."""
    told, key = examined.statement, examined.key
    if not told or not key:
        return
    if place.what is What.APPROVAL:
        for each in told.subjects:
            client = each.name.partition("/")[0]
            book.put_plan(place.item, client, each.sha256, key_id=key.key_id)
    elif place.what is What.SEAL:
        said = told.predicate.get("approval")
        if not isinstance(said, dict) or said.get("how") != "signed":
            return
        use = Use(
            client=place.client,
            approval_id=_text(said.get("approval_id")),
            number=place.number,
            run_id=_text(told.predicate.get("run_id")),
            approved_digest=_text(said.get("plan_digest")),
            plan_digest=_text(told.predicate.get("plan_digest")),
            approver_key_id=_text(said.get("key_id")),
            key_id="" if any(map(told.predicate.get, _BY_ANOTHER_HAND)) else key.key_id,
            outcome=_text(told.predicate.get("outcome")),
        )
        book.put_use(use)


def compare(book: Book, findings: Findings, *, persons: Mapping[str, str]) -> None:
    """Tell of seals whose run went by an approval that is not what they say.

    Args:
        book: what was found.
        findings: where problems and notes go.
        persons: to whom keys belong, of those that are joined by endorsements.
    """
    last = ("", "")
    first_run, is_sure = "", False
    perhaps: set[str] = set()
    for use, is_bad, key_id in book.uses():
        fault = _fault(use, is_bad=is_bad, key_id=key_id, persons=persons)
        if fault:
            _tell(use, *fault, findings)
        if use.outcome in _CHANGED_NOTHING:
            continue
        if (use.client, use.approval_id) != last:
            last = (use.client, use.approval_id)
            first_run, is_sure = use.run_id, use.outcome in _CHANGED
        elif is_sure and use.outcome in _CHANGED:
            sentence = f"Its approval {use.approval_id} was used before, by the run {first_run}."
            _tell(use, Kind.UNSIGNED, sentence, findings)
        else:
            perhaps.add(f"{use.client}/{use.run_id}")
            if use.outcome in _CHANGED:
                first_run, is_sure = use.run_id, True
    if perhaps:
        findings.note(
            "Went by an approval that another run had, and one of both may have changed nothing:"
            f" {some(perhaps)}."
        )


def _fault(
    use: Use, *, is_bad: int | None, key_id: str | None, persons: Mapping[str, str]
) -> tuple[Kind, str] | None:
    approval = f"The approval {use.approval_id} by which it went"
    if is_bad:  # what is wrong with it has been told
        return None
    unsigned = wrong_key = ""
    if is_bad is None:
        unsigned = "is not in the archive"
    elif key_id is None:
        unsigned = f"covers no such plan of {use.client}"
    elif use.outcome in _CHANGED and use.plan_digest not in {"", use.approved_digest}:
        unsigned = "is of another plan than the one that was carried out"
    elif key_id != use.approver_key_id:
        wrong_key = "is signed with another key than the seal says"
    elif use.key_id == key_id:
        wrong_key = "is signed with the same key as the run's seal"
    elif use.key_id and persons.get(use.key_id, use.key_id) == persons.get(key_id, key_id):
        wrong_key = "is signed by the same person as the run's seal: one key vouches for the other"
    if not unsigned and not wrong_key:
        return None
    kind = Kind.UNSIGNED if unsigned else Kind.WRONG_KEY
    return kind, f"{approval} {unsigned or wrong_key}."


def _tell(use: Use, kind: Kind, sentence: str, findings: Findings) -> None:
    file = f"{use.client}/{layout.SEALS}/{layout.numbered(use.number)}"
    findings.add(kind, sentence, file=file, client=use.client, run_id=use.run_id)


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) and value.isprintable() else ""
