"""A person's sign-in that goes on by itself while the kernel stays free for her.

- It ends once: with an identity, with an error, or because it was given up; what a sign-in that was
  given up still brings is let go of.
- What it came to is taken over by the kernel's own thread, between two cells or when a cell needs
  it, so that nothing of the run is touched by two threads.
"""

import threading
from collections.abc import Callable

from o365lib.errors import RunbookError, RunError, SignInError
from o365lib.sign_in import Prompt, SignedIn

Ask = Callable[[Callable[[Prompt], object], Callable[[float], object]], SignedIn]

GIVEN_UP = "given_up"


class BackgroundSignIn:
    """One sign-in under way.

    Args:
        ask: signs in, given how to prompt and how to wait; called in a thread of its own.
        prompt: shows a person what to do; called in that thread.
        ended: called in that thread when it has ended, unless it was given up.
    """

    def __init__(
        self, ask: Ask, *, prompt: Callable[[Prompt], object], ended: Callable[[], None]
    ) -> None:
        self._ask, self._prompt, self._ended = ask, prompt, ended
        self._over, self._given_up = threading.Event(), threading.Event()
        self._signed_in: SignedIn | None = None
        self._error: RunbookError | None = None
        self._thread = threading.Thread(target=self._run, name="sign-in", daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end."""
        return self._over.is_set()

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def give_up(self) -> None:
        """Let go of it: it ends with the next time that it would wait, at the latest."""
        self._given_up.set()

    def result(self) -> SignedIn:
        """Return who has signed in, once it is over.

        Raises:
            RunbookError: what the sign-in raised; nobody is signed in.
        """
        if self._error is not None:
            raise self._error
        if self._signed_in is None:
            raise given_up()
        return self._signed_in

    def _run(self) -> None:
        try:
            self._signed_in = self._ask(self._prompt, self._pause)
        except RunbookError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 -- a thread has nobody to raise it to
            self._error = RunError(
                f"The sign-in met an error that nobody foresaw: {error!r}",
                remedy="Sign in again.",
            )
            self._error.__cause__ = error
        self._over.set()
        if not self._given_up.is_set():
            self._ended()

    def _pause(self, seconds: float) -> None:
        # Not the clock's own sleep: whoever gives it up need not wait for it.
        if self._given_up.wait(seconds):
            raise given_up()


def given_up() -> SignInError:
    """Return the error of a sign-in that its person has given up."""
    return SignInError(
        "The sign-in was given up.", remedy="Sign in again when you are ready.", error=GIVEN_UP
    )
