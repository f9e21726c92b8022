"""The account's password: what it may contain, that it is in force, and that nothing keeps it."""

import secrets

import pytest

from o365lib.errors import AnswerLost, Forbidden, GraphError
from o365lib.service_account.create import new_password, replace_password
from o365lib.service_account.plan import PlannedChange
from tests.service_account.example import DEFAULTS, make_facts
from tests.service_account.job import LOST, failed


@pytest.fixture
def allowed_everything(make_job):
    """A job whose application may also set an administrator's password."""
    job = make_job(begin=False)
    application = job.tenant.application
    job.tenant.assign_role(application.object_id, "Privileged Authentication Administrator")
    return job.begin()


@pytest.mark.parametrize("effect", LOST)
def test_a_replaced_password_is_the_one_in_force_though_an_answer_was_lost(job, effect):
    job.create(hand_over=False)
    before = job.password
    job.begin().fault(effect, "PATCH", "/users/*")
    planned = PlannedChange(action="set-password", target=job.user["id"], title="Replace it")
    job.sandbox.clock.advance(seconds=2)
    # The account holds a role by now: only a higher one may set its password.
    held = dict(job.tenant.role_assignments)
    job.tenant.role_assignments.clear()
    password = replace_password(
        job.session, planned, facts=make_facts(), defaults=DEFAULTS, change_log=job.change_log
    )
    job.tenant.role_assignments.update(held)
    assert password.reveal() == job.password != before
    assert job.statuses == [("set-password", "accepted")]


def test_a_password_that_is_dropped_does_not_pass_for_the_one_set_before_it(make_job):
    """Set, both answers lost; the step is repeated, and this time accepted and dropped."""
    job = make_job()
    job.create_user(*job.plan_creation())
    facts, plan = job.begin().plan_creation()
    lost = job.fault("reset-after", "PATCH", "/users/*", times=2)
    with pytest.raises(AnswerLost):
        job.create_user(facts, plan)
    assert lost.struck == 2
    job.fault("drop", "PATCH", "/users/*")
    created = job.create_user(facts, plan)
    assert created.password.reveal() != job.password
    job.assign_roles(plan, created.user_id)
    assert failed(job.verify_creation(plan, created.user_id)) == ["password"]


def test_a_password_that_is_refused_after_a_lost_answer_is_unknown(job):
    user = job.add_account()
    job.fault("reset-after", "PATCH", "/users/*")
    job.fault("403", "PATCH", "/users/*")
    planned = PlannedChange(action="set-password", target=user["id"], title="Replace it")
    with pytest.raises(Forbidden):
        replace_password(
            job.session, planned, facts=make_facts(), defaults=DEFAULTS, change_log=job.change_log
        )
    assert job.statuses == [("set-password", "unknown")]


def test_an_administrators_password_takes_a_higher_role(job, allowed_everything):
    for each, may in ((job, False), (allowed_everything, True)):
        user = each.add_account("Exchange Administrator")
        planned = PlannedChange(action="set-password", target=user["id"], title="Replace it")
        options = {"facts": make_facts(), "defaults": DEFAULTS, "change_log": each.change_log}
        if may:
            password = replace_password(each.session, planned, **options)
            assert password.reveal() == each.password
        else:
            with pytest.raises(GraphError):
                replace_password(each.session, planned, **options)


BANNED = ["practice", "Protect", "PR0TECT", "alpine", "b00ks", "@lpenglow", "winter", "abcd"]


@pytest.mark.parametrize("word", BANNED)
def test_a_password_contains_no_name_of_account_vendor_or_tenant(word, monkeypatch):
    spoilt, good = f"Aa3#{word}".ljust(24, "x"), "Zx7#" * 5 + "Zx7Z"
    chosen = iter(spoilt + good)
    monkeypatch.setattr(secrets, "choice", lambda _: next(chosen))
    facts = make_facts(display_name="Alpine Books Pty", initial_domain="alpenglow.onmicrosoft.com")
    defaults = DEFAULTS.model_copy(update={"banned_words": ("winter", "abcd")})
    assert new_password(facts, defaults).reveal() == good


def test_a_password_is_as_long_as_the_defaults_say():
    for length in (12, 24, 256):
        defaults = DEFAULTS.model_copy(update={"password_length": length})
        assert len(new_password(make_facts(), defaults).reveal()) == length


def test_no_password_is_in_the_record_or_the_ledger(job):
    created, _ = job.create()
    password = created.password.reveal()
    for file in job.folder.path.rglob("*"):
        assert password not in file.read_text("utf-8")
    assert password not in repr(job.ledger.records())
    assert password not in repr(created)


def test_a_person_replaces_the_password_of_an_account_that_holds_its_role(make_job):
    job = make_job()
    created, _ = job.create(hand_over=False)
    job.sandbox.clock.advance(seconds=5)
    job.begin(as_person=f"admin@{job.tenant.initial_domain}")
    assert "Directory.AccessAsUser.All" in job.identity.permissions
    facts, plan = job.plan_creation()
    assert [change.action for change in plan.changes] == ["set-password", "hand-over"]
    again = job.create_user(facts, plan)
    job.hand_over(facts, plan, again)
    assert again.password.reveal() == job.password != created.password.reveal()
    assert failed(job.verify_creation(plan, again.user_id)) == []
    job.begin(as_person=f"admin@{job.tenant.initial_domain}")
    assert "Directory.AccessAsUser.All" not in job.identity.permissions


def test_a_person_without_the_higher_role_is_refused_before_anything_changes(make_job):
    job = make_job()
    job.create(hand_over=False)
    before = list(job.written)
    job.begin(as_person=f"engineer@{job.tenant.initial_domain}")
    refusals = job.plan("create", job.look()).refusals
    (refusal,) = [each for each in refusals if each.code == "missing-permission"]
    assert "Privileged Authentication Administrator or Global Administrator" in refusal.message
    assert "AccessAsUser" not in refusal.message
    assert job.written == before
