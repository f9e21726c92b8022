"""The sign-in panel: what to do, the code, how long it is good for, and what became of it.

- The code goes to the browser as a widget's state after the widget was displayed, so that it is in
  no output; it is taken away as soon as it is of no more use.
- The panel is changed from two threads, the kernel's and the sign-in's, and one state follows
  another only if it still may: what a cancelled sign-in says no longer counts.
"""

import html
import threading
import uuid
from collections.abc import Callable
from typing import Any, Literal

import ipywidgets
from IPython.display import display

from o365lib import clock
from o365lib.runbook.panels.markup import box, safe
from o365lib.sign_in import Prompt

State = Literal["new", "waiting", "signed-in", "failed"]

_TICK_SECONDS = 1.0


class SignInPanel:
    """Tells a person how to sign in, and lets her cancel or begin again.

    Args:
        cancel: called when she gives the sign-in up.
        again: called when she wants another one.
    """

    def __init__(self, *, cancel: Callable[[], None], again: Callable[[], None]) -> None:
        self.state: State = "new"
        self._guard = threading.RLock()
        self._turn = 0
        self.words = ipywidgets.HTML()
        self.words.add_class("o365-sign-in")
        self.countdown = ipywidgets.HTML()
        self.countdown.add_class("o365-countdown")
        self.cancel_button = _button("Cancel", "o365-cancel-sign-in", cancel)
        self.again_button = _button("Sign in again", "o365-sign-in-again", again)
        self.again_button.layout.display = "none"
        self.box = ipywidgets.VBox(
            [
                self.words,
                self.countdown,
                ipywidgets.HBox([self.cancel_button, self.again_button]),
            ]
        )

    def show(self) -> None:
        """Display the panel; it is filled in afterwards."""
        display(self.box)

    def begin(self) -> int:
        """Wait for the service; return the number of this sign-in, which `ask` has to name."""
        with self._guard:
            self._turn += 1
            self._become("waiting", box("waiting", "Asking the sign-in service", ()))
            return self._turn

    def ask(self, prompt: Prompt, turn: int) -> None:
        """Say what to do, and count the time down. Without effect where the turn is over."""
        with self._guard:
            if turn != self._turn or self.state != "waiting":
                return
            self.words.value = _instruction(prompt)
        ticker = threading.Thread(target=self._count_down, args=(prompt, turn), daemon=True)
        ticker.start()

    def succeed(self, words: str) -> None:
        """Say who is signed in."""
        with self._guard:
            self._become("signed-in", words)

    def fail(self, words: str) -> None:
        """Say why nobody is."""
        with self._guard:
            self._become("failed", words)

    def _become(self, state: State, words: str) -> None:
        self.state = state
        self.words.value = words
        self.countdown.value = ""
        self.cancel_button.layout.display = "" if state == "waiting" else "none"
        self.again_button.layout.display = "none" if state == "waiting" else ""

    def _count_down(self, prompt: Prompt, turn: int) -> None:
        while True:
            left = (prompt.expires - clock.now()).total_seconds()
            with self._guard:
                if turn != self._turn or self.state != "waiting":
                    return
                self.countdown.value = (
                    f'<span role="timer">{safe(_time_left(left))}</span>' if left > 0 else ""
                )
            if left <= 0:
                return
            clock.sleep(min(_TICK_SECONDS, left))


def _instruction(prompt: Prompt) -> str:
    address = safe(prompt.verification_uri)
    # Nothing but a web page is made a link, whatever the service says.
    link = (
        f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
        if prompt.verification_uri.startswith("https://")
        else address
    )
    if prompt.user_code is None:
        window = (
            "<p>Sign in in the browser window that has opened on this machine. If there is none, "
            f"open {link}</p>"
        )
        return box("waiting", "Waiting for you to sign in", [window], role="status")
    mark = f"o365-code-{uuid.uuid4().hex[:8]}"
    first = f'<p style="margin-bottom: 0">1. Open {link}</p>'
    second = (
        '<p style="margin: 0.5em 0 0 0">2. Enter this code:</p>'
        f'<p style="margin: 0.2em 0"><code id="{mark}" class="o365-code" style="font-size: 2.2em;'
        f' letter-spacing: 0.15em">{html.escape(prompt.user_code.reveal())}</code> '
        f'<button type="button" class="jupyter-button o365-copy" data-o365-copy="{mark}">'
        "Copy the code</button></p>"
    )
    third = (
        '<p style="margin: 0.5em 0 0 0">3. Sign in as an administrator of the client\'s tenant, '
        "and come back here.</p>"
    )
    return box("waiting", "Waiting for you to sign in", [first, second, third], role="status")


def _time_left(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"Good for {minutes} min {rest:02d} s more."


def _button(description: str, css_class: str, act: Callable[[], None]) -> Any:
    button = ipywidgets.Button(description=description, layout=ipywidgets.Layout(width="10em"))
    button.add_class(css_class)

    def pressed(_button: Any) -> None:
        act()

    button.on_click(pressed)
    return button
