"""Each guard's way out is one sentence for all clients: a batch says it once."""

import re
from pathlib import Path

from o365lib.runs import summary
from o365lib.runs.summary import RunResult
from o365lib.service_account import guards
from tests.service_account.example import (
    DEFAULTS,
    GLOBAL,
    SHAREPOINT,
    USER_ID,
    make_account,
    make_application,
    make_client,
    make_domain,
    make_facts,
    make_person,
    make_plan,
    make_renamed,
)


def refusals_at(name, number):
    """Return what each guard says to a client with this name and these ids."""

    def id_of(what):
        return f"{number}{number}{number}{number}{number}{number}{number}{number}-{what}"

    person = make_person(
        object_id=USER_ID, user_principal_name=f"admin@{name}.example", permissions=()
    )
    application = make_application((), tenant_id=id_of("other"), application_id=id_of("app"))
    client = make_client(
        client=name,
        tenant=f"{name}.onmicrosoft.com",
        onboarding="in-progress",
        hand_over={
            "method": "mail",
            "recipient": f"x@{name}.example",
            "sender": f"a@{name}.example",
        },
    )
    own = {
        "tenant_id": id_of("tenant"),
        "display_name": name.title(),
        "initial_domain": f"{name}.onmicrosoft.com",
        "domains": (f"{name}.example",),
        "user_principal_name": f"pp@{name}.onmicrosoft.com",
        "other_global_administrators": 0,
        "federated_domains": (
            make_domain("vendor", f"v.{name}.example"),
            *(
                make_domain("unknown", f"u{unread}.{name}.example", unread=unread)
                for unread in ("", "refused", "failed")
            ),
        ),
        "renamed": (
            make_renamed(f"old@{name}.example").model_copy(update={"run_id": id_of("run")}),
        ),
        "unreadable_records": (id_of("run"),),
    }
    account = make_account(
        GLOBAL,
        SHAREPOINT,
        account_enabled=False,
        user_principal_name=own["user_principal_name"],
        display_name=f"Reception of {name}",
    )
    for identity in (person, application):
        facts = make_facts(account, identity=identity, **own)
        for runbook in ("create", "remove"):
            yield from make_plan(runbook, facts, client).refusals
    facts = make_facts(account, identity=person, **own, pending_credentials=id_of("run"))
    yield from make_plan("create", facts, client).refusals


def results(name, number):
    return [
        RunResult(client=name, runbook="x", outcome="refused", remedy=each.remedy, guard=each.code)
        for each in refusals_at(name, number)
    ]


def test_two_clients_with_nothing_in_common_get_one_advice_from_each_guard():
    one, other = results("alpine", 1), results("bayside", 2)
    known = re.findall(r'code="([a-z-]+)"', Path(guards.__file__).read_text("utf-8"))
    assert {*known, "missing-permission"} == {each.guard for each in one}
    assert [each.guard for each in one] == [each.guard for each in other]
    for each in summary.advice([*one, *other]):
        assert set(each.clients) == {"alpine", "bayside"}, each.remedy


def test_the_reason_has_the_names_that_the_way_out_leaves_out():
    said = {each.code: each.message for each in refusals_at("alpine", 1)}
    assert "11111111-run" in said["records-unreadable"]
    assert "pp@alpine.onmicrosoft.com" in said["account-renamed"]
    assert "old@alpine.example" in said["account-renamed"]
    assert "u.alpine.example" in said["federation-unreadable"]
    assert DEFAULTS.vendor.name in said["federated-with-vendor"]
