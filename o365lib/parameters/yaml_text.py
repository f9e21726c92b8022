"""YAML as plain data in which every value knows its line and column.

- YAML 1.2: `no` is text, `010` is ten.
- Unknown to this module: what the values mean. Wrong for it: what cannot be read in one way only,
  that is syntax errors, duplicate keys, aliases, tags, and what is too large or too deep.
- No message repeats text of the file.
- A right file is read by PyYAML's C parser, about 25 times as fast as ruamel.yaml; a file that it
  stumbles over is read again by ruamel.yaml, whose word is final.
"""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # papermill brings it, without types

from o365lib.errors import Problem

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 20
_PLAIN = {None, ""}
_QUOTES = {"'", '"'}
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
# The core schema: https://yaml.org/spec/1.2.2/#103-core-schema
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# The parser's words, and ours. The first that matches counts.
_SENTENCES = (
    (r"'\\t'", "a tab stands here; YAML wants spaces"),
    ("escape character", "a \\ in double quotes begins an unknown escape; use single quotes"),
    ("quoted scalar", "a quotation mark is opened here and not closed; add the closing one"),
    ("flow (sequence|mapping)", "a bracket is opened here and not closed; add the closing one"),
    ("alias", "`*` begins an alias; write the value out, in quotes if it begins with `*`"),
    ("another document", "a second document begins with `---`; one file is one document"),
    ("mapping values", "a colon too many, or indented too far; put text with a colon in quotes"),
    ("cannot start", "text cannot begin with this character; put it in quotes"),
    ("block (mapping|collection)", "does not fit: wrong indentation, or a colon is missing"),
    ("':'", "a colon and a space are missing after the key"),
)


Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a file says, and where.

    Attributes:
        file: as messages name it.
        data: the mapping at the top.
        keys: where the key (in a list: the item) at a location begins; line and column from 1.
        values: where the value at a location begins.
        refused: the locations whose values could not be read; each is a problem already.
    """

    file: str
    data: dict[str, Any]
    keys: Mapping[Location, tuple[int, int]]
    values: Mapping[Location, tuple[int, int]]
    refused: Collection[Location]

    def value_at(self, location: Location) -> Any:
        """The value at a location; None where there is none."""
        value: Any = self.data
        for part in location:
            if isinstance(value, dict):
                value = value.get(str(part))
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def shown(path: Path) -> str:
    """A path as messages name it: relative to the current folder where it lies below."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def read_document(path: Path) -> tuple[Document | None, list[Problem]]:
    """Read a YAML file.

    Returns:
        The document, None where nothing can be said about its values; and every problem.
    """
    file = shown(path)

    def problem(message: str, line: int = 1, column: int = 1) -> Problem:
        return Problem(file, line, column, "", message)

    text, wrong = _read_text(path)
    if wrong:
        return None, [problem(*wrong)]
    try:
        reader = _read_events(text, file)
    except _Unreadable as error:
        return None, [problem(*error.wrong)]
    if reader.root is None:
        return None, [problem("is empty; a copy of a file that works is a good beginning")]
    if not isinstance(reader.root, dict):
        return None, [problem("must be `key: value` lines", *reader.values[()])]
    # Whoever gets a document may do with its data what they like.
    data = _copied(reader.root)
    document = Document(file, data, reader.keys, reader.values, reader.refused)
    return document, list(reader.problems)


def _copied(value: Any) -> Any:
    # Ten times as fast as `copy.deepcopy`, which looks for what is not in plain data.
    if isinstance(value, dict):
        return {key: _copied(below) for key, below in value.items()}
    return [_copied(below) for below in value] if isinstance(value, list) else value


