"""Entries of the log about our accounts: what is read out of Graph's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.graph.models import DirectoryAudit
from o365lib.service_account.audit_entry import accounts_added, entries_of
from tests.service_account.witness import MINUTE, NAME, NOW, OPERATOR, USER, audit

OTHER = "11111111-0000-4000-8000-000000000001"


def entry(**fields):
    (found,) = entries_of([audit(**fields)], [USER])
    return found


def test_each_of_our_accounts_among_the_targets_has_an_entry():
    targets = [{"id": each, "type": "User"} for each in (USER, OTHER, "somebody else")]
    targets.append({"id": USER, "type": "Role"})
    found = entries_of([audit(targetResources=targets)], [USER.upper(), OTHER])
    assert {each.account_id for each in found} == {USER, OTHER}
    assert len(found) == 2


def test_entries_come_by_time_and_none_twice():
    audits = [audit(at=NOW + MINUTE), audit(), audit(), audit(at=NOW + MINUTE)]
    assert [each.date_time for each in entries_of(audits, [USER])] == [NOW, NOW + MINUTE]


@pytest.mark.parametrize(
    ("initiator", "by_id", "by_application_id", "by"),
    [
        ({"user": {"id": OPERATOR.upper(), "userPrincipalName": "a@b.c"}}, OPERATOR, "", "a@b.c"),
        ({"user": {"id": OPERATOR}}, OPERATOR, "", OPERATOR),
        ({"user": {"userPrincipalName": "a@b.c"}}, "", "", "a@b.c"),
        (
            {"app": {"appId": OTHER, "displayName": "Tool", "servicePrincipalId": OPERATOR}},
            OPERATOR,
            OTHER,
            f"application Tool ({OTHER})",
        ),
        ({"app": {"displayName": "Tool"}, "user": {}}, "", "", "application Tool"),
        ({"app": {}}, "", "", "application without a name"),
        ({"app": None, "user": None}, "", "", ""),
    ],
)
def test_who_did_it_is_read_as_the_log_tells_it(initiator, by_id, by_application_id, by):
    found = entry(initiatedBy=initiator)
    assert (found.by_id, found.by_application_id, found.by) == (by_id, by_application_id, by)


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ('"Exchange Administrator"', "exchange administrator"),
        ('["Exchange Administrator"]', "exchange administrator"),
        ("Exchange Administrator", "exchange administrator"),
        ('"Company Administrator"', "global administrator"),
    ],
)
def test_a_role_is_read_however_its_value_is_written(value, role):
    for names in ({"newValue": value}, {"oldValue": value}):
        targets = [
            {
                "id": USER,
                "type": "User",
                "modifiedProperties": [{"displayName": "Role.DisplayName", **names}],
            }
        ]
        assert entry(activity="Add member to role", targetResources=targets).roles == {role}


@pytest.mark.parametrize("value", ["", "null", "[]", "[1]", "{}", '["a","b"]', "7"])
def test_a_value_that_names_no_role_names_none(value):
    properties = [{"displayName": "Role.DisplayName", "newValue": value}]
    targets = [{"id": USER, "type": "User", "modifiedProperties": properties}]
    assert entry(targetResources=targets).roles == frozenset()


@pytest.mark.parametrize(
    ("result", "is_success"),
    [("success", True), ("failure", False), ("Failure", False), ("timeout", True), ("", True)],
)
def test_only_a_failure_did_not_take_place(result, is_success):
    assert entry(result=result).is_success is is_success


def test_the_properties_that_were_changed_are_told():
    properties = [{"displayName": "UserPrincipalName", "newValue": '["x@y"]'}]
    targets = [{"id": USER, "type": "User", "modifiedProperties": properties}]
    assert entry(activity="Update user", targetResources=targets).detail == "UserPrincipalName"


def test_accounts_of_the_name_are_found_by_their_creation():
    def added(name, target=USER, activity="Add user"):
        targets = [{"id": target, "type": "User", "userPrincipalName": name}]
        return audit(activity, target=target, targetResources=targets)

    assert accounts_added([added(NAME.upper())], NAME) == {USER}
    assert accounts_added([added(USER.replace("-", "") + NAME)], NAME) == {USER}
    assert accounts_added([added(f"x{NAME}")], NAME) == set()
    assert accounts_added([added(NAME, activity="Update user")], NAME) == set()
    assert accounts_added([added("someone@contoso.com")], NAME) == set()


texts = st.none() | st.text(max_size=20)


@given(texts, texts, texts, texts, st.none() | st.dictionaries(st.just("id"), texts))
def test_whatever_the_service_leaves_out_is_no_reason_to_break_off(
    activity, result, role, name, user
):
    answer = {
        "id": "1",
        "activityDateTime": "2026-11-23T12:00:00Z",
        "activityDisplayName": activity,
        "result": result,
        "initiatedBy": {"user": user, "app": None},
        "targetResources": [
            {
                "id": USER,
                "userPrincipalName": name,
                "modifiedProperties": [{"displayName": "Role.DisplayName", "newValue": role}],
            },
            {},
        ],
    }
    assert len(entries_of([DirectoryAudit.from_graph(answer)], [USER])) == 1
