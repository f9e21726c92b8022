"""Whether an approval confirms a plan: every reason against it, alone."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from o365lib.evidence.approval import ApprovedPlan, Approver, Document
from o365lib.evidence.approval_guards import ANEW, TOLERANCE, holds_until, judge
from o365lib.evidence.envelope import Envelope, Signature, sign
from o365lib.parameters import ApprovalRules
from tests.evidence.approvals_given import ANA, CLIENT, ID, NOW, PLAN, RUNBOOK, case, document
from tests.evidence.signers import ed25519, es256

ROOT = Path(__file__).parents[2]
SECOND = timedelta(seconds=1)


def refusal(found, wanted):
    """What refuses; it must be something that says why and what to do."""
    refused = judge(found, wanted)
    assert refused is not None
    assert refused.message.endswith(".")
    assert refused.remedy.endswith(".")
    for own in (CLIENT, ID, PLAN.run_id, "Ana"):
        assert own not in refused.remedy  # a batch says it once for all clients
    return refused


def code(found, wanted):
    return refusal(found, wanted).code


def test_an_approval_by_somebody_else_of_this_very_plan_confirms_it():
    assert judge(document(), case()) is None


def test_a_key_in_a_vault_signs_as_well():
    vault = es256("Ana")
    assert judge(document(vault), case(signers=(vault,))) is None


def test_an_approver_may_be_listed_by_the_fingerprint():
    rules = ApprovalRules(required="always", approvers={"Ana": ANA.key.fingerprint})
    assert judge(document(), case(rules=rules)) is None


def test_what_nobody_has_signed_is_refused():
    found = document()
    loose = replace(found, envelope=None, fault="This is no signed envelope.")
    assert code(loose, case()) == "approval-unsigned"
    other_type = replace(found.envelope, payload_type="text/plain")
    assert code(replace(found, envelope=other_type), case()) == "approval-unsigned"
    assert code(Document.of(ID, b""), case()) == "approval-unsigned"


def test_what_a_later_version_wrote_is_refused_as_such():
    found = refusal(replace(document(), approval=None, schema_version=2), case())
    assert found.code == "approval-newer"
    assert "Update o365-runbooks" in found.remedy


def test_a_signed_file_that_is_not_understood_is_refused():
    assert code(replace(document(), approval=None, fault="No."), case()) == "approval-edited"


def test_a_key_that_is_no_approvers_is_refused_whatever_name_is_signed():
    stranger = ed25519("Ana")
    found = refusal(document(stranger), case())
    assert found.code == "approver-unknown"
    assert stranger.key.fingerprint in found.message
    assert code(document(stranger), case(keys={stranger.key.key_id: stranger.key})) == found.code


def test_an_approver_whose_public_key_is_not_there_cannot_be_verified():
    found = refusal(document(), case(keys={}))
    assert found.code == "approver-unknown"
    assert ANA.key.fingerprint in found.message


def test_another_key_under_the_approvers_id_does_not_verify():
    stranger = ed25519()
    assert code(document(), case(keys={ANA.key.key_id: stranger.key})) == "approval-edited"


def test_what_was_edited_after_it_was_signed_is_refused():
    found = document()
    edited = found.envelope.payload.replace(b'"T-1"', b'"T-2"')
    assert edited != found.envelope.payload
    envelope = Envelope(edited, found.envelope.payload_type, found.envelope.signatures)
    assert code(Document.of(ID, envelope.to_json()), case()) == "approval-edited"


def test_an_approvers_name_over_another_signature_is_refused():
    found = document(ed25519())
    [signature] = found.envelope.signatures
    forged = replace(found.envelope, signatures=(Signature(ANA.key.key_id, signature.signature),))
    assert code(replace(found, envelope=forged), case()) == "approval-edited"


def test_a_strangers_signature_beside_an_approvers_key_id_is_refused():
    stranger = ed25519("Ana")
    found = document(stranger)
    [good] = found.envelope.signatures
    both = (Signature(ANA.key.key_id, good.signature), good)
    forged = Document.of(ID, replace(found.envelope, signatures=both).to_json())
    keys = {each.key.key_id: each.key for each in (ANA, stranger)}
    assert code(forged, case(keys=keys)) == "approval-edited"


def test_an_approval_under_another_ones_name_is_refused():
    raw = document().raw
    assert code(Document.of("20261123T113000000Z-approve-ffffff", raw), case()) == "approval-edited"


def test_an_approval_that_names_another_key_than_its_own_is_refused():
    found = document()
    payload = found.envelope.payload.replace(ANA.key.key_id.encode(), b"0" * 64)
    assert payload != found.envelope.payload
    signed = Document.of(ID, sign(payload, ANA).to_json())
    assert signed.approval.key_id == "0" * 64
    assert code(signed, case()) == "approval-edited"


def test_an_approval_of_another_client_or_runbook_is_refused():
    assert code(document(), case(client="cedar-dental")) == "approval-for-another"
    found = refusal(document(), case(runbook="remove_service_account"))
    assert found.code == "approval-for-another"
    assert RUNBOOK in found.message


def test_a_digest_of_another_clients_plan_confirms_nothing():
    mine = replace(PLAN, plan_digest="4c" * 32)
    theirs = ApprovedPlan("cedar-dental", "r2", RUNBOOK, PLAN.plan_digest)
    assert code(document(plans=(mine, theirs)), case()) == "plan-changed"


def test_a_plan_that_has_changed_is_refused_and_both_are_named():
    found = refusal(document(), case(plan_digest="4c" * 32))
    assert found.code == "plan-changed"
    assert ("3b3b3b3b3b3b" in found.message, "4c4c4c4c4c4c" in found.message) == (True, True)
    assert PLAN.run_id in found.message
    assert found.remedy == ANEW


def test_one_approval_confirms_each_of_the_plans_that_it_names():
    other = ApprovedPlan("cedar-dental", "r2", RUNBOOK, "4c" * 32)
    found = document(plans=(PLAN, other))
    assert judge(found, case()) is None
    assert judge(found, case(client="cedar-dental", plan_digest="4c" * 32)) is None
    assert code(found, case(client="cedar-dental")) == "plan-changed"


@pytest.mark.parametrize(
    ("approver", "operator", "is_refused"),
    [
        ({}, {"key_id": ANA.key.key_id}, True),
        ({}, {"key_id": "0" * 64}, False),
        ({}, {"key_id": "0" * 64, "own_key_ids": {ANA.key.key_id, "0" * 64}}, True),
        ({}, {"own_key_ids": {ANA.key.key_id}}, True),
        ({}, {"own_key_ids": {"0" * 64}}, False),
        ({}, {"user_name": "ana", "host_name": "ana-laptop"}, True),
        ({}, {"user_name": "ana", "host_name": "kim-desk"}, False),
        ({}, {"user_name": "kim", "host_name": "ana-laptop"}, False),
        ({}, {"signed_in_as": "ANA"}, True),
        ({"name": "a@x.example"}, {"signed_in_as": "A@x.example"}, True),
        ({"name": ""}, {"signed_in_as": ""}, False),
    ],
)
def test_nobody_approves_the_own_run(approver, operator, is_refused):
    who = replace(Approver("Ana", "ana", "ana-laptop"), **approver)
    refused = judge(document(approver=who), case(**operator))
    assert (refused is not None) is is_refused
    if refused:
        assert refused.code == "approval-by-operator"
        assert "Ana" in refused.message


def test_the_listed_name_counts_and_not_the_one_that_was_written():
    who = Approver("Somebody", "ana", "ana-laptop")
    assert code(document(approver=who), case(signed_in_as="ana")) == "approval-by-operator"


def test_an_approval_holds_up_to_its_limit_and_no_longer():
    found = document()
    given = found.approval.approved
    for hours in (1, 24, 720):
        last = given + timedelta(hours=hours)
        assert holds_until(given, case(hours=hours).rules) == last
        assert judge(found, case(hours=hours, instant=last)) is None
        assert code(found, case(hours=hours, instant=last + SECOND)) == "approval-too-old"


def test_an_approval_from_the_future_is_refused_beyond_what_clocks_may_differ():
    assert timedelta(minutes=5) == TOLERANCE  # as the page says
    assert judge(document(approved=NOW + TOLERANCE), case()) is None
    late = document(approved=NOW + TOLERANCE + SECOND)
    assert code(late, case()) == "approval-from-the-future"


def test_an_approval_is_used_once_for_each_client():
    found = refusal(document(), case(used_by={ID: "20261123T113000000Z-create-123456"}))
    assert found.code == "approval-used"
    assert "20261123T113000000Z-create-123456" in found.message
    assert judge(document(), case(used_by={"another": "run"})) is None


@pytest.mark.parametrize("page", ["four-eyes.md", "guards.md"])
def test_every_code_is_documented_with_its_way_out(page):
    code = re.compile(r'"(appro\w+-[a-z-]+|plan-changed)",\n')
    folder = ROOT / "o365lib"
    sources = ("evidence/approval_guards.py", "evidence/approvals.py", "runbook/four_eyes.py")
    codes = {each for name in sources for each in code.findall((folder / name).read_text("utf-8"))}
    assert len(codes) == 11
    shown = (ROOT / "docs" / page).read_text("utf-8")
    assert [each for each in sorted(codes) if f"`{each}`" not in shown] == []
