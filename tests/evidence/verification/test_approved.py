"""Four eyes, seen from the archive alone: whoever left out the guards is told."""

import shutil

import pytest

from o365lib.evidence import approvals
from o365lib.evidence.approval import ApprovedPlan
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Approval, Outcome
from o365lib.evidence.sealing import OpenBatch
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from tests.evidence.sealed_archive import make_run
from tests.evidence.small_records import NOW

PLAN, OTHER = "ab" * 32, "cd" * 32
CLIENT = "alpine-books"


class Desk:
    """An archive, Kim who runs, and Ana who approves."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "evidence"
        self.kim, self.ana = KeyStore(folder / "kim"), KeyStore(folder / "ana")
        self.kim.signer()
        self._runs = 0

    def approve(self, keys: KeyStore, *, client=CLIENT, digest=PLAN) -> Approval:
        """Approve a plan, and return what a record says of it."""
        batch = OpenBatch.begin(Archive(self.root), keys)
        plan = ApprovedPlan(client, "r-0", "create_service_account", digest)
        given = approvals.approve(batch, [plan], name="Ana")
        batch.close()
        return Approval(
            approved_by="Ana",
            how="signed",
            plan_digest=PLAN,
            date_time=NOW,
            approval_id=given.approval_id,
            key_id=given.key_id,
        )

    def run(self, approval: Approval, outcome=Outcome.DONE, *, digest=PLAN) -> None:
        """A run of Kim's by an approval."""
        self._runs += 1
        batch = OpenBatch.begin(Archive(self.root), self.kim)
        run_id = f"20261124T00000{self._runs}000Z-create-ffffff"
        fields = {"approval": approval, "outcome": outcome, "plan": {"digest": digest}}
        batch.seal(make_run(batch, CLIENT, run_id, **fields)[0])
        batch.close()

    def report(self, **wishes):
        return verify(FolderStore(self.root), **wishes)

    def told(self, **wishes) -> list[tuple[str, str, str]]:
        """Kind, number of the seal, and the end of the sentence."""
        return [
            (each.kind.value, each.file.partition("/_seals/")[2][:8], each.sentence)
            for each in self.report(**wishes).problems
        ]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_run_by_somebody_elses_approval_of_its_plan_is_sound(desk):
    desk.run(desk.approve(desk.ana))
    for wishes in (
        {},
        {"clients": [CLIENT]},
        {"keys": [desk.kim.signer().key, desk.ana.signer().key]},
    ):
        assert desk.told(**wishes) == []


def test_an_approval_that_is_not_in_the_archive_makes_its_run_unsigned(desk):
    approval = desk.approve(desk.ana)
    desk.run(approval.model_copy(update={"approval_id": "20261124T000000000Z-approve-ffffff"}))
    desk.run(approval.model_copy(update={"approval_id": "../x"}))
    told = desk.told()
    assert [each[:2] for each in told] == [("unsigned", "00000001"), ("unsigned", "00000002")]
    assert all("is not in the archive" in each[2] for each in told)
    assert len(desk.told(clients=[CLIENT])) == 2


@pytest.mark.parametrize("fields", [{"client": "bayside-legal"}, {"digest": OTHER}])
def test_an_approval_of_another_client_or_plan_makes_its_run_unsigned(desk, fields):
    desk.run(desk.approve(desk.ana, **fields))
    [(kind, number, sentence)] = desk.told()
    assert (kind, number) == ("unsigned", "00000001")
    assert "covers no such plan of alpine-books" in sentence


def test_a_run_that_carried_out_another_plan_than_the_approved_one_is_unsigned(desk):
    desk.run(desk.approve(desk.ana), digest=OTHER)
    [(kind, _, sentence)] = desk.told()
    assert (kind, "another plan" in sentence) == ("unsigned", True)


def test_an_approval_with_the_key_of_the_run_is_by_the_wrong_key(desk):
    desk.run(desk.approve(desk.kim))
    [(kind, _, sentence)] = desk.told()
    assert (kind, "the same key" in sentence) == ("wrong key", True)


def test_an_approval_with_the_key_before_is_by_the_wrong_key(desk):
    """Who has changed keys is not two people."""
    shutil.copytree(desk.folder / "kim", desk.folder / "before")
    desk.kim.new(endorser=desk.kim.signer())
    desk.run(desk.approve(KeyStore(desk.folder / "before")))
    [(kind, _, sentence)] = desk.told()
    assert (kind, "vouches for the other" in sentence) == ("wrong key", True)


def test_an_approval_signed_with_another_key_than_the_seal_says_is_by_the_wrong_key(desk):
    desk.run(desk.approve(desk.ana).model_copy(update={"key_id": OTHER}))
    [(kind, _, sentence)] = desk.told()
    assert (kind, "another key than the seal says" in sentence) == ("wrong key", True)


def test_an_approval_is_for_one_run_that_changes_something(desk):
    approval = desk.approve(desk.ana)
    for outcome in (Outcome.PLANNED, Outcome.REFUSED, Outcome.DONE, Outcome.NOTHING_TO_DO):
        desk.run(approval, outcome)
    assert desk.report().problems == ()
    assert not any("another run had" in note for note in desk.report().notes)
    desk.run(approval, Outcome.UNVERIFIED)
    [(kind, number, sentence)] = desk.told()
    assert (kind, number) == ("unsigned", "00000005")
    assert "used before, by the run 20261124T000003000Z-create-ffffff" in sentence


def test_a_failed_run_that_may_have_changed_something_is_only_noted(desk):
    approval = desk.approve(desk.ana)
    desk.run(approval, Outcome.FAILED)
    desk.run(approval, Outcome.DONE)
    report = desk.report()
    assert report.problems == ()
    assert any("20261124T000002000Z-create-ffffff" in note for note in report.notes)


def test_an_approval_that_is_itself_bad_is_told_once(desk):
    approval = desk.approve(desk.ana)
    desk.run(approval)
    (desk.root / "_approvals" / f"{approval.approval_id}.json").write_text("{}")
    assert [each[0] for each in desk.told()] == ["edited"]


def test_an_approval_that_comes_meanwhile_is_found(desk):
    desk.run(desk.approve(desk.ana))

    class Store(FolderStore):
        def entries(self, prefix=""):
            for entry in super().entries(prefix):
                if not prefix and entry.name.startswith("alpine-books/2026") and desk.late:
                    desk.late = False
                    desk.run(desk.approve(desk.ana))
                yield entry

    desk.late = True
    report = verify(Store(desk.root))
    assert (report.problems, report.counts["approvals"]) == ((), 2)
