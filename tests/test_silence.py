"""Which silences show that a request was not sent: over real TLS, and through a real proxy."""

import gc
import socket

import pytest

from o365lib.clouds import Cloud
from o365lib.errors import AnswerLost, NoAnswer, ServiceUnavailable
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.secret import Secret
from o365lib.transport import Transport
from tests.connect_proxy import hang_up_on_the_tunnel, proxying, refuse, tunnel_into_a_jam
from tests.scripted_server import answer, break_off, hang_up, reset, serving


class Token:
    def token(self):
        return Secret("the-access-token")

    renew = token


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def public(server, monkeypatch):
    """A public cloud, which is reached through a proxy where there is one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    for variable in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return Cloud("global", server.base_url, server.base_url)


def connected(cloud, *, connect_timeout_seconds=5, read_timeout_seconds=5) -> Transport:
    return Transport(
        cloud,
        ledger=Ledger(),
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
    )


def write(transport, body=None) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        transport.send("POST", f"{transport.cloud.graph_base_url}/v1.0/users", json=body or {})
    transport.close()
    return caught.value


def garbage(handler):
    """Answer with what is no TLS."""
    plain = socket.socket(fileno=handler.connection.detach())
    plain.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    plain.close()
    handler.close_connection = True


def raw(text):
    """Answer with a text that is no whole HTTP answer."""

    def act(handler):
        handler.wfile.write(text)
        handler.close_connection = True

    return act


LOST = {
    "reset": (reset, "connection reset"),
    "hung up": (hang_up, "connection reset"),
    "broken off": (break_off, "answer broken off"),
    "broken off in a chunk": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf"),
        "answer broken off",
    ),
    "no length of a chunk": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlong\r\n"),
        "answer broken off",
    ),
    "not the encoding it says": (
        answer(200, raw=b"plain", Content_Encoding="gzip"),
        "answer broken off",
    ),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "connection reset"),
    "no TLS": (garbage, "TLS failed"),
}


@pytest.mark.parametrize("way", ["direct", "proxy"])
@pytest.mark.parametrize(("act", "reason"), LOST.values(), ids=LOST)
def test_an_answer_that_is_lost_after_the_request_arrived_never_counts_as_not_sent(
    server, public, monkeypatch, way, act, reason
):
    server.answers(act)
    with proxying() as proxy:
        if way == "proxy":
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = write(connected(public))
        assert len(proxy.asked) == (way == "proxy")
    assert (failure.reason, failure.was_sent, failure.is_lasting) == (reason, True, False)
    assert [seen.method for seen in server.seen] == ["POST"]


# urllib3 leaves the socket of such an answer to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_answer_whose_header_contradicts_itself_may_have_taken_effect(server, public):
    server.answers(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 4\r\n\r\n{}"))
    failure = write(connected(public))
    told = (failure.reason, failure.was_sent, failure.is_lasting)
    del failure
    gc.collect()
    assert told == ("answer not readable", True, False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("act", [reset, hang_up])
def test_behind_a_proxy_a_write_whose_answer_was_lost_is_sent_once(
    server, public, monkeypatch, act
):
    server.answers(*[act] * 6)
    with proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        transport = connected(public)
        with pytest.raises(AnswerLost):
            GraphSession(transport, Token()).post("/users", {"displayName": "Practice"})
        transport.close()
    assert [seen.json for seen in server.seen] == [{"displayName": "Practice"}]


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_an_answer_that_does_not_come_in_time_may_have_taken_effect(
    server, public, monkeypatch, way
):
    with proxying() as proxy:
        if way == "proxy":
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        server.answers(lambda handler: handler.rfile.read(1))
        failure = write(connected(public, read_timeout_seconds=0.3))
    assert (failure.reason, failure.was_sent) == ("timeout", True)


def test_a_body_that_gets_stuck_on_its_way_may_have_been_sent(public, monkeypatch):
    with proxying(tunnel_into_a_jam) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = write(connected(public, connect_timeout_seconds=1), {"text": "x" * 30_000_000})
    assert (failure.reason, failure.was_sent) == ("timeout", True)


def test_a_proxy_that_refuses_the_tunnel_shows_that_nothing_was_sent(server, public, monkeypatch):
    with proxying(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        failure = write(connected(public))
    assert (failure.reason, failure.was_sent) == ("proxy", False)
    assert not server.seen


def test_a_proxy_that_hangs_up_on_the_tunnel_proves_nothing(server, public, monkeypatch):
    with proxying(hang_up_on_the_tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert write(connected(public)).was_sent
    assert not server.seen


def test_a_proxy_that_is_not_there_shows_that_nothing_was_sent(server, public, monkeypatch):
    with proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    failure = write(connected(public))
    assert (failure.reason, failure.was_sent) == ("proxy", False)
    assert not server.seen


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://proxy.invalid:8080", "proxy"),
        ("http://", "not a URL"),
        ("gopher://127.0.0.1:70", "not a URL"),
        ("socks5://127.0.0.1:9", "not a URL"),
    ],
)
def test_a_proxy_that_has_no_address_shows_that_nothing_was_sent(
    server, public, monkeypatch, proxy, reason
):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    failure = write(connected(public))
    assert (failure.reason, failure.was_sent) == (reason, False)
    assert not server.seen


def test_a_proxys_foreign_certificate_shows_that_nothing_was_sent(
    server, public, monkeypatch, tmp_path
):
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as other, proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
        failure = write(connected(public))
    assert (failure.reason, failure.was_sent) == ("certificate not trusted", False)
    assert failure.is_lasting
    assert not server.seen


def test_a_connection_that_is_not_made_in_time_shows_that_nothing_was_sent(public):
    # A full backlog: the system neither accepts nor refuses.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        url = f"https://127.0.0.1:{full.getsockname()[1]}"
        failure = write(connected(Cloud("global", url, url), connect_timeout_seconds=0.3))
        for one in waiting:
            one.close()
    assert (failure.reason, failure.was_sent) == ("connect timeout", False)


@pytest.mark.parametrize("location", ["https://[half", "https://evil.example:port/", "\xff\xfe"])
def test_an_answer_that_redirects_to_no_address_is_still_an_answer(server, public, location):
    server.answers(answer(308, Location=location))
    transport = connected(public)
    got = transport.send("POST", f"{public.graph_base_url}/v1.0/users", json={})
    transport.close()
    assert got.status == 308


def test_a_failure_that_is_being_handled_is_not_the_cause_of_the_next_one(server, public):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
    nobody = connected(Cloud("global", url, url))
    server.answers(reset)
    try:
        nobody.send("GET", f"{url}/v1.0/users")
    except NoAnswer:
        failure = write(connected(public))
    nobody.close()
    assert (failure.reason, failure.was_sent) == ("connection reset", True)
    assert len(server.seen) == 1


def test_a_write_that_is_lost_while_a_failed_read_is_handled_is_sent_once(server, public):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
    server.answers(*[reset] * 6)
    here, nobody = connected(public), connected(Cloud("global", url, url))
    with pytest.raises(AnswerLost):  # noqa: PT012 -- the second is sent while the first is handled
        try:
            GraphSession(nobody, Token(), patience_seconds=0).post("/users", {})
        except ServiceUnavailable:
            GraphSession(here, Token()).post("/users", {})
    here.close()
    nobody.close()
    assert len(server.seen) == 1
