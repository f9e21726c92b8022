"""Where the defaults require it, only somebody else's signature lets a run change a tenant."""

import json
from dataclasses import replace

import pytest

from o365lib import clock
from o365lib.errors import Forbidden, Refused, StepTooLate
from o365lib.evidence.archive import APPROVAL_FILE
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Outcome
from o365lib.runbook import four_eyes
from o365lib.sandbox import Fault
from tests.four_eyes import account_of, approve, require_approval
from tests.standing_clock import LateClock

CLIENT = "alpine-books"


@pytest.fixture
def office(demo_project, open_run):
    return Office(demo_project, open_run)


class Office:
    """The demonstration's project, where Ana and Bo may approve what Kim, say, runs."""

    def __init__(self, project, open_run):
        self.project = project
        self.open_run = open_run
        require_approval(project.folder, "Ana", "Bo")

    def planned(self, client=CLIENT, word="create"):
        """The record of a dry run."""
        opened = self.open_run(word, client, dry_run=True)
        opened.to("close")
        return opened.run.folder.read_record()

    def approve(self, *records, name="Ana", **given):
        return approve(self.project.folder, self.project.archive, name, *records, **given)

    def approved(self, client=CLIENT, word="create"):
        return self.approve(self.planned(client, word))

    def run(self, client=CLIENT, word="create"):
        return self.open_run(word, client)

    def refused(self, opened, last="confirm", after="", code=None):
        """A run that must be refused, and change nothing."""
        with pytest.raises(Refused) as caught:
            opened.to(last, after=after)
        assert code is None or caught.value.code == code
        record = opened.run.folder.read_record()
        assert (record.outcome, record.error.guard) == (Outcome.REFUSED, caught.value.code)
        assert record.approval is None
        assert self.project.writes() == []
        return caught.value


def test_a_run_finds_the_approval_and_keeps_a_copy_of_it_by_which_it_is_done(office):
    given = office.approved()
    opened = office.run()
    shown = opened.to("confirm", approved_by="")
    assert "Approved by Ana, signed" in shown
    assert given.approval_id in shown
    opened.to("close", after="confirm")
    record = opened.run.folder.read_record()
    assert record.outcome == Outcome.DONE
    approval = record.approval
    assert (approval.approved_by, approval.how) == ("Ana", "signed")
    assert (approval.approval_id, approval.key_id) == (given.approval_id, given.key_id)
    assert approval.date_time == given.approved
    assert approval.plan_digest == record.plan["digest"] == given.plans[0].plan_digest
    copy = opened.run.folder.path / APPROVAL_FILE
    original = office.project.archive.root / "_approvals" / f"{given.approval_id}.json"
    assert copy.read_bytes() == original.read_bytes()
    assert office.project.roles(CLIENT) == {"Exchange Administrator"}


def test_a_name_that_the_operator_gives_confirms_nothing(office):
    opened = office.run()
    missing = office.refused(opened, code="approval-missing")
    assert "o365 approve" in missing.remedy
    assert opened.run.folder.read_record().parameters["approved_by"] == "Kim"


def test_one_approval_confirms_the_plans_of_several_clients_once_each(office):
    clients = (CLIENT, "fernhill-motors")
    given = office.approve(*[office.planned(client) for client in clients])
    for client in clients:
        office.run(client).to("close", approved_by="")
    for client in clients:
        record = office.project.records(client)[-1]
        assert (record.outcome, record.approval.approval_id) == ("done", given.approval_id)


def test_a_dry_run_needs_no_approval_nor_does_a_run_with_nothing_to_change(office):
    assert office.planned().outcome == Outcome.PLANNED
    opened = office.run("gumtree-vets")
    opened.to("close", approved_by="")
    assert opened.run.folder.read_record().outcome == Outcome.NOTHING_TO_DO


def test_where_only_global_administrator_is_required_the_rest_is_confirmed_as_ever(office):
    require_approval(office.project.folder, "Ana", required="global-administrator")
    opened = office.run()
    opened.to("confirm", approved_by="Kim")
    assert opened.run.folder.read_record().approval.how == "parameter"
    office.refused(office.run("cedar-dental"), code="approval-missing")
    office.approved("cedar-dental")
    office.run("cedar-dental").to("close", approved_by="")
    assert office.project.roles("cedar-dental") == {"Global Administrator"}


def test_a_removal_is_approved_as_a_creation_is(office):
    office.project.edit(CLIENT, onboarding="completed")
    office.approved()
    office.run().to("close", approved_by="")
    assert office.project.account(CLIENT)
    with pytest.raises(Refused) as caught:
        office.run(word="remove").to("confirm")
    assert caught.value.code == "approval-missing"
    office.approved(word="remove")
    office.run(word="remove").to("close", approved_by="")
    assert office.project.account(CLIENT) is None


def test_an_approval_by_somebody_who_is_no_approver_is_refused(office):
    office.approve(office.planned(), name="Stranger")
    office.refused(office.run(), code="approver-unknown")


