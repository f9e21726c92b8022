"""A run between its plan and its changes: what was read, what was planned, who approved it.

- An approval names a plan, and ends when another plan, other parameters or another tenant is found.
  Once a change was made by it, it stands, and the run goes no further.
- Before each change the plan must still hold: one that was made or looked at some seconds ago is
  trusted, an older one is made again from the tenant as it is now.
- Only one run of a client changes its tenant at a time.
- Where the defaults require that somebody else has signed, nothing else confirms a plan, and the
  signature must hold still when the first change is made (`four_eyes`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, NoReturn, cast

from o365lib import clock, parameters
from o365lib.errors import Refused, StepOutOfOrder
from o365lib.evidence.accounts import (
    accounts_handled,
    handed_over_by,
    has_pending_credentials,
    may_have_set_password,
    pending_credentials,
)
from o365lib.evidence.approval import Document
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.custody import PasswordCustody, blocked_by, password_custody
from o365lib.evidence.record import Approval, Record
from o365lib.graph.models import User
from o365lib.runbook import four_eyes, standing
from o365lib.runbook.signed_in_run import SignedInRun
from o365lib.service_account.draft import draft
from o365lib.service_account.facts import Facts
from o365lib.service_account.look import read_facts
from o365lib.service_account.plan import Plan
from o365lib.service_account.unused_password import IfUnused

# A plan this young was made from the tenant as it is; an older one is made again before it is used.
_FRESH = timedelta(seconds=30)


class PlannedRun(SignedInRun):
    """A run that can be planned, approved and held to its plan.

    Attributes:
        facts_read: the tenant as the plan was made from it.
        plan_made: the plan in force.
        looked_again: when the tenant was last read after the confirmation.
        signed: the signed approval that confirmed the plan, where one is required.
    """

    facts_read: Facts | None = None
    plan_made: Plan | None = None
    looked_again: datetime | None = None
    signed: Document | None = None
    _by_form = False

    @property
    def current_plan(self) -> Plan:
        """The plan in force."""
        if self.plan_made is None:
            raise StepOutOfOrder("There is no plan.", remedy="Execute the cell 'plan' first.")
        return self.plan_made

    @property
    def current_facts(self) -> Facts:
        """The tenant as it was last read."""
        if self.facts_read is None:
            raise StepOutOfOrder(
                "The tenant has not been read.", remedy="Execute the cell 'look' first."
            )
        return self.facts_read

    def earlier_records(self) -> list[Record]:
        """Return the client's readable records, oldest first; this run's is the last."""
        return Archive(self.places.evidence).records(self.client.client)

    @property
    def if_unused(self) -> IfUnused:
        """What this run does about a password that was handed over and that nobody has used."""
        return cast("IfUnused", self.request.get("if_unused", ""))

    def may_replace_password(self) -> bool:
        """Return whether this run may have to set a password again, or to block the account."""
        if self.kind != "create" or self.is_dry_run:
            return False
        return bool(self.if_unused) or has_pending_credentials(self.earlier_records())

    def before_change(self) -> None:
        """Make sure that the confirmed plan is still the plan.

        Raises:
            StepOutOfOrder: nobody has confirmed yet.
            Refused: the tenant or the parameters have moved since, or a signed approval is required
                and does not hold any more; this step has changed nothing.
        """
        approval, plan = self.record.approval, self.current_plan
        if approval is None:
            raise StepOutOfOrder(
                "The plan has not been confirmed.",
                remedy="Fill in the form of the cell 'confirm', then execute this cell again.",
            )
        if approval.plan_digest != plan.digest:
            raise StepOutOfOrder(
                "Another plan was confirmed than the one in force.",
                remedy="Execute the cell 'confirm' again, and confirm this plan.",
            )
        self.lock(read=self.looked_again or self.current_facts.read)
        self._require_same_parameters()
        looked = self.looked_again or self.current_facts.read
        is_old = clock.now() - looked > _FRESH
        if is_old or (self._by_form and self.looked_again is None):
            self._look_again(plan)
        if not standing.is_frozen(self.record):
            self._require_signature(plan)

    def read_tenant(self) -> Facts:
        """Return the tenant as it is now, with what the archive knows of the account.

        The archive is read once, and before the tenant: all that is told of the account is of one
        moment, and what another run has changed since then counts as changed after the reading.

        Raises:
            StepOutOfOrder: nobody is signed in.
            Refused: who is signed in lacks a permission or directory role to read it.
            GraphError: the tenant could not be read.
        """
        if self.identity is None:
            raise StepOutOfOrder("Nobody is signed in.", remedy="Execute the cell 'sign in' first.")
        self.require_permitted_to_read(self.identity)
        begun = clock.now()
        records, unreadable = Archive(self.places.evidence).read(self.client.client)
        facts = read_facts(
            self.session,
            self.identity,
            tenant=self.client.tenant,
            defaults=self.defaults,
            handled={each.user_id: each.run_id for each in accounts_handled(records)},
            pending=partial(_pending_credentials, records),
        )
        return facts.model_copy(
            update={
                "read": begun,
                "handed_over_by": _handed_over_by(records, facts),
                "custody": _custody(records, facts),
                "blocked_by": _blocked_by(records, facts),
                # What they hide was judged before this run's first change. Since then no other run
                # can have set the password, and what this one did stands in its own record.
                "unreadable_records": (
                    () if self.record.is_changed else _that_matter(unreadable, facts)
                ),
            }
        )

    def _require_signature(self, plan: Plan) -> None:
        """Judge the approval once more: it may have grown too old, or been used, since then."""
        try:
            four_eyes.require_still(self, plan)
        except Refused:
            self.record.approval = None
            raise

    def _require_same_parameters(self) -> None:
        name, places = self.client.client, self.places
        found = parameters.load(places.parameters, [name], project=places.project)
        if parameters.digest(found.clients[name], found.defaults) != self.parameters_digest:
            # This run keeps the parameters that it was opened with.
            self._plan_no_longer_holds(
                "The client's file, the key that it names, or the defaults have changed",
                remedy=standing.NEW_RUN,
            )

    def _look_again(self, plan: Plan) -> None:
        """Read the tenant once more: nothing changed yet, the plan must be the same.

        Once this run has changed the tenant, the plan cannot be; then no guard may apply,
        and the account must be the one that was confirmed, or gone where this run may have
        deleted it.
        """
        facts = self.read_tenant()
        again = self.draft_plan(facts)
        way_back = standing.way_back(self.record)
        if not self.record.is_changed:
            if again.digest != plan.digest:
                self._plan_no_longer_holds("The tenant has changed", remedy=way_back)
        elif again.refusals:
            first = again.refusals[0]
            raise Refused(first.code, first.message, remedy=first.remedy)
        elif plan.user_id and again.user_id and again.user_id != plan.user_id:
            self._plan_no_longer_holds("The account is another one now", remedy=way_back)
        elif plan.user_id and not again.user_id and not self._may_have_deleted():
            name = plan.user_principal_name
            self._plan_no_longer_holds(f"{name} does not exist any more", remedy=way_back)
        self.looked_again = facts.read

    def _may_have_deleted(self) -> bool:
        return any(
            change.action == "delete-user" and change.may_have_happened
            for change in self.record.changes
        )

    def _plan_no_longer_holds(self, what: str, *, remedy: str) -> NoReturn:
        if not standing.is_frozen(self.record):
            self.record.approval = None
        raise Refused("plan-changed", f"{what} since the plan was confirmed.", remedy=remedy)

    def draft_plan(self, facts: Facts) -> Plan:
        """Return what this runbook would change in such a tenant."""
        return draft(
            self.kind,
            facts,
            self.client,
            self.defaults,
            parameters_digest=self.parameters_digest,
            if_unused=self.if_unused,
        )

    def approve(self, approver: str, how: Literal["form", "parameter"], plan: Plan) -> None:
        """Keep who approved which plan, and how.

        Where a signed approval is required this confirms nothing: the first change asks for it.

        Raises:
            StepTooLate: another approval stands, or the run is closed; a form may be an old one.
            EvidenceError: the approval could not be written; it was not given.
        """
        approval = Approval(
            approved_by=approver, how=how, plan_digest=plan.digest, date_time=clock.now()
        )
        self._keep_approval(approval, by_form=how == "form")

    def approve_signed(self, document: Document, plan: Plan, *, by_form: bool) -> None:
        """Keep the signed approval by which the plan is confirmed, and a copy of its file.

        Args:
            document: as `four_eyes.find` returned it for this plan.
            plan: what it is for.
            by_form: whether somebody has read the plan in a form meanwhile.

        Raises:
            StepTooLate: another approval stands, or the run is closed.
            EvidenceError: it could not be written; the plan is not confirmed.
        """
        approval = four_eyes.as_recorded(document, plan, self.defaults.approval)
        self.require_alterable("confirm")
        self.folder.write_approval(document.raw)
        self._keep_approval(approval, by_form=by_form)
        self.signed = document

    def _keep_approval(self, approval: Approval, *, by_form: bool) -> None:
        self.require_alterable("confirm")
        with self.or_as_before():
            self.record.approval = approval
            self.save()
        self._by_form = by_form


def _pending_credentials(records: Sequence[Record], user: User) -> str:
    return pending_credentials(
        records,
        user_id=user.id,
        user_principal_name=user.user_principal_name,
        created=user.created_date_time,
    )


def _handed_over_by(records: Sequence[Record], facts: Facts) -> str:
    if facts.account is None:
        return ""
    user = facts.account.user
    return handed_over_by(
        records, user_id=user.id, last_password_change=user.last_password_change_date_time
    )


def _custody(records: Sequence[Record], facts: Facts) -> PasswordCustody | None:
    if facts.account is None:
        return None
    user = facts.account.user
    return password_custody(
        records,
        user_id=user.id,
        user_principal_name=user.user_principal_name,
        created=user.created_date_time,
        last_change=user.last_password_change_date_time,
    )


def _blocked_by(records: Sequence[Record], facts: Facts) -> str:
    return blocked_by(records, user_id=facts.account.user.id) if facts.account else ""


def _that_matter(unreadable: Sequence[RunFolder], facts: Facts) -> tuple[str, ...]:
    created = facts.account.user.created_date_time if facts.account else None
    return tuple(
        run.run_id for run in unreadable if may_have_set_password(run.run_id, created=created)
    )
