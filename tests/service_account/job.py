"""One runbook's job in one tenant of the sandbox: signed in for real, with a record on disk."""

import time
from dataclasses import dataclass, field

from o365lib import sign_in
from o365lib.clouds import Cloud
from o365lib.evidence.accounts import (
    accounts_handled,
    has_pending_credentials,
    pending_credentials,
)
from o365lib.evidence.archive import Archive, RunFolder, new_run_id
from o365lib.evidence.record import Operator, Record
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.parameters.fields import Surroundings
from o365lib.sandbox import Fault, Sandbox, Tenant
from o365lib.service_account import create, hand_over, remove, verify
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.draft import draft
from o365lib.service_account.facts import Identity
from o365lib.service_account.look import read_facts
from o365lib.service_account.permissions import delegated_scopes
from o365lib.transport import Transport
from tests.service_account.example import DEFAULTS, make_client

PATIENCE_SECONDS = 30
ASSIGNMENTS = "/roleManagement/directory/roleAssignments"

# Refused before any work, lost on the way there, or done and then lost on the way back.
LOST_BEFORE = ["500", "502", "503", "504", "reset-before"]
LOST_AFTER = ["500-after", "503-after", "504-after", "reset-after", "non-json", "wrong-body"]
LOST = LOST_BEFORE + LOST_AFTER


