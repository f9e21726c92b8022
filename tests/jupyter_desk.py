"""JupyterLab without a browser: a real kernel, cells executed in turn, widgets typed and clicked.

It says and keeps what JupyterLab says and keeps: requests with the cell's id and `allow_stdin`,
outputs without `transient`, and no widget state.
"""

import json
import os
import queue
import time
from pathlib import Path

import nbformat
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

_SECONDS = 60


class CellFailed(Exception):
    """A cell raised; its error box is the message."""


class Desk:
    """One kernel and the notebook that is open on it.

    Args:
        folder: the kernel's working folder, as JupyterLab's is the notebook's.
        environment: added to the test's own.
        is_interactive: whether input requests would be answered, as in JupyterLab.
    """

    def __init__(self, folder: Path, *, is_interactive: bool = True, **environment: str) -> None:
        self.is_interactive = is_interactive
        self.models: dict[str, dict] = {}
        self.transients: list[dict] = []
        self._displays: dict[str, dict] = {}
        for tries_left in range(2, -1, -1):
            self._start(folder, {**os.environ, **environment})
            try:
                self._client.wait_for_ready(timeout=_SECONDS)
            except RuntimeError:
                # Its ports were free when they were chosen; another test's kernel was quicker.
                self._stop()
                if not tries_left:
                    raise
            else:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.shutdown()
        self._stop()

    def _start(self, folder: Path, environment: dict[str, str]) -> None:
        self._manager = KernelManager(kernel_name="python3", transport_encryption="required")
        self._manager.ip = "127.0.0.1"
        self._manager.start_kernel(cwd=str(folder), env=environment)
        self._client: BlockingKernelClient = self._manager.blocking_client()
        self._client.start_channels()

    def _stop(self) -> None:
        self._client.stop_channels()
        self._manager.finish_shutdown()
        self._manager.cleanup_resources()

    def restart_to(self, folder: Path) -> None:
        """Execute `os.chdir`; cheaper than another kernel."""
        self.run(f"import os; os.chdir({str(folder)!r})")

    def run(self, source: str, *, cell_id: str = "") -> list[dict]:
        """Execute a cell and return the outputs that JupyterLab would keep.

        Raises:
            CellFailed: it raised.
        """
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": self.is_interactive,
            "stop_on_error": True,
        }
        outputs = self._ask("execute_request", content, {"cellId": cell_id})
        _raise_what_failed(outputs)
        return outputs

    def start(self, source: str) -> str:
        """Begin to execute a cell that waits for somebody; return what `finish` needs."""
        content = {"code": source, "silent": False, "allow_stdin": self.is_interactive}
        return self._send("execute_request", content, {})

    def finish(self, request: str) -> list[dict]:
        """Wait until a cell that was started has ended, and return its outputs."""
        return self._collect(request)

    def pump_until(self, wanted) -> None:
        """Hear the kernel's messages until something is so."""
        deadline = time.monotonic() + _SECONDS
        while not wanted():
            assert time.monotonic() < deadline, "it never was"
            self._hear(None)

    def run_notebook(
        self, notebook: Path, *, until: str = "", **parameters
    ) -> nbformat.NotebookNode:
        """Execute a notebook's cells, the parameters changed, up to and with one cell.

        Returns:
            the notebook as JupyterLab would save it.

        Raises:
            CellFailed: a cell raised; those after it were not executed, as with "Run All".
        """
        opened = nbformat.read(notebook, as_version=4)
        self.notebook = opened
        for cell in opened.cells:
            if "parameters" in cell.metadata.get("tags", []):
                typed = (f"{name} = {value!r}" for name, value in parameters.items())
                cell.source = "\n".join([cell.source, *typed])
        return self.go_on(after="", until=until)

    def go_on(self, *, after: str, until: str = "") -> nbformat.NotebookNode:
        """Execute the open notebook's cells after one and up to another."""
        cells = self.notebook.cells
        first = [cell.id for cell in cells].index(after) + 1 if after else 0
        for cell in cells[first:]:
            if cell.cell_type == "code":
                content = self._execute(cell)
                cell.outputs = [nbformat.from_dict(output) for output in content]
                _raise_what_failed(content)
            if cell.id == until:
                break
        return self.notebook

    def shown(self, cell_id: str) -> str:
        """The plain text that a cell of the open notebook shows."""
        (cell,) = [each for each in self.notebook.cells if each.id == cell_id]
        return "\n".join(
            str(output.get("data", {}).get("text/plain", output.get("text", "")))
            for output in cell.outputs
        )

    def widget(self, css_class: str) -> str:
        """The id of the newest widget of this class."""
        found = [
            model
            for model, state in self.models.items()
            if css_class in state.get("_dom_classes", ())
        ]
        return found[-1]

    def has(self, css_class: str) -> bool:
        return any(css_class in state.get("_dom_classes", ()) for state in self.models.values())

    def value(self, css_class: str) -> str:
        return self.models[self.widget(css_class)].get("value", "")

    def is_disabled(self, css_class: str) -> bool:
        return bool(self.models[self.widget(css_class)].get("disabled"))

    def type(self, css_class: str, text: str) -> None:
        """Write into a text field."""
        self.type_into(self.widget(css_class), text)

    def type_into(self, model: str, text: str) -> None:
        """Write into a text field that may be an old one."""
        data = {"method": "update", "state": {"value": text}, "buffer_paths": []}
        self._ask("comm_msg", {"comm_id": model, "data": data}, {})

    def choose(self, css_class: str, index: int) -> None:
        """Pick one of several."""
        data = {"method": "update", "state": {"index": index}, "buffer_paths": []}
        self._ask("comm_msg", {"comm_id": self.widget(css_class), "data": data}, {})

    def interrupt(self) -> None:
        """Press the button that interrupts the kernel."""
        self._manager.interrupt_kernel()

    def click(self, css_class: str) -> None:
        """Press a button, also one that looks pressable no longer: a browser may be late."""
        self.press(self.widget(css_class))

    def press(self, model: str) -> None:
        """Press a button that may be an old one."""
        data = {"method": "custom", "content": {"event": "click"}}
        self._ask("comm_msg", {"comm_id": model, "data": data}, {})

    def _execute(self, cell) -> list[dict]:
        content = {
            "code": cell.source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": self.is_interactive,
            "stop_on_error": True,
        }
        return self._ask("execute_request", content, {"cellId": cell.id})

    def _ask(self, kind: str, content: dict, metadata: dict) -> list[dict]:
        return self._collect(self._send(kind, content, metadata))

    def _send(self, kind: str, content: dict, metadata: dict) -> str:
        message = self._client.session.msg(kind, content, metadata=metadata)
        self._client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def _collect(self, request: str) -> list[dict]:
        outputs: list[dict] = []
        while True:
            message = self._hear(request, outputs)
            content = message["content"]
            ours = message["parent_header"].get("msg_id") == request
            if ours and message["msg_type"] == "status" and content["execution_state"] == "idle":
                return outputs

    def _hear(self, request: str | None, outputs: list[dict] | None = None) -> dict:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=1)
                break
            except queue.Empty:
                assert self._manager.is_alive(), "the kernel has died"
                assert time.monotonic() < deadline, "the kernel says nothing"
        kept = self._taken_in(message)
        if kept and outputs is not None and message["parent_header"].get("msg_id") == request:
            outputs.append(kept)
        return message

    def _taken_in(self, message: dict) -> dict | None:
        """Keep what JupyterLab keeps of a message; return it where it is an output."""
        kind, content = message["msg_type"], message["content"]
        transient = content.get("transient") or {}
        if kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_msg" and content["data"].get("method") in {"update", "echo_update"}:
            self.models.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        elif kind == "update_display_data" and transient["display_id"] in self._displays:
            self._displays[transient["display_id"]]["data"] = content["data"]
        if kind not in {"stream", "display_data", "execute_result", "error"}:
            return None
        if told := transient.get("o365"):
            self.transients.append(told)
        kept = {name: value for name, value in content.items() if name != "transient"}
        kept = json.loads(json.dumps({"output_type": kind, **kept}, default=str))
        if display_id := transient.get("display_id"):
            self._displays[display_id] = kept
        return kept


def _raise_what_failed(outputs: list[dict]) -> None:
    """Raise with all that a failed cell shows: the box, and the line below it."""
    if not any(output["output_type"] == "error" for output in outputs):
        return
    shown = [
        str(output["data"].get("text/plain", ""))
        if "data" in output
        else "\n".join(output.get("traceback", ()))
        for output in outputs
    ]
    raise CellFailed("\n".join(shown))
