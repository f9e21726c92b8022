import pytest

from o365lib.evidence.record import Check, Quarantined
from o365lib.reports import run_page
from o365lib.reports.html import render
from o365lib.reports.seal_status import SealStatus
from tests.reports.examples import (
    HOSTILE,
    ROLE,
    SEALED,
    USER,
    Seen,
    approval,
    archived,
    change,
    creation,
    hand_over,
    plan,
    record,
    refusal,
    removal,
)


@pytest.fixture
def shown(tmp_path):
    """Show the page of a run."""

    def show(each, status=SEALED) -> Seen:
        run = archived(tmp_path, each, status)
        return Seen(render(run_page.page(run, address_of=lambda path: f"../{path.name}")))

    return show


def sections(seen: Seen) -> list[str]:
    return [title for level, title in seen.titles if level == 2]


def test_the_page_of_a_creation_tells_all_of_it_the_verdict_first_the_requests_last(shown):
    seen = shown(creation())
    assert seen.titles[0] == (1, "Create service account: Alpine Books")
    assert sections(seen) == [
        *("The run", "Plan", "Approval", "Changes in the tenant", "Hand-over of the credentials"),
        *("Verification", "Steps", "Seal", "Files", "Requests to Microsoft"),
    ]
    begin = seen.text[: seen.text.index("The run")]
    assert "✓ done ✓ sealed, number 1 as planned" in begin
    for text in (
        "kim at desk",
        "Signed in to the tenant as kim@msp.example",
        "Ticket T-1",
        "23 November 2026, 12:00:05 UTC (5.0 s)",
        "To create-user before create-user then The vendor works with an account of its own",
        "Right already: the name is right",
        "Note: It must register a method.",
        "Demo Approver",
        "What ✓ the plan above",
        f"no role {ROLE} ✓ accepted 12:00:00.000 ",
        "request-of-assign-role",
        "To whom onboarding@example.com",
        "request-of-the-mail",
        f"roles {ROLE} {ROLE} ✓ as wanted",
        "look ✓ completed 12:00:00.000 0.0",
        "Key's fingerprint SHA256:abab",
        "1 POST /v1.0/users 201 12:00:01.250 4 2 request-of-create-user",
        "2.1 GET /domains 404 in-a-batch",
    ):
        assert text in seen.text, text
    assert "$select" not in seen.text
    assert seen.addresses == ["../record.json", "../runbook.ipynb"]


def test_a_refusal_says_why_and_what_to_do_and_shows_no_changes(shown):
    seen = shown(refusal())
    assert "What went wrong" in sections(seen)
    assert {"Approval", "Changes in the tenant", "Verification"}.isdisjoint(sections(seen))
    assert "■ Refused (federated-with-vendor): Federated with the vendor." in seen.text
    assert "The way out: End the federation first." in seen.text
    assert "In the tenant Nothing was changed." in seen.text


def test_a_removal_says_until_when_it_can_be_undone(shown):
    seen = shown(removal())
    assert "Can be restored until 23 December 2026, 12:00:00 UTC" in seen.text
    assert f"Roles that it had {ROLE}" in seen.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"approval": None}, "✗ The record names nobody who approved the changes."),
        ({"approval": approval(plan_digest="b5" * 32)}, "✗ ANOTHER PLAN than above"),
        ({"verification": []}, "✗ Nothing was read back after the changes."),
        (
            {"verification": [Check(name="roles", wanted="A", found="B", passed=False)]},
            "roles A B ✗ NOT as wanted",
        ),
        ({"hand_over": hand_over(status="unknown")}, "Microsoft ? unknown: no answer came"),
        ({"changes": [change("create-user", status="failed")]}, "✗ failed"),
        ({"plan": None}, "✗ ANOTHER PLAN than above"),
        ({"dry_run": True}, "Dry run yes: nothing may be changed"),
        ({"closed_by": "driver"}, "Closed by driver"),
        ({"plan": plan()}, "There was nothing to change."),
    ],
)
def test_what_is_not_as_it_should_be_is_said_in_words(shown, fields, said):
    assert said in shown(creation(**fields)).text


