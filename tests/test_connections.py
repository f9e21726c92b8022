"""Which bundle a connection trusts by, and that it is parsed once."""

import shutil
import ssl

import pytest
import requests

from o365lib import connections
from o365lib.connections import Connections, parse_default_bundle
from tests.scripted_server import serving


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def opened():
    made = Connections()
    yield made
    made.close()


def prepared(url):
    return requests.Request("GET", url).prepare()


def trust(made, verify, url="https://graph.example"):
    return made.build_connection_pool_key_attributes(prepared(url), verify)[1]["ssl_context"]


def test_all_hosts_and_runs_trust_by_one_parsed_bundle(server):
    bundle = str(server.ca_file)
    context = trust(Connections(), bundle, "https://login.example")
    assert trust(Connections(), bundle, "https://graph.example") is context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_request_is_answered_where_the_bundle_has_the_servers_authority(server, opened):
    got = opened.send(prepared(server.base_url), verify=str(server.ca_file), timeout=5)
    assert got.status_code == 200


def test_no_other_authority_is_trusted(server, opened):
    with pytest.raises(requests.exceptions.SSLError):
        opened.send(prepared(server.base_url), verify=True, timeout=5)
    assert not server.seen


def test_a_bundle_that_was_changed_counts_from_then_on(server, opened, tmp_path):
    (tmp_path / "other").mkdir()
    bundle = tmp_path / "bundle.pem"
    with serving(tmp_path / "other") as stranger:
        shutil.copyfile(stranger.ca_file, bundle)
    with pytest.raises(requests.exceptions.SSLError):
        opened.send(prepared(server.base_url), verify=str(bundle), timeout=5)
    shutil.copyfile(server.ca_file, bundle)
    assert opened.send(prepared(server.base_url), verify=str(bundle), timeout=5).status_code == 200


def test_a_bundle_that_is_not_there_is_an_error(server, opened, tmp_path):
    with pytest.raises(OSError, match="bundle"):
        opened.send(prepared(server.base_url), verify=str(tmp_path / "none.pem"), timeout=5)
    assert not server.seen


def test_a_folder_of_authorities_is_trusted_as_well(server, opened, tmp_path):
    (tmp_path / "authorities").mkdir()
    with pytest.raises(requests.exceptions.SSLError):
        opened.send(prepared(server.base_url), verify=str(tmp_path / "authorities"), timeout=5)
    assert not server.seen


def test_a_proxy_over_tls_is_trusted_by_the_bundle_too(server, opened):
    bundle = str(server.ca_file)
    with pytest.raises(requests.RequestException):
        # It speaks no CONNECT, but that comes after its certificate was trusted.
        opened.send(
            prepared("https://graph.example"),
            verify=bundle,
            proxies={"https": server.base_url},
            timeout=5,
        )
    assert [each.method for each in server.seen] == ["CONNECT"]


def test_the_default_bundle_is_parsed_beforehand(opened):
    connections._trust_in.cache_clear()
    parse_default_bundle()
    parsed = connections._trust_in.cache_info().misses
    assert trust(opened, verify=True).cert_store_stats()["x509_ca"] > 20
    assert connections._trust_in.cache_info().misses == parsed
