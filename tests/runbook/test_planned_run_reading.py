"""What a run takes from the client's earlier records when it reads the tenant."""

import shutil
from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import HandOverFailed, Refused
from o365lib.evidence.record import Outcome
from o365lib.sandbox import Fault

CLIENT = "alpine-books"
ARCHIVE = "o365lib.evidence.archive"


def kept(opened):
    return opened.run.folder.read_record()


def damage(opened):
    """Spoil an archived record, as a disk does."""
    opened.run._abandon()
    opened.run.folder.record_file.write_text("{")


def warnings(caplog):
    return [each.message for each in caplog.records if each.name == ARCHIVE]


def test_the_archive_is_read_once_for_one_reading_of_the_tenant(open_run, caplog):
    open_run("create", CLIENT).to("close")
    lost = open_run("create", CLIENT, dry_run=True)
    damage(lost)
    opened = open_run("create", CLIENT)
    opened.to("sign_in")
    caplog.clear()
    opened.run.look()
    (told,) = warnings(caplog)
    assert lost.run.folder.run_id in told
    opened.run.read_tenant()
    assert len(warnings(caplog)) == 2
    assert kept(opened).facts["unreadable_records"] == [lost.run.folder.run_id]
    assert kept(opened).facts["handed_over_by"] != ""


def test_the_reading_begins_before_the_archive_is_read(open_run, caplog):
    """Else a change that another run makes in between would be in neither."""
    damage(open_run("create", CLIENT, dry_run=True))
    opened = open_run("create", CLIENT)
    opened.to("sign_in")
    caplog.clear()
    opened.run.look()
    (told,) = [each for each in caplog.records if each.name == ARCHIVE]
    assert opened.run.current_facts.read.timestamp() <= told.created


@pytest.fixture
def completed(open_run, demo_project):
    """A run that found the account, which no record of this archive made, and gave it its role."""
    open_run("create", CLIENT).to("close")
    shutil.rmtree(demo_project.folder / "evidence")
    tenant, account = demo_project.tenant(CLIENT), demo_project.account(CLIENT)
    for key, assignment in list(tenant.role_assignments.items()):
        if assignment["principalId"] == account["id"]:
            del tenant.role_assignments[key]
    opened = open_run("create", CLIENT)
    opened.to("close")
    assert [change.action for change in kept(opened).changes] == ["assign-role"]
    return opened


@pytest.mark.parametrize("word", ["create", "remove"])
def test_an_account_that_was_completed_and_renamed_is_neither_gone_nor_made_anew(
    open_run, demo_project, completed, word
):
    tenant, account = demo_project.tenant(CLIENT), demo_project.account(CLIENT)
    account["userPrincipalName"] = f"old-pp@{tenant.initial_domain}"
    demo_project.edit(CLIENT, onboarding="completed")
    before = demo_project.writes()
    opened = open_run(word, CLIENT)
    with pytest.raises(Refused) as caught:
        opened.to("close")
    assert caught.value.code == "account-renamed"
    assert completed.run.folder.run_id in caught.value.message
    assert (kept(opened).outcome, demo_project.writes()) == (Outcome.REFUSED, before)


def set_by_somebody(demo_project):
    """The vendor has set a password of its own: no record proves anything any more."""
    changed = clock.now() + timedelta(days=3)
    demo_project.account(CLIENT)["lastPasswordChangeDateTime"] = clock.iso(changed)


def test_lost_records_of_an_account_before_and_of_its_removal_stop_nothing_for_ever(
    open_run, demo_project
):
    demo_project.edit(CLIENT, onboarding="completed")
    first, removal = open_run("create", CLIENT), open_run("remove", CLIENT)
    first.to("close")
    removal.to("close")
    damage(first)
    damage(removal)
    open_run("create", CLIENT).to("close")
    set_by_somebody(demo_project)
    account = demo_project.account(CLIENT)
    with pytest.raises(Refused) as caught:
        open_run("create", CLIENT).to("close")
    assert caught.value.code == "records-unreadable"
    assert removal.run.folder.run_id not in caught.value.message
    # As if the account were of two days later.
    account["createdDateTime"] = clock.iso(clock.now() + timedelta(days=2))
    opened = open_run("create", CLIENT)
    opened.to("close")
    assert kept(opened).outcome == Outcome.NOTHING_TO_DO
    assert kept(opened).facts["unreadable_records"] == []


def test_a_lost_record_of_the_accounts_own_creation_stops_a_later_run(open_run, demo_project):
    demo_project.sandbox.faults.add(
        Fault(method="POST", path="/v1.0/users/*/sendMail", effect="403")
    )
    first = open_run("create", CLIENT)
    with pytest.raises(HandOverFailed):
        first.to("hand_over")
    damage(first)
    with pytest.raises(Refused, match=first.run.folder.run_id):
        open_run("create", CLIENT).to("close")


@pytest.mark.parametrize("status", ["400", "401", "424", "429", "403", "503"])
def test_a_federation_that_the_service_does_not_tell_is_not_cleared_by_a_reason(
    open_run, demo_project, status
):
    client = "bayside-legal"
    demo_project.edit(client, onboarding="completed", federation_override={"reason": "Jo said so"})
    demo_project.sandbox.faults.add(
        Fault(method="GET", path="/v1.0/domains/*", effect=status, times=None)
    )
    opened = open_run("remove", client)
    with pytest.raises(Refused) as caught:
        opened.to("plan")
    assert caught.value.code == "federation-unreadable"
    assert demo_project.writes() == []
