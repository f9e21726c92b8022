"""`o365 approve`: what may be approved, by whom, and that runs find it."""

import io
import json
import time
from datetime import timedelta

import pytest

from o365lib import clock, parameters
from o365lib.cli.approve import COLUMNS
from o365lib.evidence.archive import Archive, new_run_id
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.sandbox import Sandbox
from tests.demo_project import DemoProject
from tests.evidence.small_records import change
from tests.four_eyes import account_of, keys_of, require_approval
from tests.service_account.example import (
    GLOBAL,
    make_account,
    make_client,
    make_facts,
    make_plan,
)

NOBODY = "You have no signing key yet."


class Terminal(io.BytesIO):
    """Somebody at a terminal, who answers."""

    def isatty(self):
        return True


class Office:
    """The project of these tests: its archive has plans, and Ana may approve them."""

    def __init__(self, project):
        self.project = project
        self.archive = Archive(project / "evidence")
        require_approval(project, "Ana", "Bo")

    def planned(self, client="contoso", word="create", *, facts=None, **fields):
        """Leave a plan, as a dry run does; in a millisecond of its own, or it has no order."""
        time.sleep(0.002)
        facts = facts or make_facts()
        digest = self.parameters_digest(client)
        plan = make_plan(word, facts, make_client(client=client), parameters_digest=digest)
        content = {
            "run_id": new_run_id(word),
            "client": client,
            "tenant_id": plan.tenant_id,
            "runbook": f"{word}_service_account",
            "package_version": "1",
            "parameters_digest": digest,
            "operator": Operator(user_name="kim", host_name="desk"),
            "started": clock.now(),
            "dry_run": True,
            "facts": facts.model_dump(mode="json"),
            "plan": plan.model_dump(mode="json"),
            "outcome": Outcome.PLANNED,
            "closed_by": "runbook",
        }
        record = Record(**(content | fields))
        self.archive.new_run(client, record.run_id).write_record(record)
        return record

    def parameters_digest(self, client):
        """Give the client a file and return the digest of it and of the defaults."""
        folder = self.project / "parameters"
        file = self.client_file(client)
        if not file.exists():
            example = (folder / "clients" / "alpine-books.yaml").read_text("utf-8")
            file.write_text(example.replace("client: alpine-books", f"client: {client}"), "utf-8")
        made = parameters.load_client(folder, client)
        return parameters.digest(made, parameters.load_defaults(folder))

    def client_file(self, client):
        return self.project / "parameters" / "clients" / f"{client}.yaml"

    def approvals(self):
        folder = self.archive.root / "_approvals"
        return sorted(folder.glob("*.json")) if folder.exists() else []


@pytest.fixture
def office(project):
    return Office(project)


@pytest.fixture
def as_person(o365, office, monkeypatch):
    """Run `o365 approve` as a person of the office."""

    def approve(name, *arguments, answer=None):
        monkeypatch.setenv("O365_KEYS", str(office.project / "people" / name))
        with account_of(name):
            there = Terminal(answer.encode()) if answer is not None else None
            return o365("approve", *arguments, input=there)

    return approve


def test_what_is_covered_is_shown_before_it_is_asked_and_signed(office, as_person):
    first, second = office.planned("contoso"), office.planned("fabrikam")
    result = as_person("Ana", first.run_id, second.run_id[-6:], "--ticket", "T-1", answer="y\n")
    assert result.exit_code == 0, result.stderr
    for part in ("contoso", "fabrikam", first.tenant_id, first.plan["digest"][:12], "Planned"):
        assert part in result.stdout
    assert "practiceprotect@contoso.onmicrosoft.com" in result.stdout
    assert "Exchange Administrator" in result.stdout
    assert "Create the user" in result.stdout
    assert "Approve 2 plans as Ana?" in result.stderr
    [file] = office.approvals()
    assert f"Approval {file.stem} of 2 plans by Ana" in result.stdout
    assert "It holds until" in result.stdout
    assert list((office.archive.root / "_digests").iterdir())


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_who_does_not_say_yes_has_approved_nothing(office, as_person, answer):
    result = as_person("Ana", office.planned().run_id, answer=answer)
    assert result.exit_code == 1
    assert office.approvals() == []


def test_where_nobody_can_be_asked_one_line_tells_of_yes(office, as_person):
    result = as_person("Ana", office.planned().run_id)
    assert result.exit_code == 2
    assert "say --yes" in result.stderr
    assert "[y/N]" not in result.stderr
    assert "Aborted" not in result.stderr
    assert office.approvals() == []


def edit_client(office, client):
    file = office.client_file(client)
    text = file.read_text("utf-8")
    file.write_text(text.replace("onboarding: completed", "onboarding: in-progress"), "utf-8")


def edit_defaults(office, _client):
    require_approval(office.project, "Ana", "Bo", within_hours=2)


def lose_client(office, client):
    office.client_file(client).unlink()


