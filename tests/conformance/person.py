"""A person at a browser: follows links, fills in forms, and lets no script run."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import requests

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Form:
    """One form of a page: where it goes and the fields with their present values."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get").lower()))
        if tag == "input" and self.forms and found.get("name"):
            self.forms[-1].fields[found["name"]] = found.get("value", "")
            self.forms[-1].kinds[found["name"]] = found.get("type", "text")
        if tag == "button" and self.forms and found.get("name"):
            # She presses the first button of a form; only that one is sent.
            self.forms[-1].fields.setdefault(found["name"], found.get("value", ""))

    def handle_data(self, data: str) -> None:
        self.text += data


class Person:
    """Opens pages and submits forms; remembers cookies; shows the last page's text."""

    def __init__(self, ca_file: Path) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._ca_file = str(ca_file)
        self.url = ""
        self.text = ""
        self.forms: list[Form] = []

    def open(self, url: str) -> None:
        """Open an address, following redirects."""
        self._show(self._session.get(url, verify=self._ca_file, timeout=10))

    def submit(self, answers: dict[str, str] | None = None) -> None:
        """Fill in the page's form by kind of field (`password`, `text`, …) or by name, and send."""
        [form] = self.forms
        filled = dict(form.fields)
        for name, kind in form.kinds.items():
            filled[name] = (answers or {}).get(name, (answers or {}).get(kind, filled[name]))
        self.send(form, filled)

    def send(self, form: Form, filled: dict[str, str]) -> None:
        """Send a form with these values."""
        target = urljoin(self.url, form.action)
        verify = self._ca_file if target.startswith("https:") else True
        if form.method == "post":
            answer = self._session.post(target, data=filled, verify=verify, timeout=10)
        else:
            answer = self._session.get(target, params=filled, verify=verify, timeout=10)
        self._show(answer)

    def close(self) -> None:
        """Close the browser."""
        self._session.close()

    def _show(self, answer: requests.Response) -> None:
        page = _Page()
        page.feed(answer.text)
        self.url, self.text, self.forms = answer.url, page.text, page.forms
