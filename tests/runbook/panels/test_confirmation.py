import pytest

from o365lib.errors import EvidenceError
from o365lib.runbook.panels.confirmation import AccountChoice, ConfirmationForm, Question

PLAIN = Question(html="<p>This creates it.</p>", client="contoso")
OURS, OTHER = "11aa", "22bb"
REMOVAL = Question(
    html="",
    client="contoso",
    is_dangerous=True,
    choices=(
        AccountChoice(object_id=OURS, label="11aa, created 2026-05-01, practiceprotect@x"),
        AccountChoice(object_id=OTHER, label="22bb, created 2024-01-01, practiceprotect@y"),
    ),
    object_id=OURS,
)


@pytest.fixture
def approvals():
    return []


@pytest.fixture
def form(approvals):
    shown = ConfirmationForm(PLAIN, approver="kim")
    shown.show(approvals.append)
    return shown


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
    form = ConfirmationForm(PLAIN, approver="kim")
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


def test_a_removal_is_dressed_as_dangerous_and_a_creation_is_not(form):
    removal = ConfirmationForm(REMOVAL, approver="k")
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
    form = ConfirmationForm(PLAIN, approver="Ana <Ruiz>", is_signed=True)
    form.show(approvals.append)
    assert (form.approver.value, form.approver.disabled) == ("Ana <Ruiz>", True)
    assert form.approver.description == "Signed by"
    assert form.button.disabled
    form.name.value = "contoso"
    form.button.click()
    assert approvals == ["Ana <Ruiz>"]
    assert "Approved by Ana &lt;Ruiz&gt;" in form.answer.value


@pytest.fixture
def removal(approvals):
    shown = ConfirmationForm(REMOVAL, approver="kim")
    shown.show(approvals.append)
    shown.name.value = "contoso"
    return shown


def test_nothing_is_picked_for_her_and_the_name_alone_does_not_do(removal, approvals):
    assert removal.accounts.value is None
    assert removal.button.disabled
    removal.button.click()
    assert approvals == []


def test_the_account_of_the_plan_has_to_be_picked(removal, approvals):
    removal.accounts.value = OURS
    assert not removal.button.disabled
    removal.button.click()
    assert approvals == ["kim"]
    assert removal.accounts.disabled


@pytest.mark.parametrize("picked", [OTHER, ""])
def test_another_account_or_none_keeps_the_button_grey_and_says_what_to_do(
    removal, approvals, picked
):
    removal.accounts.value = OURS
    removal.accounts.value = picked
    assert removal.button.disabled
    assert "not the account of this plan" in removal.answer.value
    assert OURS in removal.answer.value
    removal.button.click()
    assert approvals == []
    removal.accounts.value = OURS
    assert removal.answer.value == ""


def test_each_account_is_known_by_id_and_date_and_one_may_say_that_it_is_none_of_them(removal):
    labels = [label for label, _value in removal.accounts.options]
    assert labels == [*(each.label for each in REMOVAL.choices), "None of these is the account"]


def test_where_there_is_nothing_to_pick_nothing_is_shown(form):
    assert form.accounts not in form.box.children
