from datetime import UTC, datetime

import pytest

from o365lib.sandbox.sign_in.errors import refusal

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def body(code, **words):
    return refusal(code, **words).body(now=NOW, correlation_id="c-1")


def test_an_error_is_written_as_the_token_endpoint_does():
    error = body(50126)
    assert error["error"] == "invalid_grant"
    assert error["error_codes"] == [50126]
    assert error["error_description"].startswith("AADSTS50126: Error validating credentials")
    assert error["timestamp"] == "2026-08-20 10:11:12Z"
    assert error["correlation_id"] == "c-1"
    assert error["trace_id"] in error["error_description"]
    assert error["error_uri"].endswith("code=50126")


def test_words_fill_the_text_and_unknown_ones_stay_visible():
    assert "'x-1'" in body(700016, app_id="x-1")["error_description"]
    assert "<tenant>" in body(700016, app_id="x-1")["error_description"]


def test_braces_in_a_word_do_no_harm():
    assert "{0.__class__}" in body(90002, tenant="{0.__class__}")["error_description"]


def test_a_number_without_a_text_can_be_forced_too():
    assert body(999999)["error"] == "invalid_grant"


def test_multi_factor_errors_carry_claims_to_replay():
    assert "polids" in body(50076)["claims"]
    assert "claims" not in body(50126)


@pytest.mark.parametrize(
    ("code", "status", "suberror"),
    [(7000215, 401, None), (65001, 400, "consent_required"), (50173, 400, "bad_token")],
)
def test_the_status_and_the_suberror_are_the_documented_ones(code, status, suberror):
    reply = refusal(code).reply(now=NOW, correlation_id="c")
    assert reply.status == status
    assert body(code).get("suberror") == suberror
