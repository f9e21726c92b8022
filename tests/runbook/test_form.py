import pytest

from o365lib.errors import EvidenceError
from o365lib.runbook.form import ConfirmationForm
from tests.service_account.example import EXCHANGE, USER_ID, make_account, make_facts, make_plan


@pytest.fixture
def approvals():
    return []


@pytest.fixture
def form(approvals):
    shown = ConfirmationForm(make_plan("create"), approver="kim")
    shown.show(approvals.append)
    return shown


def plan_text(form):
    return form.box.children[0].value


def test_the_button_is_disabled_until_the_clients_name_is_typed_in_full(form):
    states = []
    for typed in ("", "cont", "Contoso", "contoso ", "contoso", "contosos"):
        form.name.value = typed
        states.append(form.button.disabled)
    assert states == [True, True, True, False, False, True]


def test_the_approvers_name_is_needed_too(form):
    form.name.value = "contoso"
    form.approver.value = "  "
    assert form.button.disabled
    form.approver.value = "Kim Doe"
    assert not form.button.disabled


def test_confirming_calls_back_with_the_approver_and_closes_the_form(form, approvals):
    form.approver.value = " Kim <Doe> "
    form.name.value = "contoso"
    form.button.click()
    assert approvals == ["Kim <Doe>"]
    assert (form.button.disabled, form.name.disabled, form.approver.disabled) == (True, True, True)
    assert "Confirmed by Kim &lt;Doe&gt;" in form.answer.value


def test_a_double_click_confirms_once(form, approvals):
    form.name.value = "contoso"
    form.button.click()
    form.button.click()
    assert approvals == ["kim"]


def test_a_click_on_a_disabled_button_confirms_nothing(form, approvals):
    form.button.click()
    assert approvals == []
    assert form.answer.value == ""


def test_the_form_does_not_open_again_when_somebody_types_after_confirming(form, approvals):
    form.name.value = "contoso"
    form.button.click()
    form.name.value = "contos"
    form.name.value = "contoso"
    assert form.button.disabled
    form.button.click()
    assert approvals == ["kim"]


def test_a_confirmation_that_could_not_be_kept_is_not_one_and_may_be_tried_again(approvals):
    form = ConfirmationForm(make_plan("create"), approver="kim")
    troubles = [EvidenceError("The disk is full.", remedy="Make room.")]

    def keep(name):
        if troubles:
            raise troubles.pop()
        approvals.append(name)

    form.show(keep)
    form.name.value = "contoso"
    form.button.click()
    assert form.answer.value == "<b>Not confirmed.</b> The disk is full. Make room."
    form.button.click()
    assert approvals == ["kim"]
    assert "Confirmed by kim" in form.answer.value


def test_the_plan_is_shown_escaped_with_every_change():
    account = make_account(EXCHANGE, user_principal_name="<b>p@x</b>\u202e")
    plan = make_plan("remove", make_facts(account))
    form = ConfirmationForm(plan, approver="kim")
    form.show(lambda _: None)
    shown = plan_text(form)
    assert "This removes" in shown
    assert USER_ID in shown
    assert shown.count("<li>") == len(plan.changes) == 3
    assert "<b>p@x" not in shown
    assert "&lt;b&gt;p@x&lt;/b&gt;" in shown
    assert "\u202e" not in shown


def test_a_removal_is_dressed_as_dangerous_and_a_creation_is_not(form):
    removal = ConfirmationForm(make_plan("remove", make_facts(make_account())), approver="k")
    assert (removal.button.button_style, form.button.button_style) == ("danger", "primary")


def test_every_part_has_a_handle(form):
    parts = (form.approver, form.name, form.button, form.answer)
    assert [widget._dom_classes for widget in parts] == [
        ("o365-approver",),
        ("o365-client",),
        ("o365-confirm",),
        ("o365-answer",),
    ]


def test_a_signed_approval_names_its_approver_and_asks_only_whether_to_go_on(approvals):
    form = ConfirmationForm(make_plan("create"), approver="Ana <Ruiz>", is_signed=True)
    form.show(approvals.append)
    assert (form.approver.value, form.approver.disabled) == ("Ana <Ruiz>", True)
    assert form.approver.description == "Signed by"
    assert form.button.disabled
    form.name.value = "contoso"
    form.button.click()
    assert approvals == ["Ana <Ruiz>"]
    assert "Approved by Ana &lt;Ruiz&gt;" in form.answer.value
