"""The create runbook: the steps that are its own."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from o365lib import clock
from o365lib.errors import StepOutOfOrder
from o365lib.evidence.record import Check
from o365lib.runbook import standing
from o365lib.runbook.results import StepResult
from o365lib.runbook.run import Run
from o365lib.runbook.steps import step
from o365lib.secret import Secret
from o365lib.service_account import create, hand_over, verify
from o365lib.service_account.create import Created
from o365lib.service_account.hand_over import Screen
from o365lib.service_account.plan import PlannedChange

if TYPE_CHECKING:
    from o365lib.runbook.panels.credentials import CredentialsOnce


class CreationRun(Run):
    """Create the account, hand its credentials over, give it its role, and see that it is so."""

    _created: Created | None = None
    _created_by = ""
    _tried_to_hand_over: Created | None = None
    _on_screen: "CredentialsOnce | None" = None

    @step("create-user", after="confirm", changes=True)
    def create_user(self) -> StepResult:
        """Create the user; where it is there already, replace a password that nobody has.

        Or, where that was asked for, block the sign-in.
        """
        self.before_change()
        # Repeating the step must keep the password that is still to be handed over.
        if self._created is None or self._created_by != self.current_plan.digest:
            self._created = None
            self._created = create.create_user(
                self.session,
                self.current_plan,
                facts=self.current_facts,
                defaults=self.defaults,
                change_log=self.change_log,
            )
            self._created_by = self.current_plan.digest
        return StepResult(title=self._created.sentence)

    @step("hand-over", after="create-user", changes=True)
    def hand_over(self) -> StepResult:
        """Hand the credentials over as the client file says."""
        self.before_change()
        self._renew_uncertain_password()
        created = self._require_created()
        if created is self._tried_to_hand_over and hand_over.is_accepted(self.record.hand_over):
            # Perhaps the record could not be saved then; this step has just done so.
            return StepResult(title="The credentials were handed over already")
        self._tried_to_hand_over = created
        sentence = hand_over.hand_over(
            self.session,
            self.current_plan,
            created,
            client=self.client,
            facts=self.current_facts,
            defaults=self.defaults,
            change_log=self.change_log,
            folder=self.folder,
            screen=self._screen(),
        )
        return StepResult(title=sentence)

    @step("assign-role", after="hand-over", changes=True)
    def assign_role(self) -> StepResult:
        """Assign the role, and take a role away that the purpose does not need.

        Not before somebody has seen the password: of an account that holds a role, hardly anybody
        may set another one.
        """
        self._require_seen()
        self.before_change()
        sentences = create.assign_roles(
            self.session,
            self.current_plan,
            self._require_created().user_id,
            patience_seconds=self.defaults.patience.replication_seconds,
            change_log=self.change_log,
        )
        return StepResult(title="Roles", notes=sentences)

    @step("verify", after="assign-role")
    def verify(self) -> StepResult:
        """Read the account back: the outcome is decided by this alone."""
        if self.is_dry_run:
            return StepResult(title="Not done: dry run")
        return self.conclude(self._read_back())

    def _read_back(self) -> list[Check]:
        plan, wait = self.current_plan, self.progress.wait
        patience = self.defaults.patience.verification_seconds
        user_id = self._created.user_id if self._created else plan.user_id
        if not user_id:
            # Nothing was to be done to an account that does not exist.
            return verify.verify_absent(
                self.session, plan, patience_seconds=patience, wait=self.progress.wait
            )
        if plan.of("disable-user") or self._is_blocked_as_asked():
            return verify.verify_blocked(
                self.session, plan, patience_seconds=patience, wait=self.progress.wait
            )
        return verify.verify_creation(
            self.session,
            plan,
            user_id=user_id,
            passwords=self.change_log.made("set-password"),
            defaults=self.defaults,
            patience_seconds=patience,
            wait=wait,
        )

    def _is_blocked_as_asked(self) -> bool:
        account = self.current_facts.account
        is_blocked = account is not None and account.user.account_enabled is False
        return self.if_unused == "disable" and is_blocked

    def leave(self, why: str) -> None:
        """Close the record if it is still open; credentials that nobody has seen are let go of."""
        super().leave(why)
        if self._on_screen is not None:
            self._on_screen.let_go()

    def _screen(self) -> Screen | None:
        if not self.frontend.is_interactive:
            return None
        # Late: widgets take long to import, and a batch shows none.
        from o365lib.runbook.panels.credentials import CredentialsOnce

        def show(user_principal_name: str, password: Secret, seen: Callable[[], None]) -> None:
            shown, known = clock.now(), len(self.record.changes)
            self._on_screen = CredentialsOnce(
                user_principal_name,
                password,
                seen,
                why_not=lambda: self._why_not_to_show(shown, known),
            )
            self._on_screen.show()

        return show

    def _why_not_to_show(self, shown: datetime, known: int) -> str:
        """Return why a password that waits on the screen is no longer to be used, or nothing.

        Args:
            shown: when its button was.
            known: so many changes this run had made, or tried to, by then.
        """
        if any(
            change.action == "set-password" and change.may_have_happened
            for change in self.record.changes[known:]
        ):
            why = "this run has set another password since"
        elif self.is_closed:
            why = "the run that set it has ended"
        elif other := self.hold.changed_by_another(shown):
            why = f"the run {other} has changed the tenant since"
        else:
            return ""
        return (
            f"This password is no longer to be used: {why}. Press the button of the newest cell "
            f"'hand over'. Where there is none: {standing.NEW_RUN}"
        )

    def _require_seen(self) -> None:
        entry = self.record.hand_over
        if entry is not None and entry.method == "screen" and entry.status == "started":
            raise StepOutOfOrder(
                "Nobody has looked at the credentials yet; the role is assigned only then.",
                state="The account is there, and nobody has its password.",
                remedy=(
                    "Press the button of the cell 'hand over', then execute this cell again. If "
                    "the button is gone, execute 'hand over' again: it sets another password."
                ),
            )

    def _renew_uncertain_password(self) -> None:
        # An earlier try in this run may have reached its recipient with the last password.
        created = self._require_created()
        if created.password is None or not hand_over.is_uncertain(self.record.hand_over):
            return
        planned = PlannedChange(
            action="set-password",
            target=created.user_id,
            title="Replace the password, which may or may not have been handed over",
        )
        password = create.replace_password(
            self.session,
            planned,
            facts=self.current_facts,
            defaults=self.defaults,
            change_log=self.change_log,
        )
        self._created = Created(created.user_id, password, created.sentence)

    def _require_created(self) -> Created:
        if self._created is None:
            self._created = Created(user_id=self.current_plan.user_id, password=None, sentence="")
        return self._created
