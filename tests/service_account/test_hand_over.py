"""Handing the credentials over: to whom the file says, once, and honest about what is not known."""

from datetime import UTC, datetime

import pytest

from o365lib.errors import Forbidden, HandOverFailed, NotFound, Refused, Throttled
from o365lib.evidence.record import HandOverRecord
from o365lib.service_account.create import Created
from o365lib.service_account.hand_over import is_uncertain
from tests.service_account.job import failed

RECIPIENT = "onboarding@practiceprotect.com"


# ---- by mail ---------------------------------------------------------------------------------


def test_the_mail_goes_to_the_recipient_alone_and_is_not_kept(job):
    created, sentence = job.create_and_hand_over()
    (sent,) = job.tenant.outbox
    message = sent["message"]
    assert sent["from"] == f"admin@{job.tenant.initial_domain}"
    assert sent["saveToSentItems"] is False
    assert [each["emailAddress"]["address"] for each in message["toRecipients"]] == [RECIPIENT]
    assert set(message) == {"subject", "body", "toRecipients"}
    assert message["body"]["contentType"].lower() == "text"
    content = message["body"]["content"]
    assert created.password.reveal() in content
    assert job.upn in content
    assert "must be changed at the first sign-in" in content
    assert created.password.reveal() not in message["subject"]
    assert sentence == f"Exchange accepted a mail with the credentials for {RECIPIENT}"


def test_a_tenants_name_is_text_in_the_mail_and_not_markup(make_job):
    job = make_job(display_name="Fernhill & Söhne <Motors>")
    job.create_and_hand_over()
    (sent,) = job.tenant.outbox
    assert "Fernhill & Söhne <Motors>" in sent["message"]["subject"]
    assert "Fernhill & Söhne <Motors>" in sent["message"]["body"]["content"]


def test_the_record_says_how_and_to_whom_and_never_what(job):
    created, _ = job.create_and_hand_over()
    entry = job.record.hand_over
    request = next(each for each in job.ledger.records() if each.path.endswith("/sendMail"))
    assert (entry.method, entry.recipient, entry.status) == ("mail", RECIPIENT, "accepted")
    assert (entry.user_id, entry.request_id) == (created.user_id, request.request_id)
    assert entry.date_time <= job.time.now()
    assert job.statuses[-1] == ("hand-over", "accepted")
    assert created.password.reveal().encode() not in job.archived


def test_a_person_sends_from_the_own_mailbox(make_job):
    job = make_job(begin=False)
    engineer = f"engineer@{job.tenant.initial_domain}"
    job.client_changes["sign_in"] = {"method": "device-code"}
    job.client_changes["hand_over"] = {"method": "mail", "recipient": RECIPIENT}
    job.begin(as_person=engineer)
    assert (job.identity.kind, job.identity.user_principal_name) == ("user", engineer)
    job.create_and_hand_over()
    assert [sent["from"] for sent in job.tenant.outbox] == [engineer]
    assert job.count("POST", "/me/sendMail") == 1


def test_a_sign_in_that_may_not_send_mail_fails_and_says_what_is_missing(job):
    job.fault("403", "POST", "*sendMail", times=None)
    with pytest.raises(HandOverFailed) as caught:
        job.create_and_hand_over()
    assert isinstance(caught.value.__cause__, Forbidden)
    assert caught.value.state == (
        "The account exists, and nobody has its password. "
        "This run has given it no role and taken none away."
    )
    assert "Mail.Send" in caught.value.remedy
    assert "Run the runbook again" in caught.value.remedy
    assert (job.record.hand_over.status, job.statuses[-1]) == ("failed", ("hand-over", "failed"))


def test_a_sender_without_mailbox_fails(make_job):
    job = make_job(
        client={
            "hand_over": {
                "method": "mail",
                "recipient": RECIPIENT,
                "sender": "nobody@contoso.example",
            }
        }
    )
    job.tenant.add_user(user_principal_name="nobody@contoso.example", display_name="Nobody")
    with pytest.raises(HandOverFailed, match="could not be sent") as caught:
        job.create_and_hand_over()
    assert isinstance(caught.value.__cause__, NotFound)
    assert "needs a mailbox in this tenant" in caught.value.remedy
    assert (job.record.hand_over.status, job.tenant.outbox) == ("failed", [])


@pytest.mark.parametrize("effect", ["503", "504", "reset-before"])
def test_a_mail_that_may_not_have_been_sent_is_unknown_and_not_sent_twice(job, effect):
    job.fault(effect, "POST", "*sendMail")
    with pytest.raises(HandOverFailed, match="may or may not have been sent"):
        job.create_and_hand_over()
    assert job.tenant.outbox == []
    assert job.count("POST", f"/users/admin@{job.tenant.initial_domain}/sendMail") == 1
    assert (job.record.hand_over.status, job.statuses[-1][1]) == ("unknown", "unknown")
    assert is_uncertain(job.record.hand_over)


@pytest.mark.parametrize("effect", ["503-after", "reset-after"])
def test_a_mail_that_may_have_been_sent_is_unknown_and_not_sent_twice(job, effect):
    job.fault(effect, "POST", "*sendMail")
    with pytest.raises(HandOverFailed, match="may or may not have been sent") as caught:
        job.create_and_hand_over()
    assert "whether its password arrived is unknown" in caught.value.state
    assert "without its role" not in caught.value.state
    assert len(job.tenant.outbox) == 1
    assert job.record.hand_over.status == "unknown"


