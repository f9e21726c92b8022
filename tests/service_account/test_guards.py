"""The guards as truth tables: every combination that decides, and what is refused in it.

Each guard is reached through the plan, so that one which nobody calls fails here as well.
"""

import pytest

from o365lib.service_account import guards
from o365lib.service_account.permissions import (
    PRIVILEGED_ROLE_ADMINISTRATOR,
    USER_ADMINISTRATOR,
)
from o365lib.service_account.plan import PlannedChange
from tests.service_account.example import (
    ALL_PERMISSIONS,
    DEFAULTS,
    EXCHANGE,
    GLOBAL,
    SHAREPOINT,
    TENANT_ID,
    USER_ID,
    codes,
    licence,
    make_account,
    make_application,
    make_client,
    make_domain,
    make_facts,
    make_person,
    make_plan,
    make_renamed,
    make_role,
)

VENDOR, UNREADABLE, LAST = (
    "federated-with-vendor",
    "federation-unreadable",
    "last-global-administrator",
)
OTHER_TENANT = "99999999-90a9-4a5b-8b1c-1c1e59f0a009"

# federation, role of the account, other usable Global Administrators: what refuses its removal
REMOVALS = [
    (None, None, 0, []),
    (None, None, 1, []),
    (None, EXCHANGE, 0, []),
    (None, EXCHANGE, 1, []),
    (None, GLOBAL, 0, [LAST]),
    (None, GLOBAL, 1, []),
    ("other", None, 0, []),
    ("other", None, 1, []),
    ("other", EXCHANGE, 0, []),
    ("other", EXCHANGE, 1, []),
    ("other", GLOBAL, 0, [LAST]),
    ("other", GLOBAL, 1, []),
    ("vendor", None, 0, [VENDOR]),
    ("vendor", None, 1, [VENDOR]),
    ("vendor", EXCHANGE, 0, [VENDOR]),
    ("vendor", EXCHANGE, 1, [VENDOR]),
    ("vendor", GLOBAL, 0, [VENDOR, LAST]),
    ("vendor", GLOBAL, 1, [VENDOR]),
    ("unknown", None, 0, [UNREADABLE]),
    ("unknown", None, 1, [UNREADABLE]),
    ("unknown", EXCHANGE, 0, [UNREADABLE]),
    ("unknown", EXCHANGE, 1, [UNREADABLE]),
    ("unknown", GLOBAL, 0, [UNREADABLE, LAST]),
    ("unknown", GLOBAL, 1, [UNREADABLE]),
]


@pytest.mark.parametrize(("federation", "role", "others", "refused"), REMOVALS)
def test_removal_is_refused_by_federation_role_and_administrators(
    federation, role, others, refused
):
    account = make_account(*([role] if role else []))
    facts = make_facts(account, federation=federation, other_global_administrators=others)
    plan = make_plan("remove", facts)
    assert codes(plan) == refused
    assert (plan.changes == ()) is bool(refused)


# federation, role held, purpose: what refuses its creation (two usable administrators besides)
CREATIONS = [
    (None, GLOBAL, "mail-redirection", []),
    ("other", GLOBAL, "mail-redirection", []),
    ("vendor", GLOBAL, "mail-redirection", [VENDOR]),
    ("unknown", GLOBAL, "mail-redirection", [UNREADABLE]),
    ("vendor", GLOBAL, "federation", []),
    ("unknown", GLOBAL, "federation", []),
    ("vendor", EXCHANGE, "mail-redirection", []),
    ("vendor", EXCHANGE, "federation", []),
    ("unknown", EXCHANGE, "federation", []),
    ("vendor", None, "federation", []),
    ("vendor", None, "mail-redirection", []),
]


@pytest.mark.parametrize(("federation", "role", "purpose", "refused"), CREATIONS)
def test_creation_never_takes_global_administrator_away_from_a_federations_account(
    federation, role, purpose, refused
):
    facts = make_facts(make_account(*([role] if role else [])), federation=federation)
    assert codes(make_plan("create", facts, make_client(purpose=purpose))) == refused


@pytest.mark.parametrize("federation", [None, "other", "vendor", "unknown"])
@pytest.mark.parametrize("purpose", ["federation", "mail-redirection"])
def test_creation_in_an_empty_tenant_is_refused_by_no_federation(federation, purpose):
    plan = make_plan("create", make_facts(federation=federation), make_client(purpose=purpose))
    assert codes(plan) == []


def test_creation_does_not_lower_the_last_global_administrator():
    facts = make_facts(make_account(GLOBAL), other_global_administrators=0)
    assert codes(make_plan("create", facts)) == [LAST]
    assert codes(make_plan("create", facts, make_client(purpose="federation"))) == []


