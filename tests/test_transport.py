"""The wire, against a server over real TLS."""

import logging
import socket
import threading
from datetime import UTC, datetime

import pytest

from o365lib import clock, clouds
from o365lib.clouds import Cloud
from o365lib.errors import NoAnswer, UntrustedHost
from o365lib.ledger import Ledger
from o365lib.secret import Secret
from o365lib.transport import Transport, path_template, retry_after_seconds
from tests.scripted_server import answer, break_off, reset, serving
from tests.standing_clock import StandingClock


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def transport(server):
    made = Transport(server.cloud, ledger=Ledger(), connect_timeout_seconds=5)
    yield made
    made.close()


def send(transport, path="/v1.0/users", method="GET", **options):
    return transport.send(method, f"{transport.cloud.graph_base_url}{path}", **options)


def test_an_answer_has_status_lower_case_headers_parsed_body_and_request_id(server, transport):
    server.answers(answer(200, {"value": [1]}, X_Some="thing"))
    got = send(transport)
    assert (got.status, got.body, got.request_id) == (200, {"value": [1]}, "id-1")
    assert got.headers["x-some"] == "thing"


def test_a_secret_in_a_body_and_the_token_are_revealed_on_the_wire_only(server, transport, caplog):
    caplog.set_level(logging.DEBUG)
    body = {"passwordProfile": {"password": Secret("Tr0ub4dor&3-x")}}
    send(transport, method="POST", json=body, token=Secret("the-access-token"))
    assert server.seen[0].json["passwordProfile"]["password"] == "Tr0ub4dor&3-x"
    assert server.seen[0].headers["Authorization"] == "Bearer the-access-token"
    written = caplog.text + str(transport.ledger.records())
    assert "Tr0ub4dor" not in written
    assert "the-access-token" not in written


def test_every_request_carries_a_client_request_id_of_its_own(server, transport):
    send(transport)
    send(transport)
    ids = [seen.headers["client-request-id"] for seen in server.seen]
    assert len(set(ids)) == 2
    assert [entry.client_request_id for entry in transport.ledger.records()] == ids
    assert all(seen.headers["return-client-request-id"] == "true" for seen in server.seen)


def test_the_ledger_has_each_request_with_what_became_of_it(server, transport):
    error = {"error": {"code": "TooManyRequests", "message": "wait"}}
    server.answers(answer(200, {}), answer(429, error, Retry_After="2.128"), reset)
    send(transport, "/v1.0/users?$top=5")
    send(transport, attempt=2)
    with pytest.raises(NoAnswer):
        send(transport)
    first, second, third = transport.ledger.records()
    assert first.path == "/v1.0/users?$top=5"
    assert (first.sequence, first.service, first.method, first.status, first.attempt) == (
        1, "graph", "GET", 200, 1,
    )  # fmt: skip
    assert (second.error, second.retry_after_seconds, second.attempt) == (
        "TooManyRequests", 2.128, 2,
    )  # fmt: skip
    assert (third.status, third.error, third.request_id) == (0, "connection reset", "")
    assert datetime.fromisoformat(first.started).tzinfo is not None


def test_a_sign_in_request_is_recorded_without_its_query_and_with_the_aadsts_number(
    server, transport
):
    server.answers(answer(400, {"error": "invalid_grant", "error_codes": [50126]}))
    login = transport.cloud.login_base_url
    transport.send_form("GET", f"{login}/contoso/authorize?code=secret-code")
    (entry,) = transport.ledger.records()
    assert (entry.service, entry.path) == ("sign-in", "/contoso/authorize")
    assert entry.error == "invalid_grant AADSTS50126"
    assert server.seen[0].path.endswith("?code=secret-code")


