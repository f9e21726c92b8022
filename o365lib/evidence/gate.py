"""What must be true before a run is sealed: no secret stands in its files.

- Every file of the run's folder is searched for the secrets that a process knows, letter for letter
  and as they may be spelled, and for what looks like a secret.
- A finding says file, line and kind; never the value, nor a part of it.
- What a record must keep letter for letter, because later runs read it (`masking`), is no finding,
  also where somebody chose such a word for a secret.
- A runbook's own secrets are known to its kernel alone. It is asked for their places
  (`own_secrets`) before it ends, and answers with lines.
"""

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from o365lib import secret
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import RECORD_FILE, RunFolder
from o365lib.evidence.masking import with_texts
from o365lib.evidence.readings import Chunk, Readings, chunks
from o365lib.evidence.record import Record

KNOWN_SECRET = "known secret"  # noqa: S105 -- a kind's name

# More of one kind in one file say nothing new.
_MOST_LINES = 100

_Hit = Callable[[str], bool]


@dataclass(frozen=True, order=True)
class Finding:
    """Where a secret stands.

    Attributes:
        file: its name in the run's folder, with /.
        line: from 1.
        kind: what it is: `KNOWN_SECRET`, or a kind of `secret_patterns`.
    """

    file: str
    line: int
    kind: str


@dataclass(frozen=True)
class Findings:
    """What a search came to; false where nothing was found.

    Attributes:
        found: sorted; no more than a hundred lines of one kind in one file.
        known_secrets: whether the run's own secrets were looked for.
    """

    found: tuple[Finding, ...]
    known_secrets: Literal["searched", "not searched"]

    def __bool__(self) -> bool:
        return bool(self.found)

    def kinds_of(self, file: str) -> list[str]:
        """Return the kinds of secrets in one file, sorted."""
        return sorted({each.kind for each in self.found if each.file == file})

    def with_own_secrets(self, lines: Mapping[str, Sequence[int]] | None) -> "Findings":
        """Return these and what the run's kernel found of its own secrets.

        Args:
            lines: for each file the lines; `None` where the kernel could not be asked. Then the
                run's own secrets were not searched, whatever this process knows.
        """
        if lines is None:
            return replace(self, known_secrets="not searched")
        told = {Finding(file, line, KNOWN_SECRET) for file in lines for line in lines[file]}
        return Findings(tuple(sorted({*self.found, *told})), "searched")

    def to_predicate(self) -> dict[str, str | int]:
        """Return what a seal says about the search."""
        return {
            "known_secrets": self.known_secrets,
            "patterns": "searched",
            "findings": len(self.found),
        }


def search(run: RunFolder, *, known: Callable[[str], int] | None) -> Findings:
    """Search a run's files for secrets.

    Args:
        run: whose folder is searched, with whatever is in it; links are not followed.
        known: counts the known secrets in a text: `secret.find`. `None` where this process knows
            none that could stand there.

    Raises:
        EvidenceError: a file cannot be read. Nothing was changed.
    """
    found: set[Finding] = set()
    try:
        for name, file in files_of(run.path):
            found |= {Finding(name, line, kind) for line, kind in _searched(file, known)}
    except OSError as error:
        raise EvidenceError(
            f"The files of run {run.run_id} cannot be searched for secrets"
            f" ({error.strerror or type(error).__name__}).",
            remedy="Give yourself the right to read them; then seal the run again.",
        ) from error
    return Findings(tuple(sorted(found)), "not searched" if known is None else "searched")


def kinds_in(text: str, *, known: Callable[[str], int] | None = None) -> set[str]:
    """Return the kinds of secrets in a text, in whatever spelling they stand there.

    Args:
        text: what is searched.
        known: counts the known secrets in a text; `None` for what only looks like a secret.
    """
    return _kinds_in(Readings(text), known)


def _kinds_in(readings: Readings, known: Callable[[str], int] | None) -> set[str]:
    from o365lib.evidence import secret_patterns  # late: detect-secrets takes long to import

    found = set().union(*map(secret_patterns.kinds_in, readings.for_patterns()))
    return found | {KNOWN_SECRET} if known and _holds(readings, known) else found


