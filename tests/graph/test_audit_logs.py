"""The audit log, in the sandbox."""

from datetime import timedelta

import pytest

from o365lib import clock
from o365lib.errors import Forbidden
from o365lib.graph import audit_logs, users
from tests.service_account.job import SandboxTime


@pytest.fixture
def deleted(wire):
    """The id of a user whom the application has deleted."""
    name = f"someone@{wire.tenant.initial_domain}"
    user = wire.tenant.add_user(user_principal_name=name, display_name="Some One")
    users.delete_user(wire.session, user["id"])
    return user["id"]


def fetch(wire, **wanted):
    return wire.session.fetch(audit_logs.list_directory_audits(**wanted))


def test_what_was_done_to_an_object_is_found_with_who_did_it(wire, deleted):
    [found] = fetch(wire, target_id=deleted)
    assert (found.activity_display_name, found.result) == ("Delete user", "success")
    application = wire.tenant.application
    by = found.initiated_by.app
    assert (by.app_id, by.service_principal_id) == (application.app_id, application.object_id)
    assert found.initiated_by.user is None
    assert [each.id for each in found.target_resources] == [deleted]


def test_the_log_is_asked_by_time_activity_and_initiator(wire, deleted):
    now = wire.sandbox.clock.now()
    application = wire.tenant.application
    for wanted, count in (
        ({"since": now - timedelta(hours=1)}, 1),
        ({"since": now + timedelta(hours=1)}, 0),
        ({"activity_display_name": "Delete user"}, 1),
        ({"activity_display_name": "Add user"}, 0),
        ({"initiated_by_app_id": application.app_id}, 1),
        ({"initiated_by_app_id": deleted}, 0),
        ({"initiated_by_user_id": deleted}, 0),
        ({}, 1),
    ):
        assert len(fetch(wire, **wanted)) == count, wanted


def test_all_pages_are_read(wire, deleted):
    log = wire.tenant.directory_audits
    log += [{**log[0], "id": f"Directory_{number}"} for number in range(1500)]
    assert len(fetch(wire, target_id=deleted)) == 1501


def test_the_oldest_entry_is_found_without_reading_the_whole_log(wire, deleted):
    log = wire.tenant.directory_audits
    log += [{**log[0], "id": f"Directory_{number}"} for number in range(1500)]
    log[7] = {**log[7], "activityDateTime": "2026-01-01T00:00:00Z"}
    wire.sandbox.clock.advance(seconds=1)
    oldest = wire.session.fetch(audit_logs.find_oldest_directory_audit())
    assert oldest is not None
    assert oldest.id != log[7]["id"]  # which is older than the log keeps
    asked = [each for each in wire.requests if "directoryAudits" in each]
    assert len(asked) == 1


def test_an_empty_log_has_no_oldest_entry(wire):
    assert wire.session.fetch(audit_logs.find_oldest_directory_audit()) is None


def test_a_log_that_throttles_is_read_all_the_same(wire, deleted):
    wire.sandbox.audit_throttle = True
    patient = SandboxTime(wire.sandbox)
    try:
        with clock.use(patient):
            for _ in range(7):
                assert len(fetch(wire, target_id=deleted)) == 1
    finally:
        wire.sandbox.audit_throttle = False
    assert patient.sleeps
    assert any(each.endswith("429") for each in wire.requests)


def test_without_the_second_permission_the_log_is_refused_by_the_name_of_the_first(wire):
    wire.tenant.application.roles.discard("Directory.Read.All")
    with pytest.raises(Forbidden) as refused:
        fetch(wire)
    assert "AuditLog.Read.All" in refused.value.remedy
