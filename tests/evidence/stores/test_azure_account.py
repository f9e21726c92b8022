import sys
from urllib.parse import urlsplit

import pytest

from o365lib.errors import UsageError
from o365lib.evidence.stores.azure import open_container
from tests import store_servers

GLOBAL = "https://evidence4711.blob.core.windows.net"
KEY = {"AZURE_STORAGE_KEY": store_servers.ACCOUNT_KEY}


def opened(url, environment=KEY):
    return open_container(urlsplit(url), retention=None, environment=environment)


def test_a_connection_string_of_another_account_is_refused():
    text = (
        "DefaultEndpointsProtocol=https;AccountName=other4711;"
        f"AccountKey={store_servers.ACCOUNT_KEY};EndpointSuffix=core.windows.net"
    )
    with pytest.raises(UsageError, match="for another account") as caught:
        opened(f"{GLOBAL}/evidence", {"AZURE_STORAGE_CONNECTION_STRING": text})
    assert store_servers.ACCOUNT_KEY not in str(caught.value)
    assert opened(
        "https://other4711.blob.core.windows.net/evidence",
        {"AZURE_STORAGE_CONNECTION_STRING": text},
    ).url.endswith("/evidence")


@pytest.mark.parametrize("text", ["hush", "AccountKey=hush", "a=b;c"])
def test_a_malformed_connection_string_is_told_and_not_repeated(text):
    with pytest.raises(UsageError, match="malformed") as caught:
        opened(f"{GLOBAL}/evidence", {"AZURE_STORAGE_CONNECTION_STRING": text})
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        f"{GLOBAL}/evidence",
        f"{GLOBAL}/evidence/a/prefix",
        "https://evidence4711.blob.core.usgovcloudapi.net/evidence",
        "https://evidence4711.blob.core.chinacloudapi.cn/evidence",
        "https://evidence4711.z01.blob.storage.azure.net/evidence",
        "https://evidence4711.privatelink.blob.core.windows.net/evidence",
    ],
)
def test_containers_of_every_cloud_are_known(url):
    assert opened(url).url == url
    assert opened(url, {}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/evidence",
        "https://evidence4711.blob.core.windows.net.example.com/evidence",
        "https://evidence4711.blob.example.com/evidence",
        "https://evidence4711.blobxcore.windows.net/evidence",
        "https://a.b.blob.core.windows.net/evidence",
        "https://evil.com#.blob.core.windows.net/evidence",
    ],
)
def test_credentials_go_to_no_host_but_azures(url):
    with pytest.raises(UsageError, match="is not a storage account of Azure"):
        opened(url)


@pytest.mark.parametrize("path", ["", "/", "/UPPER", "/a", "/a--b", "/-ab", "/$web"])
def test_what_is_no_containers_name_is_refused(path):
    with pytest.raises(UsageError, match="is not the name of a container"):
        opened(GLOBAL + path)


@pytest.mark.parametrize("missing", ["azure.storage.blob", "azure.identity"])
def test_a_missing_library_is_told_with_the_line_that_installs_it(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError) as caught:
        opened(f"{GLOBAL}/evidence", {})
    assert caught.value.remedy == "pip install 'o365-runbooks[azure]'"
