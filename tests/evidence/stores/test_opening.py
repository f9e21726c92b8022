import pytest

from o365lib.errors import UsageError
from o365lib.evidence.stores import FolderStore, Retention, open_store
from o365lib.evidence.stores.opening import is_url


@pytest.mark.parametrize(
    "text", ["evidence", "./evidence", "{tmp}/evidence", "file://{tmp}/evidence"]
)
def test_a_path_or_a_file_url_is_a_folder(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    store = open_store(text.replace("{tmp}", str(tmp_path)))
    assert store == FolderStore(tmp_path / "evidence")
    assert store.url == str(tmp_path / "evidence")


def test_quoted_letters_in_a_file_url_are_those_of_the_path(tmp_path):
    assert open_store((tmp_path / "an archive").as_uri()) == FolderStore(tmp_path / "an archive")


def test_the_home_folder_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/evidence") == FolderStore(tmp_path / "evidence")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://a", True),
        ("HTTPS://a/b", True),
        ("C:\\evidence", False),
        ("C:/evidence", False),
        ("evidence", False),
        ("a b://c", False),
    ],
)
def test_a_url_is_told_from_a_path(text, expected):
    assert is_url(text) is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://evidence4711.blob.core.windows.net/evidence?sv=2026&sig=hush",
        "https://me:hush@evidence4711.blob.core.windows.net/evidence",
        "s3://key:hush@bucket/prefix",
        "s3://bucket/prefix#hush",
        "https://evidence4711.blob.core.windows.net/evidence/?hush",
    ],
)
def test_a_credential_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError, match="holds no credentials") as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
    assert "AZURE_STORAGE_SAS_TOKEN" in caught.value.remedy


@pytest.mark.parametrize(
    "url",
    [
        "http://evidence4711.blob.core.windows.net/evidence",
        "ftp://example.com/evidence",
        "file://server/share",
        "abs://x/y",
        "evidence://x",
    ],
)
def test_another_protocol_is_no_place_for_an_archive(url):
    with pytest.raises(UsageError, match="is no place for an archive"):
        open_store(url)


@pytest.mark.parametrize("url", ["https://[x/evidence", "https://a:port/evidence"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(UsageError, match="is not an address"):
        open_store(url)


@pytest.mark.parametrize("path", ["a/../b", "%2e%2e/b", "a/%2e%2E"])
def test_a_url_leads_nowhere_upwards(path):
    with pytest.raises(UsageError, match=r"no `\.\.`"):
        open_store(f"s3://bucket/{path}")


def test_a_folder_cannot_be_asked_to_keep_and_says_so(tmp_path):
    assert open_store(str(tmp_path), retention=Retention(7, "compliance")).retention is None


def test_what_needs_no_cloud_imports_no_sdk(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from o365lib.evidence.stores import open_store; open_store('x');"
        "sys.exit(any(name in sys.modules for name in ('boto3', 'azure.core')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
