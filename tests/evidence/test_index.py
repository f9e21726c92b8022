"""What the index answers, against archives as they are on disk."""

import dataclasses
import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from o365lib.errors import UsageError
from o365lib.evidence.archive import Archive
from o365lib.evidence.index import Index, Wanted
from o365lib.evidence.record import Change, ErrorRecord, Operator, Outcome, Record, Step

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


def put(archive, client="alpine-books", run_id="1", **fields):
    run = archive.run(client, run_id)
    if not run.exists():
        archive.new_run(client, run_id)
    values = {
        "runbook": "create_service_account",
        "operator": Operator(user_name="Kim", host_name="desk", signed_in_as="kim@msp.example"),
        "started": NOW,
        "outcome": Outcome.DONE,
        **fields,
    }
    run.write_record(Record(run_id=run_id, client=client, package_version="1", **values))
    return run


def age(path, seconds=3600):
    """Let a file or folder look as if it had been written long ago, as far as one can."""
    long_ago = path.stat().st_mtime - seconds
    os.utime(path, (long_ago, long_ago))


def ids(archive, limit=None, **wanted) -> list[str]:
    with Index(archive) as index:
        found = [run.run_id for run in index.runs(Wanted(**wanted), limit=limit)]
        if limit is None:
            assert index.count(Wanted(**wanted)) == len(found)
        return found


def found(archive, *words):
    with Index(archive) as index:
        return [
            (
                run.run_id,
                told.place,
                "".join(f"[{part}]" if hit else part for part, hit in told.parts),
            )
            for run, told in index.search(Wanted(words=words))
        ]


def test_an_archive_that_is_not_there_has_no_runs_and_gets_no_index(archive):
    assert ids(archive) == []
    assert not archive.root.exists()


def test_runs_come_oldest_first_over_all_clients(archive):
    put(archive, "bayside-legal", "2026-2")
    put(archive, "alpine-books", "2026-3")
    put(archive, "alpine-books", "2026-1")
    assert ids(archive) == ["2026-1", "2026-2", "2026-3"]


@pytest.mark.parametrize("count", [500, 1001])
def test_more_runs_than_a_page_all_come_once(archive, count):
    text = put(archive, run_id="0").record_file.read_text("utf-8")
    names = [f"{number:05d}" for number in range(1, count)]
    for name in names:
        (archive.root / "alpine-books" / name).mkdir()
        (archive.root / "alpine-books" / name / "record.json").write_text(text, "utf-8")
    assert ids(archive) == sorted(["0", *names])
    assert ids(archive, limit=count - 1) == ids(archive)[1:]


def test_the_newest_are_taken_and_still_come_oldest_first(archive):
    for number in range(1, 6):
        put(archive, run_id=f"2026-{number}")
    assert ids(archive, limit=2) == ["2026-4", "2026-5"]
    assert ids(archive, limit=0) == []
    assert len(ids(archive, limit=9)) == 5
    assert len(ids(archive, limit=10**30)) == 5


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"client": "alpine-books"}, ["1", "2"]),
        ({"client": "nobody"}, []),
        ({"runbook": "remove"}, ["2", "4"]),
        ({"runbook": "remove_service_account"}, ["2", "4"]),
        ({"runbook": "remov"}, ["4"]),
        ({"outcome": "failed"}, ["2"]),
        ({"outcome": "unreadable"}, ["4"]),
        ({"operator": "KIM"}, ["1", "3", "4"]),
        ({"operator": "lee@msp.example"}, ["2", "4"]),
        ({"operator": "le"}, ["4"]),
        ({"ticket": "inc-7"}, ["1", "4"]),
        ({"since": NOW + timedelta(hours=1)}, ["2", "3", "4"]),
        ({"since": NOW + timedelta(hours=1, microseconds=1)}, ["3", "4"]),
        ({"until": NOW + timedelta(hours=1)}, ["1", "4"]),
        ({"client": "alpine-books", "runbook": "create"}, ["1"]),
    ],
)
def test_runs_are_chosen_by_what_their_records_say(archive, wanted, expected):
    put(archive, run_id="1", ticket="INC-7")
    put(
        archive,
        run_id="2",
        runbook="remove_service_account",
        outcome=Outcome.FAILED,
        operator=Operator(user_name="lee", host_name="desk", signed_in_as="Lee@msp.example"),
        started=NOW + timedelta(hours=1),
        ticket="INC-77",
    )
    put(archive, "bayside-legal", "3", started=NOW + timedelta(hours=2))
    put(archive, "bayside-legal", "4").record_file.write_text("{")
    assert ids(archive, **wanted) == expected


