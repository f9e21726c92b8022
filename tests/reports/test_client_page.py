from datetime import timedelta

import pytest

from o365lib.evidence.record import Check, Outcome
from o365lib.evidence.standing_accounts import standing
from o365lib.reports import client_page
from o365lib.reports.client_page import ClientStory
from o365lib.reports.html import render
from o365lib.reports.parts import Page, Section, Words
from o365lib.reports.run_row import row_of
from o365lib.reports.seal_status import SealStatus
from o365lib.reports.second_witness import Witness
from tests.reports.examples import (
    HOSTILE,
    NAME,
    NOW,
    ROLE,
    SEALED,
    USER,
    Seen,
    approval,
    archived,
    change,
    creation,
    hand_over,
    record,
    refusal,
    removal,
)


def told(tmp_path, each, status=SEALED) -> str:
    group = client_page.told(archived(tmp_path, each, status), address="../run.html")
    return Seen(render(Page(title="t", sections=[Section("s", [group])]))).text


def page(story: ClientStory, *, days=0) -> Seen:
    way = Words("Overview", address="../index.html")
    return Seen(render(client_page.page(story, now=NOW + timedelta(days=days), ways=[way])))


def test_a_creation_is_told_in_plain_words(tmp_path):
    text = told(tmp_path, creation())
    for said in (
        "23 November 2026: Create service account ✓ done",
        "The changes were made and read back from the tenant as wanted.",
        f"The account was created: {NAME}: Practice Protect.",
        "The credentials were handed over: by mail to onboarding@example.com.",
        f"The account was given a role: {ROLE}.",
        f"Why The account is for mail-redirection, which takes the role {ROLE}.",
        "Approved by Demo Approver, 23 November 2026, 12:00:00 UTC (named when the run was",
        "Asked for in ticket T-1",
        "Carried out by kim on desk, signed in as kim@msp.example",
        f"✓ 1 of 1 as wanted, read back from the tenant: roles: {ROLE}",
        "Seal ✓ sealed, number 1",
        "the record of this run",
    ):
        assert said in text, said


def test_a_removal_and_a_refusal_are_told_in_plain_words(tmp_path):
    text = told(tmp_path, removal())
    assert f"A role was taken away from the account: {ROLE}." in text
    assert "The account was deleted: in the recycle bin for 30 days." in text
    text = told(tmp_path / "other", refusal())
    assert "A rule of the runbook stopped the run. Nothing was changed." in text
    assert "Federated with the vendor." in text
    assert "Approved by" not in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"changes": [change("assign-role", after=ROLE, status="unknown")]},
            "? Not known to have taken place, because no answer came: The account was given",
        ),
        (
            {"changes": [change("assign-role", after=ROLE, status="failed")]},
            "✗ This did not take place: The account was given a role",
        ),
        ({"approval": None}, "✗ nobody, by the record"),
        ({"verification": []}, "✗ nothing was read back"),
        (
            {"verification": [Check(name="roles", wanted="A", found="B", passed=False)]},
            "✗ 1 of 1 are not as wanted: roles: B, not A",
        ),
        ({"purpose": ""}, "The record does not say what the account is for."),
    ],
)
def test_what_did_not_come_out_is_told_as_plainly(tmp_path, fields, said):
    assert said in told(tmp_path, creation(**fields))
    assert said not in told(tmp_path / "well", creation())


@pytest.mark.parametrize("outcome", [Outcome.PLANNED, Outcome.NOTHING_TO_DO])
def test_a_look_that_changed_nothing_is_no_story(tmp_path, outcome):
    assert client_page.told(archived(tmp_path, record(outcome=outcome)), address="") is None


def test_a_run_that_cannot_be_read_is_told_as_such(tmp_path):
    run = archived(tmp_path, creation())
    broken = type(run)(
        folder=run.folder, record=None, problem="Why not.", record_sha256="", seals=run.seals
    )
    group = client_page.told(broken, address="")
    assert group.verdict.text == "✗ unreadable"
    assert group.parts[0].words == "Why not."