class SandboxTime:
    """The sandbox's clock as ours; a sleep moves it on and takes no time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.sleeps = []

    def now(self):
        return self.sandbox.clock.now()

    def monotonic(self):
        return time.monotonic() + sum(self.sleeps)

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.sandbox.clock.advance(seconds=seconds)


@dataclass
class Job:
    """What the runbook's steps work with; `begin` starts another run of the same client."""

    sandbox: Sandbox
    tenant: Tenant
    archive: Archive
    cloud: Cloud
    time: SandboxTime
    client_changes: dict = field(default_factory=dict)
    around: Surroundings | None = None
    session: GraphSession = field(init=False)
    ledger: Ledger = field(init=False)
    folder: RunFolder = field(init=False)
    change_log: ChangeLog = field(init=False)
    transports: list[Transport] = field(default_factory=list)

    # ---- the sandbox's side ------------------------------------------------------------------

    @property
    def domain(self):
        """The tenant's own domain, the federated one if there is one."""
        return next(iter(self.tenant.domains))

    @property
    def upn(self):
        return f"practiceprotect@{self.tenant.initial_domain}"

    @property
    def user(self):
        """The account as it really is, or None."""
        return self.tenant.find_user(self.upn)

    @property
    def accounts(self):
        """Every user of the account's name, in the recycle bin too."""
        both = [*self.tenant.users.values(), *self.tenant.deleted_users.values()]
        return [user for user in both if user["userPrincipalName"].endswith(self.upn)]

    @property
    def password(self):
        """The password that is really in force."""
        return self.tenant.password_of(self.upn)

    def add_account(self, *roles, **properties):
        """Put the account there as the runbook would have made it."""
        content = {
            "display_name": "Practice Protect",
            "given_name": "Practice",
            "surname": "Protect",
            "usage_location": "AU",
        }
        return self.tenant.add_user(
            user_principal_name=self.upn, roles=roles, **(content | properties)
        )

    def add_person(self, *roles):
        """Add somebody with these directory roles, and return the user principal name."""
        name = f"ann@{self.tenant.initial_domain}"
        self.tenant.add_user(user_principal_name=name, display_name="Ann", roles=roles)
        return name

    def fault(self, effect, method="*", path="*", **options):
        """Plan a fault for this tenant; the path is below `/v1.0`."""
        return self.sandbox.faults.add(
            Fault(
                effect=effect,
                method=method,
                path=f"/v1.0{path}",
                tenant=self.tenant.id,
                **options,
            )
        )

    @property
    def asked(self):
        """What Graph was asked in this tenant, a batch's items one by one."""
        return [
            seen
            for seen in self.sandbox.journal
            if seen.host == "graph" and seen.tenant_id == self.tenant.id
            if seen.path != "/v1.0/$batch"
        ]

    @property
    def written(self):
        """The writes of this tenant, `METHOD path`, in order."""
        return [f"{seen.method} {seen.path}" for seen in self.asked if seen.method != "GET"]

    def count(self, method, path):
        return self.written.count(f"{method} /v1.0{path}")

    # ---- our side ----------------------------------------------------------------------------

    @property
    def client(self):
        application = self.tenant.application
        content = {
            "client": self.tenant.name,
            "tenant": self.tenant.initial_domain,
            "cloud": "sandbox",
            "sign_in": {
                "method": "client-secret",
                "application_id": application.app_id,
                "secret": {"environment": "CONTOSO_SECRET"},
            },
            "hand_over": {
                "method": "mail",
                "recipient": "onboarding@practiceprotect.com",
                "sender": f"admin@{self.tenant.initial_domain}",
            },
        }
        return make_client(around=self.around, **(content | self.client_changes))

    def begin(self, *, as_person=None, runbook="create"):
        """Start a run: a record, a ledger, a sign-in."""
        # No two runs of a client fall into one second, which is how finely Graph tells an instant.
        self.sandbox.clock.advance(seconds=2)
        run_id = new_run_id(runbook)
        self.folder = self.archive.new_run(self.tenant.name, run_id)
        self.ledger = Ledger()
        record = Record(
            run_id=run_id,
            client=self.tenant.name,
            runbook="create_service_account",
            package_version="0",
            operator=Operator(user_name="kim", host_name="desk"),
            started=self.time.now(),
        )
        folder = self.folder
        self.change_log = ChangeLog(record, lambda: folder.write_record(record), self.ledger)
        self.change_log.save()
        transport = Transport(self.cloud, ledger=self.ledger)
        self.transports.append(transport)
        settings = self.client.sign_in
        is_pending = has_pending_credentials(self.archive.records(self.tenant.name))
        if as_person:
            settings = make_client(
                sign_in={
                    "method": "device-code",
                    "application_id": self.tenant.public_client.app_id,
                }
            ).sign_in
        signed_in = sign_in.sign_in(
            settings,
            cloud=self.cloud,
            tenant=self.tenant.initial_domain,
            transport=transport,
            scopes=delegated_scopes(
                runbook, dry_run=False, by_mail=True, password_pending=is_pending
            ),
            prompt=lambda prompt: self.sandbox.approve_device_code(
                prompt.user_code.reveal(), as_person
            ),
        )
        self.identity = Identity(
            tenant_id=signed_in.tenant_id,
            kind=signed_in.kind,
            object_id=signed_in.object_id,
            user_principal_name=signed_in.user_principal_name,
            application_id=signed_in.application_id,
            permissions=tuple(signed_in.permissions),
            directory_roles=tuple(signed_in.directory_roles),
        )
        self.session = GraphSession(transport, signed_in)
        return self

    def look(self):
        return read_facts(
            self.session,
            self.identity,
            tenant=self.tenant.initial_domain,
            defaults=DEFAULTS,
            handled=self.handled,
            pending=self._pending_credentials,
        )

    @property
    def handled(self):
        """Which run made or completed which account, by object id, as the archive tells."""
        found = accounts_handled(self.archive.records(self.tenant.name))
        return {each.user_id: each.run_id for each in found}

    def _pending_credentials(self, user):
        return pending_credentials(
            self.archive.records(self.tenant.name),
            user_id=user.id,
            user_principal_name=user.user_principal_name,
            created=user.created_date_time,
        )

    def plan(self, runbook, facts):
        return draft(runbook, facts, self.client, DEFAULTS, parameters_digest="0" * 64)

    def plan_creation(self):
        """Look and plan; return both."""
        facts = self.look()
        plan = self.plan("create", facts)
        assert plan.refusals == ()
        return facts, plan

    def create_user(self, facts, plan):
        return create.create_user(
            self.session, plan, facts=facts, defaults=DEFAULTS, change_log=self.change_log
        )

    def hand_over(self, facts, plan, created, screen=None):
        return hand_over.hand_over(
            self.session,
            plan,
            created,
            client=self.client,
            facts=facts,
            defaults=DEFAULTS,
            change_log=self.change_log,
            folder=self.folder,
            screen=screen,
        )

    def assign_roles(self, plan, user_id):
        return create.assign_roles(
            self.session,
            plan,
            user_id,
            patience_seconds=PATIENCE_SECONDS,
            change_log=self.change_log,
        )

    def verify_creation(self, plan, user_id):
        return verify.verify_creation(
            self.session,
            plan,
            user_id=user_id,
            passwords=self.change_log.made("set-password"),
            defaults=DEFAULTS,
            patience_seconds=PATIENCE_SECONDS,
        )

    def create(self, *, hand_over=True):
        """Do the whole create runbook from the look on; return the password and the checks."""
        facts, plan = self.plan_creation()
        created = self.create_user(facts, plan)
        if hand_over:
            self.hand_over(facts, plan, created)
        self.assign_roles(plan, created.user_id)
        return created, self.verify_creation(plan, created.user_id)

    def create_and_hand_over(self, screen=None):
        """Create the account and hand over; return the account as created and the sentence."""
        facts, plan = self.plan_creation()
        created = self.create_user(facts, plan)
        return created, self.hand_over(facts, plan, created, screen)

    def remove_roles(self, plan):
        return remove.remove_roles(
            self.session, plan, patience_seconds=PATIENCE_SECONDS, change_log=self.change_log
        )

    def verify_removal(self, plan):
        return verify.verify_removal(self.session, plan, patience_seconds=PATIENCE_SECONDS)

    def remove(self):
        """Do the whole remove runbook from the look on; return the checks."""
        plan = self.plan("remove", self.look())
        assert plan.refusals == ()
        self.remove_roles(plan)
        remove.revoke_sessions(self.session, plan, change_log=self.change_log)
        remove.delete_user(self.session, plan, change_log=self.change_log)
        return self.verify_removal(plan)

    @property
    def record(self):
        """The record as it is on disk."""
        return self.folder.read_record()

    @property
    def statuses(self):
        """What became of each change, by the record on disk."""
        return [(change.action, change.status) for change in self.record.changes]

    @property
    def archived(self):
        """Every byte in the archive."""
        files = [file for file in self.archive.root.rglob("*") if file.is_file()]
        return b"".join(file.read_bytes() for file in files)

    def assert_one_account(self, created, *roles):
        """There is one account, the one created, with one assignment of each role."""
        assert len(self.accounts) == 1
        assert self.user["id"] == created.user_id
        held = [
            each["roleDefinitionId"]
            for each in self.tenant.role_assignments.values()
            if each["principalId"] == created.user_id
        ]
        assert sorted(held) == sorted(roles)


def failed(checks):
    """The names of the checks that did not pass."""
    return [check.name for check in checks if not check.passed]
