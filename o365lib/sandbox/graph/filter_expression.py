"""OData's `$filter`, as far as the directory has it: parsed into a predicate on an object.

Grammar: `or`, `and`, `not`, parentheses; `eq ne gt ge lt le in`; `startswith`, `endswith`,
`contains`; `any` with a variable; paths with `/`; `$count` of a collection.
https://learn.microsoft.com/graph/filter-query-parameter
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Predicate = Callable[[dict[str, Any]], bool]
    Path = tuple[str, ...]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)(?![\w-])"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<number>-?\d+(?:\.\d+)?)(?![\w-])"
    r"|(?P<name>@?[A-Za-z_$][\w.$-]*)"
    r"|(?P<mark>[()/,:]))"
)
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FUNCTIONS = frozenset({"startswith", "endswith", "contains"})
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_MAX_DEPTH = 20


class FilterSyntaxError(Exception):
    """The text is no filter."""


@dataclass
class Filter:
    """A parsed filter.

    Attributes:
        matches: the predicate.
        properties: first path segments that it reads, in the order of their use.
        operators: operators and functions that it uses, in lower case.
        counted: properties whose `$count` it reads.
    """

    matches: Predicate
    properties: list[str] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    by_property: list[tuple[str, str]] = field(default_factory=list)


def parse_filter(text: str) -> Filter:
    """Parse a `$filter`.

    Raises:
        FilterSyntaxError: the text is no filter; the message says where.
    """
    return _Parser(text).parse()


class _Parser:
    """A recursive-descent parser over a list of tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize(text)
        self._at = 0
        self._depth = 0
        self._variables: list[str] = []
        self._result = Filter(matches=bool)

    def _tokenize(self, text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise FilterSyntaxError(f"Syntax error at position {position} in '{text}'.")
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, mark: str) -> None:
        if self._next() != ("mark", mark):
            raise FilterSyntaxError(f"'{mark}' expected in '{self._text}'.")

    def _is_word(self, *words: str) -> bool:
        kind, value = self._peek()
        return kind == "name" and value.lower() in words

    def parse(self) -> Filter:
        self._result.matches = self._or()
        if self._peek()[0] != "end":
            raise FilterSyntaxError(f"Syntax error near '{self._peek()[1]}' in '{self._text}'.")
        return self._result

    def _or(self) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise FilterSyntaxError("The filter is nested too deeply.")
        parts = [self._and()]
        while self._is_word("or"):
            self._next()
            self._result.operators.add("or")
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _and(self) -> Predicate:
        parts = [self._not()]
        while self._is_word("and"):
            self._next()
            self._result.operators.add("and")
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _not(self) -> Predicate:
        if self._is_word("not"):
            self._next()
            self._result.operators.add("not")
            inner = self._not()
            return lambda item: not inner(item)
        if self._peek() == ("mark", "("):
            self._next()
            inner = self._or()
            self._expect(")")
            return inner
        return self._term()

    def _term(self) -> Predicate:
        kind, value = self._peek()
        if kind == "name" and value.lower() in _FUNCTIONS:
            return self._function()
        path = self._path()
        if self._peek() == ("mark", "("):
            return self._any(path)
        word = self._next()[1].lower()
        if word == "in":
            values = self._values()
            self._use(path, "in")
            return lambda item: any(_compare("eq", _read(item, path), one) for one in values)
        if word not in _COMPARISONS:
            raise FilterSyntaxError(f"An operator is expected after '{'/'.join(path)}'.")
        wanted = self._literal()
        self._use(path, "ne" if word == "ne" else word)
        return lambda item: _compare(word, _read(item, path), wanted)

    def _function(self) -> Predicate:
        name = self._next()[1].lower()
        self._expect("(")
        path = self._path()
        self._expect(",")
        wanted = self._literal()
        self._expect(")")
        if not isinstance(wanted, str):
            raise FilterSyntaxError(f"{name} needs a text.")
        self._use(path, name)
        return lambda item: _search(name, _read(item, path), wanted)

    def _any(self, path: Path) -> Predicate:
        *collection, quantifier = path
        if quantifier.lower() != "any" or not collection:
            raise FilterSyntaxError(f"'{'/'.join(path)}' is no function of the directory.")
        self._expect("(")
        kind, variable = self._next()
        if kind != "name":
            raise FilterSyntaxError("any needs a variable.")
        self._expect(":")
        self._use(tuple(collection), "any")
        self._variables.append(variable)
        inner = self._or()
        self._variables.pop()
        self._expect(")")
        where = tuple(collection)

        def matches(item: dict[str, Any]) -> bool:
            found = _read(item, where)
            members = found if isinstance(found, list) else []
            return any(inner({**item, variable: member}) for member in members)

        return matches

    def _path(self) -> Path:
        parts = []
        while True:
            kind, value = self._next()
            if kind != "name":
                raise FilterSyntaxError(f"A property is expected near '{value}'.")
            parts.append(value)
            if self._peek() != ("mark", "/"):
                return tuple(parts)
            self._next()

    def _values(self) -> list[Any]:
        self._expect("(")
        values = [self._literal()]
        while self._peek() == ("mark", ","):
            self._next()
            values.append(self._literal())
        self._expect(")")
        return values

    def _literal(self) -> Any:
        kind, value = self._next()
        if kind == "string":
            return value[1:-1].replace("''", "'")
        if kind in {"date", "guid"}:
            return value
        if kind == "number":
            return float(value) if "." in value else int(value)
        if kind == "name" and value.lower() in _CONSTANTS:
            return _CONSTANTS[value.lower()]
        raise FilterSyntaxError(f"A value is expected near '{value}' in '{self._text}'.")

    def _use(self, path: Path, operator: str) -> None:
        self._result.operators.add(operator)
        if path[0] in self._variables:
            return
        self._result.properties.append(path[0])
        self._result.by_property.append((path[0], operator))
        if path[-1] == "$count":
            self._result.counted.add(path[0])


def _read(item: dict[str, Any], path: Path) -> Any:
    value: Any = item
    for name in path:
        if name == "$count":
            return len(value) if isinstance(value, list) else 0
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _compare(operator: str, value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        value, wanted = value.casefold(), wanted.casefold()
    if operator == "eq":
        return bool(value == wanted)
    if operator == "ne":
        return bool(value != wanted)
    if value is None or wanted is None or isinstance(value, str) != isinstance(wanted, str):
        return False
    if operator in {"gt", "ge"}:
        return bool(value > wanted or (operator == "ge" and value == wanted))
    return bool(value < wanted or (operator == "le" and value == wanted))


def _search(function: str, value: Any, wanted: str) -> bool:
    if not isinstance(value, str):
        return False
    text, part = value.casefold(), wanted.casefold()
    if function == "startswith":
        return text.startswith(part)
    return text.endswith(part) if function == "endswith" else part in text