def test_a_run_is_told_with_what_its_record_says(archive):
    put(
        archive,
        run_id="1",
        client_display_name="Alpine \x1b[31mBooks",
        tenant_id="t-1",
        reason="because",
        ended=NOW + timedelta(minutes=1),
        dry_run=True,
        error=ErrorRecord(type="Refused", message="no", guard="mfa"),
        changes=[Change(action="create-user", target="u-1", started=NOW)],
        plan={"digest": "3b34"},
        ticket="INC-7",
    )
    with Index(archive) as index:
        (run,) = index.runs(Wanted())
    assert dataclasses.asdict(run) == {
        "run_id": "1",
        "client": "alpine-books",
        "runbook": "create_service_account",
        "outcome": "done",
        "reason": "because",
        "started": NOW,
        "ended": NOW + timedelta(minutes=1),
        "dry_run": True,
        "client_display_name": "Alpine [31mBooks",
        "tenant_id": "t-1",
        "user_name": "Kim",
        "host_name": "desk",
        "signed_in_as": "kim@msp.example",
        "approved_by": "",
        "ticket": "INC-7",
        "guard": "mfa",
        "user_id": "u-1",
        "plan_digest": "3b34",
        "seal": None,
    }


def test_every_word_is_found_in_large_or_small_letters_and_by_its_beginning(archive):
    put(archive, run_id="1", reason="Exchange Administrator assigned", ticket="INC-1042")
    put(archive, run_id="2", reason="Söhne & Töchter", facts={"domains": ["tochter.example"]})
    assert found(archive, "EXCHANGE", "admin") == [
        ("1", "reason", "done · [Exchange] [Administrator] assigned")
    ]
    assert found(archive, "inc-1042") == [("1", "ticket", "[INC-1042]")]
    assert found(archive, "change") == []
    assert found(archive, "exchange", "tochter") == []
    assert found(archive, "sohne") == [("2", "reason", "done · [Söhne] & Töchter")]
    assert found(archive, "tochter.example") == [("2", "domains", "[tochter.example]")]


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("error", {"error": ErrorRecord(type="Throttled", message="needle", status=429)}),
        ("notes", {"steps": [Step(name="look", started=NOW, note="a needle here")]}),
        ("notes", {"plan": {"refusals": [{"code": "x", "message": "needle"}]}}),
        ("changes", {"changes": [Change(action="a", target="b", started=NOW, after="needle")]}),
        ("operator", {"operator": Operator(user_name="needle", host_name="desk")}),
        ("client", {"client_display_name": "The Needle Company"}),
        ("domains", {"facts": {"initial_domain": "needle.onmicrosoft.com"}}),
        ("ids", {"tenant_id": "needle"}),
    ],
)
def test_the_place_where_a_word_stands_is_told(archive, place, fields):
    put(archive, run_id="1", **fields)
    put(archive, run_id="2")
    ((run_id, where, text),) = found(archive, "needle")
    assert (run_id, where) == ("1", place)
    assert "[needle]" in text.lower()


