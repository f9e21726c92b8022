"""What a page is made of: sections of tables, facts, sentences and bars. Data only, no HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

# What a text tells of: always beside a word or sign that says the same without colour.
Tone = Literal["plain", "good", "doubt", "bad", "quiet", "code"]


@dataclass(frozen=True)
class Words:
    """A text with a tone, which may lead somewhere.

    Attributes:
        text: as it was recorded; whoever shows it escapes it.
        tone: `code` for what is copied or compared: ids, digests, paths.
        address: where it leads, relative to the page; empty for nowhere.
        is_file: whether it leads out of the report to a file of the archive; paper shows where.
    """

    text: str
    tone: Tone = "plain"
    address: str = ""
    is_file: bool = False


Cell = str | Words


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of a row is the row's heading."""

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Sentence:
    """A paragraph."""

    kind: ClassVar[str] = "sentence"
    words: Cell


@dataclass(frozen=True)
class Items:
    """A list."""

    kind: ClassVar[str] = "items"
    items: Sequence[Cell]


@dataclass(frozen=True)
class Bars:
    """A picture of counts: one bar a row, its number beside it.

    Attributes:
        caption: what is counted.
        rows: labels with their counts.
        unit: what one of them is, in the plural.
    """

    kind: ClassVar[str] = "bars"
    caption: str
    rows: Sequence[tuple[str, int]]
    unit: str = ""

    @property
    def most(self) -> int:
        """The longest bar's count, at least 1."""
        return max([1, *(count for _, count in self.rows)])


@dataclass(frozen=True)
class Stacks:
    """A picture of counts over time: a bar of several kinds a row, every number beside it.

    Attributes:
        caption: what is counted.
        label: what a row is of.
        kinds: what is told apart, in order, with its tone.
        rows: a label, and one count for each kind.
    """

    kind: ClassVar[str] = "stacks"
    caption: str
    label: str
    kinds: Sequence[Words]
    rows: Sequence[tuple[str, Sequence[int]]]

    @property
    def most(self) -> int:
        """The longest bar's count, at least 1."""
        return max([1, *(sum(counts) for _, counts in self.rows)])


@dataclass(frozen=True)
class Figures:
    """A few numbers that matter most, each with what it counts."""

    kind: ClassVar[str] = "figures"
    pairs: Sequence[tuple[str, Words]]


@dataclass(frozen=True)
class Group:
    """Parts under a heading of their own, within a section."""

    kind: ClassVar[str] = "group"
    title: str
    parts: "Sequence[Part]"
    verdict: Words | None = None


Part = Table | Facts | Sentence | Items | Bars | Stacks | Figures | Group


@dataclass(frozen=True)
class Section:
    """One section of a page.

    Attributes:
        title: its heading.
        parts: what stands in it, in order.
        is_folded: whether a screen shows the heading only until somebody opens it; paper shows all.
    """

    title: str
    parts: Sequence[Part]
    is_folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page.

    Attributes:
        title: its heading, and the window's title.
        over_title: what kind of page it is, in a few words.
        verdicts: what it comes to, in a few words each.
        lead: the first sentences.
        sections: what follows.
        ways: links to other pages, with their texts.
        made: what made the page, from what and when; at its end.
    """

    title: str
    over_title: str = ""
    verdicts: Sequence[Words] = ()
    lead: Sequence[Cell] = ()
    sections: Sequence[Section] = ()
    ways: Sequence[Words] = ()
    made: Sequence[str] = field(default=())


def filled(*sections: Section) -> tuple[Section, ...]:
    """Return those sections that have something in them."""
    return tuple(section for section in sections if section.parts)
