import json
import shutil

import pytest

from tests import store_servers
from tests.evidence import eventful_archive


@pytest.fixture
def archive(project, tmp_path_factory):
    """An archive in which all has happened that is evidence, in the project."""
    made = eventful_archive.small(tmp_path_factory.mktemp("made"))
    shutil.copytree(made.root, project / "evidence")
    return project / "evidence"


@pytest.fixture
def place(project):
    (project / "store").mkdir()
    return project / "store"


def set_archive(project, text):
    file = project / "parameters" / "defaults.yaml"
    before, found, _ = file.read_text("utf-8").partition("\narchive:")
    assert found
    file.write_text(f"{before}\narchive: {text}\n", "utf-8")


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "/." not in f"/{path.relative_to(folder).as_posix()}"
    }


def test_an_archive_is_published_and_fetched_again(o365, project, archive, place):
    result = o365("evidence", "publish", str(place))
    assert result.exit_code == 0, result.output
    assert f"5 runs are published to {place}" in result.stdout
    assert files_of(place) == files_of(archive)
    shutil.rmtree(archive)
    result = o365("evidence", "fetch", str(place))
    assert result.exit_code == 0, result.output
    assert "`o365 evidence verify`" in result.stdout
    assert files_of(archive) == files_of(place)


def test_the_place_may_stand_in_the_defaults(o365, project, archive, place):
    set_archive(project, f"{{url: {place}}}")
    result = o365("evidence", "publish", "--json")
    told = json.loads(result.stdout)
    assert (told["url"], told["runs"], told["problems"]) == (str(place), 5, [])
    assert told["files"] == len(files_of(archive))
    assert json.loads(o365("evidence", "publish", "--json").stdout)["files"] == 0
    assert json.loads(o365("evidence", "fetch", "--json").stdout)["files"] == 0


def test_what_is_remembered_can_be_left_aside(o365, archive, place):
    o365("evidence", "publish", str(place))
    result = o365("evidence", "publish", str(place), "--again", "--json")
    told = json.loads(result.stdout)
    assert (told["files"], told["already"]) == (0, len(files_of(archive)))


def test_where_nothing_is_new_it_is_told_that_nothing_was_compared(o365, archive, place):
    assert " kB. " in f"{o365('evidence', 'publish', str(place)).stdout.strip()} "
    count = len(files_of(archive))
    again = o365("evidence", "publish", str(place)).stdout
    expected = f"{count} files were published earlier (not compared again; --again does)"
    assert again == f"Nothing new: {expected}.\n"
    told = o365("evidence", "publish", str(place), "--again").stdout
    assert told == f"Nothing new: {count} files in {place} compared and the same.\n"


def test_a_place_that_is_not_there_is_to_be_made_first(error_line, project, archive):
    status, line = error_line("evidence", "publish", str(project / "nowhere"))
    assert (status, f"There is no folder {project / 'nowhere'}" in line) == (1, True)


def test_only_some_clients_may_be_fetched(o365, project, archive, place):
    o365("evidence", "publish", str(place))
    shutil.rmtree(archive)
    o365("evidence", "fetch", str(place), "--client", "cedar-dental")
    assert {path.name for path in archive.iterdir() if path.name[0] not in "._"} == {"cedar-dental"}


def test_a_place_that_nobody_names_is_told(error_line, archive):
    status, line = error_line("evidence", "publish")
    assert status == 2
    assert "Nothing says where the archive is published" in line
    assert error_line("evidence", "fetch")[0] == 2


def test_an_archive_can_be_published_without_a_project(o365, archive, place, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "parameters")
    result = o365("--evidence", str(archive), "evidence", "publish", str(place))
    assert result.exit_code == 0, result.output
    assert files_of(place) == files_of(archive)


def test_defaults_that_are_wrong_are_told_and_not_passed_over(error_line, project, archive, place):
    set_archive(project, "{mode: compliance}")
    status, _ = error_line("evidence", "publish", str(place))
    assert status == 2
    assert files_of(place) == {}


def test_what_cannot_be_sent_is_told_and_is_a_failure(o365, archive, place):
    record = next(archive.glob("cedar-dental/*/record.json"))
    record.write_text("{}")
    result = o365("evidence", "publish", str(place))
    assert result.exit_code == 1
    assert "is not what was signed" in result.stdout
    assert "4 runs are published" in result.stdout


def test_a_folder_is_told_to_protect_nothing_and_refused_where_it_must(
    o365, error_line, project, archive, place
):
    set_archive(project, "{mode: governance, retention_days: 7}")
    assert "it protects nothing" in o365("evidence", "publish", str(place)).stderr
    set_archive(project, "{mode: governance, retention_days: 7, retention_required: true}")
    status, line = error_line("evidence", "publish", str(place))
    assert status == 1
    assert "cannot protect what is published there" in line


def test_a_credential_in_the_url_is_refused_and_not_repeated(o365, archive):
    result = o365(
        "evidence", "publish", "https://evidence4711.blob.core.windows.net/evidence?sig=hush-hush"
    )
    assert result.exit_code == 2
    assert "hush-hush" not in result.output
    assert "AZURE_STORAGE_SAS_TOKEN" in result.stderr


def test_a_bucket_keeps_what_is_published_for_the_days_of_the_defaults(
    o365, project, archive, monkeypatch, tmp_path
):
    import boto3

    certificates = store_servers.Certificates(tmp_path)
    with store_servers.moto(certificates) as port:
        store_servers.use_moto(monkeypatch, certificates, port)
        client = boto3.client("s3")
        client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        set_archive(
            project,
            "{url: 's3://locked/of/ours', mode: compliance, retention_days: 30,"
            " retention_required: true}",
        )
        result = o365("evidence", "publish", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["unprotected"] == 0
        names = [
            each["Key"]
            for each in client.list_objects_v2(Bucket="locked", Prefix="of/")["Contents"]
        ]
        assert {name.removeprefix("of/ours/") for name in names} == set(files_of(archive))
        told = client.head_object(Bucket="locked", Key=names[0])
        assert told["ObjectLockMode"] == "COMPLIANCE"
