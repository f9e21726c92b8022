from o365lib.runbook.panels.live_table import LiveTable


def test_it_is_shown_once_and_changed_after_that(capsys):
    table = LiveTable("Assign <role>")
    table.show([("waiting", "Assign <b>")])
    table.show([("done", "Assign <b>"), ("plain", "Waited 3 s")])
    shown = table._repr_html_()
    assert "o365-done" in shown
    assert "Assign &lt;role&gt;" in shown
    assert "Assign &lt;b&gt;" in shown
    assert "<b>" not in shown
    assert 'role="status"' in shown
    assert repr(table).splitlines() == ["Assign <role>", "  ✓ Assign <b>", "  • Waited 3 s"]


def test_trouble_outweighs_waiting_and_waiting_what_is_done():
    table = LiveTable("t")
    table.show([("done", "a"), ("waiting", "b")])
    assert "o365-waiting" in table._repr_html_()
    table.show([("done", "a"), ("waiting", "b"), ("trouble", "c")])
    assert "o365-trouble" in table._repr_html_()