def test_the_log_has_one_line_a_request_with_the_paths_template_and_no_query(
    server, transport, caplog
):
    caplog.set_level(logging.INFO, logger="o365lib")
    send(transport, "/v1.0/users/jo@contoso.example?$select=id", token=Secret("the-token"))
    (record,) = [entry for entry in caplog.records if entry.name.startswith("o365lib")]
    assert record.getMessage().startswith("GET /v1.0/users/{id} 200 id-1 ")
    assert "contoso" not in record.getMessage()


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1.0/users/jo@x.example/sendMail", "/v1.0/users/{id}/sendMail"),
        ("/v1.0/domains/x.example/federationConfiguration",
         "/v1.0/domains/{id}/federationConfiguration"),
        ("/v1.0/$batch", "/v1.0/$batch"),
        ("/v1.0/directory/deletedItems/microsoft.graph.user",
         "/v1.0/directory/deletedItems/microsoft.graph.user"),
        ("/7e06b566-15f3-4013-8bf8-79874d52e68a/v2.0/.well-known/openid-configuration",
         "/{id}/v2.0/.well-known/openid-configuration"),
    ],
)  # fmt: skip
def test_a_path_template_names_nobody(path, template):
    assert path_template(path) == template


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.example/v1.0/users",
        "http://127.0.0.1/v1.0/users",
        "{base}@evil.example/v1.0/users",
        "{base}.evil.example/v1.0/users",
        "{base}\\@evil.example/",
        "{base}\t.evil.example/",
        "{base}\t/v1.0/users",
        "{base}/v1.0/us\ners",
        "{base}/v1.0\\users",
        "{base}/v1.0/us\u00e9rs",
        "https://evil.example\\@{netloc}/",
        "https://evil.example #@{netloc}/",
        "HTTPS://user:password@{netloc}/",
    ],
)
def test_a_url_outside_the_cloud_is_refused_before_anything_is_sent(server, transport, url):
    base = server.base_url
    with pytest.raises(UntrustedHost):
        transport.send("GET", url.format(base=base, netloc=base[8:]), token=Secret("the-token"))
    assert not server.seen
    assert not transport.ledger.records()


def test_a_redirect_is_handed_back_and_not_followed(server, transport, tmp_path):
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as elsewhere:
        server.answers(answer(302, Location=f"{elsewhere.base_url}/v1.0/users"))
        assert send(transport, token=Secret("the-token")).status == 302
        assert not elsewhere.seen


def test_cookies_of_the_service_are_not_kept(server, transport):
    server.answers(answer(200, {}, Set_Cookie="session=1; Path=/"))
    send(transport)
    send(transport)
    assert "Cookie" not in server.seen[1].headers


# ---- trust and environment ---------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_in_the_environment_neither_breaks_nor_replaces_the_sandboxs_authority(
    server, transport, tmp_path, monkeypatch, variable
):
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as impostor:
        monkeypatch.setenv(variable, str(impostor.ca_file))
        assert send(transport).status == 200
        # The impostor's certificate is good by the environment's bundle, and by that only.
        cloud = Cloud("sandbox", impostor.base_url, impostor.base_url, server.ca_file)
        with pytest.raises(NoAnswer) as caught:
            send(Transport(cloud, ledger=Ledger()))
        assert not impostor.seen
    assert (caught.value.reason, caught.value.was_sent) == ("certificate not trusted", False)
    assert caught.value.is_lasting


