import json

import pytest

from o365lib import clouds
from o365lib.errors import UsageError

# https://learn.microsoft.com/graph/deployments
PUBLISHED = {
    "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "us-government-l4": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "us-government-l5": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": (
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_cloud_has_its_published_addresses(name):
    cloud = clouds.find_cloud(name)
    assert (cloud.login_base_url, cloud.graph_base_url) == PUBLISHED[name]
    assert cloud.ca_file is None
    assert cloud.application_scope == f"{PUBLISHED[name][1]}/.default"


def test_the_names_are_the_four_clouds_and_the_sandbox():
    assert set(clouds.NAMES) == {*PUBLISHED, "sandbox"}


def test_an_unknown_cloud_is_answered_with_the_known_ones():
    with pytest.raises(UsageError) as caught:
        clouds.find_cloud("germany")
    assert "us-government-l4" in caught.value.remedy


@pytest.mark.parametrize(
    ("url", "is_permitted"),
    [
        ("https://graph.microsoft.com/v1.0/users", True),
        ("https://GRAPH.microsoft.com/v1.0/users", True),
        ("https://login.microsoftonline.com/common", True),
        ("http://graph.microsoft.com/v1.0/users", False),
        ("https://graph.microsoft.com:8443/", False),
        ("https://graph.microsoft.us/", False),
        ("https://graph.microsoft.com.evil.example/", False),
        ("https://evil.example/graph.microsoft.com", False),
        ("https://graph.microsoft.com@evil.example/", False),
        ("https://user@graph.microsoft.com/", False),
        ("https://evil.example\\@graph.microsoft.com/", False),
        ("https://evil.example#@graph.microsoft.com/", False),
        ("//graph.microsoft.com/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_token_goes_to_the_two_hosts_of_its_cloud_only(url, is_permitted):
    assert clouds.find_cloud("global").permits(url) is is_permitted


@pytest.fixture
def sandbox_file(tmp_path):
    file = tmp_path / "sandbox.json"

    def write(**changes):
        addresses = {
            "login_base_url": "https://127.0.0.1:1111",
            "graph_base_url": "https://localhost:2222/",
            "ca_file": str(tmp_path / "ca.pem"),
        }
        file.write_text(json.dumps(addresses | changes))
        return file

    return write


def test_the_sandbox_is_where_its_file_says(sandbox_file, tmp_path):
    cloud = clouds.find_cloud("sandbox", sandbox_file=sandbox_file())
    assert cloud.login_base_url == "https://127.0.0.1:1111"
    assert cloud.graph_base_url == "https://localhost:2222"
    assert cloud.ca_file == tmp_path / "ca.pem"
    assert cloud.permits("https://localhost:2222/v1.0/me")
    assert not cloud.permits("https://localhost:3333/v1.0/me")


OUTSIDE = """https://graph.microsoft.com https://192.168.0.1:1 http://127.0.0.1:1 https://[::2]
https://127.0.0.1.evil.example https://localhost.example https://[ https://localhost@evil.example"""


@pytest.mark.parametrize("url", [*OUTSIDE.split(), "", 5, None])
def test_a_sandbox_outside_this_machine_is_not_believed(sandbox_file, url):
    for name in ("login_base_url", "graph_base_url"):
        with pytest.raises(UsageError, match="not an HTTPS address of this machine"):
            clouds.find_cloud("sandbox", sandbox_file=sandbox_file(**{name: url}))


def test_ipv6_loopback_is_this_machine(sandbox_file):
    file = sandbox_file(graph_base_url="https://[::1]:2222")
    assert clouds.find_cloud("sandbox", sandbox_file=file).permits("https://[::1]:2222/v1.0/me")


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "null", '{"login_base_url": 1}'])
def test_a_file_that_does_not_describe_a_sandbox_is_said_to_be_wrong(tmp_path, content):
    file = tmp_path / "sandbox.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="does not describe a sandbox"):
        clouds.find_cloud("sandbox", sandbox_file=file)


def test_a_sandbox_that_does_not_run_is_answered_with_how_to_start_it(tmp_path):
    for file in (None, tmp_path / "none.json"):
        with pytest.raises(UsageError, match="The sandbox is not running") as caught:
            clouds.find_cloud("sandbox", sandbox_file=file)
        assert "o365 sandbox serve" in caught.value.remedy
