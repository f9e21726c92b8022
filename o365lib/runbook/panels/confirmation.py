"""The confirmation: what will be done, the client's name to be typed, the account to be picked.

A skin over one function: it holds no truth, and its state is not saved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
from IPython.display import display

from o365lib.errors import RunbookError
from o365lib.runbook.panels.markup import safe

_NONE_OF_THESE = "None of these is the account"
# ipywidgets gives each choice one line; an id, a date and a name may need two, or four when zoomed.
_STYLE = (
    "<style>.o365-account .widget-radio-box, .o365-account .widget-radio-box label {"
    " height: auto; max-width: 100%; white-space: normal; line-height: 1.4; padding: 2px 0; }"
    " .o365-account .widget-radio-box label > input { position: static; flex: none; }"
    " .o365-account { height: auto; max-width: 100%; }</style>"
)


@dataclass(frozen=True, kw_only=True)
class AccountChoice:
    """An account that can be picked.

    Attributes:
        object_id: by which it is known.
        label: what it is recognised by, as plain text.
    """

    object_id: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be confirmed.

    Attributes:
        html: what will be done.
        client: the name that has to be typed.
        is_dangerous: whether the button is dressed as such.
        choices: the accounts of which one has to be picked; none where there is nothing to pick.
        object_id: the one that is meant.
    """

    html: str
    client: str
    is_dangerous: bool = False
    choices: Sequence[AccountChoice] = ()
    object_id: str = ""


class ConfirmationForm:
    """Asks for the client's name, and for the account where there is one to pick; calls back once.

    Args:
        question: what is to be confirmed.
        approver: proposed as the approver's name.
        is_signed: whether that is who has signed the approval, which nobody can change here.
    """

    def __init__(self, question: Question, *, approver: str, is_signed: bool = False) -> None:
        self.question = question
        self.is_confirmed = False
        self.is_signed = is_signed
        self.approver = _text(
            "Signed by" if is_signed else "Approved by", approver, "o365-approver"
        )
        self.approver.disabled = is_signed
        self.name = _text("Client's name", "", "o365-client")
        self.accounts = _radio_buttons(question.choices)
        self.button = ipywidgets.Button(
            description="Confirm the plan",
            button_style="danger" if question.is_dangerous else "primary",
            disabled=True,
            tooltip="Can be pressed when everything above is filled in",
            layout=ipywidgets.Layout(width="14em"),
        )
        self.button.add_class("o365-confirm")
        self.answer = ipywidgets.HTML()
        self.answer.add_class("o365-answer")
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HTML(_STYLE + question.html),
                *([self.accounts] if question.choices else []),
                self.approver,
                self.name,
                self.button,
                self.answer,
            ]
        )
        self.box.add_class("o365-confirmation")

    def show(self, on_confirm: Callable[[str], None]) -> None:
        """Display the form; `on_confirm` gets the approver's name, once."""

        def watch(_change: Any) -> None:
            if self.is_confirmed:
                return
            self.answer.value = self._objection()
            self.button.disabled = not self._is_filled_in()

        def confirm(_button: Any) -> None:
            # What was typed or clicked in the browser may arrive late, and twice.
            if self.button.disabled or self.is_confirmed:
                return
            approver = self.approver.value.strip()
            try:
                on_confirm(approver)
            except RunbookError as error:
                self.answer.value = f"<b>Not confirmed.</b> {safe(error)}"
                return
            self.is_confirmed = True
            for widget in (self.button, self.name, self.approver, self.accounts):
                widget.disabled = True
            how = "Approved" if self.is_signed else "Confirmed"
            self.answer.value = f"<b>✓ {how} by {safe(approver)}.</b> Go on with the next cell."

        self.name.observe(watch, names="value")
        self.approver.observe(watch, names="value")
        self.accounts.observe(watch, names="value")
        self.button.on_click(confirm)
        display(self.box)

    def _is_filled_in(self) -> bool:
        is_named = self.name.value.strip() == self.question.client
        is_picked = not self.question.choices or self.accounts.value == self.question.object_id
        return is_named and is_picked and bool(self.approver.value.strip())

    def _objection(self) -> str:
        """Return what to do where another account was picked than the plan is for."""
        picked = self.accounts.value
        if not self.question.choices or picked in (None, self.question.object_id):
            return ""
        return (
            "<b>✗ That is not the account of this plan</b>, which is for the object id "
            f"{safe(self.question.object_id)}. If the plan is for the wrong account, stop here: "
            "close this notebook and find out with the client's administrator whose account it is."
        )


def _radio_buttons(choices: Sequence[AccountChoice]) -> Any:
    options = [(each.label, each.object_id) for each in choices]
    widget = ipywidgets.RadioButtons(
        options=[*options, (_NONE_OF_THESE, "")],
        index=None,
        description="The account",
        style={"description_width": "9em"},
        layout=ipywidgets.Layout(width="auto"),
    )
    widget.add_class("o365-account")
    return widget


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
