"""Whatever happens in a run, no password, client secret, code or token is written anywhere.

Both runbooks are driven by the real command, with kernels whose tracebacks tell all they can, into
success, into refusals and into a failure in every step. Then everything that was written is
searched for every secret that the sandbox issued or received: evidence, notebooks, what the
command said, temporary files, the home folder, and the environments and command lines of all
processes while they ran.
"""

import html
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import nbformat
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from o365lib import clock, runbook
from tests.faults.project import OWN_STORE, Command, FaultProject
from tests.faults.search import Written
from tests.jupyter_desk import Desk
from tests.service_account.job import SandboxTime

USERS = ("POST", "/v1.0/users")
MAIL = ("POST", "/v1.0/users/*/sendMail")
ROLE = ("POST", "/v1.0/roleManagement/directory/roleAssignments")
ROLE_AWAY = ("DELETE", "/v1.0/roleManagement/directory/roleAssignments/*")
SESSIONS = ("POST", "/v1.0/users/*/revokeSignInSessions")
USER_AWAY = ("DELETE", "/v1.0/users/*")
BATCH = ("POST", "/v1.0/$batch")
TOKEN = ("POST", "*/oauth2/v2.0/token")


@dataclass
class Case:
    """One client, what goes wrong, and what its run comes to.

    Attributes:
        outcome: in the table.
        step: in which the run ended; "" where it came to its end.
        fault: effect, method and path.
        more: the fault's other attributes.
        changes: keys of the client file.
        holds: the role of an account that is there already.
    """

    outcome: str
    step: str = ""
    fault: tuple[str, ...] = ()
    more: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)
    holds: str = ""

    def arrange(self, project: FaultProject, name: str) -> None:
        project.add_client(name, holds=self.holds, **self.changes)
        if self.fault:
            project.fault(name, *self.fault, **self.more)


SIGN_IN = {"host": "login"}
SECOND = {"after": 1}
BY_FILE = {"hand_over": {"method": "file", "public_key": "recipient.pem"}}
BY_SCREEN = {"hand_over": {"method": "screen"}}

CREATIONS = {
    "by-mail": Case("done"),
    "by-file": Case("done", changes=BY_FILE),
    "wrong-secret": Case("failed", "sign-in"),
    "sign-in-page": Case("failed", "sign-in", ("400-echo-page", *TOKEN), SIGN_IN),
    "look-echo": Case("failed", "look", ("403-echo", *BATCH)),
    "no-screen": Case("refused", "confirm", changes=BY_SCREEN),
    "user-echo": Case("failed", "create-user", ("400-echo", *USERS)),
    "mail-page": Case("unverified", "hand-over", ("502-echo-page", *MAIL)),
    "role-echo": Case("failed", "assign-role", ("403-echo", *ROLE)),
    "verify-page": Case("unverified", "verify", ("403-echo-page", *BATCH), SECOND),
}

HELD = {"holds": "Exchange Administrator"}
REMOVALS = {
    "gone": Case("done", **HELD),
    "bayside-legal": Case("refused", "plan"),
    "roles-echo": Case("failed", "remove-roles", ("403-echo", *ROLE_AWAY), **HELD),
    "sessions-page": Case("failed", "revoke-sessions", ("400-echo-page", *SESSIONS), **HELD),
    "delete-echo": Case("failed", "delete-user", ("403-echo", *USER_AWAY), **HELD),
    "gone-html": Case("unverified", "verify", ("non-json", *BATCH), SECOND, **HELD),
}


@pytest.fixture
def recipient(project):
    """A recipient's public key, in the project's folder."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (project.folder / "recipient.pem").write_bytes(pem)
    return key


def run(project, *arguments, **options):
    """Run the command to its end and return it."""
    with Command(project, *arguments, **options) as command:
        command.wait()
    command.written.add_folder(project.folder, but=OWN_STORE)
    return command


def came_to(project, command, cases):
    """What each client's run came to, and the step in which it ended."""
    runs = json.loads(command.output)["runs"]
    found = {each["client"]: each for each in runs}
    ended = {}
    for name in cases:
        record = project.archive.find(found[name]["run_id"]).read_record()
        ended[name] = (found[name]["outcome"], record.error.step if record.error else "")
    return ended


def expected(cases):
    return {name: (case.outcome, case.step) for name, case in cases.items()}


def test_creations_that_succeed_are_refused_or_fail_in_every_step(project, recipient):
    for name, case in CREATIONS.items():
        case.arrange(project, name)
    store = project.folder / ".sandbox" / "secrets"
    (store / "wrong-secret.secret").write_text("Wrong~but-secret-all-the-same.8Q~")
    secret_of_operator = project.tenant("by-mail").application.client_secret
    sign_in = {
        "method": "client-secret",
        "application_id": project.tenant("by-mail").application.app_id,
        "secret": {"environment": "BY_MAIL_SECRET"},
    }
    project.edit("by-mail", sign_in=sign_in)
    command = run(
        project,
        *("--debug", "-vv", "run", "create", *CREATIONS, "eastgate-physio"),
        *("--approved-by", "Kim", "--jobs", "3", "--json"),
        environment={"BY_MAIL_SECRET": secret_of_operator},
    )
    assert came_to(project, command, CREATIONS) == expected(CREATIONS)
    assert command.process.returncode == 1
    # What the operator put into the environment is in the kernels', and in nothing that is kept.
    environments = command.written.places.pop("environments")
    assert secret_of_operator.encode() in environments
    secrets = project.secrets()
    assert command.written.leaks(secrets) == []
    command.written.places = {"environments": environments}
    assert command.written.leaks(secrets - {secret_of_operator}) == []


