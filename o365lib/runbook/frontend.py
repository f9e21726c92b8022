"""Who sits in front of the kernel: an engineer in JupyterLab, our own driver, or nobody.

- A message that must not be kept (a device code) travels in a display message's `transient` part,
  which Jupyter never stores, or in a widget's state, which JupyterLab does not save.

https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data
"""

import html
import os
from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from o365lib.places import DRIVER_VARIABLE

_INNOCENT = {"In", "Out", "exit", "quit", "open", "get_ipython", "runbook"}


class Frontend:
    """What this kernel can show, and to whom.

    Args:
        driven: a command of ours executes the notebook and listens.
    """

    def __init__(self, *, driven: bool) -> None:
        self.driven = driven

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Frontend":
        """Return the front end of the kernel with this environment."""
        return cls(driven=bool(environment.get(DRIVER_VARIABLE)))

    @property
    def is_interactive(self) -> bool:
        """Whether a person executes the cells: their front end then answers input requests.

        papermill and nbclient say `allow_stdin: false` with each cell, JupyterLab says true.
        https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute
        """
        return not self.driven and bool(_request().get("content", {}).get("allow_stdin"))

    @property
    def can_prompt(self) -> bool:
        """Whether somebody would see a device code."""
        return self.driven or self.is_interactive

    def prompt(self, text: str) -> Any:
        """Show a text that must not be kept; return what `settle` needs to take it away."""
        if self.is_interactive:
            return _show_widget(text)
        _publish({"prompt": text})
        return None

    def settle(self, handle: Any, text: str) -> None:
        """Replace a prompt by what became of it."""
        if handle is not None:
            handle.value = f"<p>{html.escape(text)}</p>"

    def announce(self, step: str) -> None:
        """Tell the driver which step begins."""
        if self.driven:
            _publish({"step": step})

    def unknown_parameters(self, known: set[str]) -> list[str]:
        """Return the names that were put into the notebook and that no runbook knows.

        Only where nobody types: an engineer may keep what variables she likes.
        """
        shell = get_ipython()
        if shell is None or self.is_interactive:
            return []
        given = {name for name in shell.user_ns if not name.startswith("_")}
        return sorted(given - known - _INNOCENT - set(shell.user_ns_hidden))

    def cell(self) -> tuple[str, str]:
        """Return the id and the source of the cell that is being executed; empty if unknown."""
        request = _request()
        identifier = str(request.get("metadata", {}).get("cellId") or "")
        return identifier, str(request.get("content", {}).get("code") or "")


def _request() -> dict[str, Any]:
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else None
    return parent if isinstance(parent, dict) else {}


def _publish(content: dict[str, str]) -> None:
    shell = get_ipython()
    if shell is not None:
        shell.display_pub.publish(data={"text/plain": ""}, metadata={}, transient={"o365": content})


def _show_widget(text: str) -> Any:
    import ipywidgets
    from IPython.display import display

    widget = ipywidgets.HTML()
    widget.add_class("o365-prompt")
    # Filled in only now: the beginning of a widget's state goes into the cell's output as text.
    display(widget)
    widget.value = f"<p>{html.escape(text)}</p>"
    return widget
