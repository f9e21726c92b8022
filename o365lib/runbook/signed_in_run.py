"""A run that signs in: to the client's own tenant, as the client's file says.

- An application signs in while the cell is executed. So does a person where a command of ours shows
  her the prompt.
- In JupyterLab a person signs in beside the kernel: the cell ends at once, its panel has the code,
  and the step stays outstanding until she has signed in. She may give it up and begin again.
- Whoever has signed in is compared with the client's file before anything is read, and lacks no
  permission to read.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from o365lib import clock, secret, sign_in
from o365lib.errors import Refused, RunbookError, StepOutOfOrder
from o365lib.graph.session import GraphSession
from o365lib.identity_check import check_identity
from o365lib.runbook import describe
from o365lib.runbook.background_sign_in import BackgroundSignIn, given_up
from o365lib.runbook.recorded_run import RecordedRun
from o365lib.runbook.results import Pending, StepResult
from o365lib.runbook.steps import step
from o365lib.service_account.authorization import lacking_to_change, missing_to_read
from o365lib.service_account.facts import Identity
from o365lib.service_account.permissions import delegated_scopes
from o365lib.sign_in import Prompt, SignedIn
from o365lib.transport import Transport

if TYPE_CHECKING:
    from o365lib.runbook.panels.sign_in import SignInPanel

_STEP = "sign-in"


class SignedInRun(RecordedRun):
    """A run that knows who is signed in.

    Attributes:
        identity: who is signed in.
        graph: the session, once somebody is.
    """

    identity: Identity | None = None
    graph: GraphSession | None = None
    _under_way: BackgroundSignIn | None = None
    _panel: "SignInPanel | None" = None

    @property
    def session(self) -> GraphSession:
        """The Graph session of this run."""
        if self.graph is None:
            raise StepOutOfOrder("Nobody is signed in.", remedy="Execute the cell 'sign in' first.")
        return self.graph

    def may_replace_password(self) -> bool:
        """Return whether this run may have to set a password again, or to block the account."""
        return False

    @step("sign-in", prepares=True)
    def sign_in(self) -> StepResult:
        """Sign in to the client's tenant and compare who and where with the client file."""
        self._let_go_of_sign_in()
        is_person = self.client.sign_in.method in {"device-code", "browser"}
        if is_person and not self.frontend.can_prompt:
            raise Refused(
                "nobody-to-sign-in",
                f"{self.client.client} signs in by {self.client.sign_in.method}, and nobody would "
                "see the prompt.",
                remedy="Use `o365 run` or JupyterLab, or an application's secret or certificate.",
            )
        transport = Transport(self.cloud, ledger=self.ledger)
        if is_person and self.frontend.is_interactive:
            from o365lib.runbook.panels.sign_in import SignInPanel

            self._panel = SignInPanel(cancel=self._cancel, again=self._sign_in_again)
            self._panel.show()
            return self._sign_in_beside(transport)
        signed_in = self._ask(
            transport,
            lambda prompt: self.frontend.prompt(prompt.message),
        )
        return self._take(signed_in, transport)

    def take_over_sign_in(self) -> None:
        """Bring a sign-in that has ended beside the kernel to its end in the run.

        Without effect where none has. What it came to is shown in its panel, not raised.
        """
        task, panel = self._under_way, self._panel
        if task is None or panel is None or not task.is_over:
            return
        self._under_way = None
        transport = self._transport
        try:
            result = self.settle(_STEP, lambda: self._take(task.result(), transport))
        except RunbookError as error:
            panel.fail(_error_html(error))
        else:
            panel.succeed(result._repr_html_())

    def before_step(self, name: str) -> None:
        """Take a sign-in over that has ended since the last cell."""
        if name != _STEP:
            self.take_over_sign_in()

    def leave(self, why: str) -> None:
        """Close the record if it is still open; a sign-in that is under way is given up."""
        self._let_go_of_sign_in()
        super().leave(why)

    def _sign_in_beside(self, transport: Transport) -> Pending:
        panel = self._panel
        if panel is None:
            raise StepOutOfOrder("Nobody signs in.", remedy="Execute the cell 'sign in' first.")
        self._transport = transport
        turn = panel.begin()
        task = BackgroundSignIn(
            lambda prompt, pause: self._ask(transport, prompt, pause=pause),
            prompt=lambda prompt: panel.ask(prompt, turn),
            ended=partial(self.frontend.call_between_cells, self.take_over_sign_in),
        )
        self._under_way = task
        task.start()
        return Pending(title="Sign in above; then execute the next cell.")

    def _ask(
        self,
        transport: Transport,
        prompt: Callable[[Prompt], object],
        *,
        pause: Callable[[float], object] = clock.sleep,
    ) -> SignedIn:
        return sign_in.sign_in(
            self.client.sign_in,
            cloud=self.cloud,
            tenant=self.client.tenant,
            transport=transport,
            scopes=delegated_scopes(
                self.kind,
                dry_run=self.is_dry_run,
                by_mail=self.client.hand_over.method == "mail",
                password_pending=self.may_replace_password(),
            ),
            prompt=prompt,
            patience_seconds=self.defaults.patience.sign_in_seconds,
            pause=pause,
        )

    def _take(self, signed_in: SignedIn, transport: Transport) -> StepResult:
        check_identity(
            signed_in,
            tenant=self.client.tenant,
            user_principal_name=getattr(self.client.sign_in, "user_principal_name", None),
        )
        identity = describe.identity_of(signed_in, dry_run=self.is_dry_run)
        lacking = ""
        if self._panel is not None:
            # A person can ask at once for what is missing, while the client is on the phone.
            self.require_permitted_to_read(identity)
            lacking = lacking_to_change(identity, self.client, self.kind, dry_run=self.is_dry_run)
        self.record.tenant_id = signed_in.tenant_id
        self.record.operator = self.record.operator.model_copy(
            update={"signed_in_as": identity.name, "object_id": signed_in.object_id}
        )
        self.identity = identity
        self.graph = GraphSession(transport, signed_in)
        return describe.identity(identity, self.client, lacking=lacking)

    def require_permitted_to_read(self, identity: Identity) -> None:
        """Make sure that an identity may read what a plan needs.

        Raises:
            Refused: it may not; the remedy has all to ask for.
        """
        missing = missing_to_read(identity, self.client, self.kind, dry_run=self.is_dry_run)
        if missing is not None:
            raise Refused(missing.code, missing.message, remedy=missing.remedy)

    def _cancel(self) -> None:
        if self._under_way is None or self._panel is None:
            return
        self._let_go_of_sign_in()

        def give_up() -> StepResult:
            raise given_up()

        try:
            self.settle(_STEP, give_up)
        except RunbookError as error:
            self._panel.fail(_error_html(error))

    def _sign_in_again(self) -> None:
        panel = self._panel
        if panel is None:
            return
        self._let_go_of_sign_in()
        transport = Transport(self.cloud, ledger=self.ledger)
        try:
            self.perform(self.places_of_steps[_STEP], lambda: self._sign_in_beside(transport))
        except RunbookError as error:
            panel.fail(_error_html(error))

    def _let_go_of_sign_in(self) -> None:
        task, self._under_way = self._under_way, None
        if task is not None:
            task.give_up()


def _error_html(error: RunbookError) -> str:
    from o365lib.runbook.panels.error_box import error_html

    return secret.mask(error_html(error))
