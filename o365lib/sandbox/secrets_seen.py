"""Every secret that a sandbox has issued or received, so that a test can look for leaks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

_SHORTEST = 4


class SecretsSeen:
    """A growing set of secret texts: issued ones, and whatever a client sent as one."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def add(self, *texts: str | None) -> None:
        """Remember secrets; empty and very short texts are left out, they would match anything."""
        self._texts.update(text for text in texts if text and len(text) >= _SHORTEST)

    def add_passwords_in(self, body: Any) -> None:
        """Remember the value of every property called `password`, at any depth of a JSON body."""
        if isinstance(body, dict):
            for name, value in body.items():
                if "password" in name.lower() and isinstance(value, str):
                    self.add(value)
                else:
                    self.add_passwords_in(value)
        elif isinstance(body, list):
            for item in body:
                self.add_passwords_in(item)

    def add_passwords_in_json(self, body: bytes) -> None:
        """Remember the passwords in a request's body, whatever becomes of the request."""
        try:
            self.add_passwords_in(json.loads(body))
        except ValueError:
            return

    def add_bearer(self, authorization: str | None) -> None:
        """Remember the token in an `Authorization` header."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            self.add(unquote(token.strip()))

    def all(self) -> set[str]:
        """Return a copy of the set."""
        return set(self._texts)