def _holds(readings: Readings, known: Callable[[str], int]) -> bool:
    return any(known(text) for text in readings.for_values())


def own_secrets(folder: str) -> str:
    """Return where secrets of this very process stand in a run's files, as JSON.

    A driver has the kernel of its run evaluate this before it ends; see `o365lib.runs.kernel`.

    Args:
        folder: the run's.

    Returns:
        `{"record.json": [12, 40], ...}`: lines, and nothing of what stands in them.

    Raises:
        OSError: a file cannot be read.
    """
    found: dict[str, list[int]] = {}
    for name, file in files_of(Path(folder)):
        lines: set[int] = set()
        for chunk in chunks(file):
            if _holds(Readings(chunk.text), secret.find):
                lines |= _known_lines(file, chunk, secret.find)
        if lines:
            found[name] = sorted(lines)[:_MOST_LINES]
    return json.dumps(found)


def lines_told(answer: str) -> dict[str, list[int]]:
    """Return what `own_secrets` answered in another process.

    Raises:
        ValueError: it is not of that form.
    """
    told = json.loads(answer)
    if not isinstance(told, dict) or not all(map(_is_lines, told.values())):
        raise ValueError("not an answer of own_secrets")
    return told


def files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each regular file below a folder, with its name there; links are not followed.

    Raises:
        OSError: a folder cannot be listed.
    """
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            if stat.S_ISREG(file.lstat().st_mode):
                yield file.relative_to(folder).as_posix(), file


def _is_lines(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _raise(error: OSError) -> None:
    raise error


def _searched(file: Path, known: Callable[[str], int] | None) -> set[tuple[int, str]]:
    """Return the lines with secrets in a file, each with the kind."""
    found: set[tuple[int, str]] = set()
    for chunk in chunks(file):
        for kind in _kinds_in(Readings(chunk.text), known):
            if kind == KNOWN_SECRET and known:
                lines = _known_lines(file, chunk, known)
            else:
                lines = _lines(chunk, _kind_hit(kind))
            found |= {(line, kind) for line in lines}
    return found


def _kind_hit(kind: str) -> _Hit:
    return lambda text: kind in kinds_in(text)


def _known_lines(file: Path, chunk: Chunk, known: Callable[[str], int]) -> set[int]:
    """Return the lines with known secrets in a chunk in which there are some."""
    hit = _free_text_hit(chunk.text, known) if file.name == RECORD_FILE else None
    return _lines(chunk, hit or (lambda text: _holds(Readings(text), known)))


def _free_text_hit(text: str, known: Callable[[str], int]) -> _Hit | None:
    """Return what tells a line of a record with a secret in its free text; None for no record.

    The record's other texts are words and identifiers that it is read by.
    """
    try:
        record = Record.from_json(text)
    except ValidationError:
        return None
    leaked: set[str] = set()

    def look(value: str) -> str:
        if _holds(Readings(value), known):
            leaked.add(json.dumps(value, ensure_ascii=False))
        return value

    with_texts(record, look)
    return lambda line: any(each in line for each in leaked)


def _lines(chunk: Chunk, hit: _Hit) -> set[int]:
    """Return the lines of a chunk with a hit; where it spans several, the one where it begins."""
    lines = chunk.text.split("\n")
    found = {number for number, line in enumerate(lines, chunk.line) if hit(line)}
    if not found and hit(chunk.text):
        # Of the lines up to its last one, the hit begins in the last from which on it is there.
        end = _first(len(lines), lambda count: hit("\n".join(lines[:count])))
        kept = _first(end, lambda count: hit("\n".join(lines[end - count : end])))
        found = {chunk.line + end - kept}
    return set(sorted(found)[:_MOST_LINES])


def _first(most: int, is_enough: Callable[[int], bool]) -> int:
    """Return the smallest number from 1 that is enough, if more are enough too."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if is_enough(middle):
            high = middle
        else:
            low = middle + 1
    return low
