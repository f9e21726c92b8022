"""Approvals in an archive: given, found, and known to have been used."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError, Refused
from o365lib.evidence import approvals, seal
from o365lib.evidence.approval import ApprovedPlan, Document
from o365lib.evidence.approval_guards import Case
from o365lib.evidence.archive import Archive
from o365lib.evidence.digest import covered
from o365lib.evidence.envelope import verified_by
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Approval, Outcome
from o365lib.evidence.sealing import OpenBatch
from o365lib.parameters import ApprovalRules
from tests.evidence.approvals_given import CLIENT, DIGEST, PLAN, RUNBOOK
from tests.evidence.signers import ed25519
from tests.evidence.small_records import change, make

ROOT = Path(__file__).parents[2]
ANOTHER = ApprovedPlan("cedar-dental", "20261123T100000001Z-create-00aa11", RUNBOOK, "4c" * 32)


class Office:
    """An archive, and people with keys of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.archive = Archive(folder / "evidence")
        self.root = self.archive.root
        self.root.mkdir()

    def keys(self, name):
        store = KeyStore(self.folder / "keys" / name)
        if store.public_key() is None:
            store.new(name=name)
        return store

    def approve(self, name, *plans, ticket="T-1", sign_off=True):
        batch = OpenBatch.begin(self.archive, self.keys(name))
        given = approvals.approve(batch, plans or (PLAN,), name=name, ticket=ticket)
        if sign_off:
            batch.close()
        return given

    def case(self, *approvers, **fields):
        """Kim wants to carry out the plan, now. The accounts of the approvers are elsewhere."""
        rules = ApprovalRules(
            required="always",
            within_hours=24,
            approvers={each: self.keys(each).public_key().key_id for each in approvers},
        )
        wanted = Case(
            client=CLIENT,
            runbook=RUNBOOK,
            plan_digest=DIGEST,
            user_name="kim",
            host_name="kim-desk",
            signed_in_as="application 1",
            key_id="",
            own_key_ids=(),
            instant=clock.now(),
            rules=rules,
            keys=approvals.approvers_keys(self.root),
            used_by={},
        )
        return replace(wanted, **fields)

    def refusal(self, case):
        with pytest.raises(Refused) as caught:
            approvals.find(self.root, case)
        return caught.value

    def file(self, approval_id):
        return self.root / "_approvals" / f"{approval_id}.json"

    def run(self, run_id, *, approval_id, outcome=Outcome.DONE, changed=True):
        """A run of the client that carries an approval."""
        folder = self.archive.new_run(CLIENT, run_id)
        approval = Approval(
            approved_by="Ana",
            how="signed",
            plan_digest=DIGEST,
            date_time=clock.now(),
            approval_id=approval_id,
            key_id="0" * 64,
        )
        changes = [change(status="accepted" if changed else "failed")]
        folder.write_record(make(run_id, approval=approval, outcome=outcome, changes=changes))
        folder.write_approval(self.file(approval_id).read_bytes())
        return folder


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_an_approval_is_a_signed_file_with_the_approvers_key_beside_and_in_the_digest(office):
    given = office.approve("Ana", PLAN, ANOTHER)
    file = office.file(given.approval_id)
    found = Document.of(given.approval_id, file.read_bytes())
    assert found.approval == given
    assert given.plans == (PLAN, ANOTHER)
    key = office.keys("Ana").public_key()
    assert verified_by(found.envelope, approvals.approvers_keys(office.root)) == key
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
    [digest] = (office.root / "_digests").iterdir()
    said = json.loads(Document.of("", digest.read_bytes()).envelope.payload)
    assert [each["name"] for each in said["subject"]] == [f"_approvals/{file.name}"]


def test_an_approval_that_a_killed_process_left_is_covered_by_the_next_digest(office):
    given = office.approve("Ana", sign_off=False)
    [batch] = (office.root / ".pending").iterdir()
    notes = [path.read_text("utf-8") for path in batch.rglob("*") if path.is_file()]
    assert any(f"_approvals/{given.approval_id}.json" in note for note in notes)
    assert covered(office.root) == set()


def test_what_cannot_be_written_is_not_approved(office):
    (office.root / "_approvals").write_text("in the way")
    with pytest.raises(EvidenceError) as caught:
        office.approve("Ana")
    assert caught.value.state == "Nothing is approved."
    assert (office.root / "_approvals").read_text() == "in the way"


def test_the_newest_approval_that_holds_confirms_the_plan(office):
    first = office.approve("Ana")
    second = office.approve("Bo")
    assert approvals.find(office.root, office.case("Ana", "Bo")).approval == second
    assert approvals.find(office.root, office.case("Ana")).approval == first
    used = {second.approval_id: "a-run"}
    assert approvals.find(office.root, office.case("Ana", "Bo", used_by=used)).approval == first


def test_where_nobody_has_approved_the_way_to_it_is_told(office):
    missing = office.refusal(office.case("Ana"))
    assert missing.code == "approval-missing"
    assert CLIENT in missing.message
    assert "o365 approve" in missing.remedy
    office.approve("Ana", ANOTHER)  # another client's is none of this one's
    assert office.refusal(office.case("Ana")).code == "approval-missing"


