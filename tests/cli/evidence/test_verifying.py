import json
import shutil

import pytest

from o365lib import clock
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from tests.evidence.eventful_archive import small
from tests.evidence.sealed_archive import seal_runs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def evidence(made, project):
    """The project's archive."""
    shutil.copytree(made.root, project / "evidence")
    return project / "evidence"


@pytest.fixture
def first_key(made, project):
    file = project / "first.pem"
    file.write_bytes(made.first_key.pem)
    return str(file)


def spoil(evidence):
    record = next((evidence / "alpine-books").glob("2*/record.json"))
    record.write_text("{}")
    return record


@pytest.mark.usefixtures("evidence")
def test_a_sound_archive_ends_well_and_says_what_it_proves(o365, first_key, made):
    result = o365("evidence", "verify", "--public-key", first_key)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "5 runs, 5 seals, 4 digests" in result.stdout
    assert "from 2026-11-23T12:01:00.000Z to 2026-11-23T12:05:30.000Z" in result.stdout
    assert "Nothing was changed, removed or inserted." in result.stdout
    assert made.first_key.fingerprint in result.stdout
    assert "a given key vouches for it" in result.stdout
    assert "No head was given" in result.stdout
    assert "No key was given" not in result.stdout


@pytest.mark.usefixtures("evidence")
def test_without_a_key_the_limits_of_the_proof_are_told(o365):
    result = o365("evidence", "verify")
    assert result.exit_code == 0
    assert "No key was given with --public-key" in result.stdout
    assert "not who signed it" in result.stdout


def test_a_problem_is_told_with_run_file_and_kind_and_the_exit_status_is_1(o365, evidence):
    record = spoil(evidence)
    result = o365("evidence", "verify")
    assert result.exit_code == 1
    [line] = [each for each in result.stdout.splitlines() if "edited" in each]
    for text in ("alpine-books", record.parent.name, "record.json"):
        assert text in line
    assert "NOT as it was written: 1 problem" in result.stdout
    assert "Nothing was changed" not in result.stdout


def test_for_machines_it_is_one_json_document(o365, evidence, first_key, made):
    record = spoil(evidence)
    result = o365("evidence", "verify", "--json", "--public-key", first_key)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["is_sound"] is False
    assert told["problems"] == [
        {
            "client": "alpine-books",
            "run_id": record.parent.name,
            "file": record.relative_to(evidence).as_posix(),
            "kind": "edited",
            "sentence": "It is not the file of which alpine-books/_seals/00000001.json speaks.",
        }
    ]
    assert told["counts"]["runs"] == 5
    assert told["keys_given"] is True
    assert {each["key_id"] for each in told["keys"]} >= {made.first_key.key_id}


@pytest.mark.parametrize("form", ["path", "url", "before the command"])
def test_another_archive_is_named_by_path_or_url(o365, evidence, tmp_path, form):
    other = tmp_path / "elsewhere"
    shutil.move(evidence, other)
    words = {
        "path": ("evidence", "verify", str(other)),
        "url": ("evidence", "verify", other.as_uri()),
        "before the command": ("--evidence", str(other), "evidence", "verify"),
    }[form]
    assert o365(*words).exit_code == 0


