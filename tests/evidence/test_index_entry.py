"""What the index keeps of a record."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.evidence import index_entry
from o365lib.evidence.archive import Archive
from o365lib.evidence.index_entry import TEXTS, IndexedRun, entry_of, microseconds
from o365lib.evidence.record import Outcome
from o365lib.secret import MASK, Secret
from tests.evidence.small_records import NOW, change, handed_over, make


@pytest.fixture
def run(tmp_path):
    return Archive(tmp_path / "evidence").new_run("alpine-books", "1")


def texts_of(run) -> dict[str, str]:
    return dict(zip(TEXTS, entry_of(run)[1], strict=True))


def test_every_outcome_is_kept_as_it_stands_in_the_record(run):
    for outcome in Outcome:
        run.write_record(make(outcome=outcome))
        assert entry_of(run)[0].outcome == outcome.value
        assert entry_of(run)[0].is_readable


def test_client_and_run_are_those_of_the_folder(run):
    run.write_record(make("another", client_display_name="Alpine Books"))
    indexed, _ = entry_of(run)
    assert (indexed.client, indexed.run_id) == ("alpine-books", "1")


def test_texts_can_steer_no_terminal_and_hold_no_known_secret(run):
    password = Secret("Zk7-first-second-third")  # known for as long as it lives
    run.record_file.write_text(
        make(
            reason="a\x1b[31mb\u202ec\nd",
            ticket="Zk7-first-second-third",
            client_display_name="<img src=x>",
        ).model_dump_json()
    )
    indexed, _ = entry_of(run)
    texts = texts_of(run)
    assert indexed.reason == "a[31mbc d"
    assert texts["reason"].endswith("a[31mbc d")
    assert indexed.ticket == texts["ticket"] == MASK
    assert "<img src=x>" in texts["client"]
    assert password


@pytest.mark.parametrize(
    ("fields", "account"),
    [
        ({}, ""),
        ({"facts": {"account": {"user": {"id": "seen"}}}}, "seen"),
        ({"facts": {"account": None}}, ""),
        ({"facts": {"account": {"user": 7}}}, ""),
        ({"changes": [change(target="changed")]}, "changed"),
        ({"changes": [change(target="changed")], "hand_over": handed_over()}, "user-1"),
    ],
)
def test_the_account_is_the_one_that_was_handed_over_changed_or_found(run, fields, account):
    run.write_record(make(**fields))
    assert entry_of(run)[0].user_id == account


@given(
    facts=st.recursive(
        st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["account", "user", "domains", "refusals", "notices", "code", "id"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_facts_and_plans_of_any_form_make_an_entry(tmp_path_factory, facts):
    run = Archive(tmp_path_factory.mktemp("any")).new_run("alpine-books", "1")
    tree = facts if isinstance(facts, dict) else {"account": facts, "domains": facts}
    run.write_record(make(facts=tree, plan=tree))
    indexed, texts = entry_of(run)
    assert indexed.is_readable
    assert all(isinstance(text, str) for text in texts)


def test_a_record_far_larger_than_any_is_not_read(run, monkeypatch):
    monkeypatch.setattr(index_entry, "_LONGEST_RECORD_BYTES", 10)
    run.write_record(make())
    indexed, _ = entry_of(run)
    assert not indexed.is_readable
    assert "far too large" in indexed.reason


def test_very_long_texts_are_cut(run):
    run.write_record(make(reason="x" * 50_000))
    assert len(texts_of(run)["reason"]) == 20_000


@given(
    started=st.none() | st.datetimes(timezones=st.timezones()), dry_run=st.none() | st.booleans()
)
def test_a_run_comes_back_from_its_row(started, dry_run):
    run = IndexedRun(run_id="1", client="alpine-books", started=started, dry_run=dry_run)
    back = IndexedRun.from_row(run.to_row())
    assert back.dry_run is dry_run
    assert microseconds(back.started) == microseconds(started)


def test_instants_are_compared_in_one_zone_and_one_without_a_zone_is_utc():
    assert microseconds(NOW) == microseconds(NOW.replace(tzinfo=None))
    assert microseconds(NOW) == microseconds(NOW.astimezone(timezone(timedelta(hours=11))))
    assert microseconds(None) is None


@pytest.mark.parametrize(
    "edge",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_instants_beyond_all_calendars_are_the_first_and_the_last_one(edge):
    run = IndexedRun(run_id="1", client="alpine-books", started=edge)
    back = IndexedRun.from_row(run.to_row()).started
    assert back in {datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)}
