"""A tenant that is slow, busy or behind its own truth: waited for within bounds, and told truly."""

import pytest

from o365lib import clock
from tests.faults.project import MADE, REMOVED
from tests.service_account.job import SandboxTime

TEN_DAYS = 864_000.0


@pytest.fixture
def waiting(project):
    """The clock, which moves only when somebody waits; the project waits as the defaults say."""
    project.patient()
    standing = SandboxTime(project.sandbox)
    with clock.use(standing):
        yield standing


def tokens(project):
    return [seen.grant_type for seen in project.sandbox.journal if seen.grant_type]


@pytest.mark.parametrize(("word", "end"), [("create", MADE), ("remove", REMOVED)])
def test_a_storm_of_refusals_is_waited_out_and_nothing_is_done_twice(project, waiting, word, end):
    holds = "Exchange Administrator" if word == "remove" else ""
    project.add_client("calm", holds=holds)
    assert project.carry_out(word, "calm").outcome == "done"
    project.add_client("busy", holds=holds)
    calm = project.writes()
    project.sandbox.journal.clear()
    waiting.sleeps.clear()
    for path in ("/v1.0/users*", "/v1.0/roleManagement/*", "/v1.0/$batch", "/v1.0/domains*"):
        project.fault("busy", "429", path=path, retry_after="1.128", times=3)
    project.fault("busy", "429", path="*/token", host="login", retry_after="0.5", times=2)
    record = project.carry_out(word, "busy")
    assert record.outcome == "done"
    assert project.state("busy") == end
    # Whole seconds would be too early or too late: what was asked for is what was waited.
    assert waiting.sleeps.count(1.128) >= 6
    assert waiting.sleeps.count(0.5) == 2
    done = [seen for seen in project.sandbox.journal if seen.status and seen.status < 300]
    writes = [seen for seen in done if seen.method in {"POST", "PATCH", "DELETE"}]
    writes = [each for each in writes if each.host == "graph" and "batch" not in each.path]
    assert len(writes) == len(calm)
    throttled = [each for each in record.requests if each["status"] == 429]
    assert {each["retry_after_seconds"] for each in throttled} == {1.128, 0.5}


def test_a_storm_without_end_fails_and_the_next_run_finishes(project, waiting):
    project.add_client("busy")
    project.fault("busy", "429", "POST", "*/roleAssignments", retry_after="7.5", times=None)
    record = project.carry_out("create", "busy")
    assert record.outcome == "failed"
    assert record.error.status == 429
    assert sum(waiting.sleeps) < 600
    project.sandbox.faults.clear()
    assert project.carry_out("create", "busy").outcome == "done"
    assert project.state("busy") == MADE


def test_a_new_user_that_the_directory_knows_late_gets_its_role(project, waiting):
    project.sandbox.replication_lag_seconds = 3.0
    record = project.carry_out("create", "alpine-books")
    assert record.outcome == "done"
    assert project.state("alpine-books") == MADE
    assert sum(waiting.sleeps) >= 3


def test_a_tenant_that_lags_in_everything_is_waited_for(project, waiting):
    for name in ("replication", "deletion", "deleted_items", "role_assignments"):
        setattr(project.sandbox, f"{name}_lag_seconds", 20.0)
    assert project.carry_out("create", "alpine-books").outcome == "done"
    assert project.state("alpine-books") == MADE
    waiting.sleep(60)
    assert project.carry_out("remove", "alpine-books").outcome == "done"
    assert project.state("alpine-books") == REMOVED


@pytest.mark.parametrize(
    ("word", "lag"),
    [
        ("create", "role_assignments"),
        ("create", "replication"),
        ("remove", "role_assignments"),
        ("remove", "deletion"),
        ("remove", "deleted_items"),
    ],
)
def test_what_never_shows_is_never_called_done(project, waiting, word, lag):
    project.add_client("late", holds="Exchange Administrator" if word == "remove" else "")
    setattr(project.sandbox, f"{lag}_lag_seconds", TEN_DAYS)
    first = project.carry_out(word, "late")
    assert first.outcome in {"unverified", "failed"}
    assert "run the runbook again" in first.error.remedy.lower()
    # When it shows in the end, the next run does what is left, if anything.
    setattr(project.sandbox, f"{lag}_lag_seconds", 0.0)
    waiting.sleep(TEN_DAYS)
    assert project.carry_out(word, "late").outcome in {"done", "nothing to do"}
    assert project.state("late") == (MADE if word == "create" else REMOVED)


def test_tokens_that_expire_between_all_steps_are_renewed(project):
    lifetime = project.sandbox.access_token_lifetime_seconds

    def an_hour_passes():
        project.sandbox.clock.advance(seconds=lifetime + 60)

    steps = ("create-user", "hand-over", "assign-role", "verify")
    record = project.carry_out(
        "create", "alpine-books", before=dict.fromkeys(steps, an_hour_passes)
    )
    assert record.outcome == "done"
    assert project.state("alpine-books") == MADE
    assert tokens(project) == ["client_credentials"] * (1 + len(steps))
    refused = [each for each in record.requests if each["status"] == 401]
    assert len(refused) == len(steps)


def test_a_sign_in_that_is_withdrawn_in_mid_run_loses_no_password(project):
    application = project.tenant("alpine-books").application
    kept = list(application.client_secrets)

    def withdraw():
        application.client_secrets.clear()
        project.sandbox.clock.advance(seconds=7200)

    record = project.carry_out("create", "alpine-books", before={"hand-over": withdraw})
    assert record.outcome == "failed"
    assert record.error.type == "SignInError"
    assert project.state("alpine-books").roles == ()
    application.client_secrets.extend(kept)
    assert project.carry_out("create", "alpine-books").outcome == "done"
    assert project.state("alpine-books") == MADE
