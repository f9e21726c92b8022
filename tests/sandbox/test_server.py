import socket
import stat
import sys
import threading

import pytest
import requests

from o365lib.sandbox import Sandbox


def get(served, path="/common/discovery/instance"):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(served.login_base_url + path, verify=served.ca_file, timeout=10)


def test_both_hosts_listen_on_loopback_under_one_authority(served, web, tenant):
    for base in (served.login_base_url, served.graph_base_url):
        assert base.startswith("https://127.0.0.1:")
    assert web.login("GET", "/common/discovery/instance").status_code == 200
    assert web.graph("GET", "/domains").status_code == 401
    assert tenant.id not in served.ca_file.read_text()


def test_the_certificate_is_for_localhost_too(served, web):
    url = served.login_base_url.replace("127.0.0.1", "localhost") + "/common/discovery/instance"
    assert web.session.get(url, timeout=10).status_code == 200


def test_nobody_else_is_trusted(served):
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(served.login_base_url, timeout=10)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_ca_file_is_for_its_owner_and_holds_no_key(served):
    assert stat.S_IMODE(served.ca_file.stat().st_mode) == 0o600
    assert "PRIVATE" not in served.ca_file.read_text()


def test_after_the_block_nothing_listens_and_nothing_is_left(sandbox):
    threads = threading.active_count()
    with sandbox.serve() as served:
        assert get(served).status_code == 200
        port = int(served.graph_base_url.rpartition(":")[2])
    assert not served.ca_file.parent.exists()
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_client_that_stays_connected_does_not_hold_the_end_up(sandbox):
    with requests.Session() as session:
        session.trust_env = False
        with sandbox.serve() as served:
            url = f"{served.login_base_url}/common/discovery/instance"
            assert session.get(url, verify=served.ca_file, timeout=10).status_code == 200
        assert sandbox.served is None


def test_a_taken_port_is_an_error_and_nothing_is_served(sandbox):
    with sandbox.serve() as served:
        port = int(served.graph_base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), Sandbox().serve(graph_port=port):
            pass


def test_a_wanted_port_is_taken(sandbox):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sandbox.serve(login_port=port) as served:
        assert served.login_base_url.endswith(f":{port}")


def test_many_sandboxes_live_side_by_side():
    one, other = Sandbox(), Sandbox()
    with one.serve() as first, other.serve() as second:
        assert first.control_key != second.control_key
        assert get(first).status_code == get(second).status_code == 200


def test_its_repr_keeps_the_control_key(served):
    assert served.control_key not in repr(served)
