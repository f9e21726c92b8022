"""Whatever becomes of an answer: the verdict is true, and running again leads to the same end."""

import re

import pytest

from o365lib import clock
from tests.faults.project import MADE, PUT_RIGHT, REMOVED
from tests.service_account.job import SandboxTime

USER = "POST /v1.0/users"
PASSWORD = "PATCH /v1.0/users/*"
MAIL = "POST /v1.0/users/*/sendMail"
ROLE = "POST /v1.0/roleManagement/directory/roleAssignments"
ROLE_AWAY = "DELETE /v1.0/roleManagement/directory/roleAssignments/*"
SESSIONS = "POST /v1.0/users/*/revokeSignInSessions"
USER_AWAY = "DELETE /v1.0/users/*"


def run(project, word, client):
    """Carry a runbook out, some time after the last; Graph tells instants by the second."""
    project.sandbox.clock.advance(seconds=10)
    return project.carry_out(word, client)


def nothing(_project, _client):
    pass


def password_that_nobody_has(project, client):
    tenant = project.tenant(client)
    # Once the account holds a role, its password takes more than the application usually has.
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    project.fault(client, "403", "POST", "*/sendMail")
    run(project, "create", client)


# What a client is like, what the runbook writes there, and the end that it comes to.
SITUATIONS = {
    "new": ("create", "", nothing, [USER, MAIL, ROLE], MADE),
    "wrong-role": ("create", "Global Administrator", nothing, [ROLE, ROLE_AWAY], PUT_RIGHT),
    "no-password": ("create", "", password_that_nobody_has, [PASSWORD, MAIL, ROLE], MADE),
    "leaving": (
        "remove",
        "Exchange Administrator",
        nothing,
        [ROLE_AWAY, SESSIONS, USER_AWAY],
        REMOVED,
    ),
}
EACH_WRITE = [
    pytest.param(situation, write, id=f"{situation}-{write}")
    for situation, (_, _, _, writes, _) in SITUATIONS.items()
    for write in writes
]
# Exchange accepts mail and Graph ends sessions without anything that one could read back.
WITHOUT_TRACE = {MAIL, SESSIONS}

GOOD = {"done", "nothing to do"}


@pytest.fixture(autouse=True)
def _no_waiting(project):
    with clock.use(SandboxTime(project.sandbox)):
        yield


@pytest.fixture
def client(project):
    """Add a client in a situation; return its runbook and the end that it should come to."""

    def add(situation):
        word, holds, arrange, _, end = SITUATIONS[situation]
        project.add_client(situation, holds=holds)
        arrange(project, situation)
        project.sandbox.faults.clear()
        project.sandbox.journal.clear()
        return word, end

    return add


def count(project, write):
    method, _, path = write.partition(" ")
    pattern = re.escape(path).replace(r"\*", "[^/]+")
    return len([s for s in project.writes() if re.fullmatch(f"{method} {pattern}", s)])


@pytest.mark.parametrize("situation", SITUATIONS)
def test_these_are_all_the_writes_that_there_are(project, client, situation):
    word, end = client(situation)
    assert run(project, word, situation).outcome == "done"
    writes = SITUATIONS[situation][3]
    assert [count(project, write) for write in writes] == [1] * len(writes)
    assert len(project.writes()) == len(writes)
    assert project.state(situation) == end


@pytest.mark.parametrize(
    ("situation", "write"), [each for each in EACH_WRITE if each.values[1] not in WITHOUT_TRACE]
)
def test_a_write_that_was_accepted_and_dropped_is_never_called_done(
    project, client, situation, write
):
    word, end = client(situation)
    fault = project.fault(situation, "drop", *write.split(" "))
    first = run(project, word, situation)
    assert fault.struck == 1
    assert first.outcome in {"failed", "unverified"}
    assert run(project, word, situation).outcome == "done"
    assert project.state(situation) == end


@pytest.mark.parametrize(
    ("effect", "times"), [("reset-before", 1), ("reset-after", 1), ("503-after", 2)]
)
@pytest.mark.parametrize(("situation", "write"), EACH_WRITE)
def test_after_a_lost_answer_there_is_one_account_with_one_role_and_a_known_password(
    project, client, situation, write, effect, times
):
    word, end = client(situation)
    fault = project.fault(situation, effect, *write.split(" "), times=times)
    first = run(project, word, situation)
    assert fault.struck
    if first.outcome == "done":
        assert project.state(situation) == end
    else:
        assert first.outcome == "unverified"
        assert "unknown" in {change.status for change in first.changes}
    project.sandbox.faults.clear()
    assert run(project, word, situation).outcome in GOOD
    assert project.state(situation) == end


@pytest.mark.parametrize("effect", ["wrong-body", "non-json"])
@pytest.mark.parametrize("write", [USER, ROLE])
def test_an_answer_that_cannot_be_read_is_a_lost_one(project, client, write, effect):
    word, end = client("new")
    project.fault("new", effect, *write.split(" "))
    assert run(project, word, "new").outcome == "done"
    assert project.state("new") == end
    assert count(project, write) == 1


@pytest.mark.parametrize("situation", ["new", "leaving"])
def test_a_tenant_that_cannot_be_read_back_is_unverified(project, client, situation):
    word, end = client(situation)
    project.fault(situation, "503", "POST", "/v1.0/$batch", after=1, times=None)
    record = run(project, word, situation)
    assert record.outcome == "unverified"
    assert {change.status for change in record.changes} == {"accepted"}
    project.sandbox.faults.clear()
    assert run(project, word, situation).outcome == "nothing to do"
    assert project.state(situation) == end
