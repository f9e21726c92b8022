"""Showing credentials once, in JupyterLab: behind a click, for a minute, never in the saved file.

The text goes to the browser as a widget's state, not as a cell's output; JupyterLab saves outputs,
and by its defaults no widget state. It is cleared after a minute, and the button works once.
"""

import html
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display

from o365lib.secret import Secret

_SECONDS = 60


class CredentialsOnce:
    """A button that shows credentials for a minute, once.

    Args:
        user_principal_name: whose they are.
        password: let go of after the click.
        seen: called when they are shown.
        why_not: asked before they are; a sentence that it returns is shown in their place.
    """

    def __init__(
        self,
        user_principal_name: str,
        password: Secret,
        seen: Callable[[], None],
        *,
        why_not: Callable[[], str],
    ) -> None:
        self._user_principal_name = user_principal_name
        self._password: Secret | None = password
        self._seen, self._why_not = seen, why_not
        self.button = ipywidgets.Button(
            description="Show the credentials, once", layout=ipywidgets.Layout(width="18em")
        )
        self.button.add_class("o365-show-once")
        self.button.on_click(self._on_click)
        self.field = ipywidgets.HTML()
        self.field.add_class("o365-credentials")

    def show(self) -> None:
        """Display the button."""
        display(ipywidgets.VBox([self.button, self.field]))

    def clear(self) -> None:
        """Take the credentials off the screen."""
        self.field.value = "<i>No longer shown. Nobody can show it again.</i>"

    def let_go(self) -> None:
        """Forget the password; whoever clicks from now on is told why not, if anything."""
        self._password = None

    def _on_click(self, _button: Any) -> None:
        # What was clicked in the browser may arrive late, and twice.
        if self.button.disabled:
            return
        self.button.disabled = True
        password, self._password = self._password, None
        if why := self._why_not():
            self.field.value = f"<b>Not shown.</b> {html.escape(why)}"
            return
        if password is None:
            return
        self.field.value = (
            f"<p>{html.escape(self._user_principal_name)}</p>"
            f"<pre>{html.escape(password.reveal())}</pre>"
            f"<p>Shown for {_SECONDS} seconds.</p>"
        )
        # First the timer: where the record cannot be saved, the credentials go all the same.
        timer = threading.Timer(_SECONDS, self.clear)
        timer.daemon = True
        timer.start()
        self._seen()
