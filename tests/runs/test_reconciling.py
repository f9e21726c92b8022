"""A client reconciled for real: signed in to the sandbox, the log read, the result kept."""

import json

import pytest

from o365lib import clock, clouds, runbook
from o365lib.errors import Refused
from o365lib.evidence.archive import Archive
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.evidence.statement import RECONCILIATION, Statement
from o365lib.graph import deleted_items, role_management, users
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.parameters import load
from o365lib.runs.reconciling import reconcile_client
from o365lib.sandbox.application import APPLICATION_ROLES, Application
from o365lib.sandbox.identifiers import new_id
from o365lib.secret import Secret, generate_password
from o365lib.transport import Transport
from tests.service_account.job import SandboxTime

CLIENT = "alpine-books"
STEPS = {
    "create_service_account": "create_user hand_over assign_role",
    "remove_service_account": "remove_roles revoke_sessions delete_user",
}
ENTRA_P1 = "078d2b04-f1bd-4111-bbd4-b4b1b354cef4"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"


class Desk:
    """The demonstration's project, its runbooks, and somebody with another tool."""

    def __init__(self, project):
        self.project, self.client = project, CLIENT
        self.sandbox = project.sandbox
        self.cloud = clouds.find_cloud("sandbox", sandbox_file=project.places.sandbox_file)
        self.transports = []

    @property
    def tenant(self):
        return self.project.tenant(self.client)

    @property
    def account(self):
        return self.project.account(self.client)

    def run(self, name="create_service_account", **given):
        """Execute a runbook in this process, from the first step to the last."""
        run = runbook.open(name, self.client, **given)
        for step in f"sign_in look plan confirm {STEPS[name]} verify close".split():
            getattr(run, step)(*(("Kim",) if step == "confirm" else ()))
        return run

    def reconcile(self, **given):
        found = load(self.project.folder / "parameters", [self.client])
        batch = OpenBatch.begin(Archive(self.project.folder / "evidence"), self.keys)
        try:
            return reconcile_client(
                found.clients[self.client],
                defaults=found.defaults,
                cloud=self.cloud,
                batch=batch,
                prompt=given.pop("prompt", lambda _text: None),
                since=given.pop("since", None),
            )
        finally:
            self.digest = batch.close()

    @property
    def keys(self):
        return KeyStore(self.project.places.keys)

    @property
    def asked(self):
        """What was read of the log, each with its status."""
        return [seen.status for seen in self.sandbox.journal if "/directoryAudits" in seen.path]

    def stranger(self):
        """A Graph session of another application, which may do everything."""
        other = Application(
            app_id=new_id(),
            object_id=new_id(),
            display_name="Somebody's tool",
            roles={*APPLICATION_ROLES, "User.EnableDisableAccount.All"},
        )
        other.add_client_secret()
        self.tenant.applications[other.app_id] = other
        self.tenant.assign_role(other.object_id, "Global Administrator")
        transport = Transport(self.cloud, ledger=Ledger())
        self.transports.append(transport)
        return GraphSession(transport, Tokens(transport, self.tenant, other))


class Tokens:
    def __init__(self, transport, tenant, application):
        self.transport, self.tenant, self.application = transport, tenant, application

    def token(self):
        answer = self.transport.send_form(
            "POST",
            f"{self.transport.cloud.login_base_url}/{self.tenant.id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.application.app_id,
                "client_secret": self.application.client_secret,
                "scope": self.transport.cloud.application_scope,
            },
        )
        return Secret(answer.body["access_token"])

    renew = token


@pytest.fixture
def desk(demo_project, monkeypatch):
    monkeypatch.chdir(demo_project.folder / "notebooks")
    made = Desk(demo_project)
    with clock.use(SandboxTime(demo_project.sandbox)):
        yield made
    for transport in made.transports:
        transport.close()


def actions(told):
    return [each["action"] for each in told.predicate["matched"]]


def strangers(told):
    """What was done by hand; within one second the log has no order."""
    return sorted(each["activity"] for each in told.predicate["without_record"])


def missing(told):
    return [(each["action"], each["alarming"]) for each in told.predicate["without_change"]]