def test_the_last_global_administrator_is_not_deleted_with_its_role_either():
    facts = make_facts(make_account(GLOBAL), other_global_administrators=0)
    delete = PlannedChange(action="delete-user", target="x", title="Delete the user")
    assert guards.last_global_administrator(facts, [delete]).code == LAST
    assert guards.last_global_administrator(facts, []) is None


@pytest.mark.parametrize("federation", [None, "other", "vendor", "unknown"])
def test_where_there_is_no_account_removal_is_refused_by_nothing(federation):
    facts = make_facts(federation=federation, other_global_administrators=0)
    plan = make_plan("remove", facts, make_client(onboarding="in-progress"))
    assert (codes(plan), plan.changes) == ([], ())


def test_one_domain_with_the_vendor_among_others_is_enough_to_refuse():
    domains = tuple(
        make_domain(kind, f"{kind}{number}.example")
        for number, kind in enumerate(["other", "vendor", "unknown", "vendor"])
    )
    facts = make_facts(make_account(EXCHANGE), federated_domains=domains)
    plan = make_plan("remove", facts)
    assert codes(plan) == [VENDOR, UNREADABLE]
    assert "vendor1.example" in plan.refusals[0].message
    assert "vendor3.example" in plan.refusals[0].message
    assert "other0.example" not in plan.refusals[0].message
    assert "End the federation with Practice Protect first" in plan.refusals[0].remedy


def test_a_written_reason_answers_for_what_cannot_be_read():
    client = make_client(federation_override={"reason": "The client uses its own ADFS."})
    facts = make_facts(make_account(EXCHANGE), federation="unknown")
    plan = make_plan("remove", facts, client)
    assert codes(plan) == []
    assert [notice.code for notice in plan.notices] == ["federation-override"]
    assert "its own ADFS" in plan.notices[0].message


OVERRIDE = {"reason": "The client uses its own ADFS."}


@pytest.mark.parametrize("unread", ["refused", "failed"])
@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_a_written_reason_does_not_answer_for_what_the_service_did_not_tell(runbook, unread):
    domains = (
        make_domain("unknown", "unread.example", unread=unread),
        make_domain("unknown", "unplaced.example"),
    )
    facts = make_facts(make_account(GLOBAL), federated_domains=domains)
    plan = make_plan(runbook, facts, make_client(federation_override=OVERRIDE))
    assert (codes(plan), plan.changes) == ([UNREADABLE], ())
    assert "unread.example" in plan.refusals[0].message
    assert "unplaced.example" not in plan.refusals[0].message
    assert "`federation_override` does not stand in" in plan.refusals[0].remedy


# why the service did not tell: what leads out, and what does not
WAYS_OUT = [
    ("refused", ["Domain-InternalFederation.Read.All"], ["write `federation_override", "later"]),
    ("failed", ["run again"], ["write `federation_override", "administrator for"]),
    ("", ["about which the service answered", "write `federation_override"], ["later", "stand in"]),
]


@pytest.mark.parametrize(("unread", "said", "unsaid"), WAYS_OUT)
def test_the_way_out_of_an_unread_federation_is_the_one_that_leads_out(unread, said, unsaid):
    domain = make_domain("unknown", "one.example", unread=unread)
    facts = make_facts(make_account(EXCHANGE), federated_domains=(domain,))
    remedy = make_plan("remove", facts).refusals[0].remedy
    assert [text for text in said if text not in remedy] == []
    assert [text for text in unsaid if text in remedy] == []


def test_a_person_who_may_not_read_a_federation_is_told_of_the_role_that_is_missing():
    person = make_person(
        USER_ADMINISTRATOR,
        PRIVILEGED_ROLE_ADMINISTRATOR,
        permissions=(*ALL_PERMISSIONS, "Domain-InternalFederation.Read.All"),
    )
    domain = make_domain("unknown", unread="refused")
    facts = make_facts(make_account(EXCHANGE), identity=person, federated_domains=(domain,))
    (refusal,) = make_plan("remove", facts).refusals
    assert "directory role Global Reader or Security Reader for the user" in refusal.remedy
    assert "permission" not in refusal.remedy


def test_a_written_reason_does_not_answer_for_a_federation_with_the_vendor():
    client = make_client(federation_override={"reason": "The client uses its own ADFS."})
    facts = make_facts(make_account(EXCHANGE), federation="vendor")
    assert codes(make_plan("remove", facts, client)) == [VENDOR]


# what is different about the account: refused as whose by create and remove, what is said of it
STRANGERS = [
    ({"given_name": "Pat"}, "'Pat' instead of 'Practice'"),
    ({"surname": "Smith"}, "'Smith' instead of 'Protect'"),
    ({"display_name": "Reception"}, "'Reception' instead of 'Practice Protect'"),
    ({"display_name": "practice protect"}, "display name"),
    ({"given_name": ""}, "given name"),
    ({"assigned_licenses": (licence(),)}, "1 licence(s)"),
    ({"user_type": "Guest"}, "it is a guest"),
    ({"on_premises_sync_enabled": True}, "synchronised from on-premises"),
    ({"on_premises_immutable_id": "abc=="}, "synchronised from on-premises"),
]


