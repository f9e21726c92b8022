"""The audit log, in the sandbox."""

from datetime import timedelta

from o365lib.graph import audit_logs, users


def test_what_was_done_to_an_object_is_found_with_who_did_it(wire):
    name = f"someone@{wire.tenant.initial_domain}"
    user = wire.tenant.add_user(user_principal_name=name, display_name="Some One")
    users.delete_user(wire.session, user["id"])
    found = wire.session.fetch(audit_logs.list_directory_audits(target_id=user["id"]))
    assert [one.activity_display_name for one in found] == ["Delete user"]
    assert found[0].result == "success"
    assert found[0].initiated_by.app is not None
    assert found[0].initiated_by.app.app_id == wire.tenant.application.app_id
    now = wire.sandbox.clock.now()
    for since, count in ((now - timedelta(hours=1), 1), (now + timedelta(hours=1), 0)):
        query = audit_logs.list_directory_audits(target_id=user["id"], since=since)
        assert len(wire.session.fetch(query)) == count
