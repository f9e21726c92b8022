"""Who sits in front of the kernel: an engineer in JupyterLab, our own driver, or nobody.

- A message to the driver that must not be kept (a device code) travels in a display message's
  `transient` part, which Jupyter never stores.
- In the same way the driver learns which step begins, how many requests were made, and how many of
  them were asked to wait; of the latter at once, so that it hears before the run waits.

https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from o365lib import clock
from o365lib.errors import RunbookError
from o365lib.places import DRIVER_VARIABLE

# Of waits shorter than this, only some are told: no more than a few a second.
_TOLD_SECONDS = 0.25

_INNOCENT = {"In", "Out", "exit", "quit", "open", "get_ipython", "runbook"}


class Frontend:
    """What this kernel can show, and to whom.

    Args:
        driven: a command of ours executes the notebook and listens.
    """

    def __init__(self, *, driven: bool) -> None:
        self.driven = driven
        self._told: tuple[int, int] = (0, 0)
        self._told_at = -_TOLD_SECONDS

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

    def call_between_cells(self, act: Callable[[], object]) -> None:
        """Have the kernel's own thread call something as soon as no cell is being executed.

        May be called in any thread.
        """
        kernel = getattr(get_ipython(), "kernel", None)
        if kernel is not None:
            kernel.io_loop.add_callback(act)

    def prompt(self, text: str) -> None:
        """Let the driver show a text that must not be kept."""
        _publish({"prompt": text})

    def show_error(self, error: RunbookError) -> None:
        """Let a person see an error as a box that says first what to do; to others it is raised."""
        if not self.is_interactive or error.is_shown:
            return
        from IPython.display import display

        from o365lib.runbook.panels.error_box import ErrorBox

        display(ErrorBox(error))
        error.is_shown = True

    def show(self, panel: object) -> None:
        """Display something to a person, besides what her cell returns."""
        if self.is_interactive:
            from IPython.display import display

            display(panel)

    def announce(self, step: str, *, requests: int = 0, throttled: int = 0) -> None:
        """Tell the driver which step begins, and what was requested until then.

        Args:
            step: its name.
            requests: how many requests the run has made so far.
            throttled: how many of them were asked to wait.
        """
        if self.driven:
            _publish({"step": step, **self._news(requests, throttled)})

    def tell_traffic(
        self, requests: int, throttled: int, *, wait_seconds: float | None = None
    ) -> None:
        """Tell the driver what was requested, if that is news.

        Args:
            requests: how many requests the run has made so far.
            throttled: how many of them were asked to wait.
            wait_seconds: how long the run was just asked to wait, if it was. Where one short wait
                follows another, not each is told; the next that is told counts them.
        """
        is_short = wait_seconds is not None and wait_seconds < _TOLD_SECONDS
        if not self.driven or (is_short and clock.monotonic() - self._told_at < _TOLD_SECONDS):
            return
        if news := self._news(requests, throttled):
            _publish(news)

    def _news(self, requests: int, throttled: int) -> dict[str, int]:
        if (requests, throttled) == self._told:
            return {}
        self._told, self._told_at = (requests, throttled), clock.monotonic()
        return {"requests": requests, "throttled": throttled}

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


def _publish(content: dict[str, Any]) -> None:
    shell = get_ipython()
    if shell is not None:
        shell.display_pub.publish(data={"text/plain": ""}, metadata={}, transient={"o365": content})
