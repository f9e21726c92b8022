"""What MSAL sends its requests with."""

import pytest

from o365lib import clock, secret
from o365lib.clouds import Cloud
from o365lib.errors import NoAnswer, UntrustedHost
from o365lib.ledger import Ledger
from o365lib.msal_http import MsalHttpClient
from o365lib.transport import Transport
from tests.scripted_server import answer, reset, serving
from tests.standing_clock import StandingClock

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def standing():
    standing = StandingClock()
    with clock.use(standing):
        yield standing


@pytest.fixture
def http(server, standing):
    transport = Transport(server.cloud, ledger=Ledger())
    yield MsalHttpClient(transport)
    transport.close()


@pytest.fixture
def token_url(server):
    return f"{server.cloud.login_base_url}/contoso/oauth2/v2.0/token"


def test_a_form_goes_out_as_msal_gave_it_and_comes_back_as_msal_reads_it(server, http, token_url):
    server.answers(answer(200, {"access_token": "an-access-token-1"}, X_Thing="1"))
    got = http.post(
        token_url,
        params={"slice": "x"},
        data={"grant_type": "client_credentials", "client_secret": "a+b&c"},
        headers={"x-client-sku": "MSAL.Python", "client-request-id": "of-msal"},
    )
    sent = server.seen[0]
    assert sent.path.endswith("/token?slice=x")
    assert sent.body == b"grant_type=client_credentials&client_secret=a%2Bb%26c"
    assert sent.headers["x-client-sku"] == "MSAL.Python"
    assert sent.headers["client-request-id"] == "of-msal"
    assert (got.status_code, got.text) == (200, '{"access_token": "an-access-token-1"}')
    assert got.headers["x-thing"] == "1"
    got.raise_for_status()


@pytest.mark.parametrize("status", [200, 400, 502])
def test_what_msal_cannot_read_it_does_not_get_for_it_would_log_it(server, http, token_url, status):
    page = b"<h1>Error</h1><pre>client_secret=quoted-client-secret</pre>"
    server.answers(*[answer(status, raw=page, content_type="text/html")] * 4)
    with pytest.raises(NoAnswer, match=f"answered {status}, not with JSON but with text") as caught:
        http.post(token_url, data={"client_secret": "quoted-client-secret"})
    assert "quoted" not in str(caught.value)
    assert caught.value.was_sent


def test_every_secret_in_either_direction_becomes_known(server, http, token_url):
    names = ("access_token", "refresh_token", "id_token", "device_code", "user_code")
    server.answers(answer(200, {name: f"issued-{name}-value" for name in names}))
    sent = ("client_secret", "client_assertion", "code", "code_verifier", "password")
    http.post(token_url, data={name: f"sent-{name}-value" for name in sent})
    text = " ".join([f"issued-{name}-value" for name in names] + [f"sent-{n}-value" for n in sent])
    assert "value" not in secret.mask(text)


def test_an_address_outside_the_cloud_is_refused_before_anything_is_sent(http):
    with pytest.raises(UntrustedHost):
        http.post("https://login.evil.example/token", data={"client_secret": "s"})
    with pytest.raises(UntrustedHost):
        http.get("https://login.microsoftonline.com/common/discovery/instance")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again_after_the_time_it_asks_for(
    server, http, standing, token_url, status
):
    server.answers(answer(status, {}, Retry_After="3"), answer(200, {}))
    assert http.post(token_url, data={"grant_type": "client_credentials"}).status_code == 200
    assert standing.sleeps == [3.0]
    attempts = [entry.attempt for entry in http._transport.ledger.records()]
    assert attempts == [1, 2]


def test_a_wait_that_is_too_long_or_a_fourth_refusal_is_handed_back(server, http, token_url):
    server.answers(answer(429, {}, Retry_After="121"))
    assert http.get(token_url).status_code == 429
    server.answers(*[answer(503, {})] * 4)
    assert http.get(token_url).status_code == 503
    assert len(server.seen) == 5


def test_a_minute_is_waited_as_the_service_asks_applications_to(server, http, standing, token_url):
    plain = answer(429, "Too Many Requests", Retry_After="60", Content_Type="text/plain")
    server.answers(plain, answer(200, {}))
    assert http.post(token_url, data={"grant_type": "client_credentials"}).status_code == 200
    assert standing.sleeps == [60.0]


def test_a_service_that_throttles_for_good_is_told_apart_from_a_gateway(server, http, token_url):
    plain = answer(429, "Too Many Requests", Retry_After="1", Content_Type="text/plain")
    server.answers(*[plain] * 4)
    with pytest.raises(NoAnswer, match="too many sign-ins") as caught:
        http.post(token_url, data={"grant_type": "client_credentials"})
    assert caught.value.reason == "throttled"
    assert "--jobs" in caught.value.remedy


def test_a_refusal_is_not_repeated_and_remembered(server, http, standing, token_url):
    body = {"error": "invalid_client", "error_codes": [7000215]}
    server.answers(answer(401, body))
    assert http.post(token_url, data={}).status_code == 401
    assert http.last_error == body
    assert not standing.sleeps


@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token", DEVICE])
def test_a_lost_answer_is_asked_for_again(server, http, token_url, grant):
    server.answers(reset, answer(200, {}))
    assert http.post(token_url, data={"grant_type": grant}).status_code == 200


def test_a_service_that_never_answers_is_given_up_after_four_attempts(server, http, token_url):
    server.answers(*[reset] * 5)
    with pytest.raises(NoAnswer):
        http.get(token_url)
    assert len(server.seen) == 4


def test_a_code_is_never_sent_twice_after_a_lost_answer(server, http, standing, token_url):
    server.answers(reset)
    with pytest.raises(NoAnswer):
        http.post(token_url, data={"grant_type": "authorization_code", "code": "the-code"})
    assert len(server.seen) == 1
    assert not standing.sleeps


def test_an_untrusted_certificate_is_not_tried_again(server, standing, tmp_path, token_url):
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as impostor:
        cloud = Cloud("sandbox", impostor.base_url, impostor.base_url, server.ca_file)
        http = MsalHttpClient(Transport(cloud, ledger=Ledger()))
        with pytest.raises(NoAnswer, match="certificate"):
            http.get(f"{impostor.base_url}/contoso")
    assert not standing.sleeps


def test_an_error_status_raises_where_msal_asks_for_it(server, http, token_url):
    server.answers(answer(404, {}))
    with pytest.raises(NoAnswer, match="404"):
        http.get(token_url).raise_for_status()


def test_closing_leaves_the_transports_connections_open(server, http, token_url):
    http.get(token_url)
    http.close()
    http.get(token_url)
    assert server.seen[0].port == server.seen[1].port