def test_what_a_run_did_stands_in_the_log_too(desk):
    run = desk.run()
    told = desk.reconcile()
    assert actions(told) == ["create-user", "assign-role"]
    assert all(each["correlated"] for each in told.predicate["matched"])
    assert (strangers(told), missing(told)) == ([], [])
    assert told.is_clean
    assert told.predicate["account_ids"] == [desk.account["id"]]
    [password] = told.predicate["passwords"]
    assert (password["set_by_run"], password["used"]) == (run.record.run_id, False)
    assert password["recipient"] == run.client.hand_over.recipient
    assert password["request_id"] == run.record.hand_over.request_id != ""


def test_what_was_found_is_signed_kept_and_covered_by_a_digest(desk):
    desk.run()
    told = desk.reconcile()
    envelope = Envelope.from_json(told.file.read_bytes())
    key = desk.keys.public_key()
    assert verified_by(envelope, {key.key_id: key}) == key
    kept = Statement.from_bytes(envelope.payload)
    assert kept.predicate_type == RECONCILIATION
    assert kept.predicate["client"] == CLIENT
    assert kept.predicate["reconciliation_id"] == told.file.stem
    assert kept.predicate["matched"] == told.predicate["matched"]
    assert [each.name for each in kept.subjects] == [f"{CLIENT}/_seals/00000001.json"]
    covered = Statement.from_bytes(Envelope.from_json(desk.digest.path.read_bytes()).payload)
    assert f"{CLIENT}/_reconciliations/{told.file.name}" in {each.name for each in covered.subjects}
    assert desk.project.leaks() == []


def test_a_whole_life_and_a_second_account_match(desk):
    desk.run()
    first = desk.account["id"]
    desk.project.edit(CLIENT, onboarding="completed")
    desk.run("remove_service_account")
    desk.sandbox.clock.advance(days=1)
    desk.run()
    told = desk.reconcile()
    assert sorted(actions(told)) == sorted(
        [
            "create-user",
            "assign-role",
            "remove-role",
            "revoke-sign-in-sessions",
            "delete-user",
            "create-user",
            "assign-role",
        ]
    )
    assert told.is_clean
    assert set(told.predicate["account_ids"]) == {first, desk.account["id"]}


def test_a_password_that_somebody_reset_by_hand_has_no_record(desk):
    desk.run()
    stranger, user_id = desk.stranger(), desk.account["id"]
    users.set_password(stranger, user_id, generate_password(banned_words=()))
    told = desk.reconcile()
    [found] = told.predicate["without_record"]
    assert (found["activity"], found["account_id"]) == ("Reset user password", user_id)
    assert found["by"].startswith("application Somebody's tool (")
    first, second = told.predicate["problems"]
    assert first == "1 change(s) without a record: done outside the runbooks."
    assert second.startswith(f"The password was replaced by {found['by']}, outside the runbooks;")
    [password] = told.predicate["passwords"]
    assert (password["used"], password["became"]) == (False, "replaced")
    assert (password["days_unused"], password["over_limit"]) == (None, False)


def test_a_password_of_whose_change_the_log_does_not_tell_is_not_called_used(desk):
    desk.run()
    desk.sandbox.clock.advance(days=9)
    desk.sandbox.change_password(CLIENT, desk.account["id"], "own choice of 1 person")
    desk.tenant.directory_audits.clear()
    told = desk.reconcile()
    [password] = told.predicate["passwords"]
    assert (password["used"], password["became"]) == (None, "changed")
    assert not password["over_limit"]
    assert told.is_clean


def test_a_role_that_somebody_gave_by_hand_has_no_record(desk):
    desk.run()
    role_management.create_role_assignment(
        desk.stranger(), principal_id=desk.account["id"], role_definition_id=GLOBAL
    )
    told = desk.reconcile()
    [found] = told.predicate["without_record"]
    assert (found["activity"], found["detail"]) == (
        "Add member to role",
        f"{GLOBAL}, global administrator",
    )