def test_one_clients_runs_are_verified_alone(o365, evidence):
    spoil(evidence)
    result = o365("evidence", "verify", "--client", "bayside-legal", "--client", "cedar-dental")
    assert (result.exit_code, "3 runs of bayside-legal, cedar-dental" in result.stdout) == (0, True)
    assert "1 run of cedar-dental, 1 seal, 4 digests" in (
        o365("evidence", "verify", "--client", "cedar-dental").stdout
    )
    assert o365("evidence", "verify", "--client", "alpine-books").exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "nowhere"), "There is no archive at"),
        (("head", "nowhere"), "There is no archive at"),
        (("verify", "ftp://x/y"), "no place for an archive"),
        (("verify", "--client", "nobody"), "no run of a client 'nobody'"),
        (("verify", "--client", "../x"), "is no client's name"),
        (("head", "--client", "nobody"), "No run of nobody is sealed"),
        (("verify", "--head", "o365-head 1"), "no head of an archive"),
        (("verify", "--public-key", "parameters/defaults.yaml"), "no public key in PEM form"),
        (("verify", "--public-key", "missing.pem"), "does not exist"),
        (("verify", "--time-stamp-authority", "parameters/defaults.yaml"), "holds no certificate"),
    ],
)
@pytest.mark.usefixtures("evidence")
def test_wrong_usage_is_told_before_anything_is_read(o365, words, said):
    result = o365("evidence", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_the_store_that_is_named_as_the_archive_is_verified_itself(o365, evidence):
    url = evidence.as_uri()
    assert f"Verified {evidence}" in o365("--evidence", url, "evidence", "verify").stdout
    named = o365("evidence", "head", url).stdout
    assert named
    assert o365("--evidence", url, "evidence", "head").stdout == named


def test_a_head_that_was_kept_tells_what_was_cut_off_since(o365, evidence):
    heads = []
    for words in ((), ("--client", "cedar-dental")):
        result = o365("evidence", "head", *words)
        assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
        heads += ["--head", result.stdout]
    assert o365("evidence", "verify", *heads).exit_code == 0
    for each in (evidence / "_digests").glob("00000004.*"):
        each.unlink()
    shutil.rmtree(evidence / "cedar-dental")
    shutil.rmtree(evidence / "bayside-legal" / "_reconciliations")
    assert o365("evidence", "verify").exit_code == 0
    result = o365("evidence", "verify", "--json", *heads)
    told = [(each["kind"], each["file"]) for each in json.loads(result.stdout)["problems"]]
    assert told == [
        ("missing", "_digests/00000004.json"),
        ("missing", "cedar-dental/_seals/00000001.json"),
    ]


@pytest.mark.usefixtures("evidence")
def test_an_archive_without_any_digest_has_no_head(o365, project):
    (project / "empty").mkdir()
    result = o365("evidence", "head", "empty")
    assert (result.exit_code, "There is no digest" in result.stderr) == (2, True)


@pytest.mark.usefixtures("evidence")
def test_a_run_under_way_is_no_problem_until_its_process_is_gone(o365, project):
    from o365lib.evidence.archive import Archive

    batch = OpenBatch.begin(Archive(project / "evidence"), KeyStore(project / "keys"))
    batch.begin_run("alpine-books", "run-1", "create_service_account").write_notebook("{}")
    result = o365("evidence", "verify")
    assert (result.exit_code, "since under way: alpine-books/run-1" in result.stdout) == (0, True)
    batch.close()
    result = o365("evidence", "verify")
    assert (result.exit_code, "unsigned" in result.stdout) == (1, True)
    assert "o365 evidence seal" in result.stdout


@pytest.mark.usefixtures("evidence")
def test_long_work_tells_how_far_it_is_in_lines_or_live(o365):
    class Hurried(clock.SystemClock):
        passed = 0.0

        def monotonic(self):
            self.passed += 10
            return self.passed

    with clock.use(Hurried()):
        lines = o365("evidence", "verify").stderr.splitlines()
    assert lines[0].endswith("Verifying: 0 runs, 0 files, 0 kB")
    assert "Verifying: 5 runs, 29 files" in lines[-1]
    live = o365("evidence", "verify", env={"FORCE_COLOR": "1"})
    assert "Verifying" in live.stderr
    assert live.exit_code == 0


def test_a_place_without_an_archive_is_wrong_usage_and_not_verified(o365, tmp_path):
    (tmp_path / "empty").mkdir()
    told = o365("evidence", "verify", str(tmp_path / "empty"))
    assert told.exit_code == 2
    assert "There is no archive at" in told.stderr
    assert "Verified" not in told.stdout


def test_of_very_many_problems_some_are_shown_and_all_counted(o365, tmp_path):
    seal_runs(tmp_path, ("alpine-books", "20261123T104500123Z-create-7f3a9c"))
    for number in range(70):
        (tmp_path / "evidence" / f"README-{number}.txt").write_text("")
    told = o365("evidence", "verify", str(tmp_path / "evidence"))
    assert told.exit_code == 1
    assert "... and 20 more: 70 inserted in all." in told.stdout
