from datetime import UTC, date, datetime

from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.service_account.due import due_accounts
from tests.service_account.example import DEFAULTS, make_client

TODAY = date(2026, 11, 24)


def account(client="contoso", **changes):
    content = {
        "client": client,
        "user_id": f"id-{client}",
        "user_principal_name": "practiceprotect@x",
        "roles": ("Exchange Administrator",),
        "since": datetime(2026, 8, 26, 12, tzinfo=UTC),  # 90 days: on the 24th of November
        "purpose": "mail-redirection",
        "run_id": "r1",
        "seen": datetime(2026, 8, 26, 12, tzinfo=UTC),
        "is_certain": True,
    }
    return StandingAccount(**(content | changes))


def named(name, **changes):
    return make_client(client=name, **changes)


def due(*accounts, clients=None, within=14):
    files = {"contoso": named("contoso")} if clients is None else clients
    return due_accounts(accounts, files, DEFAULTS, today=TODAY, within_days=within)


def test_on_its_last_day_it_is_due_and_overdue_on_the_next():
    (found,) = due(account())
    assert (found.state, found.days, found.remove_by) == ("soon", 0, TODAY)
    (found,) = due(account(since=datetime(2026, 8, 25, 12, tzinfo=UTC)))
    assert (found.state, found.days) == ("overdue", -1)
    assert "90 days after it was created" in found.why


def test_how_near_is_soon_is_for_the_caller_to_say():
    late = account(since=datetime(2026, 9, 9, tzinfo=UTC))  # 14 days from now
    assert [due(late, within=days)[0].state for days in (14, 13)] == ["soon", "later"]


def test_a_day_in_the_clients_file_counts():
    (found,) = due(account(), clients={"contoso": named("contoso", remove_by="2020-01-01")})
    assert (found.state, found.source) == ("overdue", "client-file")


def test_no_account_is_left_out_because_its_file_is():
    (found,) = due(account(), clients={})
    assert (found.state, found.remove_by) == ("unknown", None)
    assert "no file" in found.why


def test_an_account_of_unknown_age_is_for_a_person_to_look_at():
    (found,) = due(account(since=None))
    assert found.state == "unknown"
    assert "no record tells when" in found.why


def test_an_account_for_federation_stays():
    (found,) = due(account(), clients={"contoso": named("contoso", purpose="federation")})
    assert (found.state, found.days) == ("stays", None)


def test_the_most_overdue_comes_first_and_what_stays_last():
    names = {
        "a": named("a", purpose="federation"),
        "b": named("b", remove_by="2027-06-01"),
        "c": named("c", remove_by="2026-11-30"),
        "d": named("d", remove_by="2026-11-01"),
        "e": named("e", remove_by="2026-01-01"),
    }
    found = due(*map(account, "abcdef"), clients=names)
    assert [each.account.client for each in found] == ["e", "d", "f", "c", "b", "a"]
