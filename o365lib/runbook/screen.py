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


def show_once(user_principal_name: str, password: Secret, seen: Callable[[], None]) -> None:
    """Display a button that shows the credentials for a minute, once, and then calls `seen`."""
    button = ipywidgets.Button(
        description="Show the credentials, once", layout=ipywidgets.Layout(width="18em")
    )
    button.add_class("o365-show-once")
    field = ipywidgets.HTML()
    field.add_class("o365-credentials")

    def clear() -> None:
        field.value = "<i>No longer shown. Nobody can show it again.</i>"

    def show(_button: Any) -> None:
        button.disabled = True
        field.value = (
            f"<p>{html.escape(user_principal_name)}</p>"
            f"<pre>{html.escape(password.reveal())}</pre>"
            f"<p>Shown for {_SECONDS} seconds.</p>"
        )
        seen()
        timer = threading.Timer(_SECONDS, clear)
        timer.daemon = True
        timer.start()

    button.on_click(show)
    display(ipywidgets.VBox([button, field]))
