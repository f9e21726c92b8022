import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from o365lib.errors import EvidenceError
from o365lib.evidence.authority_http import LARGEST_ANSWER, ask

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*PROXIES, *map(str.upper, PROXIES), *BUNDLES):
        monkeypatch.delenv(name, raising=False)


class Server(ThreadingHTTPServer):
    """Answers with `answer(handler)`, and notes what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.answer = lambda handler: handler.reply(b"answer")
        self.scheme = "http"

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.server_address[1]}/tsa"

    def handle_error(self, request, client_address):
        """Say nothing of those who hang up."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.server.answer(self)

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers), None))
        self.reply(b"redirected")

    def reply(self, body, *, status=200, kind="application/timestamp-reply", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    serving = Server()
    thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()
    thread.join()


def asked(url, patience_seconds=20.0):
    return ask(url, b"query", patience_seconds=patience_seconds)


def refusal(url, **limits):
    with pytest.raises(EvidenceError) as caught:
        asked(url, **limits)
    assert "o365 evidence stamp" in caught.value.remedy
    assert "without a time stamp" in caught.value.state
    return caught.value.message


def test_a_query_is_posted_and_answered(server):
    assert asked(server.url) == b"answer"
    [(path, headers, body)] = server.asked
    assert path == "/tsa"
    assert body == b"query"
    assert headers["Content-Type"] == "application/timestamp-query"
    assert headers["Accept"] == "application/timestamp-reply"
    assert {"Authorization", "Cookie"}.isdisjoint(headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server, status):
    server.answer = lambda handler: handler.reply(b"", status=status, Location=server.url)
    assert f"answered {status}" in refusal(server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_another_status_is_no_answer(server, status):
    server.answer = lambda handler: handler.reply(b"no", status=status)
    assert f"answered {status}" in refusal(server.url)


def test_a_page_is_no_answer(server):
    server.answer = lambda handler: handler.reply(b"<html>", kind="text/html")
    assert "text/html" in refusal(server.url)


def test_a_huge_answer_is_not_read(server):
    server.answer = lambda handler: handler.reply(bytes(LARGEST_ANSWER + 1))
    assert "larger than 256 KiB" in refusal(server.url)
    server.answer = lambda handler: handler.reply(bytes(LARGEST_ANSWER))
    assert len(asked(server.url)) == LARGEST_ANSWER


def test_a_silent_server_is_not_waited_for(server):
    release = threading.Event()
    server.answer = lambda handler: release.wait(30)
    said = refusal(server.url, patience_seconds=0.3)
    assert "longer than 0.3 seconds" in said or "timed out" in said
    release.set()


def test_an_answer_byte_by_byte_is_not_waited_for(server):
    """No single byte is late, so that only a limit for all of it ends this."""
    gone = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/timestamp-reply")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(600):
            if gone.is_set():
                break
            handler.wfile.write(b"x")
            time.sleep(0.05)

    server.answer = drip
    assert "longer than 0.5 seconds" in refusal(server.url, patience_seconds=0.5)
    gone.set()


def test_a_broken_answer_is_told(server):
    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    server.answer = break_off
    assert "gave no time stamp" in refusal(server.url)
    server.answer = lambda handler: handler.wfile.write(b"not HTTP\r\n\r\n")
    assert "gave no time stamp" in refusal(server.url)


def test_nobody_there_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "refused" in refusal(f"http://127.0.0.1:{port}/").lower()


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://localhost/x", "localhost/tsa", ""])
def test_nothing_but_http_is_asked(url):
    assert "no http:// or https://" in refusal(url)


def test_an_address_is_told_by_its_host_alone(server):
    said = refusal(f"http://127.0.0.1:{1}/account/hush?token=hush")
    assert "127.0.0.1" in said
    assert "hush" not in said


def test_the_proxy_of_the_environment_is_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/tsa"))
    assert asked("http://time.invalid/stamps") == b"answer"
    assert server.asked[0][0] == "http://time.invalid/stamps"


class TestTls:
    @pytest.fixture
    def authority(self, server, tmp_path):
        import ssl

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
        authority.cert_pem.write_to_path(tmp_path / "root.pem")
        return tmp_path / "root.pem"

    def test_a_stranger_is_not_trusted(self, server, authority):
        assert "certificate verify failed" in refusal(server.url).lower()
        assert server.asked == []

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_the_companys_bundle_is_trusted(self, server, authority, monkeypatch, name):
        monkeypatch.setenv(name, str(authority))
        assert asked(server.url) == b"answer"

    def test_a_bundle_that_is_not_there_is_told(self, server, authority, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.parent / "none.pem"))
        assert "No such file" in refusal(server.url)
