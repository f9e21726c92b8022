import threading
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.runbook.panels.sign_in import SignInPanel
from o365lib.secret import Secret
from o365lib.sign_in import Prompt

CODE = "QXWPT4711"


def prompt(*, kind="device-code", address="https://login.example/device", seconds=900):
    code = Secret(CODE) if kind == "device-code" else None
    expires = clock.now() + timedelta(seconds=seconds)
    return Prompt(kind, "message", address, code, expires)


@pytest.fixture
def pressed():
    return []


@pytest.fixture
def panel(pressed):
    made = SignInPanel(
        cancel=lambda: pressed.append("cancel"), again=lambda: pressed.append("again")
    )
    made.show()
    yield made
    made.fail("")


def seen(panel):
    return {
        name: button.layout.display != "none"
        for name, button in (("cancel", panel.cancel_button), ("again", panel.again_button))
    }


def test_the_code_is_large_can_be_copied_and_has_a_link(panel):
    panel.ask(prompt(), panel.begin())
    words = panel.words.value
    assert f">{CODE}</code>" in words
    assert 'href="https://login.example/device"' in words
    assert 'rel="noopener noreferrer"' in words
    mark = words.partition('data-o365-copy="')[2].partition('"')[0]
    assert f'id="{mark}"' in words
    assert seen(panel) == {"cancel": True, "again": False}


def test_nothing_but_a_web_page_becomes_a_link(panel):
    panel.ask(prompt(address="javascript:alert(1)//<b>"), panel.begin())
    assert "href" not in panel.words.value
    assert "javascript:alert(1)//&lt;b&gt;" in panel.words.value


def test_in_the_browser_there_is_no_code(panel):
    panel.ask(prompt(kind="browser"), panel.begin())
    assert "browser window" in panel.words.value
    assert "<code" not in panel.words.value


def test_the_time_that_is_left_is_counted_down(panel):
    panel.ask(prompt(seconds=2), panel.begin())
    values = set()
    while "0 min 01 s" not in panel.countdown.value:
        values.add(panel.countdown.value)
    assert any("0 min 02 s" in value for value in values)
    assert 'role="timer"' in panel.countdown.value


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_at_its_end_the_code_is_gone_and_one_may_begin_again(panel, end):
    panel.ask(prompt(), panel.begin())
    getattr(panel, end)("<p>what became of it</p>")
    assert panel.words.value == "<p>what became of it</p>"
    assert panel.countdown.value == ""
    assert seen(panel) == {"cancel": False, "again": True}
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.daemon:
            thread.join(1.5)
    assert panel.countdown.value == ""


def test_what_a_sign_in_says_that_was_given_up_counts_no_more(panel):
    old = panel.begin()
    new = panel.begin()
    panel.ask(prompt(), old)
    assert CODE not in panel.words.value
    panel.ask(prompt(), new)
    assert CODE in panel.words.value
    panel.fail("over")
    panel.ask(prompt(), new)
    assert panel.words.value == "over"


def test_the_buttons_call_what_they_are_for(panel, pressed):
    panel.cancel_button.click()
    panel.again_button.click()
    assert pressed == ["cancel", "again"]
    assert "o365-cancel-sign-in" in panel.cancel_button._dom_classes
    assert "o365-sign-in-again" in panel.again_button._dom_classes
