import json
import stat
from datetime import timedelta

import icalendar
import pytest

from o365lib import clock
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Change, Operator, Outcome, Record

ID = "0a1b2c3d-0000-4000-8000-1234567890ab"


def stands(project, client, days, *, name="practiceprotect@x", removed=False):
    """Put a run into the archive that created an account so many days ago."""
    then = clock.now() - timedelta(days=days)
    archive = Archive(project / "evidence")
    actions = ["create-user", "assign-role"]
    for number, action in enumerate([*actions, *(["delete-user"] if removed else [])]):
        run = archive.new_run(client, f"2026010{number + 1}T000000000Z-create-00000{number}")
        run.write_record(
            Record(
                run_id=run.run_id,
                client=client,
                runbook="create_service_account",
                package_version="0",
                purpose="mail-redirection",
                operator=Operator(user_name="kim", host_name="desk"),
                started=then,
                ended=then,
                outcome=Outcome.DONE,
                plan={"user_principal_name": name, "role_name": "Exchange Administrator"},
                changes=[
                    Change(
                        action=action,
                        target=ID,
                        status="accepted",
                        started=then,
                        ended=then,
                        after="Exchange Administrator",
                    )
                ],
            )
        )


def accounts(result):
    assert result.exit_code == 0, result.stderr
    return {each["client"]: each for each in json.loads(result.stdout)["accounts"]}


def test_what_is_overdue_and_what_is_soon_is_shown_and_what_is_later_is_not(o365, project):
    stands(project, "alpine-books", 100)
    stands(project, "dunes-surveying", 80)
    stands(project, "fernhill-motors", 10)
    found = accounts(o365("due", "--json"))
    assert {name: each["state"] for name, each in found.items()} == {
        "alpine-books": "overdue",
        "dunes-surveying": "soon",
    }
    assert found["alpine-books"]["days"] == -10
    assert "fernhill-motors" in accounts(o365("due", "--json", "--all"))
    assert "dunes-surveying" not in accounts(o365("due", "--json", "--within", "5"))
    assert set(accounts(o365("due", "--json", "dunes-surveying"))) == {"dunes-surveying"}


def test_people_get_a_table_and_the_next_command(o365, project):
    stands(project, "alpine-books", 100)
    shown = o365("due").stdout
    assert "overdue by 10 days" in shown
    assert "o365 run remove alpine-books" in shown


def test_an_account_that_was_removed_is_not_due(o365, project):
    stands(project, "alpine-books", 100, removed=True)
    assert "Nothing is due: 0 accounts" in o365("due").stdout


def test_a_broken_client_file_holds_up_no_other_and_is_told(o365, project):
    stands(project, "alpine-books", 100)
    stands(project, "dunes-surveying", 100)
    stands(project, "gone-client", 100)
    (project / "parameters" / "clients" / "alpine-books.yaml").write_text("client: [")
    found = accounts(o365("due", "--json"))
    assert {name: each["state"] for name, each in found.items()} == {
        "alpine-books": "unknown",
        "dunes-surveying": "overdue",
        "gone-client": "unknown",
    }
    assert "o365 check" in found["alpine-books"]["why"]


def test_a_job_at_night_can_fail_by_it(o365, project):
    stands(project, "alpine-books", 100)
    assert o365("due", "--fail").exit_code == 1
    assert o365("due", "--fail", "dunes-surveying").exit_code == 0


def test_the_calendar_has_every_day_and_is_for_nobody_else_to_read(o365, project, tmp_path):
    stands(project, "alpine-books", 100)
    stands(project, "fernhill-motors", 10)
    file = tmp_path / "due.ics"
    assert o365("due", "--ics", str(file)).exit_code == 0
    events = icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert len(events) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    printed = o365("due", "--ics", "-").stdout
    assert printed.startswith("BEGIN:VCALENDAR")
    assert "overdue" not in printed


def test_a_calendar_that_cannot_be_written_is_told(error_line, project, tmp_path):
    stands(project, "alpine-books", 100)
    status, line = error_line("due", "--ics", str(tmp_path / "none" / "due.ics"))
    assert status == 1
    assert "Name a file in a folder" in line


@pytest.mark.parametrize("arguments", [("nobody",), ("--json", "--ics", "-")])
def test_what_makes_no_sense_is_wrong_usage(error_line, project, arguments):
    stands(project, "alpine-books", 100)
    assert error_line("due", *arguments)[0] == 2


def test_text_from_a_record_steers_no_terminal(o365, project):
    stands(project, "alpine-books", 100, name="p\x1b[31m@\u202ex")
    shown = o365("due").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
