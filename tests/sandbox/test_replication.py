from datetime import UTC, datetime, timedelta

from o365lib.sandbox.replication import Replication

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def test_without_lag_reads_see_the_truth_itself():
    objects = {"a": {"id": "a"}}
    assert Replication().view("users", objects, NOW) is objects


def test_a_new_object_is_hidden_until_its_time():
    replication, objects = Replication(), {"a": {"id": "a"}, "b": {"id": "b"}}
    replication.hide("users", "a", LATER)
    assert set(replication.view("users", objects, NOW)) == {"b"}
    assert set(replication.view("users", objects, LATER)) == {"a", "b"}


def test_a_deleted_object_is_seen_until_its_time():
    replication = Replication()
    replication.remember("users", "a", {"id": "a"}, LATER)
    assert replication.view("users", {}, NOW) == {"a": {"id": "a"}}
    assert replication.view("users", {}, LATER) == {}


def test_kinds_do_not_mix():
    replication, objects = Replication(), {"a": {"id": "a"}}
    replication.hide("users", "a", LATER)
    replication.remember("users", "z", {"id": "z"}, LATER)
    assert set(replication.view("role_assignments", objects, NOW)) == {"a"}


def test_forgetting_shows_the_truth_at_once():
    replication, objects = Replication(), {"a": {"id": "a"}}
    replication.hide("users", "a", LATER)
    replication.remember("users", "z", {"id": "z"}, LATER)
    replication.forget("users", "a")
    replication.forget("users", "z")
    assert set(replication.view("users", objects, NOW)) == {"a"}


def test_a_remembered_object_does_not_cover_the_one_that_is_there_again():
    replication = Replication()
    replication.remember("users", "a", {"id": "a", "is": "old"}, LATER)
    assert replication.view("users", {"a": {"id": "a", "is": "new"}}, NOW)["a"]["is"] == "new"
