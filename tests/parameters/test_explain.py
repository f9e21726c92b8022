"""Bad client files, and the sentences that a support engineer reads about them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from o365lib import parameters
from o365lib.errors import ParametersError

ALLOWED = "allowed: "


@pytest.mark.parametrize(
    ("old", "new", "place", "field", "sentence"),
    [
        ("cloud: global", "cluod: global", (4, 1), "cluod", "(did you mean `cloud`?)"),
        ("  sender:", "  sendr:", (15, 3), "hand_over.sendr", "(did you mean `sender`?)"),
        ("cloud: global", "rolle: x", (4, 1), "rolle", "the keys here are: client, display_name"),
        ("    file:", "    path:", (11, 5), "sign_in.secret.path", "environment, file, keyring"),
        ("cloud: global", "cloud: germany", (4, 8), "cloud", "one of: global, us-government-l4"),
        ("purpose: mail-r", "purpose: r", (5, 10), "purpose", "one of: mail-redirection, feder"),
        ("completed", "complete", (6, 13), "onboarding", "(did you mean `completed`?)"),
        ("completed", "gone", (6, 13), "onboarding", "allowed: one of: in-progress, completed"),
        ("alpine.onmicrosoft.com\ncloud", "alpine\ncloud", (3, 9), "tenant", "neither a tenant id"),
        ("client: alpine", "client: ../alpine", (1, 9), "client", "is not a client's name"),
        ("client: alpine", "client: a/b", (1, 9), "client", "is not a client's name"),
        ("client: alpine", "client: beta", (1, 9), "client", "write `alpine`"),
        ("client: alpine", "client: 12", (1, 9), "client", "is a number and not text"),
        ("client: alpine", "client: true", (1, 9), "client", "is true or false and not text"),
        ("client: alpine", "client: [alpine]", (1, 9), "client", "is a list and not text"),
        ("client: alpine", "client:", (1, 8), "client", "is empty; allowed: the file's name"),
        ("support@practice", "practice", (14, 14), "hand_over.recipient", "it has no @"),
        ("cloud: global", "dry_run_only: yes", (4, 15), "dry_run_only", "allowed: true or"),
        ("cloud: global", "usage_location: no", (4, 17), "usage_location", "two capital letters"),
        ("method: mail", "method: post", (13, 3), "hand_over", "one of: mail, file, screen"),
        ("method: client-secret", "method: secret", (8, 3), "sign_in", "mean `client-secret`"),
        ("  method: mail\n", "", (12, 1), "hand_over", "has no `method`"),
        ("  method: client-secret\n", "", (7, 1), "sign_in", "has no `method`"),
        ("tenant: alpine.onmicrosoft.com\n", "", (1, 1), "tenant", "is missing; allowed: "),
        (
            "  application_id: 0a1b2c3d-0000-4000-8000-1234567890ab\n",
            "",
            (7, 1),
            "sign_in.application_id",
            "is missing; allowed: the application's (client) id",
        ),
        ("secret:\n    file: ", "secret: ", (10, 11), "sign_in.secret", "never stands in"),
        ("    file: secrets/alpine.secret", "", (10, 10), "sign_in.secret", "is empty; allowed: `"),
        (
            "    file: secrets/alpine.secret",
            "    environment: ALPINE\n    file: x",
            (11, 5),
            "sign_in.secret",
            "exactly one of",
        ),
        ("  sender: admin@alpine.onmicrosoft.com\n", "", (13, 3), "hand_over", "needs `sender`"),
        ("cloud: global", "federation_override: {reason: no}", (4, 31),
         "federation_override.reason", "too short"),
        ("cloud: global", "records_override: {run_ids: run-1, reason: It is known.}", (4, 29),
         "records_override.run_ids", "a list of the ids"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place_with_what_is_allowed(
    folder, old, new, place, field, sentence
):
    folder.change(old, new)
    problem = folder.problem()
    assert problem.file == "parameters/clients/alpine.yaml"
    assert (problem.line, problem.column) == place
    assert problem.field == field
    assert sentence in problem.message


@pytest.mark.parametrize("value", ["*x", "!x y"])
def test_a_value_that_cannot_be_read_is_one_problem_and_not_a_wrong_value_too(folder, value):
    folder.change("display_name: Alpine Books", f"display_name: {value}")
    assert folder.problem().field == "display_name"


@pytest.mark.parametrize("method", ["device-code", "browser"])
def test_who_signs_in_to_china_is_told_at_the_sign_in_to_name_an_application(folder, method):
    file = (
        "client: alpine\ntenant: alpine.partner.onmschina.cn\ncloud: china\npurpose: federation\n"
        f"sign_in:\n  method: {method}\nhand_over:\n  method: screen\n"
    )
    folder.add("alpine", file)
    problem = folder.problem()
    assert (problem.line, problem.column, problem.field) == (6, 3, "sign_in")
    assert "needs the `application_id` of an application of your own" in problem.message
    assert "Register one in Entra" in problem.message
    own = f"{method}\n  application_id: 0a1b2c3d-0000-4000-8000-1234567890ab"
    folder.add("alpine", file.replace(method, own))
    assert parameters.load(folder.path).clients["alpine"].cloud == "china"


def test_every_problem_of_a_file_comes_at_once(folder):
    folder.add("alpine", "client: beta\ntenant: no\nclient: x\ncolour: red\nsign_in: {method: x}\n")
    fields = {problem.field for problem in folder.problems()}
    assert fields == {"client", "tenant", "colour", "sign_in", "purpose", "hand_over"}


@pytest.mark.parametrize("key", ["password", "pasword", "client_secret", "Token", "api_key"])
def test_an_unknown_key_that_looks_like_a_secret_is_answered_with_where_secrets_live(folder, key):
    folder.change("cloud: global", f"{key}: hunter22")
    message = folder.problem().message
    assert "A secret never stands in a file" in message
    assert "hunter22" not in message


def test_an_ordinary_unknown_key_is_not_lectured_about_secrets(folder):
    folder.change("cloud: global", "colour: red")
    assert "secret" not in folder.problem().message


def test_a_key_with_the_name_of_a_branch_is_placed_correctly(folder):
    folder.change("  method: client-secret", "  method: client-secret\n  client-secret: x")
    problem = folder.problem()
    assert problem.field == "sign_in.client-secret"
    assert (problem.line, problem.column) == (9, 3)


def test_pydantics_own_wording_never_shows(folder):
    folder.add("alpine", "client: 1\ntenant: []\nsign_in: 5\nhand_over: {}\ndry_run_only: 2\n")
    text = "\n".join(map(str, folder.problems()))
    for word in ("Input should", "pydantic", "input_value", "Field required", "type="):
        assert word not in text


_LINES = [
    "client: {}",
    "tenant: {}",
    "purpose: {}",
    "cloud: {}",
    "onboarding: {}",
    "usage_location: {}",
    "dry_run_only: {}",
    "password: {}",
    "sign_in: {}",
    "sign_in: {{method: {}}}",
    "sign_in: {{method: client-secret, application_id: {}, secret: x}}",
    "sign_in: {{method: client-secret, secret: {}}}",
    "sign_in: {{method: client-secret, secret: {{environment: {}}}}}",
    "sign_in: {{method: client-secret, secret: {{keyring: {}}}}}",
    "sign_in: {{method: certificate, certificate: [{}]}}",
    "hand_over: {{method: mail, recipient: {}}}",
    "federation_override: {}",
    "records_override: {{run_ids: [{}]}}",
    "x: '{}",
    "x: *{}",
    "x: !{} y",
    "x: [{}",
    "{}",
]


@given(
    line=st.sampled_from(_LINES),
    value=st.text(st.sampled_from("abcXYZ019~.-_+/="), min_size=1, max_size=40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_and_no_chained_error_repeats_a_value(folder, line, value):
    folder.add("alpine", "onboarding: no\n" + line.format(f"zq7{value}") + "\n")
    with pytest.raises(ParametersError) as caught:
        parameters.load(folder.path)
    assert "zq7" not in str(caught.value)
    assert caught.value.__context__ is None
