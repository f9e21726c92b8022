"""YAML as plain data in which every value knows its line and column.

- YAML 1.2: `no` is text, `010` is ten.
- Unknown to this module: what the values mean. Wrong for it: what cannot be read in one way only,
  that is syntax errors, duplicate keys, aliases, tags, and what is too large or too deep.
- No message repeats text of the file.
- A right file is read by PyYAML's C parser, about 25 times as fast as ruamel.yaml; a file that it
  stumbles over is read again by ruamel.yaml, whose word is final.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # papermill brings it, without types

from o365lib.errors import Problem

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 20
# Tags that a parser gives to plain values by itself.
_OWN_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
}
_PLAIN = {None, ""}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
# The core schema: https://yaml.org/spec/1.2.2/#103-core-schema
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# The parser's words, and ours. The first that matches counts.
_SENTENCES = (
    (r"'\\t'", "a tab stands here; YAML wants spaces"),
    ("quoted scalar", "a quotation mark is opened here and not closed; add the closing one"),
    ("flow (sequence|mapping)", "a bracket is opened here and not closed; add the closing one"),
    ("escape character", "a \\ in double quotes begins an unknown escape; use single quotes"),
    ("alias", "`*` begins an alias; write the value out, in quotes if it begins with `*`"),
    ("another document", "a second document begins with `---`; one file is one document"),
    ("mapping values", "a colon too many, or indented too far; put text with a colon in quotes"),
    ("cannot start", "text cannot begin with this character; put it in quotes"),
    ("block (mapping|collection)", "does not fit: wrong indentation, or a colon is missing"),
    ("':'", "a colon and a space are missing after the key"),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML without YAML 1.1's ideas of what plain text means; those are in `_resolve`."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML reads it from the class


Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a file says, and where.

    Attributes:
        file: as messages name it.
        data: the mapping at the top.
        keys: where the key (in a list: the item) at a location begins; line and column from 1.
        values: where the value at a location begins.
    """

    file: str
    data: dict[str, Any]
    keys: Mapping[Location, tuple[int, int]]
    values: Mapping[Location, tuple[int, int]]

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
        root = _compose(text)
    except _Unreadable as error:
        return None, [problem(*error.wrong)]
    if root is None:
        return None, [problem("is empty; a copy of a file that works is a good beginning")]
    if not _is(root, "mapping"):
        return None, [problem("must be `key: value` lines", *_position(root))]
    reader = _Reader(file)
    data = reader.read(root, ())
    return Document(file, data, reader.keys, reader.values), reader.problems


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
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        return "", ("is not UTF-8 from here on; save the file as UTF-8", line, column)


def _compose(text: str) -> Any:
    """The tree of nodes; None for an empty text."""
    try:
        return yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return _compose_slowly(text)


def _compose_slowly(text: str) -> Any:
    # Late: only a wrong file needs it.
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    try:
        return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        words = f"{error.context or ''} {error.problem or ''}"
        opened = re.search("quoted scalar|flow (sequence|mapping)", words)
        mark = (error.context_mark if opened else None) or error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        lines = text.splitlines()
        if line <= len(lines) and "\t" in _indentation(lines[line - 1]):
            words = r"'\t'"
        wrong = (_sentence(words), line, column)
    except ReaderError as error:
        before = text[: error.position]
        wrong = (
            "a character that YAML does not allow stands here; remove it",
            before.count("\n") + 1,
            len(before) - before.rfind("\n"),
        )
    except RecursionError:
        wrong = (_TOO_DEEP, 1, 1)
    except (YAMLError, ValueError):
        wrong = (_sentence(""), 1, 1)
    # Outside the handlers: the parser's error, which quotes the file, must not travel along.
    raise _Unreadable(*wrong)


_TOO_DEEP = "is nested too deeply"


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _sentence(words: str) -> str:
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, words):
            return sentence
    return "cannot be read as YAML from here on; compare with a file that works"


def _is(node: Any, kind: str) -> bool:
    # Nodes of PyYAML and ruamel.yaml have the same shape and no ancestor in common.
    return bool(node.id == kind)


def _position(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _resolve(node: Any) -> Any:
    text = str(node.value)
    if node.style not in _PLAIN:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


@dataclass
class _Reader:
    """Turns nodes into plain data, and notes positions and problems on the way."""

    file: str
    keys: dict[Location, tuple[int, int]] = field(default_factory=dict)
    values: dict[Location, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def read(self, node: Any, location: Location) -> Any:
        self.values[location] = _position(node)
        if id(node) in self._seen:
            return self._refuse(node, location, "stands for a value elsewhere in the file (an "
                                "alias); write the value out")  # fmt: skip
        self._seen.add(id(node))
        if len(location) > _MAX_DEPTH:
            return self._refuse(node, location, _TOO_DEEP)
        if str(node.tag) not in _OWN_TAGS:
            return self._refuse(node, location, "has a tag (`!`); write the plain value")
        if _is(node, "mapping"):
            return self._mapping(node, location)
        if _is(node, "sequence"):
            return self._sequence(node, location)
        return _resolve(node)

    def _mapping(self, node: Any, location: Location) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not _is(key_node, "scalar"):
                self._refuse(key_node, location, "a key must be a word")
                continue
            key = str(key_node.value)
            below = (*location, key)
            if key in found:
                line, _ = self.keys[below]
                self._refuse(key_node, below, f"stands twice (first in line {line}); keep one")
                continue
            self.keys[below] = _position(key_node)
            found[key] = self.read(value_node, below)
        return found

    def _sequence(self, node: Any, location: Location) -> list[Any]:
        for index, item in enumerate(node.value):
            self.keys[*location, index] = _position(item)
        return [self.read(item, (*location, index)) for index, item in enumerate(node.value)]

    def _refuse(self, node: Any, location: Location, message: str) -> None:
        self.problems.append(
            Problem(self.file, *_position(node), ".".join(map(str, location)), message)
        )