@pytest.mark.parametrize("alter", [edit_client, edit_defaults, lose_client])
def test_a_plan_made_before_the_parameters_changed_is_not_approved(office, as_person, alter):
    record = office.planned("contoso")
    alter(office, "contoso")
    result = as_person("Ana", record.run_id, "--yes")
    assert result.exit_code == 3
    assert f"contoso ({record.run_id})" in result.stderr
    assert office.approvals() == []


def test_of_all_plans_those_from_before_the_parameters_changed_are_left_out(office, as_person):
    old, good = office.planned("contoso"), office.planned("fabrikam")
    edit_client(office, "contoso")
    result = as_person("Ana", "--all-planned", "--yes", "--json")
    assert covered(result) == [("fabrikam", good.run_id)]
    assert f"Left out: contoso ({old.run_id})" in result.stderr


def test_the_approver_reads_which_roles_are_taken_away(office, as_person):
    record = office.planned("contoso", facts=make_facts(make_account(GLOBAL)))
    result = as_person("Ana", record.run_id, "--yes")
    assert "Take the role Global Administrator away" in " ".join(result.stdout.split())
    assert "without it" not in result.stdout


def test_for_machines_standard_output_is_one_json_document(office, as_person):
    record = office.planned()
    result = as_person("Ana", record.run_id, "--yes", "--json", "--ticket", " T-1 ")
    told = json.loads(result.stdout)
    [plan] = told["plans"]
    assert (plan["client"], plan["run_id"]) == ("contoso", record.run_id)
    assert plan["plan_digest"] == record.plan["digest"]
    assert told["approver"] == "Ana"
    assert told["ticket"] == "T-1"
    assert told["key_id"] == keys_of(office.project, "Ana").public_key().key_id
    assert told["approved"] < told["holds_until"]
    refused = as_person("Ana", record.run_id, "--json")
    assert (refused.exit_code, "nobody is shown" in refused.stderr) == (2, True)


def test_a_plan_that_was_reworded_in_the_record_is_not_approved(office, as_person):
    record = office.planned("contoso", facts=make_facts(make_account(GLOBAL)))
    run = office.archive.find(record.run_id)
    text = run.record_file.read_text("utf-8")
    run.record_file.write_text(text.replace("Take the role", "Keep the role"), "utf-8")
    result = as_person("Ana", record.run_id, "--yes")
    assert result.exit_code == 1
    assert "the record was edited" in result.stderr
    assert office.approvals() == []


@pytest.mark.parametrize("outcome", [each for each in Outcome if each != Outcome.PLANNED])
def test_only_the_plan_of_a_closed_dry_run_is_approved(office, as_person, outcome):
    good, bad = office.planned("fabrikam"), office.planned(outcome=outcome)
    result = as_person("Ana", good.run_id, bad.run_id, "--yes")
    assert result.exit_code == 2
    assert f"ended as {outcome.value!r}" in result.stderr
    assert office.approvals() == []


def test_one_signs_as_oneself_and_only_if_one_may(office, as_person, project):
    run_id = office.planned().run_id
    result = as_person("Ana", run_id, "--as", "Bo", "--yes")
    assert (result.exit_code, "as Ana, whose key this is" in result.stderr) == (3, True)
    keys_of(project, "Stranger")
    result = as_person("Stranger", run_id, "--yes")
    assert (result.exit_code, "not one of an approver" in result.stderr) == (3, True)
    result = as_person("Newcomer", run_id, "--yes")
    assert (result.exit_code, NOBODY in result.stderr) == (3, True)
    assert not (project / "people" / "Newcomer").exists()
    assert office.approvals() == []
    assert as_person("Ana", run_id, "--as", "ana", "--yes").exit_code == 0


def test_without_approvers_in_the_defaults_nothing_is_signed(office, as_person, project):
    defaults = project / "parameters" / "defaults.yaml"
    run_id = office.planned().run_id
    text = defaults.read_text("utf-8")
    start = text.index("approval:\n")
    defaults.write_text(text[:start] + text[start:].partition("\n\n")[2], "utf-8")
    result = as_person("Ana", run_id, "--yes")
    assert (result.exit_code, "name no approvers" in result.stderr) == (2, True)
    assert office.approvals() == []


@pytest.mark.parametrize("arguments", [[], ["any", "--all-planned"]])
def test_one_says_which_plans_or_all_but_not_both(as_person, arguments):
    result = as_person("Ana", *arguments)
    assert (result.exit_code, "Which plans?" in result.stderr) == (2, True)


def covered(result):
    return [(each["client"], each["run_id"]) for each in json.loads(result.stdout)["plans"]]


def test_all_planned_takes_what_nothing_has_overtaken(office, as_person):
    late = clock.now() - timedelta(hours=30)
    stamp = f"{late:%Y%m%dT%H%M%S000}Z"
    office.planned("early", run_id=f"{stamp}-create-000001")
    office.planned("again")
    wanted = [office.planned("again"), office.planned("refused")]
    office.planned("refused", outcome=Outcome.REFUSED)
    office.planned("moot")
    office.planned("moot", outcome=Outcome.NOTHING_TO_DO)
    office.planned("changed")
    office.planned("changed", "remove", outcome=Outcome.DONE, changes=[change("delete-user")])
    office.planned("unreadable")
    office.archive.run("unreadable", office.planned("unreadable").run_id).record_file.write_text("")
    result = as_person("Ana", "--all-planned", "--yes", "--json")
    assert covered(result) == [(each.client, each.run_id) for each in wanted]
    result = as_person("Ana", "--all-planned", "--since", "2d", "--yes", "--json")
    assert len(covered(result)) == 3


