"""One run of a runbook: sign in, look, plan, confirm, change, verify, close.

- Nothing changes before a confirmation, and a confirmation holds for one plan only.
- Every step, change, check and request is in `record.json` when the step returns or raises.
- The outcome comes from reading back; a dry run ends after the plan.
"""

from datetime import datetime, timedelta
from typing import Literal, NoReturn

from o365lib import clock, parameters, sign_in
from o365lib.errors import NotVerified, Refused, StepOutOfOrder
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import (
    Approval,
    Check,
    Outcome,
    Record,
    pending_credentials,
)
from o365lib.graph.models import User
from o365lib.graph.session import GraphSession
from o365lib.runbook import describe
from o365lib.runbook.recorded_run import RecordedRun
from o365lib.runbook.results import StepResult
from o365lib.runbook.steps import step
from o365lib.service_account.draft import draft
from o365lib.service_account.facts import Facts, Identity
from o365lib.service_account.look import read_facts
from o365lib.service_account.permissions import delegated_scopes
from o365lib.service_account.plan import Plan
from o365lib.transport import Transport

# A plan this young was made from the tenant as it is; an older one is made again before it is used.
_FRESH = timedelta(seconds=30)

_PARTLY_CHANGED = "What this run has changed so far stands in its record."


class Run(RecordedRun):
    """What both runbooks share. Made by `runbook.open`; see `RecordedRun` for the arguments."""

    _facts: Facts | None = None
    _plan: Plan | None = None
    _identity: Identity | None = None
    _session: GraphSession | None = None
    _looked_again: datetime | None = None

    @property
    def session(self) -> GraphSession:
        """The Graph session of this run."""
        if self._session is None:
            raise StepOutOfOrder("Nobody is signed in.", remedy="Execute the cell 'sign in' first.")
        return self._session

    @property
    def current_plan(self) -> Plan:
        """The plan in force."""
        if self._plan is None:
            raise StepOutOfOrder("There is no plan.", remedy="Execute the cell 'plan' first.")
        return self._plan

    @property
    def current_facts(self) -> Facts:
        """The tenant as it was last read."""
        if self._facts is None:
            raise StepOutOfOrder(
                "The tenant has not been read.", remedy="Execute the cell 'look' first."
            )
        return self._facts

    # ---- the steps that both runbooks share -------------------------------------------------

    @step("sign-in")
    def sign_in(self) -> StepResult:
        """Sign in to the client's tenant and compare who and where with the client file."""
        transport = Transport(self.cloud, ledger=self.ledger)
        method = self.client.sign_in.method
        if method in {"device-code", "browser"} and not self.frontend.can_prompt:
            raise Refused(
                "nobody-to-sign-in",
                f"{self.client.client} signs in by {method}, and nobody would see the prompt.",
                remedy="Use `o365 run` or JupyterLab, or an application's secret or certificate.",
            )
        prompts: list[object] = []
        signed_in = sign_in.sign_in(
            self.client.sign_in,
            cloud=self.cloud,
            tenant=self.client.tenant,
            transport=transport,
            scopes=delegated_scopes(
                self.kind,
                dry_run=self.is_dry_run,
                by_mail=self.client.hand_over.method == "mail",
            ),
            prompt=lambda prompt: prompts.append(self.frontend.prompt(prompt.message)),
            patience_seconds=self.defaults.patience.sign_in_seconds,
        )
        for handle in prompts:
            self.frontend.settle(handle, "Signed in.")
        sign_in.check_identity(
            signed_in,
            tenant=self.client.tenant,
            user_principal_name=getattr(self.client.sign_in, "user_principal_name", None),
        )
        self._identity = describe.identity_of(signed_in, dry_run=self.is_dry_run)
        self._session = GraphSession(transport, signed_in)
        self.record.tenant_id = signed_in.tenant_id
        self.record.operator = self.record.operator.model_copy(
            update={"signed_in_as": self._identity.name, "object_id": signed_in.object_id}
        )
        return describe.identity(self._identity, self.client)

    @step("look", after="sign-in")
    def look(self) -> StepResult:
        """Read the tenant as it is."""
        self._facts = self._read()
        self.record.facts = self._facts.model_dump(mode="json")
        return describe.facts(self._facts)

    @step("plan", after="look")
    def plan(self) -> StepResult:
        """Work out what will change, or why nothing may."""
        self._plan = self._draft(self.current_facts)
        self.record.plan = self._plan.model_dump(mode="json")
        self._looked_again = None
        if self._plan.refusals:
            first, *others = self._plan.refusals
            message = "\n".join([first.message, *(f"Also: {each.message}" for each in others)])
            remedy = "\n".join(each.remedy for each in self._plan.refusals)
            raise Refused(first.code, message, remedy=remedy)
        return describe.plan(self._plan, dry_run=self.is_dry_run)

    @step("confirm", after="plan", changes=True)
    def confirm(self, approved_by: str = "", approved_plan: str = "") -> StepResult:
        """Have the plan confirmed: by a form in JupyterLab, by `approved_by` elsewhere."""
        plan = self.current_plan
        self.record.approval, self._looked_again = None, None
        approver, wanted = approved_by.strip(), approved_plan.strip()
        self.record.parameters |= {"approved_by": approver, "approved_plan": wanted}
        if wanted and not (len(wanted) >= 8 and plan.digest.startswith(wanted)):  # noqa: PLR2004 -- shorter would fit by chance
            raise Refused(
                "plan-changed",
                f"Approved was the plan {wanted}, but the plan is now {plan.digest}.",
                remedy="Look at the new plan (a dry run shows it) and have it approved.",
            )
        if self.client.hand_over.method == "screen" and plan.of("hand-over"):
            self._require_screen()
        if self.frontend.is_interactive:
            # Late: widgets take long to import, and a batch shows none.
            from o365lib.runbook.form import ConfirmationForm

            form = ConfirmationForm(plan, approver=approver or self.record.operator.user_name)
            # What was on the screen is what was approved, whatever plan is in force by then.
            form.show(lambda name: self._approve(name, "form", plan))
            return StepResult(title="Fill in the form above; the next steps wait for it.")
        if not approver:
            raise Refused(
                "not-confirmed",
                "Nobody has approved this plan.",
                remedy="Give `--approved-by NAME` (the parameter `approved_by`), or step through "
                "the notebook in JupyterLab and confirm there.",
            )
        self._approve(approver, "parameter", plan)
        return StepResult(title=f"Approved by {approver}", notes=[f"Plan {plan.digest[:12]}"])

    @step("close", after="verify")
    def close(self) -> StepResult:
        """Close the record: the outcome and where the evidence is."""
        plan = self.current_plan
        if self.is_dry_run and plan.changes:
            outcome, reason = Outcome.PLANNED, f"{len(plan.changes)} change(s) planned, none made"
        elif self.record.is_changed:
            outcome, reason = Outcome.DONE, describe.done_sentence(plan, self.record)
        else:
            outcome = Outcome.NOTHING_TO_DO
            reason = "; ".join(plan.already) or "nothing to change"
        self.finish(outcome, reason)
        return describe.closing(self.record, self.folder)

    # ---- what the steps of the two runbooks need ----------------------------------------------

    def before_change(self) -> None:
        """Make sure that the confirmed plan is still the plan.

        Raises:
            StepOutOfOrder: nobody has confirmed yet.
            Refused: the tenant or the parameters have moved since; nothing was changed.
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
        self.lock(read=self._looked_again or self.current_facts.read)
        self._require_same_parameters()
        looked = self._looked_again or self.current_facts.read
        is_old = clock.now() - looked > _FRESH
        if is_old or (approval.how == "form" and self._looked_again is None):
            self._look_again(plan)

    def conclude(self, checks: list[Check]) -> StepResult:
        """Keep what was read back, and judge by it alone.

        Raises:
            NotVerified: something that was written does not show.
        """
        self.record.verification = checks
        wrong = [check for check in checks if not check.passed]
        if wrong:
            found = [f"{each.name}: {each.found} (wanted {each.wanted})" for each in wrong]
            raise NotVerified(
                f"Read back, the tenant is not as planned: {'; '.join(found)}.",
                state="The changes were accepted by the service, but do not show.",
                remedy="Wait some minutes and run the runbook again: it does only what is left.",
            )
        return describe.checks(checks)

    # ---- SteppedRun ---------------------------------------------------------------------------

    def skip_reason(self, *, changes: bool) -> str:
        """Say why a step has nothing to do: a dry run, or nothing to change."""
        if not changes:
            return ""
        if self.is_dry_run:
            return "dry run"
        return "" if self.current_plan.changes else "there is nothing to change"

    def earlier_records(self) -> list[Record]:
        """Return the client's readable records, oldest first; this run's is the last."""
        return Archive(self.places.evidence).records(self.client.client)

    # ---- inside -------------------------------------------------------------------------------

    def _read(self) -> Facts:
        if self._identity is None:
            raise StepOutOfOrder("Nobody is signed in.", remedy="Execute the cell 'sign in' first.")
        facts = read_facts(
            self.session,
            self._identity,
            tenant=self.client.tenant,
            defaults=self.defaults,
            pending=self._pending_credentials,
        )
        archive = Archive(self.places.evidence)
        unreadable = tuple(run.run_id for run in archive.unreadable(self.client.client))
        return facts.model_copy(update={"unreadable_records": unreadable})

    def _require_same_parameters(self) -> None:
        folder = self.places.parameters
        client = parameters.load_client(folder, self.client.client)
        defaults = parameters.load_defaults(folder)
        if parameters.digest(client, defaults) != self.parameters_digest:
            self._end_approval("The client's file or the defaults have changed", "Open the run")

    def _look_again(self, plan: Plan) -> None:
        """Read the tenant once more: nothing changed yet, the plan must be the same.

        Once this run has begun to change the tenant, the plan cannot be; then no guard may apply,
        and the account must be the one that was confirmed.
        """
        facts = self._read()
        again = self._draft(facts)
        if not self.record.is_changed:
            if again.digest != plan.digest:
                self._end_approval("The tenant has changed", "Execute 'look' and 'plan'")
        elif again.refusals:
            first = again.refusals[0]
            raise Refused(first.code, first.message, remedy=first.remedy, state=_PARTLY_CHANGED)
        elif plan.user_id and again.user_id != plan.user_id:
            self._end_approval("The account is another one now", "Execute 'look' and 'plan'")
        self._looked_again = facts.read

    def _end_approval(self, what: str, where_to_begin: str) -> NoReturn:
        self.record.approval = None
        raise Refused(
            "plan-changed",
            f"{what} since the plan was confirmed.",
            remedy=f"{where_to_begin} again, and confirm the new plan.",
            state=_PARTLY_CHANGED if self.record.is_changed else "Nothing was changed.",
        )

    def _pending_credentials(self, user: User) -> str:
        return pending_credentials(
            self.earlier_records(),
            user_id=user.id,
            user_principal_name=user.user_principal_name,
            created=user.created_date_time,
        )

    def _draft(self, facts: Facts) -> Plan:
        return draft(
            self.kind,
            facts,
            self.client,
            self.defaults,
            parameters_digest=self.parameters_digest,
        )

    def _require_screen(self) -> None:
        if not self.frontend.is_interactive:
            raise Refused(
                "screen-needs-jupyterlab",
                "The credentials are to be shown on the screen, and nobody sits in front of it.",
                remedy="Step through the notebook in JupyterLab, or choose mail or file.",
            )

    def _approve(self, approver: str, how: Literal["form", "parameter"], plan: Plan) -> None:
        self.record.approval = Approval(
            approved_by=approver,
            how=how,
            plan_digest=plan.digest,
            date_time=clock.now(),
        )
        self.save()
