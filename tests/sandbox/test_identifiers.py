import uuid

import pytest

from o365lib.sandbox.identifiers import is_guid, new_id, role_assignment_id, stable_id


def test_the_same_words_have_the_same_id_and_others_another():
    assert stable_id("demo", "tenant", "a") == stable_id("demo", "tenant", "a")
    assert stable_id("demo", "tenant", "a") != stable_id("demo", "tenanta", "")
    assert is_guid(stable_id("demo"))


def test_fresh_ids_differ():
    assert new_id() != new_id()
    assert uuid.UUID(new_id())


@pytest.mark.parametrize("text", ["", "x", "62e90394-69f5-4237-9190-01217714", "a" * 36])
def test_other_texts_are_no_guids(text):
    assert not is_guid(text)


def test_role_assignment_ids_are_those_of_the_documentation():
    # The example of https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignments
    made = role_assignment_id(
        "29232cdf-9323-42fd-ade2-1d097af3e4de", "ace08ec9-aa11-4ada-9145-addf0398233e"
    )
    assert made == "3ywjKSOT_UKt4h0JevPk3smO4KwRqtpKkUWt3wOYIz4-1"


def test_a_scope_makes_another_role_assignment_id():
    role, principal, scope = stable_id("r"), stable_id("p"), stable_id("s")
    assert role_assignment_id(role, principal, scope) != role_assignment_id(role, principal)