def test_the_account_that_stands_is_told_with_its_role_age_and_purpose():
    text = page(ClientStory("alpine-books", standing=standing([creation()])), days=3).text
    assert f"Account {NAME} Object id {USER} Role {ROLE} Purpose mail-redirection" in text
    assert "Created 23 November 2026 (3 days ago)" in text
    assert f"{NAME} holds {ROLE} until somebody takes it away" in text


def test_an_account_that_may_stand_is_not_said_to():
    lost = record(changes=[change("create-user", target=NAME, status="unknown")])
    text = page(ClientStory("alpine-books", standing=standing([lost]))).text
    assert f"? {NAME} may stand" in text


def test_where_nothing_stands_nothing_remains():
    text = page(ClientStory("alpine-books")).text
    assert "By these records no such account stands in your tenant." in text
    assert "Nothing, by these records." in text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("accepted", "A temporary password was handed over by mail to onboarding@example.com, 23"),
        ("unknown", "The temporary password went by mail to onboarding@example.com, 23 November"),
    ],
)
def test_the_temporary_password_remains_until_it_is_changed(status, said):
    story = ClientStory("alpine-books", standing=standing([creation()]))
    story.handed_over[USER] = creation(hand_over=hand_over(status=status))
    text = page(story).text
    assert said in text
    assert ("Whether it has been is told below" in text) == (status == "accepted")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "was deleted and can be restored until 23 December 2026, 12:00:00 UTC. After that"),
        (31, "was deleted; it could be restored until 23 December 2026."),
    ],
)
def test_a_deletion_can_be_undone_until_it_cannot(days, said):
    story = ClientStory("alpine-books", undo={NAME: NOW + timedelta(days=30)})
    assert f"{NAME} {said}" in page(story, days=days).text


def test_the_client_is_told_how_to_check_and_with_which_key(tmp_path):
    story = ClientStory("alpine-books", keys={"SHA256:abab": "kim"})
    story.rows = (row_of(archived(tmp_path, creation())),)
    text = page(story).text
    assert "o365 evidence verify --client alpine-books --public-key FILE" in text
    assert "kim SHA256:abab" in text
    assert "✗" not in text


def test_what_the_tenants_own_log_said_is_told():
    story = ClientStory("alpine-books", witness=Witness(is_signed=True, strange=("by mallory",)))
    assert "✗ In the log, and in no record: by mallory" in page(story).text
    assert "have not been compared" in page(ClientStory("alpine-books")).text


def test_an_approvers_key_is_told_where_it_signed(tmp_path):
    signed = approval(how="signed", key_id="0123456789abcdef" * 4)
    text = told(tmp_path, creation(approval=signed))
    assert "(signed with the approver's own key, SHA256:0123 4567 89ab cdef" in text


def test_runs_without_a_valid_seal_are_never_hidden(tmp_path):
    unsealed = row_of(archived(tmp_path, creation(), SealStatus(state="not sealed")))
    text = page(ClientStory("alpine-books", rows=(unsealed,))).text
    assert "✗ No run on this page carries a valid seal." in text
    story = ClientStory("alpine-books", rows=(unsealed,), keys={"SHA256:abab": "kim"})
    assert "✗ 1 run without a valid seal" in page(story).text
    assert "✗ NOT SEALED" in page(story).text


def test_all_runs_are_listed_the_newest_first_and_what_is_left_out_is_said(tmp_path):
    rows = tuple(
        row_of(archived(tmp_path / str(number), each))
        for number, each in enumerate((creation(), removal()))
    )
    seen = page(ClientStory("alpine-books", rows=rows, runs=12))
    assert seen.addresses[1:] == [
        f"../runs/alpine-books/{row.run_id}.html" for row in reversed(rows)
    ]
    assert "10 earlier runs are in runs.csv." in seen.text


def test_a_hostile_client_is_shown_as_it_is_called_and_does_nothing():
    seen = page(ClientStory("alpine-books", display_name=HOSTILE + "x" * 10_000))
    assert HOSTILE in seen.titles[0][1]
    assert len(seen.titles[0][1]) < 200
    assert "img" not in {tag for tag, _ in seen.tags}
