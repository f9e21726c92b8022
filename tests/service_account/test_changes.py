"""The log of changes: on disk before anything is sent, and honest about what became of it."""

from datetime import UTC, datetime

import pytest

from o365lib.errors import AnswerLost, EvidenceError, Forbidden
from o365lib.evidence.archive import Archive
from o365lib.evidence.record import Operator, Record
from o365lib.ledger import Ledger
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.plan import PlannedChange

PLANNED = PlannedChange(
    action="assign-role",
    target="practiceprotect@contoso.onmicrosoft.com",
    title="Assign Exchange Administrator",
    before="no role",
    after="Exchange Administrator",
    argument="29232cdf-9323-42fd-ade2-1d097af3e4de",
)


RUN_ID = "20260820T101112000Z-create-abcdef"


@pytest.fixture
def folder(tmp_path):
    """The archived run that a test's changes belong to."""
    return Archive(tmp_path / "evidence").new_run("contoso", RUN_ID)


@pytest.fixture
def make_change_log(folder):
    """Make a log of changes whose record is really archived."""

    def make(ledger=None):
        record = Record(
            run_id=RUN_ID,
            client="contoso",
            runbook="create_service_account",
            package_version="0",
            operator=Operator(user_name="kim", host_name="desk"),
            started=datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC),
        )
        return ChangeLog(record, lambda: folder.write_record(record), ledger or Ledger())

    return make


def _statuses(folder):
    return [change.status for change in folder.read_record().changes]


def _only_change(folder):
    (change,) = folder.read_record().changes
    return change


def test_a_change_is_on_disk_as_started_before_it_is_sent(make_change_log, folder):
    with make_change_log().change(PLANNED, target="object-id"):
        change = _only_change(folder)
    assert (change.status, change.action, change.ended) == ("started", "assign-role", None)
    assert (change.target, change.detail) == ("object-id", "Assign Exchange Administrator")
    assert (change.before, change.after) == ("no role", "Exchange Administrator")


def test_a_change_that_the_service_took_is_accepted(make_change_log, folder):
    with make_change_log().change(PLANNED) as change:
        change.target = "found-later"
    kept = _only_change(folder)
    assert (kept.status, kept.target) == ("accepted", "found-later")
    assert kept.ended >= kept.started


def test_a_change_that_the_service_refused_has_failed_and_says_why(make_change_log, folder):
    with pytest.raises(Forbidden), make_change_log().change(PLANNED):
        raise Forbidden("Insufficient privileges.")
    kept = _only_change(folder)
    assert (kept.status, kept.note) == ("failed", "Insufficient privileges.")


@pytest.mark.parametrize(
    "end", [AnswerLost("It never came."), KeyboardInterrupt(), ZeroDivisionError()]
)
def test_a_change_whose_end_nobody_saw_is_unknown(make_change_log, folder, end):
    with pytest.raises(type(end)), make_change_log().change(PLANNED):
        raise end
    assert _only_change(folder).status == "unknown"


def test_a_refusal_after_a_lost_answer_does_not_make_it_certain(make_change_log, folder):
    def lose_and_be_refused(change):
        change.status = "unknown"
        raise Forbidden("Insufficient privileges.")

    with pytest.raises(Forbidden), make_change_log().change(PLANNED) as change:
        lose_and_be_refused(change)
    kept = _only_change(folder)
    assert (kept.status, kept.note) == ("unknown", "Insufficient privileges.")


def test_nothing_is_sent_where_the_record_cannot_be_written(make_change_log):
    kept = make_change_log()

    def refuse():
        raise EvidenceError("The disk is full.")

    change_log = ChangeLog(kept.record, refuse, Ledger())
    sent = []
    with pytest.raises(EvidenceError), change_log.change(PLANNED):
        sent.append("sent")
    assert sent == []
    assert (change_log.record.changes, change_log.record.is_changed) == ([], False)
    assert change_log.made("assign-role") == []


def test_where_a_second_try_cannot_be_written_the_first_is_as_open_as_it_was(make_change_log):
    change_log = make_change_log()
    with change_log.change(PLANNED, stays_open=True) as first:
        pass
    as_it_was = first.model_copy()

    def refuse():
        raise EvidenceError("The disk is full.")

    change_log.save = refuse
    with pytest.raises(EvidenceError), change_log.change(PLANNED):
        pass
    assert change_log.record.changes == [as_it_was]


def test_a_change_keeps_the_services_id_of_its_last_request(make_change_log, folder):
    ledger = Ledger()
    with make_change_log(ledger).change(PLANNED):
        for request_id in ("first", "second"):
            ledger.record(
                started="2026-08-20T10:11:12.000Z",
                service="graph",
                method="POST",
                path="/v1.0/users",
                status=201,
                attempt=1,
                request_id=request_id,
                client_request_id="ours",
                milliseconds=1,
            )
    assert _only_change(folder).request_id == "second"


def test_changes_stand_in_the_order_in_which_they_were_begun(make_change_log, folder):
    change_log = make_change_log()
    for target in ("a", "b", "c"):
        with change_log.change(PLANNED, target=target):
            pass
    assert [change.target for change in folder.read_record().changes] == ["a", "b", "c"]


def test_what_a_person_has_still_to_do_stays_open_until_it_is_settled(make_change_log, folder):
    change_log = make_change_log()
    with change_log.change(PLANNED, stays_open=True) as change:
        pass
    assert (_only_change(folder).status, _only_change(folder).ended) == ("started", None)
    change_log.settle(change)
    assert _only_change(folder).status == "accepted"
    assert _only_change(folder).ended >= change.started


def test_what_stays_open_when_all_goes_well_ends_with_an_error(make_change_log, folder):
    with pytest.raises(Forbidden), make_change_log().change(PLANNED, stays_open=True):
        raise Forbidden("Insufficient privileges.")
    assert _only_change(folder).status == "failed"
    assert _only_change(folder).ended is not None


def test_a_change_that_is_begun_anew_ends_the_open_one_before_it(make_change_log, folder):
    change_log = make_change_log()
    other = PLANNED.model_copy(update={"action": "delete-user"})
    for planned in (PLANNED, other, PLANNED):
        with change_log.change(planned, stays_open=True):
            pass
    assert _statuses(folder) == ["unknown", "started", "started"]


def test_it_tells_the_changes_of_an_action_that_may_have_taken_place(make_change_log):
    change_log = make_change_log()
    first, second = (PLANNED.model_copy(update={"argument": each}) for each in ("1", "2"))
    with change_log.change(first):
        pass
    with pytest.raises(AnswerLost), change_log.change(second):
        raise AnswerLost("no answer")
    with pytest.raises(Forbidden), change_log.change(PLANNED):
        raise Forbidden("no")
    assert change_log.made("assign-role") == [first, second]
    assert change_log.made("remove-role") == []
