"""The create runbook in real kernels: by our driver and by papermill as it comes."""

import os
import subprocess
import sys

import pytest
import requests

from o365lib.errors import UsageError
from o365lib.evidence.record import Outcome
from o365lib.runs.notebook import run_notebook

APPROVED = {"approved_by": "Kim Doe", "ticket": "T-42"}
STEPS = (
    "sign-in look plan confirm create-user hand-over assign-role verify close".split()  # noqa: SIM905 -- it reads as a list
)
DEVICE_CODE = {"method": "device-code"}


@pytest.fixture(scope="module")
def first(project):
    """Everybody's first run; one signs in as an engineer with the roles that the README names."""
    project.person = f"engineer@{project.tenant('eastgate-physio').initial_domain}"
    application = project.tenant("eastgate-physio").public_client.app_id
    project.edit(
        "eastgate-physio",
        sign_in=DEVICE_CODE | {"application_id": application},
        # A person sends from the own mailbox.
        hand_over={"method": "mail", "recipient": "onboarding@practiceprotect.com"},
    )
    approved = project.execute(
        "create",
        "alpine-books",
        "cedar-dental",
        "dunes-surveying",
        "gumtree-vets",
        "eastgate-physio",
        **APPROVED,
    )
    prompts = [event for event in project.events if event.kind == "prompt"]
    unapproved = project.execute("create", "fernhill-motors")
    dry = project.execute("create", "bayside-legal", dry_run=True, approved_by="Kim Doe")
    steps = [event.text for event in project.events if event.kind == "step"]
    return approved | unapproved | dry | {"prompts": prompts, "steps of the last": steps}


def test_an_empty_tenant_gets_the_account_with_its_role_and_the_credentials_go_by_mail(
    project, first
):
    run = first["alpine-books"]
    assert (run.result.outcome, run.record["closed_by"]) == (Outcome.DONE, "runbook")
    assert project.roles("alpine-books") == {"Exchange Administrator"}
    (mail,) = project.tenant("alpine-books").outbox
    assert mail["saveToSentItems"] is False
    (to,) = mail["message"]["toRecipients"]
    assert to["emailAddress"]["address"] == "onboarding@practiceprotect.com"
    assert [each["name"] for each in run.record["steps"]] == STEPS
    assert {each["status"] for each in run.record["steps"]} == {"completed"}
    assert run.record["ticket"] == "T-42"
    assert run.record["approval"]["approved_by"] == "Kim Doe"
    assert len(run.record["requests"]) <= 8
    assert "Exchange Administrator assigned" in run.shown("close")


def test_the_mailed_password_is_right_and_must_be_changed(project, first):
    tenant = project.tenant("alpine-books")
    (mail,) = tenant.outbox
    lines = mail["message"]["body"]["content"].splitlines()
    told = {line.partition(":")[0]: line.partition(":")[2].strip() for line in lines}
    answer = requests.post(
        f"{project.served.login_base_url}/{tenant.id}/oauth2/v2.0/token",
        data={
            "grant_type": "password",
            "client_id": tenant.public_client.app_id,
            "scope": "https://graph.microsoft.com/User.Read",
            "username": told["User name"],
            "password": told["Password"],
        },
        verify=str(project.served.ca_file),
        timeout=20,
    )
    assert answer.json()["error_codes"] == [50055]


def test_every_step_shows_itself_as_a_table_in_the_executed_notebook(first):
    run = first["alpine-books"]
    for name in STEPS:
        (output,) = run.cell(name).outputs
        assert output.data["text/html"].startswith("<h4>")
    assert "<table" in run.cell("look").outputs[0].data["text/html"]
    assert run.not_executed() == []


def test_a_wrong_role_is_put_right_and_no_mail_goes_out(project, first):
    run = first["cedar-dental"]
    assert run.result.outcome == Outcome.DONE
    assert project.roles("cedar-dental") == {"Global Administrator"}
    assert project.tenant("cedar-dental").outbox == []
    assert [write.partition(" ")[0] for write in run.writes] == ["POST", "DELETE"]


def test_a_client_that_agreed_to_a_look_only_gets_a_plan_and_no_write(first):
    run = first["dunes-surveying"]
    assert run.result.outcome == Outcome.PLANNED
    assert run.writes == []
    assert "Not done: dry run" in run.shown("create-user")
    assert run.not_executed() == []


def test_a_dry_run_asks_for_nothing_that_changes_even_when_it_is_approved(first):
    run = first["bayside-legal"]
    assert run.record["dry_run"] is True
    assert run.result.outcome in {Outcome.PLANNED, Outcome.NOTHING_TO_DO}
    assert run.writes == []


def test_where_the_account_is_right_nothing_is_done(first):
    run = first["gumtree-vets"]
    assert run.result.outcome == Outcome.NOTHING_TO_DO
    assert run.writes == []


def test_without_approval_the_run_is_refused_and_the_notebook_shows_the_way_out(first):
    run = first["fernhill-motors"]
    assert (run.result.outcome, run.result.guard) == (Outcome.REFUSED, "not-confirmed")
    assert run.writes == []
    step, box = run.error_box()
    assert step == "confirm"
    for text in ("Refused", "not-confirmed", "Nothing was changed.", "--approved-by NAME"):
        assert text in box
    assert "Traceback" not in box
    assert run.not_executed() == ["create-user", "hand-over", "assign-role", "verify", "close"]


