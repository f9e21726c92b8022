"""What pydantic found wrong in a file, as sentences with line and column.

- A sentence says what is wrong and what is allowed; the latter is the field's description.
- No sentence repeats a value of the file.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from o365lib.errors import Problem
from o365lib.parameters.yaml_text import Document, Location

_LOOKS_SECRET = re.compile("pass|pasw|secret|token|credential|private|api_?key|pwd", re.IGNORECASE)
_NO_SECRETS_HERE = (
    "A secret never stands in a file of parameters: say with `environment`, `file` or `keyring` "
    "where it is"
)
_KINDS = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "a mapping"}
_OUT_OF_RANGE = ("greater_than", "less_than", "too_short", "too_long")


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> list[Problem]:
    """Return a problem for each of pydantic's errors.

    Args:
        error: what validation of `document.data` raised.
        model: the model that was validated.
        document: the file.
    """
    findings = (
        _Finding(details, model, document)
        for details in error.errors(include_input=False, include_url=False)
    )
    return [each.problem() for each in findings if each.location not in document.refused]


class _Finding:
    """One error: its place in the model and in the file."""

    def __init__(self, details: ErrorDetails, model: type[BaseModel], document: Document) -> None:
        self.kind = details["type"]
        self.details = details
        self.document = document
        self.owner: type[BaseModel] | None = model
        self.location: Location = ()
        self.allowed = ""
        self._follow(details["loc"])

    def _follow(self, loc: Location) -> None:
        """Walk down the model: pydantic's path has the names of a union's branches in it too."""
        annotation: Any = None
        branches: dict[str, type[BaseModel]] = {}
        for index, part in enumerate(loc):
            last = index == len(loc) - 1
            if part == "[key]":
                continue
            if str(part) in branches:
                self.owner, branches = branches[str(part)], {}
                continue
            self.location = (*self.location, part)
            if last and self.kind == "extra_forbidden":
                return
            if self.owner is None or str(part) not in self.owner.model_fields:
                # An item of a list or mapping.
                self.owner, branches = _models_in(annotation)
                continue
            info = self.owner.model_fields[str(part)]
            annotation = info.annotation
            self.allowed = info.description or ""
            if _is_collection(annotation):
                self.owner = None
            else:
                self.owner, branches = _models_in(annotation)

    def problem(self) -> Problem:
        line, column = self._position()
        field = ".".join(str(part) for part in self.location)
        return Problem(self.document.file, line, column, field, self._sentence())

    def _position(self) -> tuple[int, int]:
        if self.kind in {"missing", "union_tag_not_found"}:
            enclosing = self.location[:-1] if self.kind == "missing" else self.location
            return self.document.keys.get(enclosing) or self.document.values.get((), (1, 1))
        if self.kind != "extra_forbidden" and self.location in self.document.values:
            return self.document.values[self.location]
        return self.document.keys.get(self.location, (1, 1))

    def _sentence(self) -> str:
        match self.kind:
            case "sentence":  # `fields.SENTENCE`
                sentence = str(self.details["ctx"]["sentence"])
            case "missing":
                sentence = self._then("is missing")
            case "extra_forbidden":
                sentence = self._unknown_key()
            case "union_tag_not_found" | "union_tag_invalid":
                sentence = self._wrong_method()
            case _:
                sentence = self._then(self._wrong_value())
        return sentence

    def _wrong_value(self) -> str:
        value = self.document.value_at(self.location)
        if value is None:
            return "is empty"
        if self.kind == "literal_error":
            return "is not allowed" + _did_you_mean(value, self._named("expected"))
        if self.kind in {"string_type", "path_type"}:
            return f"is {_KINDS[type(value)]} and not text; quotation marks make it text"
        if self.kind.endswith("_type"):
            return f"is {_KINDS[type(value)]}"
        if any(word in self.kind for word in _OUT_OF_RANGE):
            return "is out of range"
        return "is not allowed"

    def _then(self, wrong: str) -> str:
        return f"{wrong}; allowed: {self.allowed}" if self.allowed else wrong

    def _named(self, part: str) -> list[str]:
        """The allowed words that pydantic lists."""
        return re.findall("'([^']+)'", str(self.details.get("ctx", {}).get(part, "")))

    def _wrong_method(self) -> str:
        value = self.document.value_at(self.location)
        given = value.get("method") if isinstance(value, dict) else None
        if given is None:
            return self._then("has no `method`")
        known = self._named("expected_tags")
        return f"has an unknown `method`{_did_you_mean(given, known)}; one of: {', '.join(known)}"

    def _unknown_key(self) -> str:
        key = str(self.location[-1])
        known = list(self.owner.model_fields) if self.owner else []
        sentence = (
            f"is not a known key{_did_you_mean(key, known)}; the keys here are: {', '.join(known)}"
        )
        return f"{sentence}. {_NO_SECRETS_HERE}" if _LOOKS_SECRET.search(key) else sentence


def _did_you_mean(given: Any, known: Iterable[str]) -> str:
    near = get_close_matches(str(given), list(known), n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _is_collection(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, tuple | Mapping)


def _models_in(annotation: Any) -> tuple[type[BaseModel] | None, dict[str, type[BaseModel]]]:
    """The model that an annotation stands for, or a union's branches by their `method`."""
    models = list(_flatten(annotation))
    if len(models) == 1:
        return models[0], {}
    branches: dict[str, type[BaseModel]] = {}
    for model in models:
        tag = model.model_fields["method"].annotation
        if get_origin(tag) is Literal:
            branches[str(get_args(tag)[0])] = model
    return None, branches


def _flatten(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _flatten(part)