def test_removals_that_succeed_are_refused_or_fail_in_every_step(project):
    for name, case in REMOVALS.items():
        if name != "bayside-legal":  # the demonstration has it: its domain is federated
            case.arrange(project, name)
    command = run(
        project,
        *("-v", "run", "remove", *REMOVALS),
        *("--approved-by", "Kim", "--jobs", "3", "--json"),
    )
    assert came_to(project, command, REMOVALS) == expected(REMOVALS)
    assert command.written.leaks(project.secrets()) == []
    the_search_finds_what_is_planted(project, command)


def the_search_finds_what_is_planted(project, command):
    """Put a password into each thing that was written, and see it found there."""
    kinds = {place.rpartition("/")[2] for place in command.written.places}
    assert {"record.json", "runbook.ipynb", "stdout", "stderr", "environments"} <= kinds
    tenant = project.tenant("gone")
    password = tenant.password_of(tenant.administrator["userPrincipalName"])
    of_each_kind = {
        re.sub(r"tmp\w+", "", place.rpartition("/")[2]): place for place in command.written.places
    }
    for place in of_each_kind.values():
        content = command.written.places[place]
        middle = len(content) // 2
        planted = content[:middle] + password.encode() + content[middle:]
        command.written.places[place] = planted
        assert command.written.leaks({password}) == [f"{place}: raw"]
        command.written.places[place] = content


@pytest.mark.parametrize("effect", ["400-echo", "400-echo-page"])
def test_no_request_of_either_runbook_leaves_what_it_carried(project, effect):
    """Each request in turn is refused with a quotation, in runs without a kernel."""
    with clock.use(SandboxTime(project.sandbox)):
        for word, holds in (("create", ""), ("remove", "Exchange Administrator")):
            project.add_client(word, holds=holds)
            project.sandbox.journal.clear()
            assert project.carry_out(word, word).outcome == "done"
            sent = [seen.host for seen in project.sandbox.journal if not seen.in_batch]
            for position, host in enumerate(sent):
                number = sent[:position].count(host)
                client = f"{word}-{host}-{number}"
                project.add_client(client, holds=holds)
                fault = project.fault(client, effect, host=host, after=number, in_batch=False)
                project.carry_out(word, client)
                assert fault.struck
    # What was left is searched when the test has ended.


def test_refused_sign_ins_and_plans_leave_nothing_either(project):
    for name in ("old-secret", "no-rights", "elsewhere", "to-anybody"):
        project.add_client(name)
    old = project.tenant("old-secret").application
    old.client_secrets.clear()
    expired = old.add_client_secret(datetime(2020, 1, 1, tzinfo=UTC))
    store = project.folder / ".sandbox" / "secrets"
    (store / "old-secret.secret").write_text(expired)
    project.tenant("no-rights").application.roles = {"User.Read.All"}
    project.edit("elsewhere", tenant=project.tenant("fernhill-motors").initial_domain)
    (project.folder / "parameters" / "clients" / "fernhill-motors.yaml").unlink()
    to_anybody = {"method": "mail", "recipient": "anybody@elsewhere.example"}
    project.edit("to-anybody", hand_over=to_anybody | {"sender": "admin@toanybody.example"})
    for name, kind in (
        ("old-secret", "SignInError"),
        ("no-rights", "Refused"),
        ("elsewhere", "SignInError"),
        ("to-anybody", "Refused"),
    ):
        assert project.carry_out("create", name).error.type == kind
    # What was left is searched when the test has ended.


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal")
def test_a_code_is_shown_on_the_terminal_and_written_nowhere(project):
    project.sandbox.device_code_interval_seconds = 1
    project.add_client("by-code")
    tenant = project.tenant("by-code")
    project.edit(
        "by-code",
        sign_in={"method": "device-code", "application_id": tenant.public_client.app_id},
        hand_over={"method": "mail", "recipient": "onboarding@practiceprotect.com"},
    )
    arguments = ("run", "create", "by-code", "--approved-by", "Kim")
    with Command(project, *arguments, terminal=True) as command:
        code = command.until_shown(r"enter\s+the\s+code\s+(\w+)\.")[1]
        project.sandbox.approve_device_code(code, tenant.administrator["userPrincipalName"])
        assert command.wait() == 0
    command.written.add_folder(project.folder, but=OWN_STORE)
    secrets = project.secrets()
    assert code in secrets
    assert command.written.leaks(secrets) == []
    command.written.places = {"terminal": bytes(command.screen)}
    assert {leak.partition(":")[0] for leak in command.written.leaks(secrets)} == {"terminal"}
    assert command.written.leaks(secrets - {code}) == []


def test_credentials_on_the_screen_are_in_nothing_that_is_saved(project):
    project.edit("alpine-books", **BY_SCREEN)
    with Desk(project.folder / "notebooks") as desk:
        notebook = project.places.runbook("create")
        asked = {
            **dict.fromkeys(runbook.PARAMETERS, ""),
            "dry_run": False,
            "client": "alpine-books",
        }
        desk.run_notebook(notebook, until="confirm", **asked)
        desk.type("o365-client", "alpine-books")
        desk.click("o365-confirm")
        desk.go_on(after="confirm", until="hand-over")
        desk.click("o365-show-once")
        password = project.tenant("alpine-books").password_of(
            project.account("alpine-books")["userPrincipalName"]
        )
        assert html.escape(password) in desk.value("o365-credentials")
        desk.go_on(after="hand-over")
    assert [record.outcome for record in project.records("alpine-books")] == ["done"]
    written = Written()
    written.add("saved by JupyterLab", nbformat.writes(desk.notebook))
    written.add_folder(project.folder, but=OWN_STORE)
    assert written.leaks(project.secrets()) == []
    assert written.leaks({"Practice Protect"})
