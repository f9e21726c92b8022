"""The remove runbook: the steps that are its own."""

from o365lib.runbook.results import StepResult
from o365lib.runbook.run import Run
from o365lib.runbook.steps import step
from o365lib.service_account import remove, verify


class RemovalRun(Run):
    """Take the roles away, end the sessions, delete the user, and see that it is gone."""

    @step("remove-roles", after="confirm", changes=True)
    def remove_roles(self) -> StepResult:
        """Take the account's roles away and see them gone."""
        self.before_change()
        self.record.undo = remove.undo(self.current_facts, self.earlier_records())
        self.save()
        sentences = remove.remove_roles(
            self.session,
            self.current_plan,
            patience_seconds=self.defaults.patience.verification_seconds,
            change_log=self.change_log,
        )
        return StepResult(title="Roles", notes=sentences)

    @step("revoke-sessions", after="remove-roles", changes=True)
    def revoke_sessions(self) -> StepResult:
        """End the account's sign-in sessions."""
        self.before_change()
        remove.revoke_sessions(self.session, self.current_plan, change_log=self.change_log)
        return StepResult(title="Its sign-in sessions are ended")

    @step("delete-user", after="revoke-sessions", changes=True)
    def delete_user(self) -> StepResult:
        """Delete the user by its object id."""
        self.before_change()
        remove.delete_user(self.session, self.current_plan, change_log=self.change_log)
        return StepResult(title=f"{self.current_plan.user_principal_name} was deleted")

    @step("verify", after="delete-user")
    def verify(self) -> StepResult:
        """See that the account is gone, and in the recycle bin."""
        if self.is_dry_run:
            return StepResult(title="Not done: dry run")
        checks = verify.verify_removal(
            self.session,
            self.current_plan,
            patience_seconds=self.defaults.patience.verification_seconds,
            wait=self.progress.wait,
        )
        return self.conclude(checks)