def test_where_nothing_waits_it_is_said(office, as_person):
    office.archive.root.mkdir()
    result = as_person("Ana", "--all-planned", "--yes")
    assert (result.exit_code, "waits for an approval" in result.stderr) == (2, True)


def test_ones_own_plans_and_a_rule_that_asks_for_none_are_told(office, as_person, project):
    require_approval(project, "Ana", required="never")
    with account_of("Ana"):
        record = office.planned(operator=Operator.here())
    result = as_person("Ana", record.run_id, "--yes")
    assert result.exit_code == 0
    assert "You made 1 of these plans" in result.stderr
    assert "The defaults require no approval" in result.stderr


def test_an_approval_whose_digest_cannot_be_written_stands_and_says_so(office, as_person):
    record = office.planned()
    (office.archive.root / "_digests").write_text("in the way")
    result = as_person("Ana", record.run_id, "--yes")
    assert result.exit_code == 1
    assert len(office.approvals()) == 1
    assert "No digest covers the approval yet." in result.stderr


def test_a_key_with_a_passphrase_signs_by_a_file(office, as_person, project):
    from o365lib.secret import Secret

    store = KeyStore(project / "people" / "Bo")
    store.new(name="Bo", passphrase=Secret("correct horse battery"))
    require_approval(project, "Ana", "Bo")
    run_id = office.planned().run_id
    assert as_person("Bo", run_id, "--yes").exit_code == 1
    file = project / "passphrase"
    file.write_text("correct horse battery\n", "utf-8")
    file.chmod(0o600)
    result = as_person("Bo", run_id, "--yes", "--passphrase-file", str(file))
    assert result.exit_code == 0, result.stderr
    assert "horse" not in result.stdout + result.stderr


def test_the_columns_tell_what_is_covered(office):
    assert COLUMNS[:6] == ("Client", "Tenant", "Account", "Role", "Changes", "Plan")


def test_from_dry_runs_of_several_clients_to_their_runs_by_one_approval(o365, project, monkeypatch):
    clients = ("alpine-books", "cedar-dental")
    sandbox = Sandbox(seed="demo")
    sandbox.add_demo_tenants()
    with sandbox.serve() as served:
        for name in ("parameters", "notebooks"):
            (project / name).rename(project / f"old-{name}")
        demo = DemoProject(project, served)
        require_approval(project, "Ana")
        monkeypatch.setenv("O365_KEYS", str(project / "people" / "Kim"))
        monkeypatch.setenv("LOGNAME", "kim")
        refused = o365("run", "create", *clients)
        assert refused.exit_code == 3
        assert refused.stdout.count("Nobody has approved this plan") == 2
        assert demo.writes() == []
        assert o365("run", "create", *clients, "--dry-run").exit_code == 0
        batch = demo.records("alpine-books")[-1].run_id

        monkeypatch.setenv("O365_KEYS", str(project / "people" / "Ana"))
        monkeypatch.setenv("LOGNAME", "ana")
        approved = o365("approve", "--batch", batch, "--yes", "--json")
        assert [client for client, _ in sorted(covered(approved))] == list(clients)

        monkeypatch.setenv("O365_KEYS", str(project / "people" / "Kim"))
        monkeypatch.setenv("LOGNAME", "kim")
        result = o365("run", "create", *clients)
        assert result.exit_code == 0, result.stdout
        assert demo.roles("alpine-books") == {"Exchange Administrator"}
        approval_id = json.loads(approved.stdout)["approval_id"]
        for client in clients:
            record = demo.records(client)[-1]
            assert (record.approval.how, record.approval.approval_id) == ("signed", approval_id)
            assert demo.archive.run(client, record.run_id).path.joinpath("approval.json").exists()
        assert demo.leaks() == []
        verified = o365("evidence", "verify", "--json")
        assert verified.exit_code == 0, verified.stdout
        assert json.loads(verified.stdout)["counts"]["approvals"] == 1
    sandbox.close()


def test_where_the_archive_is_published_the_approval_is_too(office, as_person, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    defaults = office.project / "parameters" / "defaults.yaml"
    text = defaults.read_text("utf-8")
    assert text.count("\narchive:\n") == 1
    named = text.replace("\narchive:\n", f"\narchive:\n  url: {json.dumps(str(store))}\n")
    defaults.write_text(named, "utf-8")
    plan = office.planned("contoso")
    result = as_person("Ana", plan.run_id, "--yes")
    assert result.exit_code == 0, result.stderr
    [approval] = office.approvals()
    assert (store / "_approvals" / approval.name).read_bytes() == approval.read_bytes()
    assert (store / "_digests" / "00000001.json").exists()
