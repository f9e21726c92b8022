"""What is said about a creation that was refused for a conflict, and what is read to say it."""

import pytest

from o365lib.errors import ChangeFailed, Conflict
from o365lib.service_account.conflict import (
    blames_another_property,
    explain,
    made_by_somebody_else,
)

SENTENCE = "Another object with the same value for property {} already exists."
GROUP = "Group_0a1b2c3d-0000-4000-8000-1234567890ab"


def conflict(*targets):
    return Conflict(SENTENCE.format((*targets, "x")[0]), status=400, detail_targets=targets)


@pytest.mark.parametrize(
    ("targets", "is_another"),
    [
        ((), False),
        (("userPrincipalName",), False),
        (("userPrincipalName", "proxyAddresses"), False),
        ((GROUP,), False),
        (("proxyAddresses",), True),
        (("proxyAddresses", GROUP), True),
        (("mailNickname",), True),
    ],
)
def test_objects_and_the_name_itself_are_no_other_property(targets, is_another):
    assert blames_another_property(conflict(*targets)) is is_another


def test_a_name_that_is_taken_is_somebody_elses_account_and_nothing_is_read(job):
    read = len(job.asked)
    error = explain(job.session, conflict("userPrincipalName"), job.upn)
    assert str(error) == str(made_by_somebody_else(job.upn))
    assert "created by somebody else" in error.message
    assert len(job.asked) == read


def test_a_conflict_that_blames_nothing_is_settled_by_looking_for_the_name(job):
    missing = explain(job.session, conflict(), job.upn)
    assert "another object of the tenant has this address" in missing.message
    assert "Run the runbook again: it reads" not in missing.remedy
    job.add_account()
    found = explain(job.session, conflict(), job.upn)
    assert "created by somebody else" in found.message
    assert found.remedy.startswith("Run the runbook again")


@pytest.mark.parametrize("prefix", ["SMTP:", "smtp:"])
def test_the_user_who_has_the_address_is_named(job, prefix):
    user = job.tenant.add_user(
        user_principal_name=f"old@{job.domain}",
        display_name="Reception\x1b[31m",
        proxy_addresses=[f"SMTP:old@{job.domain}", f"{prefix}{job.upn.upper()}"],
    )
    error = explain(job.session, conflict("proxyAddresses", f"User_{user['id']}"), job.upn)
    assert isinstance(error, ChangeFailed)
    assert error.message == (
        f"{job.upn} could not be created: another object of the tenant has this address. Graph "
        f"says: {SENTENCE.format('proxyAddresses')} It belongs to "
        f"Reception[31m (old@{job.domain}, object id {user['id']})."
    )
    assert error.state == "This run created nothing."
    assert "administrator free the address" in error.remedy


def test_what_is_no_user_is_named_as_graph_names_it(job):
    error = explain(job.session, conflict("proxyAddresses", GROUP), job.upn)
    assert error.message.endswith(f"already exists. It names {GROUP}.")


def test_another_property_is_named_and_nobody_is_told_to_free_an_address(job):
    error = explain(job.session, conflict("onPremisesImmutableId"), job.upn)
    assert "another object of the tenant has the same onPremisesImmutableId." in error.message
    assert error.message.endswith("already exists.")
    assert "address" not in error.remedy


@pytest.mark.parametrize("targets", [(), ("proxyAddresses",)])
def test_a_look_that_is_refused_hides_nothing_of_what_happened(job, targets):
    job.fault("403", "GET", "/users*", times=None)
    error = explain(job.session, conflict(*targets), job.upn)
    assert "already exists." in error.message
    assert error.state == "This run created nothing."
