import json
import shutil

import pytest

from o365lib.evidence.chain import path_of
from o365lib.evidence.time_stamp import unstamped
from tests.time_stamp_authority import TimeStampAuthority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    with TimeStampAuthority(tmp_path_factory.mktemp("authority")) as authority:
        yield authority


@pytest.fixture
def authority(serving):
    serving.requests.clear()
    yield serving
    serving.answer = serving.stamped


@pytest.fixture
def archive(project):
    """An archive with three digests; what they say matters to nobody here."""
    root = project / "evidence"
    (root / "_digests").mkdir(parents=True)
    for number in (1, 2, 3):
        path_of(root / "_digests", number).write_bytes(b"digest %d" % number)
    return root


@pytest.fixture
def named(authority, project):
    """The authority as the options name it."""
    (project / "root.pem").write_bytes(authority.root_pem)
    return ("--url", authority.url, "--certificate", "root.pem")


def test_digests_without_a_stamp_get_one_the_latest_first(o365, archive, authority, named):
    result = o365("evidence", "stamp", *named)
    assert result.exit_code == 0, result.output
    assert result.stdout == "3 digests are stamped, 0 left.\n"
    assert unstamped(archive) == []
    result = o365("evidence", "stamp", *named)
    assert result.stdout == "Every digest has a time stamp.\n"
    assert len(authority.requests) == 3


def test_the_authority_of_the_defaults_is_asked(o365, archive, authority, project, named):
    defaults = project / "parameters" / "defaults.yaml"
    section = f"time_stamp: {{url: '{authority.url}', certificate: root.pem}}\n"
    defaults.write_text(defaults.read_text("utf-8") + section, "utf-8")
    assert o365("evidence", "stamp").exit_code == 0
    assert unstamped(archive) == []


def test_an_authority_that_fails_is_told_and_the_rest_is_left(o365, archive, authority, named):

    def stamp_the_first_only(query):
        return authority.stamped(query) if len(authority.requests) == 1 else (503, b"later")

    authority.answer = stamp_the_first_only
    result = o365("evidence", "stamp", *named, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["stamped"] == ["00000003.tsr"]
    assert told["left"] == 2
    assert "answered 503" in told["problem"]
    assert "answered 503" in result.stderr
    assert [file.name for file in unstamped(archive)] == ["00000001.json", "00000002.json"]
    authority.answer = authority.stamped
    assert o365("evidence", "stamp", *named).stdout == "2 digests are stamped, 0 left.\n"


def test_without_an_authority_one_is_told_where_to_name_it(o365, archive):
    result = o365("evidence", "stamp")
    assert result.exit_code == 2
    assert "time_stamp" in result.stderr
    assert "--url" in result.stderr


def test_an_address_without_a_certificate_is_no_authority(o365, archive, named):
    for part in (named[:2], named[2:]):
        result = o365("evidence", "stamp", *part)
        assert result.exit_code == 2
        assert "both --url and --certificate" in result.stderr


def test_where_there_is_no_archive_there_is_nothing_to_stamp(o365, named):
    result = o365("evidence", "stamp", *named)
    assert result.exit_code == 2
    assert "no archive" in result.stderr
