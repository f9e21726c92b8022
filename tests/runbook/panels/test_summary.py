import re

from o365lib.runbook.panels.summary import Link, Summary

MADE = Summary(
    kind="done",
    title="The run has ended: done. <x>",
    seal="Sealed <by> me",
    markdown="**Create**\n- a",
    plain="Create\n  1. <b>first</b>",
    links=(
        Link(text="Report <1>", address="/o365/runs/a/b/", place="nowhere"),
        Link(text="Record", address="", place="a/b/record.json in the archive"),
    ),
)


def test_both_texts_can_be_copied_by_a_button_that_names_them():
    shown = MADE._repr_html_()
    marks = re.findall(r'data-o365-copy="([^"]+)"', shown)
    assert len(set(marks)) == 2
    for mark in marks:
        assert f'<pre id="{mark}"' in shown
    assert 'aria-label="Copy: For the ticket"' in shown
    assert "Create\n  1. &lt;b&gt;first&lt;/b&gt;" in shown
    assert "**Create**\n- a" in shown


def test_links_lead_where_somebody_serves_them_and_say_where_it_is_elsewhere():
    shown = MADE._repr_html_()
    assert (
        '<a href="/o365/runs/a/b/" target="_blank" rel="noopener noreferrer">Report &lt;1&gt;'
        in shown
    )
    assert "Record: a/b/record.json in the archive" in shown


def test_in_plain_text_it_is_how_it_ended_the_seal_and_the_ticket():
    assert repr(MADE).splitlines() == [
        "The run has ended: done. <x>",
        "Sealed <by> me",
        "Create",
        "1. <b>first</b>",
    ]
