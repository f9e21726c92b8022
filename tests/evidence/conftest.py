"""Servers for archives in the cloud, one of each a worker, and an empty bucket or container."""

import itertools

import pytest

from tests import store_servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A private authority, which the SDKs are told of in their own variables."""
    return store_servers.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def moto_port(certificates):
    """Where S3 is served."""
    with store_servers.moto(certificates) as port:
        yield port


@pytest.fixture(scope="session")
def azurite_port(certificates):
    """Where Azure's blobs are served."""
    with store_servers.azurite(certificates) as port:
        yield port


@pytest.fixture
def line(request):
    """A connection to moto that can be cut."""
    made = store_servers.Line(request.getfixturevalue("moto_port"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def s3_client(certificates, moto_port):
    """A client of boto3 for what tests do behind our back; making one takes a while."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=f"https://127.0.0.1:{moto_port}",
        verify=certificates.authority,
        region_name="us-east-1",
        aws_access_key_id="tester",
        aws_secret_access_key="of-no-use-anywhere",
    )


@pytest.fixture
def s3(monkeypatch, certificates, moto_port, s3_client):
    """That client; the environment is set for ours."""
    store_servers.use_moto(monkeypatch, certificates, moto_port)
    return s3_client


@pytest.fixture
def bucket(s3):
    """The URL of an empty bucket."""
    name = f"evidence-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture
def locked_bucket(s3):
    """The URL of an empty bucket with object lock."""
    name = f"locked-{next(_numbers)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return f"s3://{name}"


@pytest.fixture
def blobs(monkeypatch, certificates, azurite_port):
    """A client of Azurite's account; the environment is set for ours."""
    from azure.storage.blob import BlobServiceClient

    url = store_servers.use_azurite(monkeypatch, certificates, azurite_port)
    credential = {
        "account_name": store_servers.ACCOUNT,
        "account_key": store_servers.ACCOUNT_KEY,
    }
    with BlobServiceClient(url, credential=credential) as client:
        yield client


@pytest.fixture
def container(blobs):
    """The URL of an empty container."""
    name = f"evidence-{next(_numbers)}"
    blobs.create_container(name)
    return f"{blobs.url.rstrip('/')}/{name}"
