"""The confirmation form of JupyterLab: the plan, the client's name to be typed, a button.

A skin over one function: it holds no truth, and its state is not saved.
"""

import html
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display

from o365lib.errors import RunbookError
from o365lib.plain_text import one_line
from o365lib.service_account.plan import Plan


class ConfirmationForm:
    """Asks for the client's name and calls back once.

    Args:
        plan: what is to be confirmed.
        approver: proposed as the approver's name.
        is_signed: whether that is who has signed the approval, which nobody can change here.
    """

    def __init__(self, plan: Plan, *, approver: str, is_signed: bool = False) -> None:
        self.plan = plan
        self.is_confirmed = False
        self.is_signed = is_signed
        self.approver = _text(
            "Signed by" if is_signed else "Approved by", approver, "o365-approver"
        )
        self.approver.disabled = is_signed
        self.name = _text("Client's name", "", "o365-client")
        self.button = ipywidgets.Button(
            description="Confirm the plan",
            button_style="danger" if plan.runbook == "remove" else "primary",
            disabled=True,
            layout=ipywidgets.Layout(width="14em"),
        )
        self.button.add_class("o365-confirm")
        self.answer = ipywidgets.HTML()
        self.answer.add_class("o365-answer")
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HTML(_plan_html(plan)),
                self.approver,
                self.name,
                self.button,
                self.answer,
            ]
        )

    def show(self, on_confirm: Callable[[str], None]) -> None:
        """Display the form; `on_confirm` gets the approver's name, once."""

        def watch(_change: Any) -> None:
            matches = self.name.value.strip() == self.plan.client
            ready = matches and bool(self.approver.value.strip())
            self.button.disabled = self.is_confirmed or not ready

        def confirm(_button: Any) -> None:
            # What was typed or clicked in the browser may arrive late, and twice.
            if self.button.disabled or self.is_confirmed:
                return
            approver = self.approver.value.strip()
            try:
                on_confirm(approver)
            except RunbookError as error:
                self.answer.value = f"<b>Not confirmed.</b> {_safe(str(error))}"
                return
            self.is_confirmed = True
            for widget in (self.button, self.name, self.approver):
                widget.disabled = True
            how = "Approved" if self.is_signed else "Confirmed"
            self.answer.value = f"<b>{how} by {_safe(approver)}.</b> Go on with the next cell."

        self.name.observe(watch, names="value")
        self.approver.observe(watch, names="value")
        self.button.on_click(confirm)
        display(self.box)


def _text(description: str, value: str, css_class: str) -> Any:
    widget = ipywidgets.Text(
        value=value,
        description=description,
        continuous_update=True,
        style={"description_width": "9em"},
        layout=ipywidgets.Layout(width="28em"),
    )
    widget.add_class(css_class)
    return widget


def _plan_html(plan: Plan) -> str:
    rows = "".join(
        f"<li><b>{_safe(change.title)}</b>: {_safe(change.before)} → {_safe(change.after)}</li>"
        for change in plan.changes
    )
    what = "removes" if plan.runbook == "remove" else "creates or completes"
    identifier = f" (object id {_safe(plan.user_id)})" if plan.user_id else ""
    return (
        '<div style="line-height: 1.5">'  # widgets have lines as high as their buttons
        f"<p>This {what} <b>{_safe(plan.user_principal_name)}</b>{identifier} in the tenant "
        f"{_safe(plan.tenant_id)}:</p><ol>{rows}</ol>"
        f"<p>Type <b>{_safe(plan.client)}</b> to confirm.</p></div>"
    )


def _safe(text: str) -> str:
    return html.escape(one_line(text))