def test_and_is_not_said_where_all_is_well(shown):
    assert "✗" not in shown(creation()).text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (SealStatus(state="not sealed"), "✗ NOT SEALED"),
        (
            SealStatus(state="invalid", number=3, problems=("record.json: edited.",)),
            "✗ record.json: edited.",
        ),
        (SealStatus(state="under way"), "… not sealed yet: the run is under way"),
    ],
)
def test_a_seal_that_is_missing_or_wrong_stands_at_the_top_and_is_explained(shown, status, said):
    seen = shown(creation(), status)
    begin = seen.text[: seen.text.index("The run ")]
    assert ("NOT" in begin) == (status.state != "under way")
    assert said in seen.text
    assert "✓ sealed" not in seen.text


def test_a_record_that_cannot_be_read_still_has_its_files_and_its_seal(tmp_path):
    run = archived(tmp_path, creation())
    broken = type(run)(
        folder=run.folder,
        record=None,
        problem="The record is not of the schema.",
        record_sha256=run.record_sha256,
        seals=run.seals,
    )
    seen = Seen(render(run_page.page(broken, address_of=str)))
    assert "✗ unreadable" in seen.text
    assert "The record is not of the schema." in seen.text
    assert sections(seen) == ["Seal", "Files"]


def test_a_run_without_files_says_so(tmp_path):
    run = archived(tmp_path, creation())
    for file in run.folder.path.iterdir():
        file.unlink()
    gone = type(run)(folder=run.folder, record=None, problem="", record_sha256="", seals=run.seals)
    assert (
        "✗ The run's folder has no files." in Seen(render(run_page.page(gone, address_of=str))).text
    )


def test_files_in_quarantine_are_told_and_why(shown):
    kept = [Quarantined(name="runbook.ipynb", sha256="ab" * 32, kinds=["JWT"])]
    seen = shown(creation(quarantined=kept))
    assert "✗ A secret was found in the run's files" in seen.text
    assert f"runbook.ipynb JWT {'ab' * 32}" in seen.text
    assert "Files in quarantine" not in sections(shown(removal()))


def test_a_signed_approval_is_told_with_the_approvers_key(shown):
    signed = approval(how="signed", approval_id="approval-7", key_id="0123456789abcdef" * 4)
    text = shown(creation(approval=signed)).text
    assert "How signed with the approver's own key" in text
    assert "Approver's key SHA256:0123 4567 89ab cdef" in text
    assert "Signed approval approval-7" in text


@pytest.mark.parametrize("note", ["", "looked at it"])
def test_columns_that_hold_nothing_are_left_out(shown, note):
    text = shown(creation(changes=[change("create-user", note=note)])).text
    assert ("Request id Note" in text) == bool(note)


def test_the_account_is_told_once_where_all_changes_are_of_one(shown):
    assert shown(creation()).text.count(USER) == 2  # and for the hand-over
    two = [change("create-user"), change("assign-role", target="another")]
    text = shown(removal(changes=two)).text
    assert "Sent (UTC) Account Request id" in text
    assert "another" in text


def test_odd_trees_in_plan_facts_and_requests_break_nothing(tmp_path):
    odd = record(
        plan={"changes": [7, {}, {"title": ["x"], "before": {"a": 1}}], "refusals": "no"},
        undo={"until": 7, "role_assignments": {}},
        requests=[{"path": 7, "items": [1, {}]}, {}],
        changes=[change("create-user", before={"deep": [1]}, after=None)],
    )
    text = Seen(render(run_page.page(archived(tmp_path, odd), address_of=str))).text
    assert '{"deep": [1]}' in text


def test_a_hostile_name_is_shown_and_cut(shown):
    seen = shown(creation(client_display_name=HOSTILE + "x" * 10_000, reason=HOSTILE))
    title = seen.titles[0][1]
    assert title.startswith(f"Create service account: {HOSTILE}x")
    assert len(title) < 200
    assert "img" not in {tag for tag, _ in seen.tags}
