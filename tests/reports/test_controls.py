from o365lib.reports import controls
from o365lib.reports.client_page import ClientStory, page
from tests.reports.examples import NOW


def test_the_controls_that_auditors_ask_for_are_each_answered_and_none_is_said_to_be_met():
    section = controls.section()
    named = " ".join(row[0] for row in controls.CONTROLS)
    for each in ("A.5.16", "A.5.18", "A.8.2", "CC6.2", "CC6.3", "Essential Eight"):
        assert each in named
    assert all(len(row) == 3 and all(row) for row in controls.CONTROLS)
    assert "for the auditor to say" in section.parts[0].words
    claims = ("compl", "fulfil", "satisf", "certif")
    assert not [row for row in controls.CONTROLS for text in row if any(c in text for c in claims)]


def test_the_sections_that_answers_lead_to_are_on_the_clients_page():
    titles = {section.title for section in page(ClientStory("a"), now=NOW).sections}
    assert "The account now" in titles
    for _, _, answer in controls.CONTROLS:
        named = {"The account now", "What was done", "Each run"}
        assert any(each in answer for each in named)
