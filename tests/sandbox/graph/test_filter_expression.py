import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.sandbox.graph.filter_expression import FilterSyntaxError, parse_filter

ITEM = {
    "name": "Ann O'Neil",
    "age": 42,
    "height": 1.7,
    "enabled": True,
    "nothing": None,
    "since": "2026-08-20T10:11:12Z",
    "id": "62e90394-69f5-4237-9190-012177145e10",
    "tags": ["red", "blue"],
    "plans": [{"id": "a", "units": 5}, {"id": "b", "units": 0}],
    "made": {"by": {"name": "Bob"}},
}


@pytest.mark.parametrize(
    "text",
    [
        "name eq 'ann o''neil'",
        "name ne 'x'",
        "age eq 42",
        "age gt 41 and age lt 43",
        "age ge 42 and age le 42",
        "height eq 1.7",
        "enabled eq true",
        "enabled ne false",
        "nothing eq null",
        "missing eq null",
        "since ge 2026-08-20T00:00:00Z",
        "since lt 2026-08-21",
        "id eq 62e90394-69f5-4237-9190-012177145e10",
        "id eq '62E90394-69F5-4237-9190-012177145E10'",
        "name in ('x','ann o''neil')",
        "startswith(name,'ANN')",
        "endswith(name,'neil')",
        "contains(name,'o''n')",
        "not startswith(name,'bob')",
        "age eq 1 or age eq 42",
        "age eq 42 or age eq 42 and age eq 1",
        "(age eq 42 or age eq 1) and enabled eq true",
        "not (age eq 1)",
        "NOT (age eq 1) AND enabled EQ true",
        "tags/any(t: t eq 'red')",
        "tags/any(t:startswith(t,'bl'))",
        "plans/any(p: p/id eq 'a' and p/units gt 3)",
        "plans/$count eq 2",
        "missing/$count eq 0",
        "made/by/name eq 'bob'",
        "   age   eq   42  ",
    ],
)
def test_what_is_so_is_found(text):
    assert parse_filter(text).matches(ITEM)


@pytest.mark.parametrize(
    "text",
    [
        "name eq 'Ann'",
        "age gt 42",
        "nothing gt 1",
        "nothing ne null",
        "age gt 'a'",
        "(age eq 42 or age eq 42) and age eq 1",
        "tags/any(t: t eq 'green')",
        "plans/any(p: p/id eq 'b' and p/units gt 3)",
        "name/any(t: t eq 'red')",
        "startswith(age,'4')",
        "made/by/age eq 1",
        "name in ('x')",
        "enabled eq 'true'",
    ],
)
def test_what_is_not_so_is_not_found(text):
    assert not parse_filter(text).matches(ITEM)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name eq",
        "eq 'x'",
        "name eq 'x",
        "name is 'x'",
        "name eq 'x' and",
        "(name eq 'x'",
        "name eq 'x')",
        "name eq x",
        "startswith(name)",
        "startswith(name,1)",
        "frobnicate(name,'x')",
        "tags/all(t: t eq 'x')",
        "tags/any(t eq 'x')",
        "tags/any('t': t eq 'x')",
        "any(t: t eq 'x')",
        "name in ()",
        "name/ eq 'x'",
        "name eq 'x' name eq 'y'",
        "é eq 1",
        "(" * 30 + "age eq 1" + ")" * 30,
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(FilterSyntaxError):
        parse_filter(text)


def test_it_tells_what_it_reads_and_how():
    parsed = parse_filter("not startswith(name,'x') or plans/any(p: p/id ne 'y') and a/$count eq 0")
    assert parsed.properties == ["name", "plans", "a"]
    assert {"not", "startswith", "or", "any", "ne", "and", "eq"} == parsed.operators
    assert parsed.counted == {"a"}


@given(st.text(max_size=60))
def test_no_text_breaks_it(text):
    with contextlib.suppress(FilterSyntaxError):
        parse_filter(text).matches(ITEM)


@given(st.text(max_size=30))
def test_every_text_can_be_asked_for(value):
    quoted = value.replace("'", "''")
    assert parse_filter(f"name eq '{quoted}'").matches({"name": value})
