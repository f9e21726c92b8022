import pytest

from o365lib.runbook.panels.markup import SIGNS, box, edge, folded, labelled, paragraphs, safe
from o365lib.secret import MASK, Secret

TRICKY = '<script>alert("1")</script>\u202e'


def test_no_text_can_become_markup_or_steer_anything():
    shown = [safe(TRICKY), paragraphs(TRICKY), labelled(TRICKY, TRICKY), folded(TRICKY, TRICKY)]
    shown.append(box("trouble", TRICKY, [paragraphs(TRICKY)]))
    for each in shown:
        assert "<script" not in each
        assert "\u202e" not in each
        assert "&lt;script&gt;" in each


def test_a_secret_that_is_known_is_masked():
    Secret("canary-9911-zz")
    for each in (
        safe("canary-9911-zz"),
        folded("x", "  canary-9911-zz"),
        box("done", "canary-9911-zz", ()),
    ):
        assert "canary" not in each
        assert MASK in each


@pytest.mark.parametrize("kind", SIGNS)
def test_each_kind_has_a_sign_besides_its_colour(kind):
    shown = box(kind, "title", ())
    assert f"{SIGNS[kind]} title" in shown
    assert "var(--jp-" in shown
    assert edge(kind).startswith("border-left: ")
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_a_box_says_what_it_is_to_a_screen_reader():
    assert 'role="alert"' in box("trouble", "t", (), role="alert")
    assert 'role="group"' in box("plain", "t", ())


def test_lines_are_kept_where_they_are_folded_away():
    assert "one\n  two" in folded("More", "one\n  two")
    assert "<summary>More</summary>" in folded("More", "one")


def test_empty_lines_are_no_paragraphs():
    assert paragraphs("a\n\n b\n").count("<p") == 2
