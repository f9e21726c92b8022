"""The create runbook where it is asked what to do about a password that nobody has used."""

import pytest

from o365lib.errors import Refused, UsageError
from o365lib.evidence.record import Outcome

CLIENT = "alpine-books"


@pytest.fixture
def standing(open_run, demo_project):
    """The account as a run made it, and an application that may do all to administrators."""
    tenant = demo_project.tenant(CLIENT)
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    open_run("create", CLIENT).to("close")
    demo_project.sandbox.clock.advance(days=0, seconds=1)
    return demo_project.account(CLIENT)


def kept(opened):
    return opened.run.folder.read_record()


def test_an_unused_password_is_replaced_and_handed_over(open_run, demo_project, standing):
    tenant = demo_project.tenant(CLIENT)
    before = tenant.password_of(standing["id"])
    opened = open_run("create", CLIENT, if_unused="replace")
    opened.to("close")
    record = kept(opened)
    assert record.outcome == Outcome.DONE
    assert [each.action for each in record.changes] == ["set-password", "hand-over"]
    assert record.reason.endswith("password replaced, credentials handed over")
    assert record.parameters["if_unused"] == "replace"
    assert record.hand_over.request_id
    assert len(tenant.outbox) == 2
    assert tenant.password_of(standing["id"]) != before


def test_a_password_that_its_holder_has_changed_is_left_alone(open_run, demo_project, standing):
    demo_project.sandbox.clock.advance(days=1)
    demo_project.sandbox.change_password(CLIENT, standing["id"], "own choice of 1 person")
    for if_unused in ("replace", "disable"):
        opened = open_run("create", CLIENT, if_unused=if_unused)
        opened.to("close")
        record = kept(opened)
        assert (record.outcome, record.changes) == (Outcome.NOTHING_TO_DO, [])
        assert "after the run" in record.reason
        assert "uses it" not in record.reason  # an administrator may have reset it
    assert standing["accountEnabled"]


def test_an_account_is_blocked_and_later_given_a_new_password(open_run, demo_project, standing):
    blocking = open_run("create", CLIENT, if_unused="disable")
    blocking.to("close")
    record = kept(blocking)
    assert record.outcome == Outcome.DONE
    assert [each.action for each in record.changes] == ["disable-user"]
    assert ("sign-in", "blocked") in {(each.name, each.found) for each in record.verification}
    assert standing["accountEnabled"] is False

    again = open_run("create", CLIENT, if_unused="disable")
    again.to("close")
    assert kept(again).outcome == Outcome.NOTHING_TO_DO

    ordinary = open_run("create", CLIENT)
    with pytest.raises(Refused, match="has blocked its sign-in") as refused:
        ordinary.to("plan")
    assert refused.value.code == "account-disabled"

    replacing = open_run("create", CLIENT, if_unused="replace")
    replacing.to("close")
    assert kept(replacing).outcome == Outcome.DONE
    assert standing["accountEnabled"] is True
    assert [each.action for each in kept(replacing).changes] == [
        "set-password",
        "enable-user",
        "hand-over",
    ]


def test_without_an_account_none_is_made(open_run, demo_project):
    opened = open_run("create", "dunes-surveying", if_unused="replace")
    opened.to("close")
    assert kept(opened).outcome == Outcome.NOTHING_TO_DO
    assert demo_project.account("dunes-surveying") is None


def test_an_account_that_no_run_made_is_refused(open_run):
    opened = open_run("create", "cedar-dental", if_unused="disable")
    with pytest.raises(Refused) as refused:
        opened.to("plan")
    assert refused.value.code == "custody-unknown"


def test_another_word_is_wrong_usage(open_run):
    with pytest.raises(UsageError, match="'delete'"):
        open_run("create", CLIENT, if_unused="delete")
    with pytest.raises(UsageError):
        open_run("remove", CLIENT, if_unused="disable")


def test_a_person_is_asked_for_what_it_takes(open_run):
    assert open_run("create", CLIENT, if_unused="replace").run.may_replace_password()
    assert not open_run("create", CLIENT).run.may_replace_password()
    assert not open_run(
        "create", CLIENT, if_unused="replace", dry_run=True
    ).run.may_replace_password()
