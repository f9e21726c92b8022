"""`o365 evidence reconcile`: one client in this process, several in processes of their own."""

import json

import pytest
from click.testing import CliRunner

from o365lib import runbook
from o365lib.cli import main
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.sandbox import Fault
from o365lib.secret import Secret

STEPS = "sign_in look plan confirm create_user hand_over assign_role verify close".split()  # noqa: SIM905 -- it reads as a list


@pytest.fixture
def o365(demo_project, monkeypatch):
    """Run the command in the demonstration's project."""
    for name in ("O365_PARAMETERS", "O365_EVIDENCE", "O365_SANDBOX", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(demo_project.folder)

    def run(*arguments):
        return CliRunner().invoke(main, ["evidence", "reconcile", *arguments], prog_name="o365")

    return run


@pytest.fixture
def made(demo_project, o365):
    """The account of one client, made by a run."""
    run = runbook.open("create_service_account", "alpine-books")
    for step in STEPS:
        getattr(run, step)(*(("Kim",) if step == "confirm" else ()))
    return run


def by_hand(demo_project, client="alpine-books"):
    """Let the log tell of something that no run did."""
    tenant = demo_project.tenant(client)
    log = tenant.directory_audits
    entry = json.loads(json.dumps(log[-1]))
    entry["initiatedBy"] = {"user": {"id": "x", "userPrincipalName": "\x1b[31m<b>eve</b>"}}
    entry |= {"id": "by hand", "activityDisplayName": "Reset user password"}
    log.append(entry)


@pytest.mark.usefixtures("made")
def test_nothing_to_look_into_is_status_0_and_says_how_far_the_log_reaches(o365):
    told = o365("alpine-books")
    assert told.exit_code == 0, told.output
    assert "keeps 7 days and can be read from " in told.stdout
    assert "2 change(s) stand in both the log and the records." in told.stdout
    assert "Nothing to look into." in told.stdout
    assert "by mail to" in told.stdout


def test_a_log_without_entries_is_said_to_witness_nothing(o365):
    told = o365("dunes-surveying")
    assert told.exit_code == 0, told.output
    assert "has no entry at all, so that until" in told.stdout


@pytest.mark.usefixtures("made")
def test_what_was_done_by_hand_is_shown_and_fails(o365, demo_project):
    by_hand(demo_project)
    told = o365("alpine-books")
    assert told.exit_code == 1
    assert "Changes without a record" in told.stdout
    assert "Reset user password" in told.stdout
    assert "<b>eve</b>" in told.stdout
    assert "\x1b" not in told.stdout
    assert "To look into: 1 change(s) without a record" in told.stdout


def test_machines_are_told_all_of_it(o365, made, demo_project):
    by_hand(demo_project)
    told = o365("alpine-books", "--json")
    answer = json.loads(told.stdout)
    [found] = answer["clients"]  # one client or many, one shape
    assert (told.exit_code, answer["exit_status"]) == (1, 1)
    assert (found["exit_status"], found["client"]) == (1, "alpine-books")
    assert [each["action"] for each in found["matched"]] == ["create-user", "assign-role"]
    assert [each["entry_id"] for each in found["without_record"]] == ["by hand"]
    assert found["passwords"][0]["set_by_run"] == made.record.run_id
    assert (demo_project.folder / found["file"]).is_file()
    assert demo_project.leaks(told.stdout) == []


@pytest.mark.usefixtures("made")
def test_each_of_several_clients_has_a_process_of_its_own(o365, demo_project):
    by_hand(demo_project)
    demo_project.tenant("cedar-dental").application.roles.discard("AuditLog.Read.All")
    names = ("alpine-books", "bayside-legal", "cedar-dental")
    told = o365(*names, "--json")
    answer = json.loads(told.stdout)
    found = {each["client"]: each for each in answer["clients"]}
    assert answer["exit_status"] == 3
    assert [each["exit_status"] for each in found.values()] == [1, 0, 3]
    assert tuple(found) == names
    assert told.exit_code == 3
    kept = Archive(demo_project.folder / "evidence").root.glob("*/_reconciliations/*.json")
    assert sorted(each.parent.parent.name for each in kept) == ["alpine-books", "bayside-legal"]
    people = o365(*names)
    assert "cedar-dental: not reconciled." in people.stdout


def test_several_clients_never_ask_for_one_passphrase_at_once(
    o365, demo_project, tmp_path, monkeypatch
):
    words = "a passphrase of some length"
    monkeypatch.setenv("O365_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("O365_PASSPHRASE_FILE", raising=False)
    KeyStore(tmp_path / "keys").new(passphrase=Secret(words))
    names = ("bayside-legal", "dunes-surveying")
    told = o365(*names)
    assert (told.exit_code, demo_project.sandbox.journal) == (2, [])
    assert "--passphrase-file" in told.stderr
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text(words)
    told = o365(*names, "--passphrase-file", str(file))
    assert told.exit_code == 0, told.output


def test_a_client_who_refuses_is_status_3_and_told_by_name(o365, demo_project):
    demo_project.tenant("alpine-books").application.roles.discard("AuditLog.Read.All")
    told = o365("alpine-books")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "AuditLog.Read.All" in told.stderr


def test_a_service_that_fails_is_status_1(o365, demo_project):
    demo_project.sandbox.faults.add(Fault(effect="400", path="/v1.0/auditLogs/*", times=None))
    told = o365("alpine-books")
    assert (told.exit_code, told.stdout) == (1, "")


@pytest.mark.usefixtures("made")
def test_since_is_given_as_everywhere(o365):
    told = o365("alpine-books", "--since", "2099-01-01", "--json")
    assert json.loads(told.stdout)["clients"][0]["matched"] == []
    assert o365("alpine-books", "--since", "yesterday").exit_code == 2


@pytest.mark.parametrize("words", [(), ("--all", "alpine-books"), ("nobody",)])
def test_wrong_usage_starts_nothing(o365, demo_project, words):
    assert o365(*words).exit_code == 2
    assert demo_project.sandbox.journal == []
