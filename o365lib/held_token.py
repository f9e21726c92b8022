"""The token of a run, held for a minute: MSAL looks through its whole cache at each question."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from o365lib import clock
from o365lib.secret import Secret

_HELD_SECONDS: Final = 60.0
# No token is held into its last minutes, in which MSAL fetches another one.
_LAST_SECONDS: Final = 300.0 + _HELD_SECONDS


class HeldToken:
    """Gives the token that was given last, or asks for one.

    Args:
        ask: returns MSAL's answer, with `access_token` and `expires_in`; told whether the token
            must be a fresh one.
    """

    def __init__(self, ask: Callable[[bool], Mapping[str, Any]]) -> None:
        self._ask = ask
        self._token: Secret | None = None
        self._until = 0.0

    def __call__(self, fresh: bool) -> Secret:
        """Return a token.

        Args:
            fresh: the last one is no longer accepted.
        """
        if not fresh and self._token is not None and clock.monotonic() < self._until:
            return self._token
        self._token = None
        answer = self._ask(fresh)
        token = Secret(str(answer["access_token"]))
        if float(answer.get("expires_in") or 0) > _LAST_SECONDS:
            self._token, self._until = token, clock.monotonic() + _HELD_SECONDS
        return token
