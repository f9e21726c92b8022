"""The document of an approval: what is signed, and what is made of what is found."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.evidence.approval import ApprovedPlan, Document
from o365lib.evidence.envelope import sign, verified_by
from o365lib.evidence.statement import APPROVAL, SEAL
from tests.evidence.approvals_given import ANA, CLIENT, DIGEST, ID, PLAN, approval, document
from tests.evidence.signers import es256


def statement_in(raw):
    return json.loads(base64.b64decode(json.loads(raw)["payload"]))


def resigned(change):
    """The approval with its statement changed, and signed by Ana as it is then."""
    said = statement_in(approval().signed(ANA))
    change(said)
    return Document.of(ID, sign(json.dumps(said).encode(), ANA).to_json())


@pytest.mark.parametrize("signer", [ANA, es256()], ids=["Ed25519", "ES256"])
def test_an_approval_comes_back_from_its_file_as_it_was_given(signer):
    found = document(signer)
    assert found.approval == approval(signer)
    assert (found.fault, found.schema_version, found.is_newer) == ("", 1, False)
    assert verified_by(found.envelope, {signer.key.key_id: signer.key}) == signer.key


def test_what_is_signed_names_the_plans_the_approver_and_the_key():
    said = statement_in(approval().signed(ANA))
    assert said["predicateType"] == APPROVAL
    assert said["subject"] == [
        {"name": f"{CLIENT}/{PLAN.run_id}/record.json#plan", "digest": {"sha256": DIGEST}}
    ]
    assert said["predicate"] == {
        "schema_version": 1,
        "approval_id": ID,
        "approver": {"name": "Ana", "user_name": "ana", "host_name": "ana-laptop"},
        "approved": "2026-11-23T11:00:00.000Z",
        "plans": [
            {
                "client": CLIENT,
                "run_id": PLAN.run_id,
                "runbook": "create_service_account",
                "plan_digest": DIGEST,
            }
        ],
        "ticket": "T-1",
        "signer": {"name": "Ana", "key_id": ANA.key.key_id, "algorithm": "Ed25519"},
    }


def test_it_is_known_which_plans_of_which_client_it_covers():
    other = ApprovedPlan("cedar-dental", "r2", "remove_service_account", "4c" * 32)
    found = document(plans=(PLAN, other))
    assert found.plans_of("cedar-dental") == (other,)
    assert found.plans_of("bayside-legal") == ()
    assert found.has_digest("4c" * 32)
    assert not found.has_digest("5d" * 32)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["predicate"].pop("approved"),
        lambda said: said["predicate"].update(approved="2026-11-23T11:00:00"),
        lambda said: said["predicate"].update(approved="soon"),
        lambda said: said["predicate"].update(approver="Ana"),
        lambda said: said["predicate"]["approver"].update(name=None),
        lambda said: said["predicate"].update(plans=[]),
        lambda said: said["predicate"]["plans"][0].update(client="cedar-dental"),
        lambda said: said["predicate"]["plans"].append(said["predicate"]["plans"][0]),
        lambda said: said["subject"][0]["digest"].update(sha256="4c" * 32),
        lambda said: said["subject"].clear(),
        lambda said: said.update(predicateType=SEAL),
        lambda said: said["predicate"].update(schema_version=0),
        lambda said: said["predicate"].update(signer={}),
    ],
)
def test_a_statement_that_is_not_of_this_form_is_no_approval(change):
    found = resigned(change)
    assert found.envelope is not None
    assert found.approval is None
    assert found.fault


def test_an_approval_of_a_later_version_is_known_as_such():
    found = resigned(lambda said: said["predicate"].update(schema_version=2, novelty=True))
    assert found.is_newer
    assert found.approval is None


def test_an_approval_whose_signature_was_taken_off_is_read_and_has_no_envelope():
    parts = json.loads(approval().signed(ANA))
    found = Document.of(ID, json.dumps({**parts, "signatures": []}).encode())
    assert found.envelope is None
    assert found.approval == approval()
    assert "no signature" in found.fault


@given(st.binary() | st.text().map(str.encode))
def test_whatever_lies_there_is_a_document_with_a_fault(raw):
    found = Document.of(ID, raw)
    assert (found.envelope, found.approval) == (None, None)
    assert found.fault


@given(st.data())
def test_an_approval_that_was_cut_or_edited_is_told_or_does_not_verify(data):
    raw = approval().signed(ANA).rstrip()
    at = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    edited = bytearray(raw)
    edited[at] ^= 1 << bit
    found = Document.of(ID, bytes(edited))
    verified = found.envelope and verified_by(found.envelope, {ANA.key.key_id: ANA.key})
    is_same = found.envelope == document().envelope  # a space that became another one, say
    assert is_same or not verified
    assert Document.of(ID, raw[:at]).approval is None