def test_a_throttled_mail_is_waited_out_and_sent_once(job):
    job.fault("429", "POST", "*sendMail", retry_after="3", times=2)
    job.create_and_hand_over()
    assert len(job.tenant.outbox) == 1
    assert job.time.sleeps.count(3.0) == 2


def test_a_mail_that_goes_on_being_throttled_fails(job):
    job.fault("429", "POST", "*sendMail", times=None)
    with pytest.raises(HandOverFailed) as caught:
        job.create_and_hand_over()
    assert isinstance(caught.value.__cause__, Throttled)
    assert job.record.hand_over.status == "failed"


# ---- the next run ------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["403", "503", "reset-before", "reset-after", "503-after"])
def test_a_password_that_was_not_surely_handed_over_is_replaced_by_the_next_run(job, effect):
    job.fault(effect, "POST", "*sendMail")
    with pytest.raises(HandOverFailed):
        job.create()
    first = job.password
    created, checks = job.begin().create()
    assert failed(checks) == []
    assert job.password == created.password.reveal() != first
    assert job.password in job.tenant.outbox[-1]["message"]["body"]["content"]
    assert [status[0] for status in job.statuses] == ["set-password", "hand-over", "assign-role"]
    assert len(job.accounts) == 1


def test_a_password_that_was_handed_over_is_left_alone_by_the_next_run(job):
    job.create()
    password = job.password
    job.begin().create()
    job.begin().create()
    assert (job.password, len(job.tenant.outbox)) == (password, 1)


def test_a_run_that_died_between_creation_and_hand_over_leaves_a_password_to_replace(job):
    facts = job.look()
    created = job.create_user(facts, job.plan("create", facts))
    again, checks = job.begin().create()
    assert failed(checks) == []
    assert again.user_id == created.user_id
    assert again.password.reveal() == job.password != created.password.reveal()
    assert job.begin().look().pending_credentials == ""


def test_the_plan_names_the_run_whose_password_nobody_has(job):
    job.fault("403", "POST", "*sendMail")
    with pytest.raises(HandOverFailed):
        job.create()
    run_id = job.record.run_id
    facts = job.begin().look()
    assert facts.pending_credentials == run_id
    (change,) = job.plan("create", facts).of("set-password")
    assert run_id in change.before


def test_hand_over_is_uncertain_only_where_something_may_have_arrived():
    def entry(status):
        return HandOverRecord(
            method="mail",
            recipient=RECIPIENT,
            user_id="u",
            status=status,
            date_time=datetime(2026, 8, 20, tzinfo=UTC),
        )

    assert is_uncertain(None) is False
    assert [is_uncertain(entry(s)) for s in ("started", "unknown", "failed", "accepted")] == [
        True,
        True,
        False,
        False,
    ]


def test_where_no_password_was_set_there_is_nothing_to_hand_over(job):
    job.add_account()
    facts = job.look()
    plan = job.plan("create", facts)
    sentence = job.hand_over(facts, plan, Created(plan.user_id, None, ""))
    assert "nothing to hand over" in sentence
    assert (job.record.hand_over, job.tenant.outbox, job.written) == (None, [], [])


def test_a_password_that_this_run_did_not_set_is_not_handed_over_though_planned(job):
    facts = job.look()
    plan = job.plan("create", facts)
    assert plan.of("hand-over")
    sentence = job.hand_over(facts, plan, Created("some-id", None, ""))
    assert "nothing to hand over" in sentence
    assert (job.tenant.outbox, job.record.changes) == ([], [])


# ---- on the screen -----------------------------------------------------------------------------


class Screen:
    """Keeps what it is asked to show, as a person would see it."""

    def __init__(self):
        self.shown = []

    def __call__(self, user_principal_name, password, seen):
        self.shown.append((user_principal_name, password))
        self.seen = seen


@pytest.fixture
def on_screen(make_job):
    return make_job(client={"hand_over": {"method": "screen"}})


def test_the_screen_shows_them_once_and_counts_only_when_they_were_seen(on_screen):
    job, screen = on_screen, Screen()
    created, _ = job.create_and_hand_over(screen)
    assert screen.shown == [(job.upn, created.password)]
    assert job.record.hand_over.status == "started"
    assert job.statuses[-1] == ("hand-over", "started")
    screen.seen()
    assert job.record.hand_over.status == "accepted"
    assert job.statuses[-1] == ("hand-over", "accepted")
    assert created.password.reveal().encode() not in job.archived


def test_credentials_that_nobody_looked_at_are_replaced_by_the_next_run(on_screen):
    job, screen = on_screen, Screen()
    created, _ = job.create_and_hand_over(screen)
    facts = job.begin().look()
    assert facts.pending_credentials != ""
    plan = job.plan("create", facts)
    again = job.create_user(facts, plan)
    job.hand_over(facts, plan, again, screen)
    screen.seen()
    assert screen.shown[-1][1].reveal() == job.password != created.password.reveal()
    assert job.begin().look().pending_credentials == ""


def test_where_nobody_sits_nothing_is_shown_and_it_is_said(on_screen):
    with pytest.raises(Refused) as caught:
        on_screen.create_and_hand_over()
    assert caught.value.code == "screen-needs-jupyterlab"
    assert on_screen.record.hand_over.status == "started"
    assert on_screen.begin().look().pending_credentials != ""
