"""OData's query options over lists and single objects: what is selected, filtered and paged.

https://learn.microsoft.com/graph/query-parameters
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from o365lib.sandbox.graph.call import GraphCall, GraphReply
from o365lib.sandbox.graph.errors import (
    GraphError,
    bad_request,
    malformed,
    not_in_sandbox,
    unsupported_query,
)
from o365lib.sandbox.graph.filter_expression import Filter, FilterSyntaxError, parse_filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from o365lib.sandbox.graph.entities import EntityType

_KNOWN_OPTIONS = frozenset(
    {"$select", "$filter", "$top", "$count", "$orderby", "$skiptoken", "$expand", "$format"}
)
_ELSEWHERE = frozenset({"$search", "$skip", "$apply", "$compute", "$deltatoken"})
_ADVANCED_OPERATORS = frozenset({"ne", "not", "endswith"})


def entity_reply(
    call: GraphCall,
    item: dict[str, Any],
    entity: EntityType,
    context: str,
    *,
    status: int = 200,
    **headers: str,
) -> GraphReply:
    """Return one object.

    Args:
        call: the request; its `$select` is honoured.
        item: the object.
        entity: its type.
        context: what follows `$metadata#` in `@odata.context`, without the selection.
        status: 200 or 201.
        headers: further headers, `_` for `-`.

    Raises:
        GraphError: a query option is unknown or wrong.
    """
    check_options(call, entity)
    selected = _selected(call, entity)
    shape = f"({','.join(selected)})" if "$select" in call.query else ""
    body = {"@odata.context": f"{call.context}{context}{shape}/$entity"}
    body |= _projected(item, entity, selected)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return GraphReply(status=status, body=body, headers=names)


def list_reply(
    call: GraphCall,
    items: Iterable[dict[str, Any]],
    entity: EntityType,
    context: str,
    *,
    paged: bool = True,
) -> GraphReply:
    """Return a list, filtered, ordered and paged as the request asks.

    Raises:
        GraphError: a query option is unknown, wrong or not supported.
    """
    check_options(call, entity)
    selected = _selected(call, entity)
    found = [entity.complete(item) for item in items]
    if "$filter" in call.query:
        matches = _checked_filter(call, entity).matches
        found = [item for item in found if matches(item)]
    found = _ordered(call, entity, found)
    offset = _offset(call)
    size = _page_size(call, entity) if paged else max(len(found), 1)
    shape = f"({','.join(selected)})" if "$select" in call.query else ""
    body: dict[str, Any] = {"@odata.context": f"{call.context}{context}{shape}"}
    wants_count = call.query.get("$count", "").lower() == "true"
    if wants_count and offset == 0 and (call.is_advanced or not entity.is_directory_object):
        body["@odata.count"] = len(found)
    if offset + size < len(found):
        body["@odata.nextLink"] = _next_link(call, offset + size)
    page = found[offset : offset + size]
    body["value"] = [_projected(item, entity, selected) for item in page]
    return GraphReply(body=body)


def check_options(call: GraphCall, entity: EntityType) -> None:
    """Refuse query options that Graph or the sandbox does not know.

    Raises:
        GraphError: 400 unknown, 501 not in the sandbox, as expansions that the type does not have.
    """
    expand = call.query.get("$expand", "")
    if expand and expand not in entity.expandable:
        raise not_in_sandbox(f"the expansion {expand} of {entity.name}")
    for option in call.query:
        if option in _ELSEWHERE:
            raise not_in_sandbox(f"the query option {option}")
        if option.startswith("$") and option not in _KNOWN_OPTIONS:
            raise malformed(f"The query parameter '{option}' is not supported.")


def _selected(call: GraphCall, entity: EntityType) -> tuple[str, ...]:
    text = call.query.get("$select")
    if text is None:
        return entity.shown if entity.shown is not None else tuple(entity.defaults)
    names = [name.strip() for name in text.split(",") if name.strip()]
    by_case = {name.casefold(): name for name in entity.defaults}
    selected = []
    for name in names:
        if name in entity.elsewhere:
            raise not_in_sandbox(f"the property {name} of {entity.name}")
        if name.casefold() not in by_case:
            raise malformed(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.{entity.name}'."
            )
        selected.append(by_case[name.casefold()])
    return tuple(dict.fromkeys(selected)) or tuple(entity.shown or entity.defaults)


def _projected(
    item: dict[str, Any], entity: EntityType, selected: tuple[str, ...]
) -> dict[str, Any]:
    kept = {name: item[name] for name in entity.annotations if name in item}
    return kept | {name: item.get(name, entity.defaults[name]) for name in selected}


def _checked_filter(call: GraphCall, entity: EntityType) -> Filter:
    try:
        parsed = parse_filter(call.query["$filter"])
    except FilterSyntaxError as error:
        raise malformed(f"Invalid filter clause: {error}") from error
    for name in parsed.properties:
        if name not in entity.defaults:
            if name in entity.elsewhere:
                raise not_in_sandbox(f"filters on the property {name} of {entity.name}")
            raise malformed(
                f"Invalid filter clause: Could not find a property named '{name}' on type "
                f"'microsoft.graph.{entity.name}'."
            )
    if entity.is_directory_object:
        _check_capabilities(call, entity, parsed)
    return parsed


def _check_capabilities(call: GraphCall, entity: EntityType, parsed: Filter) -> None:
    for name, operator in parsed.by_property:
        if name in entity.unfilterable or operator == "contains":
            raise unsupported_query(
                f"Unsupported or invalid query filter clause specified for property '{name}' of "
                f"resource '{entity.name.capitalize()}'."
            )
    needs_advanced = (
        parsed.operators & _ADVANCED_OPERATORS
        or parsed.counted
        or entity.advanced_filters & set(parsed.properties)
        or "$orderby" in call.query
    )
    if needs_advanced and not call.is_advanced:
        raise unsupported_query(
            "Operator or sorting is only supported with the advanced query capabilities: header "
            "ConsistencyLevel set to eventual, and $count=true."
        )


def _ordered(
    call: GraphCall, entity: EntityType, items: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    text = call.query.get("$orderby")
    if not text:
        return items
    for clause in reversed(text.split(",")):
        name, _, direction = clause.strip().partition(" ")
        if name not in entity.orderable or direction.strip() not in {"", "asc", "desc"}:
            raise unsupported_query(f"Sorting by '{clause.strip()}' is not supported.")
        if name == "deletedDateTime" and not call.is_advanced:
            raise unsupported_query("Sorting by deletedDateTime needs an advanced query.")
        items = sorted(
            items,
            key=lambda item: str(item.get(name) or "").casefold(),
            reverse=direction.strip() == "desc",
        )
    return items


def _page_size(call: GraphCall, entity: EntityType) -> int:
    text = call.query.get("$top")
    if text is None:
        return entity.default_page
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise malformed(f"Invalid value '{text}' for the query parameter '$top'.")
    if int(text) > entity.max_page:
        raise bad_request(
            f"Invalid page size specified: '{text}'. Must be between 1 and "
            f"{entity.max_page} inclusive."
        )
    return int(text)


def _offset(call: GraphCall) -> int:
    token = call.query.get("$skiptoken")
    if token is None:
        return 0
    try:
        padded = token + "=" * (-len(token) % 4)
        offset, check = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, binascii.Error):
        offset, check = -1, ""
    if not isinstance(offset, int) or offset < 0 or check != call.tenant.id:
        raise GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your "
            "request.",
        )
    return offset


def page_token(call: GraphCall, offset: int) -> str:
    """Return the opaque token for the page that begins at an offset."""
    text = json.dumps([offset, call.tenant.id])
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode("ascii")


def _next_link(call: GraphCall, offset: int) -> str:
    query = {**call.query, "$skiptoken": page_token(call, offset)}
    return f"{call.base_url}/v1.0{call.path}?{urlencode(query, safe='$,')}"
