import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.plain_text import one_line
from o365lib.reports.html import LONGEST_TEXT, render
from o365lib.reports.parts import (
    Bars,
    Facts,
    Figures,
    Group,
    Items,
    Page,
    Section,
    Sentence,
    Stacks,
    Table,
    Words,
)
from tests.reports.examples import HOSTILE, Seen

ATTACKS = [
    HOSTILE,
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</style></title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]>",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066",
    "\x00\x1b[31m\x07",
    "a" * 10_000,
    "عربي" * 3,
    "@/" * 50,
]


def page_of(text: str) -> Page:
    """A page with the text in every place that takes one."""
    words = [Words(text), Words(text, "code"), Words(text, "bad"), Words(text, address="a.html")]
    parts = [
        Sentence(text),
        Items([text, *words]),
        Facts([(text, text), (text, words[1])]),
        Table((text, text), [(text, each) for each in words], caption=text),
        Bars(text, [(text, 3), (text, 0)], unit=text),
        Stacks(text, text, [Words(text, "good"), Words(text)], [(text, [1, 2])]),
        Figures([(text, words[0])]),
        Group(text, [Sentence(text)], verdict=words[2]),
    ]
    return Page(
        title=text,
        over_title=text,
        verdicts=words,
        lead=[text],
        sections=[Section(text, parts), Section(text, parts, is_folded=True)],
        ways=words,
        made=[text],
    )


def bones(html: str) -> list:
    """The page without its texts: what tags there are, and with which attributes."""
    return [
        (tag, sorted(name for name in values), values.get("href"), values.get("style"))
        for tag, values in Seen(html).tags
        if tag != "wbr"
    ]


HARMLESS = bones(render(page_of("harmless")))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_text_from_elsewhere_adds_no_tag_and_no_attribute(attack):
    assert bones(render(page_of(attack))) == HARMLESS


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<>&\"'/@{}% \n\x00")), min_size=1)
)
def test_whatever_the_text_the_page_has_the_same_bones_and_shows_the_text(text):
    html = render(page_of(text))
    seen = Seen(html)
    assert bones(html) == HARMLESS
    shown = one_line(text)
    assert " ".join(seen.titles[0][1].split()) == " ".join(shown.split())
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)


def test_attributes_show_the_text_too():
    labels = [
        values["aria-label"]
        for tag, values in Seen(render(page_of(HOSTILE))).tags
        if "aria-label" in values
    ]
    assert f"{HOSTILE}: 3" in labels
    assert HOSTILE in labels


def test_a_text_without_end_is_cut():
    html = render(Page(title="t", lead=["x" * (LONGEST_TEXT + 5)]))
    assert "x" * (LONGEST_TEXT - 1) + "…" in html
    assert "x" * LONGEST_TEXT not in html


def test_a_page_loads_nothing_runs_nothing_and_forbids_both():
    html = render(page_of("text"))
    tags = Seen(html).tags
    (policy,) = [values["content"] for _, values in tags if values.get("http-equiv")]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert {tag for tag, _ in tags}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "form", "base", "audio", "video"}
    )
    assert not [name for _, values in tags for name in values if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", html)


def test_headings_and_tables_are_such_as_can_be_read_aloud():
    seen = Seen(render(page_of("text")))
    assert seen.tags[0] == ("html", {"lang": "en"})
    levels = [level for level, _ in seen.titles]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    heads = [values for tag, values in seen.tags if tag == "th"]
    assert heads
    assert {values.get("scope") for values in heads} == {"col", "row"}
    pictures = [values for tag, values in seen.tags if tag == "svg"]
    assert pictures
    assert all(values["role"] == "img" and values["aria-label"] for values in pictures)
    labelled = {values["aria-labelledby"] for tag, values in seen.tags if tag == "section"}
    assert labelled == {values["id"] for tag, values in seen.tags if tag == "h2"}


def test_bars_are_as_long_as_their_counts():
    html = render(Page(title="t", sections=[Section("s", [Bars("c", [("a", 4), ("b", 1)])])]))
    widths = [values["width"] for tag, values in Seen(html).tags if tag == "rect"]
    assert widths == ["100.0", "25.0"]


def test_stacks_lie_side_by_side_and_leave_out_what_there_is_none_of():
    kinds = [Words("a", "good"), Words("b"), Words("c", "bad")]
    stacks = Stacks("c", "Month", kinds, [("1", [1, 0, 1]), ("2", [2, 1, 1])])
    html = render(Page(title="t", sections=[Section("s", [stacks])]))
    found = [
        (values["class"], values["x"], values["width"])
        for tag, values in Seen(html).tags
        if tag == "rect"
    ]
    assert found[:2] == [("good", "0.0", "25.0"), ("bad", "25.0", "25.0")]
    assert found[2:] == [
        ("good", "0.0", "50.0"),
        ("plain", "50.0", "25.0"),
        ("bad", "75.0", "25.0"),
    ]


def test_a_sign_stays_with_its_word_and_names_break_where_people_would_break_them():
    html = render(Page(title="t", lead=["✓ done", "kim@example.com"]))
    assert "✓\u00a0done" in html
    assert "kim@<wbr>example.com" in html


def test_only_words_that_no_column_could_hold_are_broken():
    table = Table(("a", "b", "c"), [("short one", "words of usual length", "x" * 30)])
    html = render(Page(title="t", sections=[Section("s", [table])]))
    classes = [
        values.get("class")
        for tag, values in Seen(html).tags
        if tag in {"td", "th"} and values.get("class")
    ]
    assert classes == ["short", "words", "long"]