@given(words=st.lists(st.text(), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_whatever_is_typed_is_words_and_no_syntax(archive, words):
    if not archive.root.exists():
        put(archive, reason='"quoted" NOT this OR that* (NEAR) col:umn')
    with Index(archive) as index:
        assert index.count(Wanted(words=("quoted",))) == 1
        list(index.search(Wanted(words=tuple(words))))


@pytest.mark.parametrize(
    "words", [("NOT", "this"), ("OR",), ("near",), ("col:umn",), ('"quoted"',), ('this"OR',)]
)
def test_words_that_are_syntax_elsewhere_are_found(archive, words):
    put(archive, reason='"quoted" NOT this OR that* (NEAR) col:umn')
    assert len(found(archive, *words)) == 1


def test_more_words_than_anybody_types_are_refused(archive):
    put(archive)
    with pytest.raises(UsageError, match="101 words are too many"):
        found(archive, *["a"] * 101)
    assert found(archive, *["done"] * 100) != []


@given(text=st.text(min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_whatever_is_asked_for_is_a_value_and_no_syntax(archive, text):
    if not archive.root.exists():
        put(archive)
    for name in ("client", "runbook", "outcome", "operator", "ticket"):
        assert ids(archive, **{name: text}) == []


def test_a_run_is_found_by_its_id_or_a_part_of_it(archive):
    put(archive, run_id="20261122T10-create-aaaaaa")
    put(archive, run_id="20261122T10-create-aaaaaa-more")
    put(archive, "bayside-legal", "20261123T10-create-bbbbbb")
    put(archive, "bayside-legal", "20261124T10-remove-bbb123")
    with Index(archive) as index:
        for part, run_id in [
            ("20261122T10-create-aaaaaa", "20261122T10-create-aaaaaa"),
            ("20261123", "20261123T10-create-bbbbbb"),
            ("bbbbbb", "20261123T10-create-bbbbbb"),
            ("remove", "20261124T10-remove-bbb123"),
            ("bbb", "20261123T10-create-bbbbbb"),  # at its end, which goes before the middle
        ]:
            assert index.find(part).run_id == run_id
        assert index.find("bbbbbb") == archive.run("bayside-legal", "20261123T10-create-bbbbbb")


@pytest.mark.parametrize("text", ["2027", "", "%", "_", "\ud83d", "\0", "CREATE"])
def test_a_text_that_fits_no_run_is_an_error_that_says_so(archive, text):
    put(archive, run_id="20261122T10-create-aaaaaa")
    with Index(archive) as index, pytest.raises(UsageError, match="There is no run"):
        index.find(text)


def test_a_text_that_fits_several_runs_is_an_error_that_names_some(archive):
    for number in range(7):
        put(archive, run_id=f"2026112{number}-create")
    with (
        Index(archive) as index,
        pytest.raises(UsageError, match=r"7 runs fit '2026': 20261120-create \(alpine-books\)"),
    ):
        index.find("2026")


def test_one_id_of_two_clients_is_told_with_both(archive):
    for client in ("alpine-books", "bayside-legal"):
        put(archive, client, "same")
    with Index(archive) as index, pytest.raises(UsageError, match="2 runs fit 'same'"):
        index.find("same")


def test_it_knows_clients_runbooks_operators_and_how_much_there_is(archive):
    put(archive, run_id="1")
    put(archive, "bayside-legal", "2", runbook="audit").record_file.write_text("{")
    put(archive, "cedar-dental", "3", runbook="audit")
    with Index(archive) as index:
        assert index.clients() == {"alpine-books", "bayside-legal", "cedar-dental"}
        assert index.runbooks() == {"create_service_account", "audit"}
        assert index.operators() == {"Kim", "kim@msp.example"}
        size = index.size()
        assert (size.runs, size.unreadable, size.clients, size.seals) == (3, 1, 3, 0)


def test_two_processes_at_once_give_the_same_answer(archive):
    for number in range(60):
        put(archive, f"client-{number % 7}", f"run-{number:03d}", reason=f"word{number}")
    answers, errors = [], []

    def ask():
        try:
            with Index(archive) as index:
                answers.append([run.run_id for run in index.runs(Wanted())])
                assert index.count(Wanted(words=("word59",))) == 1
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test has to see it
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert answers == [[f"run-{number:03d}" for number in range(60)]] * 6
    with Index(archive) as index:
        assert index._rows("SELECT count(*) FROM texts") == [(60,)]


def test_rebuilding_makes_it_anew(archive):
    run = put(archive, reason="as it is")
    with Index(archive) as index:
        index.refresh()
    with sqlite3.connect(archive.root / ".index.sqlite") as database:
        database.execute("UPDATE runs SET reason = 'as it is not', stamp = stamp")
    database.close()
    age(run.record_file)
    with Index(archive) as index:
        assert index.rebuild().runs == 1
        assert [run.reason for run in index.runs(Wanted())] == ["as it is"]


def test_the_summary_of_a_batch_is_a_run_that_is_found_and_no_client(archive):
    put(archive)
    put(archive, "o365-batches", "2", runbook="summarize_batch", reason="batch 7: 3 clients")
    with Index(archive) as index:
        size = index.size()
        assert (size.runs, size.clients) == (2, 1)
        assert "o365-batches" in index.clients()
    assert ids(archive, client="o365-batches") == ["2"]
    assert ids(archive, runbook="summarize") == ["2"]
