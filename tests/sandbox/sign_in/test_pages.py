import pytest

from o365lib.sandbox.sign_in import pages

NASTY = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    "html",
    [
        pages.device_form(user_code=NASTY, error=NASTY),
        pages.sign_in_form(
            title=NASTY, action=NASTY, hidden={NASTY: NASTY}, login_hint=NASTY, error=NASTY
        ),
        pages.message(NASTY, NASTY),
        pages.posting_form(action=NASTY, fields={NASTY: NASTY}),
    ],
)
def test_whatever_comes_from_outside_is_escaped(html):
    assert "<script>alert" not in html
    assert html.startswith("<!doctype html>")


def test_every_page_says_that_it_is_not_microsofts():
    assert "not Microsoft" in pages.message("a", "b")


def test_a_password_field_hides_what_is_typed():
    html = pages.device_form(user_code="", error=None)
    assert 'name="password" type="password"' in html
    assert "error" not in html.partition("<body>")[2]
