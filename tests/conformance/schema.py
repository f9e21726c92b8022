"""Checks a JSON answer of Graph v1.0 against Microsoft's published schema.

The facts are in ``graph_v1_schema.json`` beside this file; its ``about`` says where they come from.

- Every property must be known to the type, of the right type, and null only where allowed.
- A collection is never null; its items are checked one by one.
- Enumeration values must be members; dates, GUIDs, integers and URLs must have their wire form.
- Control information (``@odata.…``, ``name@odata.…``) is allowed; ``@odata.type`` names a derived
  type and must really derive from the declared one; ``@odata.context`` must fit the answer's shape.

Properties may be missing: ``$select`` and the default property sets leave them out.
It shares nothing with o365lib, so that a misreading there is not repeated here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = json.loads(
    Path(__file__).with_name("graph_v1_schema.json").read_text(encoding="utf-8")
)
TYPES: dict[str, dict[str, Any]] = FACTS["types"]
ENUMERATIONS: dict[str, list[str]] = FACTS["enumerations"]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")
_COLLECTION = re.compile(r"Collection\((.+)\)")
_CONTEXT = re.compile(r"https://[^/]+/v1\.0/\$metadata#\S+")
# Entities whose id is a GUID by their reference pages; the schema itself says only Edm.String.
_GUID_IDS = {"directoryObject", "unifiedRoleDefinition", "internalDomainFederation"}


def ancestry(name: str) -> list[str]:
    """The type and its base types, nearest first."""
    names = []
    current: str | None = name
    while current is not None:
        names.append(current)
        current = TYPES[current].get("base")
    return names


def members(name: str) -> dict[str, str]:
    """All properties of a type with the inherited ones: name -> notation of the type."""
    found: dict[str, str] = {}
    for ancestor in ancestry(name):
        found.update(TYPES[ancestor]["properties"])
    return found


def navigation(name: str) -> dict[str, str]:
    """All navigation properties of a type with the inherited ones."""
    found: dict[str, str] = {}
    for ancestor in ancestry(name):
        found.update(TYPES[ancestor].get("navigation", {}))
    return found


def entity_problems(answer: Any, declared: str) -> list[str]:
    """What is wrong with an answer that is one entity; empty when it conforms."""
    if not isinstance(answer, dict):
        return [f"not an object but {type(answer).__name__}"]
    problems = _context_problems(answer)
    if not str(answer.get("@odata.context")).endswith("/$entity"):
        problems.append(f"@odata.context of one entity: {answer.get('@odata.context')!r}")
    return problems + object_problems(answer, declared, declared)


def list_problems(answer: Any, declared: str) -> list[str]:
    """What is wrong with an answer that is a list of entities; empty when it conforms."""
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        return ["no list under 'value'"]
    problems = _context_problems(answer)
    if str(answer.get("@odata.context")).endswith("/$entity"):
        problems.append("@odata.context of a list ends like that of one entity")
    for key in answer.keys() - {"@odata.context", "value", "@odata.count", "@odata.nextLink"}:
        problems.append(f"unknown key beside the list: {key}")
    count = answer.get("@odata.count", 0)
    if not isinstance(count, int) or isinstance(count, bool):
        problems.append(f"@odata.count is {count!r}")
    if not str(answer.get("@odata.nextLink", "https://")).startswith("https://"):
        problems.append(f"@odata.nextLink is {answer['@odata.nextLink']!r}")
    for index, item in enumerate(answer["value"]):
        problems += object_problems(item, declared, f"{declared}[{index}]")
    return problems


def object_problems(value: Any, declared: str, path: str) -> list[str]:
    """What is wrong with one object of a declared entity or complex type."""
    if not isinstance(value, dict):
        return [f"{path}: not an object but {value!r}"]
    name, problems = _actual_type(value, declared, path)
    properties, links = members(name), navigation(name)
    for key, item in value.items():
        if "@odata." in key:
            continue
        if key in properties:
            problems += value_problems(item, properties[key], f"{path}/{key}")
        elif key in links:
            problems += value_problems(item, links[key], f"{path}/{key}")
        else:
            problems.append(f"{path}: {name} has no property {key!r}")
    if isinstance(value.get("id"), str) and _GUID_IDS & set(ancestry(name)):
        problems += value_problems(value["id"], "Edm.Guid", f"{path}/id")
    return problems


def value_problems(value: Any, notation: str, path: str) -> list[str]:
    """What is wrong with one value, by the schema's notation of its type."""
    notation, _, nullability = notation.partition(" ")
    collection = _COLLECTION.fullmatch(notation)
    if collection:
        if not isinstance(value, list):
            return [f"{path}: not a list but {value!r}"]
        item_type = f"{collection[1]} not null"
        return [
            problem
            for index, item in enumerate(value)
            for problem in value_problems(item, item_type, f"{path}[{index}]")
        ]
    if value is None:
        return [f"{path}: null is not allowed"] if nullability else []
    if notation in TYPES:
        return object_problems(value, notation, path)
    if notation in ENUMERATIONS:
        conforms = value in ENUMERATIONS[notation]
    else:
        conforms = notation in _PRIMITIVES and _PRIMITIVES[notation](value)
    return [] if conforms else [f"{path}: {value!r} is no {notation}"]


def _actual_type(value: dict[str, Any], declared: str, path: str) -> tuple[str, list[str]]:
    stated = value.get("@odata.type")
    if stated is None:
        if TYPES[declared].get("abstract") or declared == "directoryObject":
            return declared, [f"{path}: @odata.type is needed where {declared} is declared"]
        return declared, []
    name = str(stated).removeprefix("#microsoft.graph.")
    if not str(stated).startswith("#microsoft.graph.") or name not in TYPES:
        return declared, [f"{path}: @odata.type {stated!r} is not in the excerpt"]
    if declared not in ancestry(name):
        return name, [f"{path}: {name} does not derive from {declared}"]
    return name, []


def _context_problems(answer: dict[str, Any]) -> list[str]:
    context = answer.get("@odata.context")
    if isinstance(context, str) and _CONTEXT.fullmatch(context):
        return []
    return [f"@odata.context is {context!r}"]


def _is_date_time(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


def _is_base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return False
    return True


_PRIMITIVES = {
    "Edm.String": lambda value: isinstance(value, str),
    "Edm.Boolean": lambda value: isinstance(value, bool),
    "Edm.Int32": lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    ),
    "Edm.Guid": lambda value: isinstance(value, str) and bool(_GUID.fullmatch(value)),
    "Edm.DateTimeOffset": _is_date_time,
    "Edm.Binary": _is_base64,
}