def test_a_deletion_and_a_restoration_by_hand_have_no_record(desk):
    desk.run()
    stranger, user_id = desk.stranger(), desk.account["id"]
    users.set_account_enabled(stranger, user_id, enabled=False)
    users.delete_user(stranger, user_id)
    assert stranger.fetch(deleted_items.get_deleted_user(user_id)).id == user_id
    told = desk.reconcile()
    assert strangers(told) == ["Delete user", "Disable account", "Update user"]
    assert told.predicate["passwords"] == []


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_account_that_was_made_by_hand_is_found_though_no_run_knows_it(desk, is_deleted):
    stranger = desk.stranger()
    made = users.create_user(
        stranger,
        user_principal_name=f"practiceprotect@{desk.tenant.initial_domain}",
        display_name="Anything",
        mail_nickname="practiceprotect",
        password=generate_password(banned_words=()),
    )
    if is_deleted:
        users.delete_user(stranger, made.id)
        desk.tenant.purge_user(made.id)
    told = desk.reconcile()
    assert strangers(told) == ["Add user", *(["Delete user"] if is_deleted else [])]
    assert told.predicate["account_ids"] == [made.id]
    if not is_deleted:
        [password] = told.predicate["passwords"]
        assert (password["set_by_run"], password["used"]) == (None, None)


def test_what_its_holder_does_is_noted_and_the_password_is_used(desk):
    desk.run()
    desk.sandbox.clock.advance(days=2)
    desk.sandbox.change_password(CLIENT, desk.account["id"], "own choice of 1 person")
    told = desk.reconcile()
    assert told.is_clean
    assert [each["activity"] for each in told.predicate["noted"]] == ["Change user password"]
    assert [each["used"] for each in told.predicate["passwords"]] == [True]


@pytest.mark.parametrize(("days", "is_over"), [(6, False), (7, True), (8, True)])
def test_a_password_that_nobody_uses_is_reported_from_its_limit_on(desk, days, is_over):
    run = desk.run()
    desk.sandbox.clock.advance(days=days)
    told = desk.reconcile()
    [password] = told.predicate["passwords"]
    assert (password["days_unused"], password["over_limit"]) == (days, is_over)
    assert password["method"] == "mail"
    assert password["request_id"] == run.record.hand_over.request_id
    assert told.is_clean is not is_over
    # What the free log has forgotten by then is no fault of the records.
    assert [is_alarming for _, is_alarming in missing(told) if is_alarming] == []


def test_a_blocked_sign_in_is_over_no_limit(desk):
    desk.run()
    desk.sandbox.clock.advance(days=8)
    role = "Privileged Authentication Administrator"
    desk.tenant.assign_role(desk.tenant.application.object_id, role)
    desk.run(if_unused="disable")
    told = desk.reconcile()
    assert actions(told)[-1] == "disable-user"
    assert [each["sign_in"] for each in told.predicate["passwords"]] == ["blocked"]
    assert told.is_clean


def test_what_the_log_should_show_and_does_not_is_told(desk):
    desk.tenant.administrator["city"] = "Perth"
    users.set_account_enabled(desk.stranger(), desk.tenant.administrator["id"], enabled=True)
    desk.sandbox.clock.advance(days=1)
    desk.run()
    log = desk.tenant.directory_audits
    log[:] = [each for each in log if each["activityDisplayName"] != "Add member to role"]
    told = desk.reconcile()
    assert missing(told) == [("assign-role", False)]  # the log may lag
    desk.sandbox.clock.advance(days=1)
    told = desk.reconcile()
    assert missing(told) == [("assign-role", True)]
    assert told.predicate["problems"] == ["1 record(s) without a change that the log should show."]


def test_a_log_that_lags_and_throttles_accuses_nobody(desk):
    desk.sandbox.audit_lag_seconds = 600
    desk.sandbox.audit_throttle = True
    desk.run()
    for _ in range(3):
        told = desk.reconcile()
        assert (strangers(told), told.is_clean) == ([], True)
        assert missing(told) == [("create-user", False), ("assign-role", False)]
    assert 429 in desk.asked
    desk.sandbox.clock.advance(seconds=601)
    assert actions(desk.reconcile()) == ["create-user", "assign-role"]


