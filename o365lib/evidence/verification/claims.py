"""What signed files say of others, compared with what is there."""

from collections.abc import Set as AbstractSet

from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings, Kind, some
from o365lib.evidence.verification.inventory import Place, What, place_of

_FINISH = "If a command was cut off, the next `o365 run` or `o365 evidence seal` finishes it."
_ADOPT = "One from before there were seals: `o365 evidence adopt`."


def compare(book: Book, findings: Findings, *, busy: AbstractSet[str]) -> None:
    """Tell what was claimed and is not so, and what is there and nothing speaks of.

    Args:
        book: what was found.
        findings: where problems and notes go.
        busy: what is being written now: runs as `<client>/<run id>`, and signed files.
    """
    comparison = _Comparison(book, findings, busy)
    comparison.unlike()
    comparison.unclaimed()
    comparison.leftovers()
    comparison.claimed_twice()


class _Comparison:
    def __init__(self, book: Book, findings: Findings, busy: AbstractSet[str]) -> None:
        self._book, self._findings, self._busy = book, findings, busy
        self._runs_under_way: set[str] = set()
        self._without_digest: set[str] = set()

    def unlike(self) -> None:
        """Tell what is missing, edited, or something else than it should be."""
        for name, wanted, by, found, is_bad in self._book.unlike():
            if is_bad:  # what is wrong with it has been told
                continue
            if is_bad is None:
                self._missing(name, wanted, by)
                continue
            other = self._book.claimed_as(found or "", but=name)
            if other:
                self._add(Kind.SWAPPED, name, f"Its content is that of {other}.")
            else:
                self._add(Kind.EDITED, name, f"It is not the file of which {by} speaks.")

    def _missing(self, name: str, wanted: str, by: str) -> None:
        place, shown = place_of(name), name
        if place and place.what is What.RUN_FILE:
            folder = f"{place.client}/{place.item}"
            if not self._book.files_of(folder):
                shown = folder
        elsewhere = self._book.found_as(wanted, but=name)
        if elsewhere:
            self._add(Kind.SWAPPED, shown, f"It lies elsewhere, at {elsewhere}.", place=place)
        else:
            what = "All of the run's files are gone" if shown != name else "It is gone"
            self._add(Kind.MISSING, shown, f"{what}; {by} speaks of it.", place=place)

    def unclaimed(self) -> None:
        """Tell what nothing signed speaks of."""
        for name, what, client, item, number, sha256, is_bad in self._book.unclaimed():
            if is_bad:
                continue
            if what == What.RUN_FILE:
                self._lone_run_file(name, client, item, sha256 or "")
            elif what == What.BATCH_INPUTS:
                self._add(Kind.UNSIGNED, name, "Nothing signed says that a batch began with it.")
            else:
                self._lone_signed_file(name, Place(What(what), client, item, number))
        for said, names in (
            ("Not sealed yet, since under way", self._runs_under_way),
            ("In no digest yet, since their batch is under way", self._without_digest),
        ):
            if names:
                self._findings.note(f"{said}: {some(names)}.")

    def _lone_run_file(self, name: str, client: str, run_id: str, sha256: str) -> None:
        place, folder = place_of(name), f"{client}/{run_id}"
        is_sealed = self._book.is_sealed(client, run_id)
        # First: what is said to be under way is said by notes that anybody can write.
        if folder in self._busy and not is_sealed:
            self._runs_under_way.add(folder)
            return
        original = self._book.claimed_as(sha256, but=name)
        if is_sealed:
            same = f" Its content is that of {original}." if original else ""
            self._add(Kind.INSERTED, name, f"The run's seal does not speak of it.{same}")
        elif not original:
            self._add(
                Kind.UNSIGNED,
                folder,
                f"No seal speaks of this run. {_FINISH} {_ADOPT}",
                place=place,
            )
        elif self._book.digest_of(original) == sha256:
            self._add(Kind.INSERTED, folder, f"It is a copy of {original}.", place=place)
        else:
            self._add(Kind.SWAPPED, folder, f"Its files belong to {original}.", place=place)

    def _lone_signed_file(self, name: str, place: Place) -> None:
        run = f"{place.client}/{self._book.run_of(place)}" if place.what is What.SEAL else ""
        if name in self._busy or run in self._busy:
            self._without_digest.add(name)
        else:
            self._add(Kind.MISSING, name, f"The digest that speaks of it is missing. {_FINISH}")

    def leftovers(self) -> None:
        """Tell of what looks like a write that was cut off, in a run that was sealed since."""
        for name, _, _ in self._book.names(What.LEFTOVER):
            place = place_of(name)
            if place and self._book.is_sealed(place.client, place.item):
                self._add(
                    Kind.INSERTED,
                    name,
                    "It is named like what a write that was cut off leaves behind, and there is"
                    " none in a run that has its seal. Remove it.",
                )

    def claimed_twice(self) -> None:
        """Tell of what two seals, or two digests, speak."""
        in_two = set()
        for what, kind in ((What.SEAL, "seals"), (What.DIGEST, "digests")):
            for name, first, last, is_same in self._book.claimed_twice(what):
                if what is What.DIGEST and is_same:
                    in_two.add(name)
                else:
                    self._add(Kind.BROKEN_CHAIN, last, f"Two {kind} speak of {name}: {first} too.")
        if in_two:
            self._findings.note(f"In two digests, which say the same: {some(in_two)}.")

    def _add(self, kind: Kind, file: str, sentence: str, *, place: Place | None = None) -> None:
        place = place or place_of(file)
        client, run_id = "", ""
        if place:
            client = place.client
            if place.what in {What.RUN_FILE, What.LEFTOVER}:
                run_id = place.item
            elif place.what is What.SEAL:
                run_id = self._book.run_of(place)
        self._findings.add(kind, sentence, file=file, client=client, run_id=run_id)
