"""Every refusal of the sign-in service is a sentence with a way out."""

import pytest

from o365lib.aadsts import SENTENCES, explain
from o365lib.secret import Secret

DESCRIPTION = (
    "AADSTS{number}: The service's own words. Trace ID: 11111111-aaaa\r\n"
    "Correlation ID: 22222222-bbbb\r\nTimestamp: 2026-08-20 10:11:12Z"
)

# Those that a runbook can meet, from Microsoft's list.
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
WANTED = {
    70016, 50126, 50034, 50053, 50055, 50057, 50076, 50079, 50072, 50158, 53003, 530035, 53000,
    53001, 65001, 90094, 700016, 7000215, 7000222, 700027, 7000218, 7000112, 90002, 900023, 70011,
    500011, 50020, 50177, 70043, 700082, 50173,
}  # fmt: skip


def answer(number, error="invalid_grant", **more):
    return {
        "error": error,
        "error_description": DESCRIPTION.format(number=number),
        "error_codes": [number],
        "correlation_id": "22222222-bbbb",
        **more,
    }


def test_every_number_that_a_runbook_can_meet_has_a_sentence():
    assert set(SENTENCES) >= WANTED


@pytest.mark.parametrize("number", sorted(SENTENCES))
def test_a_number_becomes_a_sentence_with_a_way_out(number):
    error = explain(answer(number))
    message, remedy = SENTENCES[number]
    assert error.message == f"{message} (AADSTS{number})"
    assert error.remedy == remedy
    assert message.endswith(".")
    assert remedy.endswith(".")
    assert message[0].isupper()
    assert (error.code, error.correlation_id) == (number, "22222222-bbbb")
    assert "Trace" not in str(error)


def test_an_unknown_number_is_shown_in_the_services_own_words_with_microsofts_page():
    error = explain(answer(123456))
    assert error.message == "The service's own words. (AADSTS123456)"
    assert "https://login.microsoftonline.com/error?code=123456" in error.remedy
    assert "1111" not in str(error)


def test_the_number_is_found_in_the_text_where_it_is_nowhere_else():
    only_text = {"error": "invalid_grant", "error_description": DESCRIPTION.format(number=50057)}
    assert explain(only_text).code == 50057


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("authorization_declined", "declined"),
        ("expired_token", "expired"),
        ("bad_verification_code", "wrong"),
        ("authorization_pending", "in time"),
        ("slow_down", "in time"),
        ("abort", "broken off"),
        ("access_denied", "declined"),
    ],
)
def test_the_end_of_a_device_code_or_browser_is_known_by_its_oauth_error(error, words):
    assert words in explain({"error": error}).message


def test_a_blocked_sign_in_says_by_what_although_its_oauth_error_is_access_denied():
    assert "Conditional Access" in explain(answer(53003, "access_denied")).message


def test_an_oauth_error_of_a_device_code_says_more_than_its_number():
    assert "declined" in explain(answer(70020, "authorization_declined")).message


@pytest.mark.parametrize(
    "body",
    [{}, {"error": None}, {"error": {"code": "x"}}, {"error_codes": ["a"]}, {"error_codes": {}}],
)
def test_an_answer_without_sense_is_still_a_sentence(body):
    error = explain(body)
    assert error.message.endswith(".")
    assert error.code == 0


def test_a_secret_in_the_services_words_is_masked():
    secret = Secret("a-client-secret-value")
    error = explain({"error": "x", "error_description": f"You sent {secret.reveal()}\x07."})
    assert "a-client-secret-value" not in str(error)
    assert "\x07" not in error.message