def test_a_device_code_reaches_the_person_and_no_file(project, first):
    run = first["eastgate-physio"]
    assert run.result.outcome == Outcome.DONE
    assert run.record["operator"]["signed_in_as"] == project.person
    (prompt,) = first["prompts"]
    assert prompt.client == "eastgate-physio"
    assert "devicelogin" in prompt.text.lower()
    assert "Directory.AccessAsUser.All" not in run.shown("sign-in")
    folder = run.result.record_file.parent
    code = project.code_in(prompt.text)
    assert all(code not in file.read_text("utf-8") for file in folder.iterdir())


def test_a_person_replaces_a_password_that_nobody_was_given_of_an_account_with_its_role(
    project, first
):
    client = "eastgate-physio"
    tenant, account = project.tenant(client), project.account(client)
    run_id = first[client].record["run_id"]
    folder = project.archive.run(client, run_id)
    record = folder.read_record()
    # As if the mail had been refused: nobody has the password of an Exchange Administrator.
    folder.write_record(record.model_copy(update={"hand_over": None}))
    refused = project.execute("create", client, **APPROVED)[client]
    assert refused.result.guard == "missing-permission"
    assert "Privileged Authentication Administrator or Global" in refused.error_box()[1]
    assert refused.writes == []

    project.person = tenant.administrator["userPrincipalName"]
    done = project.execute("create", client, **APPROVED)[client]
    assert done.result.outcome == Outcome.DONE
    assert "Directory.AccessAsUser.All" in done.shown("sign-in")
    assert done.writes == [f"PATCH /v1.0/users/{account['id']}", "POST /v1.0/me/sendMail"]
    again = project.execute("create", client, **APPROVED)[client]
    assert again.result.outcome == Outcome.NOTHING_TO_DO
    assert "Directory.AccessAsUser.All" not in again.shown("sign-in")


def test_tenants_names_are_data_in_the_notebook(first):
    shown = first["fernhill-motors"].cell("look").outputs[0].data["text/html"]
    assert "Fernhill &amp; Söhne &lt;Motors&gt;" in shown


def test_the_driver_hears_of_each_step_in_order(first):
    assert first["steps of the last"] == STEPS


def test_no_secret_is_in_anything_that_was_written(project, first):
    assert project.leaks() == []


def test_a_second_run_has_nothing_to_do_and_an_approved_plan_holds_for_itself_only(project, first):
    digest = first["fernhill-motors"].record["plan"]["digest"]
    wrong = project.execute(
        "create", "fernhill-motors", approved_by="Kim Doe", approved_plan="0" * 64
    )["fernhill-motors"]
    assert (wrong.result.outcome, wrong.result.guard) == (Outcome.REFUSED, "plan-changed")
    assert wrong.writes == []
    both = project.execute("create", "alpine-books", **APPROVED)
    both |= project.execute(
        "create", "fernhill-motors", approved_by="Kim Doe", approved_plan=digest[:12]
    )
    assert both["fernhill-motors"].result.outcome == Outcome.DONE
    assert both["alpine-books"].result.outcome == Outcome.NOTHING_TO_DO
    assert both["alpine-books"].writes == []
    assert len(project.tenant("alpine-books").outbox) == 1


def test_a_parameter_that_the_runbook_does_not_know_is_refused_before_the_start(project):
    request = project.request("create", "alpine-books", aproved_by="Kim")
    with pytest.raises(UsageError, match="aproved_by"):
        run_notebook(request, archive=project.archive)


def test_an_unused_password_is_planned_to_be_replaced_where_that_is_asked_for(project, first):
    tenant = project.tenant("alpine-books")
    tenant.assign_role(tenant.application.object_id, "Privileged Authentication Administrator")
    run = project.execute("create", "alpine-books", dry_run=True, if_unused="replace")
    planned = run["alpine-books"].record
    assert planned["outcome"] == Outcome.PLANNED
    assert [each["action"] for each in planned["plan"]["changes"]] == ["set-password", "hand-over"]
    assert planned["facts"]["custody"]["run_id"] == first["alpine-books"].record["run_id"]


def papermill(project, output, *arguments):
    """Run papermill as somebody does who knows nothing of our command."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("O365_")
    }
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "papermill",
            "create_service_account.ipynb",
            str(output),
            *("-p", "client", "dunes-surveying", "--no-progress-bar"),
            *arguments,
        ],
        cwd=project.folder / "notebooks",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_papermill_as_it_comes_executes_the_notebook_and_leaves_a_whole_record(project, tmp_path):
    known = {run.run_id for run in project.archive.runs("dunes-surveying")}
    output = tmp_path / "out.ipynb"
    done = papermill(project, output, "-p", "ticket", "T-7", "-p", "approved_by", "Kim")
    assert done.returncode == 0, done.stderr
    (run,) = [each for each in project.archive.runs("dunes-surveying") if each.run_id not in known]
    record = run.read_record()
    assert (record.outcome, record.closed_by) == (Outcome.PLANNED, "runbook")
    assert record.ticket == "T-7"
    assert "The tenant as it is" in run.notebook_file.read_text("utf-8")
    assert project.leaks(output.read_text("utf-8"), done.stdout, done.stderr) == []


def test_papermill_as_it_comes_only_warns_of_an_unknown_parameter_and_the_kernel_refuses_it(
    project, tmp_path
):
    before = project.archive.runs("dunes-surveying")
    done = papermill(project, tmp_path / "out.ipynb", "-p", "aproved_by", "Kim")
    assert done.returncode != 0
    assert "knows no parameter named aproved_by" in done.stderr
    assert project.archive.runs("dunes-surveying") == before