def test_a_missing_bundle_in_the_environment_does_not_break_the_sandbox(transport, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    assert send(transport).status == 200


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_nothing_in_the_environment_turns_verification_off(server, monkeypatch, value):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONHTTPSVERIFY"):
        monkeypatch.setenv(variable, value)
    public = Cloud("global", server.base_url, server.base_url)
    with pytest.raises(NoAnswer) as caught:
        send(Transport(public, ledger=Ledger()))
    assert caught.value.is_lasting
    assert not server.seen


def test_a_public_cloud_trusts_the_companys_bundle(server, monkeypatch):
    public = Cloud("global", server.base_url, server.base_url)
    with pytest.raises(NoAnswer):
        send(Transport(public, ledger=Ledger()))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    assert send(Transport(public, ledger=Ledger())).status == 200


def test_a_public_clouds_bundle_that_is_not_there_is_said_in_a_sentence(server, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(NoAnswer, match="bundle") as caught:
        send(Transport(Cloud("global", server.base_url, server.base_url), ledger=Ledger()))
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy
    assert not caught.value.was_sent


def test_a_proxy_in_the_environment_is_not_used_for_this_machine(transport, monkeypatch):
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert send(transport).status == 200


def test_a_proxy_in_the_environment_is_used_for_a_public_cloud(monkeypatch):
    asked = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def proxy():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        asked.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    thread = threading.Thread(target=proxy)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, address)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    public = Transport(
        clouds.find_cloud("global"),
        ledger=Ledger(),
        connect_timeout_seconds=5,
        read_timeout_seconds=5,
    )
    with pytest.raises(NoAnswer) as caught:
        send(public, token=Secret("the-token"))
    thread.join()
    listener.close()
    assert asked[0].startswith(b"CONNECT graph.microsoft.com:443")
    assert b"the-token" not in asked[0]
    assert (caught.value.reason, caught.value.was_sent) == ("proxy", False)


def test_a_password_in_netrc_is_never_sent(server, transport, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password netrc-password\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    send(transport)
    send(transport, token=Secret("the-token"))
    assert "Authorization" not in server.seen[0].headers
    assert server.seen[1].headers["Authorization"] == "Bearer the-token"


# ---- failures ----------------------------------------------------------------------------------


def test_a_reset_connection_may_have_carried_the_request(server, transport):
    server.answers(reset)
    with pytest.raises(NoAnswer) as caught:
        send(transport, method="POST", json={})
    assert caught.value.was_sent
    assert not caught.value.is_lasting
    assert len(server.seen) == 1


def test_an_answer_that_breaks_off_may_have_taken_effect(server, transport):
    server.answers(break_off)
    with pytest.raises(NoAnswer) as caught:
        send(transport, method="POST", json={})
    assert (caught.value.reason, caught.value.was_sent) == ("answer broken off", True)


def test_no_answer_in_time_may_have_taken_effect(server):
    ended = threading.Event()
    server.answers(lambda _: ended.wait(20))
    impatient = Transport(server.cloud, ledger=Ledger(), read_timeout_seconds=0.2)
    with pytest.raises(NoAnswer) as caught:
        send(impatient, method="POST", json={})
    ended.set()
    assert (caught.value.reason, caught.value.was_sent) == ("timeout", True)
    assert impatient.ledger.records()[0].error == "timeout"


def test_a_refused_connection_certainly_sent_nothing(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    closed = Transport(Cloud("sandbox", url, url, server.ca_file), ledger=Ledger())
    with pytest.raises(NoAnswer) as caught:
        send(closed, method="POST", json={})
    assert (caught.value.reason, caught.value.was_sent) == ("connection refused", False)
    assert closed.ledger.records()[0].status == 0


def test_a_name_that_does_not_resolve_certainly_sent_nothing(server):
    url = "https://graph.invalid"
    lost = Transport(Cloud("sandbox", url, url, server.ca_file), ledger=Ledger())
    with pytest.raises(NoAnswer) as caught:
        send(lost)
    assert (caught.value.reason, caught.value.was_sent) == ("name not resolved", False)


def test_a_header_that_http_forbids_is_refused_without_quoting_it(server, transport):
    with pytest.raises(NoAnswer) as caught:
        send(transport, token=Secret("a-token\nwith-a-break"))
    assert "with-a-break" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not server.seen


def test_a_token_of_foreign_letters_is_refused_without_quoting_it(server, transport):
    with pytest.raises(NoAnswer) as caught:
        send(transport, method="POST", json={}, token=Secret("令牌-a-token"))
    assert (caught.value.reason, caught.value.was_sent) == ("not a request", False)
    assert "令牌" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert not server.seen


def test_an_interrupt_leaves_an_entry_in_the_ledger(server, transport, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(transport._connections, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        send(transport, method="POST", json={})
    assert transport.ledger.records()[0].error == "interrupted"


def test_a_connection_is_kept_but_not_used_again_after_it_stood_idle(server, transport):
    with clock.use(StandingClock()):
        send(transport)
        clock.sleep(29)
        send(transport)
        clock.sleep(31)
        send(transport)
    first, second, third = (seen.port for seen in server.seen)
    assert first == second != third


# ---- bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "start"),
    [
        (b"", ""),
        (b"\x00" * 4096, ""),
        (b"<html>Proxy says no</html>", "<html>Proxy says no</html>"),
        (b'{"value": ', '{"value": '),
        (b"\xff\xfe\xfa", ""),
        (b"[" * 100_000, "[" * 200),
    ],
)
def test_a_body_that_is_not_json_is_read_without_failing(server, transport, raw, start):
    server.answers(answer(200, raw=raw, content_type="text/html"))
    got = send(transport)
    assert (got.body, got.size, got.text_start) == (None, len(raw), start)


def test_a_secret_in_a_page_is_masked_before_the_pages_start_is_cut_off(server, transport):
    token = Secret("eyJ0eXAi" + "x" * 500)
    page = f"<h1>Bad request</h1><pre>Bearer {token.reveal()}</pre>".encode()
    server.answers(answer(400, raw=page, content_type="text/html"))
    assert "xx" not in send(transport).text_start


def test_a_body_that_cannot_be_sent_is_a_programming_error_and_is_not_sent(server, transport):
    with pytest.raises(TypeError, match="object"):
        send(transport, method="POST", json={"a": object()})
    assert not server.seen


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        ("2.128", 2.128),
        ("0", 0.0),
        (" 3 ", 3.0),
        ("Thu, 20 Aug 2026 10:12:12 GMT", 60.0),
        ("Thu, 20 Aug 2026 10:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_fraction_or_date(text, seconds):
    with clock.use(StandingClock(datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC))):
        assert retry_after_seconds({"retry-after": text}) == seconds
