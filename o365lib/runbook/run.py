"""One run of a runbook: sign in, look, plan, confirm, change, verify, close.

- Nothing changes before a confirmation, and a confirmation holds for one plan only.
- From the first change on, plan and approval stand, and a closed run is closed (`standing`).
- Every step, change, check and request is in `record.json` when the step returns or raises.
- The outcome comes from reading back; a dry run ends after the plan.
"""

from o365lib.errors import NotVerified, Refused
from o365lib.evidence.approval import Document
from o365lib.evidence.record import Check, Outcome
from o365lib.runbook import confirming, describe, four_eyes
from o365lib.runbook.opening import opening
from o365lib.runbook.planned_run import PlannedRun
from o365lib.runbook.results import StepResult
from o365lib.runbook.steps import step
from o365lib.service_account.plan import Plan


class Run(PlannedRun):
    """What both runbooks share. Made by `runbook.open`; see `RecordedRun` for the arguments."""

    def _repr_html_(self) -> str | None:
        """Whose tenant, which cloud, and what the run before has left; for a person only."""
        if not self.frontend.is_interactive:
            return None
        earlier = [each for each in self.earlier_records() if each.run_id != self.record.run_id]
        shown = opening(self.record, self.client, earlier, at_work=self.at_work)
        return shown._repr_html_()

    @step("look", after="sign-in", prepares=True)
    def look(self) -> StepResult:
        """Read the tenant as it is."""
        self.facts_read = self.read_tenant()
        self.record.facts = self.facts_read.model_dump(mode="json")
        return describe.facts(self.facts_read)

    @step("plan", after="look", prepares=True)
    def plan(self) -> StepResult:
        """Work out what will change, or why nothing may."""
        self.plan_made = self.draft_plan(self.current_facts)
        self.record.plan = self.plan_made.model_dump(mode="json")
        self.looked_again = None
        if self.plan_made.refusals:
            first, *others = self.plan_made.refusals
            message = "\n".join([first.message, *(f"Also: {each.message}" for each in others)])
            remedy = "\n".join(each.remedy for each in self.plan_made.refusals)
            raise Refused(first.code, message, remedy=remedy)
        return describe.plan(self.plan_made, purpose=self.client.purpose, dry_run=self.is_dry_run)

    @step("confirm", after="plan", changes=True, prepares=True)
    def confirm(self, approved_by: str = "", approved_plan: str = "") -> StepResult:
        """Have the plan confirmed: by a form in JupyterLab, by `approved_by` elsewhere.

        Where the defaults require a signed approval, by that alone; in JupyterLab the form then
        asks whether to go on.
        """
        plan = self.current_plan
        self.record.approval, self.looked_again, self.signed = None, None, None
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
        signed = four_eyes.find(self, plan)
        if self.frontend.is_interactive:
            self._show_form(plan, approver or self.record.operator.user_name, signed)
            return StepResult(title="Fill in the form above; the next steps wait for it.")
        if signed is not None:
            self.approve_signed(signed, plan, by_form=False)
            return describe.signed_approval(self.record)
        if not approver:
            raise Refused(
                "not-confirmed",
                "Nobody has approved this plan.",
                remedy="Give `--approved-by NAME` (the parameter `approved_by`), or step through "
                "the notebook in JupyterLab and confirm there.",
            )
        self.approve(approver, "parameter", plan)
        return StepResult(title=f"Approved by {approver}", notes=[f"Plan {plan.digest[:12]}"])

    @step("close", after="verify")
    def close(self) -> StepResult:
        """Close the record: the outcome and where the evidence is."""
        plan = self.current_plan
        if self.is_dry_run and plan.changes:
            count = describe.changes(len(plan.changes))
            outcome, reason = Outcome.PLANNED, f"{count} planned, none made"
        elif self.record.is_changed:
            outcome, reason = Outcome.DONE, describe.done_sentence(plan, self.record)
        else:
            outcome = Outcome.NOTHING_TO_DO
            reason = "; ".join(plan.already) or "nothing to change"
        self.finish(outcome, reason)
        return describe.closing(self.record, self.folder)

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

    def skip_reason(self, *, changes: bool) -> str:
        """Say why a step has nothing to do: a dry run, or nothing to change."""
        if not changes:
            return ""
        if self.at_work:
            return "somebody else is at work on this client, and you can only look"
        if self.is_dry_run:
            return "dry run"
        return "" if self.current_plan.changes else "there is nothing to change"

    def _show_form(self, plan: Plan, proposed: str, signed: Document | None) -> None:
        # Late: widgets take long to import, and a batch shows none.
        from o365lib.runbook.panels.confirmation import ConfirmationForm

        # What was on the screen is what was approved, whatever plan is in force by then.
        asked = confirming.question(plan, self.current_facts)
        if signed is None:
            form = ConfirmationForm(asked, approver=proposed)
            form.show(lambda name: self.approve(name, "form", plan))
            return
        approval = four_eyes.as_recorded(signed, plan, self.defaults.approval)
        form = ConfirmationForm(asked, approver=approval.approved_by, is_signed=True)
        form.show(lambda _name: self.approve_signed(signed, plan, by_form=True))

    def _require_screen(self) -> None:
        if not self.frontend.is_interactive:
            raise Refused(
                "screen-needs-jupyterlab",
                "The credentials are to be shown on the screen, and nobody sits in front of it.",
                remedy="Step through the notebook in JupyterLab, or choose mail or file.",
            )