def test_the_refusal_is_about_the_approval_that_came_nearest(office):
    removal = replace(PLAN, runbook="remove_service_account", plan_digest="5d" * 32)
    office.approve("Ana", removal)  # another runbook's is none of this one's
    assert office.refusal(office.case("Ana")).code == "approval-missing"
    office.approve("Ana", replace(PLAN, plan_digest="4c" * 32))
    assert office.refusal(office.case("Ana")).code == "plan-changed"
    office.approve("Stranger")
    office.approve("Ana", removal)
    assert office.refusal(office.case("Ana")).code == "approver-unknown"
    given = office.approve("Ana")
    case = office.case("Ana", used_by={given.approval_id: "a-run"})
    assert office.refusal(case).code == "approval-used"


def test_old_approvals_of_other_plans_are_not_told_as_if_they_were_of_this(office):
    office.approve("Ana", replace(PLAN, plan_digest="4c" * 32))
    late = clock.now() + timedelta(hours=25)
    assert office.refusal(office.case("Ana", instant=late)).code == "approval-missing"


def test_an_approval_of_this_plan_that_grew_too_old_is_told_as_such(office):
    office.approve("Ana")
    late = clock.now() + timedelta(hours=25)
    assert office.refusal(office.case("Ana", instant=late)).code == "approval-too-old"
    much_later = clock.now() + timedelta(days=70)
    assert office.refusal(office.case("Ana", instant=much_later)).code == "approval-missing"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"payload": 1}'])
def test_a_file_that_is_no_approval_is_told_where_nothing_comes_nearer(office, content):
    given = office.approve("Ana")
    office.file(given.approval_id).write_bytes(content)
    assert office.refusal(office.case("Ana")).code == "approval-unsigned"
    office.approve("Ana")
    assert approvals.find(office.root, office.case("Ana"))


def test_links_and_other_files_among_the_approvals_are_left_alone(office, tmp_path):
    given = office.approve("Ana")
    outside = tmp_path / "outside.json"
    outside.write_bytes(office.file(given.approval_id).read_bytes())
    office.file(given.approval_id).unlink()
    office.file(given.approval_id).symlink_to(outside)
    (office.root / "_approvals" / "folder.json").mkdir()
    (office.root / "_approvals" / ".hidden.json").write_bytes(outside.read_bytes())
    assert office.refusal(office.case("Ana")).code == "approval-missing"


def used(office, run_id="20261123T130000000Z-create-aaaaaa"):
    return approvals.used_by_others(office.archive, CLIENT, run_id)


def test_an_approval_is_used_by_a_run_that_changed_something_and_by_no_other(office):
    ids = [office.approve("Ana").approval_id for _ in range(3)]
    office.run("20261123T120000000Z-create-000001", approval_id=ids[0])
    office.run("20261123T120000000Z-create-000002", approval_id=ids[1], changed=False)
    office.run("20261123T120000000Z-create-000003", approval_id=ids[2])
    own = "20261123T120000000Z-create-000003"
    assert used(office, own) == {ids[0]: "20261123T120000000Z-create-000001"}


def test_a_use_is_known_from_the_runs_copy_where_its_record_is_damaged(office):
    given = office.approve("Ana").approval_id
    run = office.run("20261123T120000000Z-create-000001", approval_id=given)
    run.record_file.write_text("{")
    assert used(office) == {given: run.run_id}


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.UNVERIFIED])
def test_a_use_is_known_from_the_seal_where_the_run_was_taken_away(office, outcome):
    given = office.approve("Ana").approval_id
    run = office.run("20261123T120000000Z-create-000001", approval_id=given, outcome=outcome)
    seal.seal_run(run, run.read_record(), ed25519(), search={})
    for file in run.path.iterdir():
        file.unlink()
    run.path.rmdir()
    assert used(office) == {given: run.run_id}


def test_a_seal_does_not_contradict_a_record_that_says_that_nothing_was_changed(office):
    given = office.approve("Ana").approval_id
    run = office.run(
        "20261123T120000000Z-create-000001",
        approval_id=given,
        outcome=Outcome.FAILED,
        changed=False,
    )
    seal.seal_run(run, run.read_record(), ed25519(), search={})
    (office.root / CLIENT / "_seals" / "00000002.json").write_text("no seal")
    assert used(office) == {}


@pytest.mark.skipif(shutil.which("base64") is None, reason="needs base64 and sed")
def test_an_approval_is_read_without_this_program_as_the_page_tells(office):
    given = office.approve("Ana")
    page = (ROOT / "docs" / "four-eyes.md").read_text("utf-8")
    [command] = re.findall(r"```bash\n(.+)\n```", page)
    shown = subprocess.run(
        ["sh", "-c", command.replace("ID", given.approval_id)],
        cwd=office.folder,
        check=True,
        capture_output=True,
    )
    predicate = json.loads(shown.stdout)["predicate"]
    assert predicate["plans"][0]["plan_digest"] == DIGEST
    fields = {"approval_id", "approved", "approver", "plans", "ticket", "signer"}
    assert fields | {"schema_version"} == predicate.keys()
    assert [each for each in fields if f"`{each}`" not in page and f".{each}`" not in page] == []
