"""The authority's few pages, as plain HTML that works without scripts."""

from __future__ import annotations

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}"
    "label{display:block;margin:1rem 0}input{width:100%;padding:.4rem;box-sizing:border-box}"
    "button{padding:.5rem 1.5rem}.error{color:#a4262c}.note{color:#555;font-size:.85rem}"
)
_NOTE = "This is a sandbox, not Microsoft. Never type a real password here."


def page(title: str, content: str) -> str:
    """Return a page; `content` is HTML already."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{content}"
        f'<p class="note">{_NOTE}</p></body></html>'
    )


def echo_page(came: str) -> str:
    """Return a gateway's error page that quotes what came right at its beginning."""
    return f"<h1>Bad request</h1><pre>{escape(came)}</pre>"


def _hidden(fields: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def _error(error: str | None) -> str:
    return f'<p class="error" role="alert">{escape(error)}</p>' if error else ""


def sign_in_form(
    *, title: str, action: str, hidden: dict[str, str], login_hint: str = "", error: str | None
) -> str:
    """Return a form for user name and password."""
    return page(
        title,
        f'{_error(error)}<form method="post" action="{escape(action)}">{_hidden(hidden)}'
        '<label>User name <input name="username" autocomplete="username" required '
        f'value="{escape(login_hint)}"></label>'
        '<label>Password <input name="password" type="password" required '
        'autocomplete="current-password"></label>'
        '<button name="choice" value="accept">Sign in</button></form>',
    )


def device_form(*, user_code: str, error: str | None) -> str:
    """Return the form of the device page: code, user name, password."""
    return page(
        "Enter code",
        f'{_error(error)}<form method="post" action="/devicelogin">'
        '<label>Code <input name="user_code" autocomplete="off" required '
        f'value="{escape(user_code)}"></label>'
        '<label>User name <input name="username" autocomplete="username" required></label>'
        '<label>Password <input name="password" type="password" required '
        'autocomplete="current-password"></label>'
        '<button name="choice" value="accept">Sign in</button> '
        '<button name="choice" value="decline" formnovalidate>Decline</button></form>',
    )


def posting_form(*, action: str, fields: dict[str, str]) -> str:
    """Return a page that posts fields to a client's redirect address (`form_post`)."""
    return page(
        "Signing in",
        f'<form method="post" action="{escape(action)}">{_hidden(fields)}'
        "<button>Continue</button></form><script>document.forms[0].submit()</script>",
    )


def message(title: str, text: str) -> str:
    """Return a page that only says something."""
    return page(title, f"<p>{escape(text)}</p>")
