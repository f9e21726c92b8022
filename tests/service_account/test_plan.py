"""The plan's digest: a confirmation names it, so it must move with the tenant and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.service_account.plan import Plan
from tests.service_account.example import (
    EXCHANGE,
    GLOBAL,
    TENANT_ID,
    codes,
    make_account,
    make_application,
    make_client,
    make_domain,
    make_facts,
    make_person,
    make_plan,
    make_user,
)

LATER = datetime(2026, 8, 21, tzinfo=UTC)


def _digest(account=None, *, runbook="create", client=None, **changes):
    return make_plan(runbook, make_facts(account, **changes), client).digest


texts = st.text(max_size=40)
accounts = st.one_of(
    st.none(),
    st.builds(
        lambda roles, names: make_account(*roles, **names),
        st.lists(st.sampled_from([EXCHANGE, GLOBAL]), unique=True),
        st.fixed_dictionaries({"display_name": texts, "given_name": texts}),
    ),
)
tenants = st.fixed_dictionaries(
    {
        "account": accounts,
        "federation": st.sampled_from([None, "vendor", "other", "unknown"]),
        "display_name": texts,
        "other_global_administrators": st.integers(0, 3),
        "pending_credentials": st.sampled_from(["", "run-1"]),
        "security_defaults": st.sampled_from([None, True, False]),
    }
)
instants = st.datetimes(timezones=st.just(UTC))


@given(tenant=tenants, runbook=st.sampled_from(["create", "remove"]), instant=instants)
def test_the_same_facts_and_parameters_give_the_same_plan_whenever_they_are_read(
    tenant, runbook, instant
):
    first = make_plan(runbook, make_facts(**tenant))
    again = make_plan(runbook, make_facts(**tenant, read=instant))
    assert again == first


@given(tenant=tenants, runbook=st.sampled_from(["create", "remove"]))
def test_a_plan_that_is_refused_has_no_changes(tenant, runbook):
    plan = make_plan(runbook, make_facts(**tenant))
    assert not (plan.refusals and plan.changes)


@given(tenant=tenants, runbook=st.sampled_from(["create", "remove"]))
def test_a_plan_goes_into_a_record_and_comes_back_the_same(tenant, runbook):
    plan = make_plan(runbook, make_facts(**tenant))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_digest_is_a_sha256_in_hexadecimal():
    digest = make_plan("create").digest
    assert len(digest) == 64
    assert set(digest) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "unimportant",
    [
        {"read": LATER},
        {"identity": make_application(object_id="another")},
        {"identity": make_person(GLOBAL)},
        {"other_global_administrators": 1},
        {"security_defaults": True},
        {"namesakes": (make_user(id="b", user_principal_name="practiceprotect@contoso.com"),)},
        {"display_name": "Contoso Ltd"},
        {"domains": ("contoso.com", "contoso.net", "contoso.onmicrosoft.com")},
    ],
)
def test_who_reads_when_and_what_the_plan_does_not_rest_on_leave_the_digest(unimportant):
    assert _digest(**unimportant) == _digest()


# Both sides of each pair are accepted by the guards: only what changed is between them.
MOVED = {
    "another tenant": {
        "tenant_id": TENANT_ID.replace("5", "6"),
        "identity": make_application(tenant_id=TENANT_ID.replace("5", "6")),
    },
    "another initial domain": {"initial_domain": "contoso2.onmicrosoft.com"},
    "another name of the account": {"user_principal_name": "x@contoso.onmicrosoft.com"},
    "the account has appeared": {"account": make_account()},
    "a domain is federated": {"federation": "other"},
}


@pytest.mark.parametrize("changes", MOVED.values(), ids=MOVED)
def test_a_tenant_that_has_moved_voids_the_digest(changes):
    assert _digest(**changes) != _digest()


ACCOUNT_MOVED = {
    "other object": {"id": "another"},
    "licence location": {"usage_location": "NZ"},
    "blocked": {"account_enabled": None},
    "created": {"created_date_time": LATER},
    "password": {"last_password_change_date_time": LATER},
    "type": {"user_type": ""},
    "nickname": {"mail_nickname": "pp"},
    "synchronised": {"on_premises_sync_enabled": False},
}


@pytest.mark.parametrize("changes", ACCOUNT_MOVED.values(), ids=ACCOUNT_MOVED)
def test_an_account_that_has_moved_voids_the_digest(changes):
    for runbook in ("create", "remove"):
        before = _digest(make_account(EXCHANGE), runbook=runbook)
        assert _digest(make_account(EXCHANGE, **changes), runbook=runbook) != before


def test_another_role_voids_the_digest():
    digests = {
        _digest(make_account(*roles), runbook="remove")
        for roles in [(), (EXCHANGE,), (GLOBAL,), (EXCHANGE, GLOBAL)]
    }
    assert len(digests) == 4


def test_a_federation_that_goes_elsewhere_voids_the_digest():
    here, there = (
        make_domain("other"),
        make_domain("other").model_copy(update={"hosts": ("sts.elsewhere.example",)}),
    )
    assert _digest(federated_domains=(here,)) != _digest(federated_domains=(there,))


def test_credentials_that_nobody_has_void_the_digest():
    account = make_account()
    assert _digest(account, pending_credentials="run-1") != _digest(account)


def test_other_parameters_void_the_digest():
    assert make_plan("create", parameters_digest="1" * 64).digest != make_plan("create").digest


def test_another_client_or_purpose_voids_the_digest():
    assert _digest(client=make_client(client="fabrikam")) != _digest()
    assert _digest(client=make_client(purpose="federation")) != _digest()


def test_the_two_runbooks_never_share_a_digest():
    account = make_account(EXCHANGE)
    assert _digest(account, runbook="create") != _digest(account, runbook="remove")


def test_a_plan_that_is_no_longer_refused_has_another_digest():
    account = make_account(GLOBAL)
    refused = make_plan("remove", make_facts(account, other_global_administrators=0))
    allowed = make_plan("remove", make_facts(account, other_global_administrators=1))
    assert codes(refused) == ["last-global-administrator"]
    assert codes(allowed) == []
    assert refused.digest != allowed.digest


def test_changes_are_found_by_their_action_and_in_order():
    facts = make_facts(make_account(EXCHANGE, GLOBAL))
    plan = make_plan("remove", facts)
    assert plan.of("remove-role") == plan.changes[:2]
    assert plan.of("delete-user", "remove-role") == (*plan.changes[:2], plan.changes[-1])
    assert plan.of("create-user") == ()