@pytest.mark.parametrize("runbook", ["create", "remove"])
@pytest.mark.parametrize(("difference", "said"), STRANGERS)
def test_an_account_that_we_did_not_make_is_refused(runbook, difference, said):
    plan = make_plan(runbook, make_facts(make_account(EXCHANGE, **difference)))
    assert codes(plan) == ["not-our-account"]
    # A renamed account keeps its name as an alias, and the name is not free.
    assert "out of its e-mail addresses" in plan.refusals[0].remedy
    assert said in plan.refusals[0].message


@pytest.mark.parametrize("runbook", ["create", "remove"])
@pytest.mark.parametrize(
    "harmless",
    [{}, {"user_type": ""}, {"usage_location": "NZ"}, {"on_premises_sync_enabled": False}],
)
def test_the_account_that_we_made_is_accepted(runbook, harmless):
    assert codes(make_plan(runbook, make_facts(make_account(EXCHANGE, **harmless)))) == []


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_an_account_with_a_role_that_no_purpose_takes_is_refused(runbook):
    plan = make_plan(runbook, make_facts(make_account(EXCHANGE, SHAREPOINT)))
    assert codes(plan) == ["not-our-account"]
    assert "it holds the role SharePoint Administrator" in plan.refusals[0].message


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_an_account_whose_role_is_limited_to_a_unit_is_refused(runbook):
    account = make_account().model_copy(
        update={"roles": (make_role(EXCHANGE, scope="/administrativeUnits/1"),)}
    )
    plan = make_plan(runbook, make_facts(account))
    assert codes(plan) == ["not-our-account"]
    assert "limited to /administrativeUnits/1" in plan.refusals[0].message


def test_everything_that_is_wrong_with_an_account_is_said_at_once():
    account = make_account(SHAREPOINT, surname="Smith", user_type="Guest")
    (refusal,) = make_plan("remove", make_facts(account)).refusals
    for said in ("'Smith'", "guest", "SharePoint Administrator"):
        assert said in refusal.message


def test_an_account_that_somebody_blocked_is_not_given_a_role():
    facts = make_facts(make_account(account_enabled=False))
    assert codes(make_plan("create", facts)) == ["account-disabled"]


def test_an_account_that_somebody_blocked_may_be_removed():
    facts = make_facts(make_account(EXCHANGE, account_enabled=False))
    assert codes(make_plan("remove", facts)) == []


@pytest.mark.parametrize("enabled", [True, None])
def test_an_account_that_is_not_known_to_be_blocked_is_accepted(enabled):
    assert codes(make_plan("create", make_facts(make_account(account_enabled=enabled)))) == []


# tenant in the client file, tenant of the token: whether they agree
TENANTS = [
    ("contoso.onmicrosoft.com", TENANT_ID, True),
    ("contoso.com", TENANT_ID, True),
    (TENANT_ID, TENANT_ID, True),
    (TENANT_ID.upper(), TENANT_ID.upper(), True),
    ("CONTOSO.com", TENANT_ID, True),
    ("contoso.org", TENANT_ID, False),
    (OTHER_TENANT, TENANT_ID, False),
    ("contoso.com", OTHER_TENANT, False),
    (TENANT_ID, OTHER_TENANT, False),
]


@pytest.mark.parametrize("runbook", ["create", "remove"])
@pytest.mark.parametrize(("named", "token", "agree"), TENANTS)
def test_token_tenant_and_client_file_must_agree(runbook, named, token, agree):
    facts = make_facts(make_account(), identity=make_application(tenant_id=token))
    plan = make_plan(runbook, facts, make_client(tenant=named))
    assert codes(plan) == ([] if agree else ["wrong-tenant"])


def test_the_wrong_tenant_stops_a_removal_even_where_there_is_no_account():
    assert codes(make_plan("remove", None, make_client(tenant="contoso.org"))) == ["wrong-tenant"]


def test_an_account_stays_until_onboarding_is_completed():
    facts = make_facts(make_account(EXCHANGE))
    client = make_client(onboarding="in-progress")
    assert codes(make_plan("remove", facts, client)) == ["onboarding-in-progress"]
    assert codes(make_plan("create", facts, client)) == []


RECIPIENTS = [
    ("onboarding@practiceprotect.com", True),
    ("Onboarding@PracticeProtect.com", True),
    ("somebody@practiceprotect.com", False),
    ("onboarding@practiceprotect.com.evil.example", False),
    ("onboarding@evilpracticeprotect.com", False),
    ("somebody@contoso.com", False),
]