@pytest.mark.parametrize(("sku", "days"), [(None, 7), (ENTRA_P1, 30)])
def test_how_far_the_log_reaches_follows_from_the_licences(desk, sku, days):
    if sku:
        desk.tenant.subscribed_skus[sku] = 25
    users.set_account_enabled(desk.stranger(), desk.tenant.administrator["id"], enabled=True)
    desk.sandbox.clock.advance(days=days - 1)
    told = desk.reconcile().predicate
    assert (told["log"]["retention_days"], told["log"]["retention_known"]) == (days, True)
    first = desk.tenant.directory_audits[0]["activityDateTime"]
    assert told["log"]["readable_from"][:19] == first[:19]


def test_an_empty_log_witnesses_nothing_and_accuses_nobody(desk):
    desk.run()
    desk.tenant.directory_audits.clear()
    desk.sandbox.clock.advance(days=1)
    told = desk.reconcile()
    assert missing(told) == [("create-user", False), ("assign-role", False)]
    assert told.predicate["log"]["readable_from"] == told.predicate["to"]


@pytest.mark.parametrize("permission", ["AuditLog.Read.All", "Directory.Read.All"])
def test_a_missing_permission_is_refused_by_name(desk, permission):
    desk.tenant.application.roles.discard(permission)
    with pytest.raises(Refused) as refused:
        desk.reconcile()
    assert refused.value.code == "missing-permission"
    assert permission in refused.value.remedy
    assert desk.asked == ([] if permission.startswith("Audit") else [403])
    assert not list((desk.project.folder / "evidence").glob("*/_reconciliations/*"))


def test_a_person_without_a_role_that_may_read_the_log_is_told_which(desk):
    name = f"ann@{desk.tenant.initial_domain}"
    desk.tenant.add_user(user_principal_name=name, display_name="Ann", roles=["User Administrator"])
    desk.project.edit(
        CLIENT,
        sign_in={"method": "device-code", "application_id": desk.tenant.public_client.app_id},
        hand_over={"method": "mail", "recipient": "onboarding@practiceprotect.com"},
    )

    def approve(text):
        code = text.rpartition(" ")[2].rstrip(".")
        desk.sandbox.approve_device_code(code, name)

    with pytest.raises(Refused) as refused:
        desk.reconcile(prompt=approve)
    assert "Reports Reader or Security Reader" in refused.value.remedy


def test_a_person_is_asked_to_consent_to_reading_alone(desk):
    desk.run()
    desk.tenant.public_client.scopes = {"AuditLog.Read.All", "Directory.Read.All"}
    desk.project.edit(
        CLIENT,
        sign_in={"method": "device-code", "application_id": desk.tenant.public_client.app_id},
        hand_over={"method": "mail", "recipient": "onboarding@practiceprotect.com"},
    )
    engineer = f"engineer@{desk.tenant.initial_domain}"

    def approve(text):
        desk.sandbox.approve_device_code(text.rpartition(" ")[2].rstrip("."), engineer)

    told = desk.reconcile(prompt=approve)
    assert actions(told) == ["create-user", "assign-role"]
    assert told.predicate["operator"]["signed_in_as"] == engineer


def test_since_leaves_out_what_lies_before(desk):
    users.set_account_enabled(desk.stranger(), desk.tenant.administrator["id"], enabled=True)
    desk.run()
    users.set_password(desk.stranger(), desk.account["id"], generate_password(banned_words=()))
    desk.sandbox.clock.advance(days=1)
    since = clock.now()
    told = desk.reconcile(since=since)
    assert (actions(told), strangers(told), missing(told)) == ([], [], [])
    assert told.predicate["from"] == clock.iso(since)
    assert strangers(desk.reconcile()) == ["Reset user password"]


def test_a_record_that_is_not_as_it_was_sealed_bears_no_witness(desk):
    run = desk.run()
    file = run.folder.record_file
    file.write_text(json.dumps({**json.loads(file.read_text()), "ticket": "T-2"}))
    told = desk.reconcile()
    assert told.predicate["records"]["altered"] == [run.record.run_id]
    assert strangers(told) == ["Add member to role", "Add user"]
    assert any("Not as sealed" in each for each in told.predicate["problems"])


def test_nothing_is_written_to_the_tenant(desk):
    desk.run()
    before = desk.project.writes()
    desk.reconcile()
    assert desk.project.writes() == before
