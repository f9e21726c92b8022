import pytest

from o365lib.sandbox.graph.passwords import is_acceptable
from o365lib.sandbox.tenant import new_password


def accepted(password, **words):
    values = {
        "user_principal_name": "practiceprotect@contoso.onmicrosoft.com",
        "names": ["Practice", "Protect", "Contoso & Sons"],
        **words,
    }
    return is_acceptable(password, **values)


@pytest.mark.parametrize(
    "password",
    [
        "Zx4!harbourTulip92",
        "tulipHARB1",
        "tulipharb1!",
        "A1! " + "z" * 10,
        "Aa1" + "x" * 253,
        "Kx7!qwertyuiopZZ",
    ],
)
def test_strong_passwords_are_taken(password):
    assert accepted(password)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Aa1!Aa1",
        "Aa1" + "x" * 254,
        "abcdefghijkl",
        "abcdefgh1234",
        "Zx4!härbourTulip",
        "Zx4!harbour\ttab",
        "Zx4!harbour€uro",
        "xxPracticexx11!",
        "xxPr0tectxx11!",
        "xxC0nt0s0xx11!",
        "Zx1!practiceprotect",
        "Passw0rd",
        "P@$$w0rd1",
        "Welcome1!",
        "Summer12",
    ],
)
def test_weak_passwords_are_refused(password):
    assert not accepted(password)


def test_the_tenants_own_words_are_banned_too():
    assert accepted("Tidewater12")
    assert not accepted("Tidewater1", banned_words=["tidewater"])


def test_short_words_of_names_do_not_count():
    assert accepted("xxSonsNoo11!", names=["Ann", "Lee", None])
    assert not accepted("xxSonsNoo11!", names=["Sons"])


def test_the_sandboxs_own_passwords_follow_the_rules():
    assert all(accepted(new_password()) for _ in range(50))