@pytest.mark.parametrize(("recipient", "allowed"), RECIPIENTS)
def test_credentials_go_to_nobody_who_is_not_on_the_list(recipient, allowed):
    client = make_client(
        hand_over={"method": "mail", "recipient": recipient, "sender": "a@b.example"}
    )
    assert codes(make_plan("create", None, client)) == (
        [] if allowed else ["recipient-not-allowed"]
    )


def test_a_domain_on_the_list_allows_its_own_addresses_and_no_subdomains():
    defaults = DEFAULTS.model_copy(update={"recipient_domains": ("msp.example",)})
    for recipient, refused in [
        ("kim@msp.example", []),
        ("kim@sub.msp.example", ["recipient-not-allowed"]),
        ("kim@notmsp.example", ["recipient-not-allowed"]),
    ]:
        client = make_client(
            hand_over={"method": "mail", "recipient": recipient, "sender": "a@b.example"}
        )
        assert codes(make_plan("create", None, client, defaults=defaults)) == refused


def test_a_recipient_does_not_matter_where_nothing_is_handed_over():
    client = make_client(
        hand_over={"method": "mail", "recipient": "x@evil.example", "sender": "a@b.example"}
    )
    account = make_account()
    assert codes(make_plan("create", make_facts(account), client)) == []
    pending = make_facts(account, pending_credentials="run-1")
    assert codes(make_plan("create", pending, client)) == ["recipient-not-allowed"]


def test_all_guards_that_apply_are_listed_the_gravest_first():
    account = make_account(GLOBAL, SHAREPOINT)
    facts = make_facts(
        account,
        federated_domains=(make_domain("vendor"), make_domain("unknown", "b.example")),
        other_global_administrators=0,
        identity=make_application((), tenant_id=OTHER_TENANT, object_id=USER_ID),
        renamed=(make_renamed(),),
    )
    plan = make_plan("remove", facts, make_client(onboarding="in-progress"))
    assert codes(plan) == [
        "wrong-tenant",
        "account-renamed",
        VENDOR,
        UNREADABLE,
        "not-our-account",
        LAST,
        "signed-in-as-the-account",
        "onboarding-in-progress",
        "missing-permission",
    ]
    assert plan.changes == ()


RECORDS_OVERRIDE = {"run_ids": ["run-1"], "reason": "The vendor signed in with it on 2 May."}

# what else is known of an account beside which the record of run-1 cannot be read
UNREADABLE_RECORDS = [
    ({}, None, True),
    ({"pending_credentials": "run-2"}, None, False),
    ({"handed_over_by": "run-2"}, None, False),
    ({"unreadable_records": ()}, None, False),
    ({"account": None}, None, False),
    ({}, RECORDS_OVERRIDE, False),
    ({"unreadable_records": ("run-1", "run-3")}, RECORDS_OVERRIDE, True),
]


@pytest.mark.parametrize(("known", "override", "refused"), UNREADABLE_RECORDS)
def test_a_record_that_may_hide_a_lost_password_is_refused(known, override, refused):
    content = {"account": make_account(), "unreadable_records": ("run-1",)} | known
    facts = make_facts(content.pop("account"), **content)
    client = make_client(records_override=override)
    plan = make_plan("create", facts, client)
    assert codes(plan) == (["records-unreadable"] if refused else [])
    assert codes(make_plan("remove", facts, client)) == []
    if refused:
        doubtful = facts.unreadable_records[-1]
        assert f"the record of {doubtful} cannot be read" in plan.refusals[0].message
        assert "records_override: {run_ids: [...], reason" in plan.refusals[0].remedy


def test_every_refusal_says_why_and_what_to_do():
    account = make_account(GLOBAL, SHAREPOINT, account_enabled=False)
    domains = (make_domain("vendor"), make_domain("unknown", "b.example"))
    facts = make_facts(
        account,
        federated_domains=domains,
        other_global_administrators=0,
        identity=make_application((), tenant_id=OTHER_TENANT, object_id=USER_ID),
        pending_credentials="run-1",
        renamed=(make_renamed(),),
    )
    client = make_client(
        onboarding="in-progress",
        hand_over={"method": "mail", "recipient": "x@evil.example", "sender": "a@b.example"},
    )
    refusals = [
        *make_plan("create", facts, client).refusals,
        *make_plan("remove", facts, client).refusals,
    ]
    assert len({refusal.code for refusal in refusals}) == 11
    for refusal in refusals:
        assert refusal.message.endswith(".")
        assert refusal.remedy.endswith(".")


def test_a_planned_change_is_data_that_cannot_be_changed():
    change = PlannedChange(action="delete-user", target="x", title="Delete the user")
    with pytest.raises(ValueError, match="frozen"):
        change.target = "y"
