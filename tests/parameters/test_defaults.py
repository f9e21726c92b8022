import pytest

from o365lib import parameters
from o365lib.parameters.defaults import BUILT_IN_ROLES


def test_what_is_left_out_has_its_default(folder):
    folder.change_defaults("recipients:\n  - support@practiceprotectonline.com\n", "")
    folder.change_defaults("recipient_domains: [contoso.com]\n", "")
    defaults = parameters.load_defaults(folder.path)
    assert defaults.patience.sign_in_seconds == 900
    assert defaults.patience.replication_seconds == 60
    assert defaults.password_length == 24
    assert defaults.custody.unused_password_days == 7
    assert defaults.banned_words == ()


@pytest.mark.parametrize(
    ("address", "is_permitted"),
    [
        ("support@practiceprotectonline.com", True),
        ("SUPPORT@PracticeProtectOnline.com", True),
        ("other@practiceprotectonline.com", False),
        ("anybody@contoso.com", True),
        ("anybody@Contoso.com", True),
        ("anybody@notcontoso.com", False),
        ("anybody@sub.contoso.com", False),
        ("contoso.com", False),
        ("@contoso.com", False),
        ("somebody@evil.example@contoso.com", False),
        ("", False),
        ("support@practiceprotectonline.com@evil.example", False),
    ],
)
def test_credentials_go_to_listed_addresses_and_domains_only(folder, address, is_permitted):
    defaults = parameters.load_defaults(folder.path)
    assert defaults.permits_recipient(address) is is_permitted


def test_an_empty_list_permits_nobody(folder):
    folder.change_defaults("[contoso.com]", "[]")
    assert not parameters.load_defaults(folder.path).permits_recipient("a@contoso.com")


def test_the_vendors_two_roles_are_known_by_their_published_ids():
    assert BUILT_IN_ROLES["Global Administrator"] == "62e90394-69f5-4237-9190-012177145e10"
    assert BUILT_IN_ROLES["Exchange Administrator"] == "29232cdf-9323-42fd-ade2-1d097af3e4de"
    assert len(set(BUILT_IN_ROLES.values())) == len(BUILT_IN_ROLES)


OWN = "0a1b2c3d-0000-4000-8000-1234567890ab"
EXCHANGE, GLOBAL = (BUILT_IN_ROLES[f"{name} Administrator"] for name in ("Exchange", "Global"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (EXCHANGE, GLOBAL, "do not belong together: Exchange Administrator"),
        (
            f"Exchange Administrator: {EXCHANGE}",
            f"Mail: {EXCHANGE}",
            "do not belong together: Mail",
        ),
        (
            "roles:\n",
            f"roles:\n  Mine: {OWN}\n  Mine too: {OWN.upper()}\n",
            "two roles have the same template id",
        ),
    ],
)
def test_a_mix_up_of_roles_is_refused(folder, old, new, sentence):
    folder.change_defaults(old, new)
    problem = folder.problem()
    assert (problem.line, problem.column) == (7, 3)
    assert problem.field == "roles"
    assert sentence in problem.message


def test_a_role_of_ones_own_is_fine(folder):
    folder.change_defaults("roles:\n", "roles:\n  Mine: 0a1b2c3d-0000-4000-8000-1234567890ab\n")
    assert parameters.load_defaults(folder.path).roles["Mine"].startswith("0a1b2c3d")


def test_a_purposes_role_must_be_in_the_table(folder):
    folder.change_defaults(
        "    least_role: Global Administrator", "    least_role: Globl Administrator"
    )
    problem = folder.problem()
    assert problem.field == "purposes"
    assert "`federation` names a role" in problem.message
    assert "did you mean `Global Administrator`" in problem.message


def test_wrong_roles_do_not_make_the_purposes_wrong_too(folder):
    folder.change_defaults(EXCHANGE, "no-guid")
    assert [problem.field for problem in folder.problems()] == ["roles.Exchange Administrator"]


@pytest.mark.parametrize(
    ("added", "field", "allowed"),
    [
        ("password_length: 8", "password_length", "12 to 128"),
        ("password_length: 129", "password_length", "12 to 128"),
        ("password_length: long", "password_length", "12 to 128"),
        ("patience: {sign_in_seconds: 0}", "patience.sign_in_seconds", "1 to 3600"),
        ("patience: {sign_in_seconds: 1.5}", "patience.sign_in_seconds", "1 to 3600"),
        ("patience: {signin_seconds: 5}", "patience.signin_seconds", "`sign_in_seconds`"),
        ("custody: {unused_password_days: 0}", "custody.unused_password_days", "1 to 365"),
        ("custody: {unused_password_days: 7d}", "custody.unused_password_days", "1 to 365"),
        (
            "custody: {unused_pasword_days: 7}",
            "custody.unused_pasword_days",
            "`unused_password_days`",
        ),
        ("banned_words: protect", "banned_words", "a list of words"),
        ("banned_words: [fine, '']", "banned_words.1", "is empty"),
    ],
)
def test_a_wrong_value_is_answered_with_what_is_allowed(folder, added, field, allowed):
    folder.defaults.write_text(folder.defaults.read_text() + added + "\n")
    problem = folder.problem()
    assert problem.field == field
    assert allowed in problem.message


def test_there_must_be_a_purpose(folder):
    text = folder.defaults.read_text()
    start, end = text.index("purposes:"), text.index("recipients:")
    folder.defaults.write_text(text[:start] + "purposes: {}\n" + text[end:])
    assert folder.problem().field == "purposes"
