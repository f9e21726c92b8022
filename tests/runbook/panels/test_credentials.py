import time

import pytest

from o365lib.runbook.panels import credentials
from o365lib.runbook.panels.credentials import CredentialsOnce
from o365lib.secret import Secret

PASSWORD = "canary<&>-7755"


@pytest.fixture
def seen():
    return []


@pytest.fixture
def why_not():
    """Why they are not to be shown; a list, so that a test may fill it."""
    return []


@pytest.fixture
def shown(seen, why_not, capsys):
    once = CredentialsOnce(
        "practice<protect@x",
        Secret(PASSWORD),
        lambda: seen.append(1),
        why_not=lambda: " ".join(why_not),
    )
    once.show()
    yield once
    once.clear()
    assert "canary" not in capsys.readouterr().out


def test_nothing_is_shown_before_the_click(shown, seen):
    assert shown.field.value == ""
    assert seen == []


def test_the_click_shows_both_escaped_and_says_that_they_were_seen(shown, seen):
    shown.button.click()
    assert "canary&lt;&amp;&gt;-7755" in shown.field.value
    assert "practice&lt;protect@x" in shown.field.value
    assert seen == [1]
    assert shown.button.disabled


def test_a_second_click_shows_nothing_more(shown, seen):
    shown.button.click()
    shown.clear()
    shown.button.click()
    assert "canary" not in shown.field.value
    assert seen == [1]


def test_a_click_that_comes_too_late_shows_why_and_is_no_hand_over(shown, seen, why_not):
    why_not.append("Another one <is> in force.")
    shown.button.click()
    assert shown.field.value == "<b>Not shown.</b> Another one &lt;is&gt; in force."
    assert shown.button.disabled
    # Nor is it shown afterwards.
    why_not.clear()
    shown.button.click()
    assert "canary" not in shown.field.value
    assert seen == []


def test_what_was_let_go_of_is_neither_shown_nor_handed_over(shown, seen):
    shown.let_go()
    shown.button.click()
    assert "canary" not in shown.field.value
    assert seen == []


def test_they_are_cleared_by_themselves(shown, monkeypatch):
    monkeypatch.setattr(credentials, "_SECONDS", 0.05)
    shown.button.click()
    while "canary" in shown.field.value:
        time.sleep(0.01)
    assert "No longer shown" in shown.field.value


def test_the_object_itself_never_tells(shown):
    assert "canary" not in repr(shown)
    assert "canary" not in str(vars(shown))
