import os
from urllib.parse import urlsplit

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.stores import open_store
from o365lib.evidence.stores.azure import open_container
from tests import store_servers
from tests.store_behaviour import LARGE, StoreBehaviour, sha256


class TestContainer(StoreBehaviour):
    @pytest.fixture
    def place(self, container):
        return container

    @pytest.fixture
    def write_behind(self, blobs, container):
        name = container.rpartition("/")[2]
        return lambda key, content: blobs.get_blob_client(name, key).upload_blob(
            content, overwrite=True
        )


@pytest.fixture
def source(tmp_path):
    """Make a local file; returns its path and digest."""

    def make(content):
        path = tmp_path / "source"
        path.write_bytes(content)
        return path, {"sha256": sha256(content)}

    return make


@pytest.mark.parametrize("size", [200_000, LARGE])
def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_done_again(
    request, container, azurite_port, source, size
):
    line = store_servers.Line(azurite_port)
    request.addfinalizer(line.close)
    far = container.replace(f":{azurite_port}/", f":{line.port}/")
    path, digest = source(os.urandom(size))
    line.cut_after(size // 2)
    with pytest.raises(EvidenceError, match="cannot be written"):
        open_container(urlsplit(far), retention=None, retries=0).create("a", path, **digest)
    line.mend()
    store = open_store(container)
    assert list(store.entries()) == []
    assert store.create("a", path, **digest)
    assert [each.size for each in store.entries()] == [size]


def test_a_wrong_key_is_told_and_not_repeated(monkeypatch, container):
    wrong = "d3Jvbmcta2V5"
    monkeypatch.setenv("AZURE_STORAGE_KEY", wrong)
    with pytest.raises(EvidenceError, match=r"cannot be listed \(Auth") as caught:
        list(open_store(container).entries())
    assert "AZURE_STORAGE_" in caught.value.remedy
    assert wrong not in str(caught.value)


def test_a_shared_access_signature_may_stand_in_the_environment(monkeypatch, container, source):
    from datetime import timedelta

    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    from o365lib import clock

    token = generate_account_sas(
        store_servers.ACCOUNT,
        store_servers.ACCOUNT_KEY,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, list=True, create=True),
        clock.now() + timedelta(hours=1),
    )
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"?{token}")
    store = open_store(container)
    path, digest = source(b"evidence")
    assert store.create("a", path, **digest)
    assert "sig=" not in store.url
    assert not store.create("a", path, **digest)


def test_a_signature_is_not_repeated_when_the_server_is_not_there(monkeypatch, container):
    import traceback

    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2026&sig=hush-hush")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    store = open_container(urlsplit(container), retention=None, retries=0)
    with pytest.raises(EvidenceError, match="cannot be listed") as caught:
        list(store.entries())
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    assert "REQUESTS_CA_BUNDLE" in caught.value.remedy


def test_a_connection_string_may_stand_in_the_environment(
    monkeypatch, container, azurite_port, source
):
    endpoint = f"https://127.0.0.1:{azurite_port}/{store_servers.ACCOUNT}"
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        f"DefaultEndpointsProtocol=https;AccountName={store_servers.ACCOUNT};"
        f"AccountKey={store_servers.ACCOUNT_KEY};BlobEndpoint={endpoint};",
    )
    store = open_store(f"{container}/below")
    path, digest = source(b"evidence")
    assert store.create("a", path, **digest)
    assert [each.name for each in open_store(container).entries()] == ["below/a"]