class _Unreadable(Exception):
    """The text is not YAML: a sentence, line and column. Never leaves this module."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.wrong = (message, line, column)


def _read_text(path: Path) -> tuple[str, tuple[str, int, int] | None]:
    try:
        if not path.is_file():  # a pipe would block, a folder cannot be read
            there = path.exists() or path.is_symlink()
            return "", ("is not a regular file" if there else "is missing", 1, 1)
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return "", (f"cannot be read ({error.strerror})", 1, 1)
    if len(raw) > MAX_BYTES:
        return "", (f"is larger than {MAX_BYTES // 1024} KiB; such a file is made of a few lines",
                    1, 1)  # fmt: skip
    try:
        return raw.decode("utf-8"), None
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        return "", ("is not UTF-8 from here on; save the file as UTF-8", line, column)


# A run reads its own few files before each change, and nearly always they say what they said.
@functools.lru_cache(maxsize=4)
def _read_events(text: str, file: str) -> "_Reader":
    # Events, not nodes: PyYAML's C code makes nodes by recursion and crashes on deep nesting.
    try:
        return _Reader(file).feed(yaml.parse(text, Loader=_FAST))
    except (yaml.YAMLError, ValueError):
        pass
    return _read_again(text, file)


def _read_again(text: str, file: str) -> "_Reader":
    # Late: only a wrong file needs it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    reader = _Reader(file)
    try:
        return reader.feed(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        wrong = _explain(error, reader)
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        wrong = ("a character that YAML does not allow stands here; remove it", line, column)
    except (YAMLError, ValueError):
        wrong = (_sentence(""), 1, 1)
    # Outside the handlers: the parser's error, which quotes the file, must not travel along.
    raise _Unreadable(*wrong)


def _explain(error: Any, reader: "_Reader") -> tuple[str, int, int]:
    words = f"{error.context or ''} {error.problem or ''}"
    opened = re.search("^(?!.*escape).*(quoted scalar|flow (sequence|mapping)|simple key)", words)
    mark = (error.context_mark if opened else None) or error.problem_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if not opened and reader.quoted_lines:
        # An apostrophe further down has closed the quotation, so the error shows only there.
        return _sentence("quoted scalar"), *reader.quoted_lines
    return _sentence(words), line, column


def _sentence(words: str) -> str:
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, words):
            return sentence
    return "cannot be read as YAML from here on; compare with a file that works"


def _position(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _kind(event: Any) -> str:
    # The events of PyYAML and ruamel.yaml have the same shape and no ancestor in common.
    return type(event).__name__.removesuffix("Event")


def _resolve(event: Any) -> str | int | bool | None:
    text = str(event.value)
    if event.style not in _PLAIN:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


@dataclass
class _Reader:
    """Turns a parser's events into plain data, and notes positions and problems on the way.

    Attributes:
        root: the value at the top; None for an empty text.
        quoted_lines: where the latest text in quotes begins, if it goes over several lines.
    """

    file: str
    root: Any = None
    keys: dict[Location, tuple[int, int]] = field(default_factory=dict)
    values: dict[Location, tuple[int, int]] = field(default_factory=dict)
    refused: set[Location] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    quoted_lines: tuple[int, int] | None = None

    def feed(self, events: Iterable[Any]) -> "_Reader":
        rest = iter(events)
        has_document = False
        for event in rest:
            if _kind(event) != "DocumentStart":
                continue
            if has_document:
                raise _Unreadable(_sentence("another document"), *_position(event))
            has_document = True
            self.root = self._value(next(rest), rest, ())
        return self

    def _value(self, event: Any, rest: Iterator[Any], location: Location) -> Any:
        self.values[location] = _position(event)
        if len(location) > _MAX_DEPTH:
            raise _Unreadable("is nested too deeply", *_position(event))
        kind = _kind(event)
        if kind == "Alias":
            return self._refuse(event, location, _sentence("alias"))
        value: Any
        if kind == "MappingStart":
            value = self._mapping(rest, location)
        elif kind == "SequenceStart":
            value = self._sequence(rest, location)
        else:
            value = _resolve(event)
            self._remember_quotes(event)
        if event.tag is not None:
            return self._refuse(event, location, "has a tag (`!`); write the plain value")
        return value

    def _mapping(self, rest: Iterator[Any], location: Location) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in rest:
            if _kind(event) == "MappingEnd":
                break
            if _kind(event) != "Scalar":
                raise _Unreadable("a key must be a word", *_position(event))
            below = (*location, str(event.value))
            is_new = below not in self.keys
            if is_new:
                self.keys[below] = _position(event)
            value = self._value(next(rest), rest, below)
            if is_new:
                found[str(event.value)] = value
            else:
                line, _ = self.keys[below]
                self._refuse(event, below, f"stands twice (first in line {line}); keep one")
        return found

    def _sequence(self, rest: Iterator[Any], location: Location) -> list[Any]:
        found: list[Any] = []
        for event in rest:
            if _kind(event) == "SequenceEnd":
                break
            below = (*location, len(found))
            self.keys[below] = _position(event)
            found.append(self._value(event, rest, below))
        return found

    def _remember_quotes(self, event: Any) -> None:
        goes_on = event.style in _QUOTES and event.end_mark.line > event.start_mark.line
        self.quoted_lines = _position(event) if goes_on else None

    def _refuse(self, event: Any, location: Location, message: str) -> None:
        self.refused.add(location)
        field = ".".join(map(str, location))
        self.problems.append(Problem(self.file, *_position(event), field, message))
