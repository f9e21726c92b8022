"""What the tenant's own log is asked, and how far it can be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from o365lib import clock
from o365lib.errors import GraphError, Refused
from o365lib.service_account.audit_entry import entries_of
from o365lib.service_account.permissions import ROLE_NAMES, WITNESS_READS, WITNESS_SCOPES
from o365lib.service_account.witness import read_witness, require_reader
from tests.service_account.example import DEFAULTS, make_application, make_person
from tests.service_account.witness import change, record

P1 = "078d2b04-f1bd-4111-bbd4-b4b1b354cef4"
BOUGHT = datetime(2026, 11, 20, tzinfo=UTC)


def witness(job, *records, since=None):
    return read_witness(job.session, job.identity, defaults=DEFAULTS, records=records, since=since)


@pytest.fixture
def standing(job):
    """A tenant in which a run has made the account."""
    job.create()
    return job


def log_of(job):
    return [seen for seen in job.asked if "directoryAudits" in seen.path]


def test_the_account_is_asked_about_whether_a_run_knows_it_or_not(standing):
    found = witness(standing)
    user_id = standing.user["id"]
    assert found.accounts == (user_id,)
    assert [user.id for user in found.standing] == [user_id]
    assert found.user_principal_name == standing.upn
    activities = [each.activity for each in entries_of(found.audits, found.accounts)]
    assert sorted(activities) == ["Add member to role", "Add user"]


def test_an_account_that_was_renamed_is_asked_about_by_its_id(standing):
    user_id = standing.user["id"]
    standing.user["userPrincipalName"] = f"other@{standing.tenant.initial_domain}"
    found = witness(standing, standing.record)
    assert found.accounts == (user_id,)
    assert [user.id for user in found.standing] == [user_id]


def test_an_account_in_the_recycle_bin_is_asked_about(standing):
    user_id = standing.user["id"]
    standing.tenant.directory_audits.clear()
    standing.tenant.remove_user(user_id, standing.time.now())
    found = witness(standing)
    assert (found.accounts, found.standing) == ((user_id,), ())


def test_what_is_gone_for_long_is_not_asked_about(job):
    old = record(change(target="11111111-0000-4000-8000-000000000001"))
    old.started = clock.now() - timedelta(days=100)
    new = record(change(target="22222222-0000-4000-8000-000000000002"))
    new.started = clock.now()
    assert witness(job, old, new).accounts == (new.changes[0].target,)


def test_the_log_is_asked_once_for_each_account_and_twice_for_all(standing):
    before = len(log_of(standing))
    witness(standing, standing.record)
    assert len(log_of(standing)) - before == 3


def test_only_the_time_that_is_wanted_is_asked_for(standing):
    standing.sandbox.clock.advance(days=2)
    found = witness(standing, standing.record, since=clock.now() - timedelta(hours=1))
    assert found.audits == ()
    assert found.accounts == (standing.user["id"],)


def test_an_empty_log_can_be_read_from_now_on(job):
    found = witness(job)
    assert (found.accounts, found.audits) == ((), ())
    assert found.readable_from == found.read


def test_the_log_reaches_back_to_its_oldest_entry_and_no_further_than_it_keeps(standing):
    first = min(each["activityDateTime"] for each in standing.tenant.directory_audits)
    standing.sandbox.clock.advance(days=1)
    assert clock.iso(witness(standing).readable_from)[:19] == first[:19]
    standing.tenant.directory_audits[0]["activityDateTime"] = "2026-01-01T00:00:00Z"
    standing.sandbox.clock.advance(days=3)
    assert witness(standing).readable_from > datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("plan", "days", "reaches"),
    [
        (None, 7, 7),
        ({"capabilityStatus": "Enabled"}, 30, 30),
        ({"capabilityStatus": "Warning"}, 30, 30),
        ({"capabilityStatus": "Deleted"}, 7, 7),
        ({"capabilityStatus": "Enabled", "bought": 10}, 30, 17),
        ({"capabilityStatus": "Enabled", "bought": 29}, 30, 30),
    ],
)
def test_how_long_the_log_keeps_follows_from_the_plans(plan, days, reaches):
    from o365lib.graph.models import AssignedPlan
    from o365lib.service_account.witness import _retention

    plans = []
    if plan:
        bought = BOUGHT - timedelta(days=plan["bought"]) if "bought" in plan else None
        plans = [
            AssignedPlan(
                service_plan_id="41781fb2-bc02-4b7c-bd55-b576c07bb09d",
                capability_status=plan["capabilityStatus"],
                assigned_date_time=bought,
            )
        ]
    assert _retention(plans, BOUGHT) == (days, BOUGHT - timedelta(days=reaches))


def test_a_premium_tenant_is_known_by_its_plans(make_job):
    assert witness(make_job()).retention_days == 7
    premium = witness(make_job(premium="P2"))
    assert (premium.retention_days, premium.is_retention_known) == (30, True)


def test_who_may_not_read_the_log_is_told_both_permissions_before_anything_is_read():
    for identity in (make_application(()), make_person(permissions=())):
        with pytest.raises(Refused) as refused:
            require_reader(identity)
        assert "AuditLog.Read.All and Directory.Read.All" in refused.value.remedy
    assert "Reports Reader or Security Reader" in refused.value.remedy
    require_reader(make_application(("AuditLog.Read.All",)))
    require_reader(make_application((), claims_known=False))


def test_a_refusal_of_the_service_is_told_the_same_way(job):
    job.tenant.application.roles.discard("Directory.Read.All")
    job.begin()
    with pytest.raises(Refused) as refused:
        witness(job)
    assert refused.value.code == "missing-permission"
    assert "Directory.Read.All" in refused.value.remedy


def test_a_service_that_fails_is_not_taken_for_a_log_without_entries(standing):
    standing.fault("503", "GET", "/auditLogs/*", times=None)
    with pytest.raises(GraphError):
        witness(standing)


def test_reading_asks_a_person_for_reading_only_and_every_role_has_a_name():
    assert WITNESS_SCOPES == ("AuditLog.Read.All", "Directory.Read.All")
    for need in WITNESS_READS.values():
        assert set(need.directory_roles) <= set(ROLE_NAMES)