def test_nobody_approves_the_own_run_by_account_or_key(office):
    office.approve(office.planned(), account="kim")
    with account_of("kim"):
        opened = office.run()
    office.refused(opened, code="approval-by-operator")
    own = KeyStore(opened.run.places.keys)
    defaults = office.project.folder / "parameters" / "defaults.yaml"
    listed = f"  approvers:\n    Kim: {own.public_key().key_id}\n"
    defaults.write_text(defaults.read_text("utf-8").replace("  approvers:\n", listed), "utf-8")
    office.approve(office.planned(), name="Kim", keys=own, account="somebody")
    office.refused(office.run(), code="approval-by-operator")
    own.new(endorser=own.signer())  # and the key before is no other person's
    assert "another one of the operator's" in str(office.refused(office.run()))


def test_a_plan_that_has_changed_since_is_refused(office):
    office.approved()
    office.project.edit(CLIENT, usage_location="NZ")
    refused = office.refused(office.run(), code="plan-changed")
    assert "Ana has approved the plan" in refused.message


def test_an_approval_that_was_edited_is_refused(office):
    given = office.approved()
    file = office.project.archive.root / "_approvals" / f"{given.approval_id}.json"
    parts = json.loads(file.read_text("utf-8"))
    first = parts["signatures"][0]["sig"][0]
    parts["signatures"][0]["sig"] = ("A" if first != "A" else "B") + parts["signatures"][0]["sig"][
        1:
    ]
    file.write_text(json.dumps(parts), "utf-8")
    office.refused(office.run(), code="approval-edited")


def test_an_approval_that_is_too_old_or_of_tomorrow_is_refused(office):
    planned = office.planned()
    with clock.use(LateClock(hours=-25)):
        office.approve(planned)
    office.refused(office.run(), code="approval-too-old")
    with clock.use(LateClock(hours=1)):
        office.approve(planned)
    office.refused(office.run(), code="approval-from-the-future")


def test_an_approval_is_used_once(office):
    office.project.edit(CLIENT, onboarding="completed")
    given = office.approved()
    first = office.run()
    first.to("close", approved_by="")
    tenant = office.project.tenant(CLIENT)
    tenant.users.pop(office.project.account(CLIENT)["id"])  # the tenant is as it was approved
    again = office.run()
    with pytest.raises(Refused) as caught:
        again.to("confirm")
    assert caught.value.code == "approval-used"
    assert given.approval_id in caught.value.message
    assert first.run.record.run_id in caught.value.message


def test_a_run_that_changed_nothing_does_not_use_the_approval_up(office):
    office.approved()
    office.project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/users", effect="403", times=1)
    )
    opened = office.run()
    with pytest.raises(Forbidden):
        opened.to("create_user", approved_by="")
    assert not opened.run.folder.read_record().is_changed
    opened.run.leave("the test goes on")
    office.run().to("close", approved_by="")
    assert office.project.roles(CLIENT) == {"Exchange Administrator"}


def test_an_approval_that_grows_too_old_before_the_first_change_is_refused_then(office):
    office.approved()
    opened = office.run()
    opened.to("confirm", approved_by="")
    with clock.use(LateClock(hours=25)):
        office.refused(opened, last="create_user", after="confirm", code="approval-too-old")


def test_from_the_first_change_on_an_approval_stands(office):
    office.approved()
    opened = office.run()
    opened.to("create_user", approved_by="")
    with clock.use(LateClock(hours=25)):
        opened.to("close", after="create_user")
    assert opened.run.folder.read_record().outcome == Outcome.DONE


def test_an_approval_that_another_run_has_used_meanwhile_is_refused_at_the_first_change(office):
    office.approved()
    waiting, quick = office.run(), office.run()
    waiting.to("confirm", approved_by="")
    quick.to("close", approved_by="")
    tenant = office.project.tenant(CLIENT)
    tenant.users.pop(office.project.account(CLIENT)["id"])
    waiting.run.looked_again = clock.now()  # as if the tenant had been read since
    with pytest.raises(Refused) as caught:
        waiting.run.create_user()
    assert caught.value.code == "approval-used"
    assert waiting.run.folder.read_record().approval is None
    assert office.project.account(CLIENT) is None


def test_a_confirmation_without_the_signature_is_stopped_at_the_first_change(office):
    opened = office.run()
    opened.to("plan")
    with pytest.raises(Refused):
        opened.run.confirm("Kim")
    office.approved()
    opened.to("confirm", after="plan", approved_by="")
    opened.run.approve("Kim", "form", opened.run.current_plan)  # an engineer's own cell
    office.refused(opened, last="create_user", after="confirm", code="approval-missing")


def test_a_closed_run_takes_no_approval_any_more(office):
    office.approved()
    opened = office.run()
    opened.to("close", approved_by="")
    document, plan = replace(opened.run.signed, raw=b"{}"), opened.run.current_plan
    before = (opened.run.folder.path / APPROVAL_FILE).read_bytes()
    with pytest.raises(StepTooLate):
        opened.run.approve_signed(document, plan, by_form=False)
    assert (opened.run.folder.path / APPROVAL_FILE).read_bytes() == before


def test_what_was_signed_is_recorded_under_the_listed_name(office):
    office.approve(office.planned(), name="Ana")
    opened = office.run()
    opened.to("confirm", approved_by="")
    rules = opened.run.defaults.approval
    renamed = rules.model_copy(update={"approvers": {"Ana Ruiz": rules.approvers["Ana"]}})
    recorded = four_eyes.as_recorded(opened.run.signed, opened.run.current_plan, renamed)
    assert recorded.approved_by == "Ana Ruiz"
