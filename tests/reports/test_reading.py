import hashlib
import os
import sys

import pytest

from o365lib.evidence.archive import NOTEBOOK_FILE, RECORD_FILE, Archive
from o365lib.reports.reading import archived_run, archived_runs
from tests.reports.examples import SEALED, Told, creation, folder_of, removal, write


def read(folder):
    return archived_run(folder, Told())


def test_a_run_is_read_with_its_files_their_digests_and_its_seal(tmp_path):
    made = creation()
    archive = write(tmp_path, made)
    folder = folder_of(archive, made)
    run = read(folder)
    assert (run.record, run.problem, run.seal) == (made, "", SEALED)
    assert [file.name for file in run.files] == [RECORD_FILE, NOTEBOOK_FILE]
    for file in run.files:
        content = (folder.path / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert run.sha256_of(file.name) == file.sha256
    assert run.sha256_of("nothing") == ""


def test_the_digest_told_is_of_the_very_bytes_that_were_read(tmp_path):
    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    before = hashlib.sha256(folder.record_file.read_bytes()).hexdigest()
    run = read(folder)
    folder.record_file.write_text("{}")
    assert run.sha256_of(RECORD_FILE) == before


def test_the_reader_of_seals_is_given_the_digests_of_what_is_reported(tmp_path):
    asked = []

    class Asked(Told):
        def of_run(self, folder, digests):
            asked.append(dict(digests))
            return SEALED

    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    run = archived_run(folder, Asked())
    assert asked == []  # a run that is not reported is not looked at
    assert run.seal == run.seal == SEALED
    assert asked == [{file.name: file.sha256 for file in run.files}]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "not of the schema"),
        (b"\xff\xfe", "not of the schema"),
        (b"[" * 100_000, "not of the schema"),
        (None, "There is no record."),
    ],
)
def test_a_record_that_cannot_be_read_is_told_and_hides_no_file(tmp_path, content, problem):
    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    folder.record_file.unlink()
    if content is not None:
        folder.record_file.write_bytes(content)
    run = read(folder)
    assert run.record is None
    assert problem in run.problem
    assert NOTEBOOK_FILE in [file.name for file in run.files]


@pytest.mark.skipif(sys.platform == "win32", reason="making links is a privilege there")
def test_links_are_not_followed(tmp_path):
    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    elsewhere = tmp_path / "elsewhere.json"
    folder.record_file.rename(elsewhere)
    folder.record_file.symlink_to(elsewhere)
    (folder.path / "more").symlink_to(tmp_path)
    run = read(folder)
    assert (run.record, run.problem) == (None, "The record is a link, which is not followed.")
    assert [file.name for file in run.files] == [NOTEBOOK_FILE]


def test_a_record_larger_than_any_is_not_read_into_memory(tmp_path):
    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    os.truncate(folder.record_file, 65 * 1024 * 1024)
    assert read(folder).problem == "The record is larger than any run writes."


def test_what_a_broken_off_write_left_behind_is_no_file_of_the_run(tmp_path):
    made = creation()
    folder = folder_of(write(tmp_path, made), made)
    (folder.path / ".record.json.0123.part").write_text("half")
    (folder.path / ".hidden").write_text("somebody's")
    assert [file.name for file in read(folder).files] == [".hidden", RECORD_FILE, NOTEBOOK_FILE]


def test_a_run_that_vanished_is_a_run_without_record_and_files(tmp_path):
    run = read(Archive(tmp_path).run("alpine-books", "gone"))
    assert (run.record, run.files) == (None, ())


def test_a_clients_runs_come_oldest_first(tmp_path):
    archive = write(tmp_path, removal(), creation())
    found = [run.folder.run_id for run in archived_runs(archive, "alpine-books", Told())]
    assert found == sorted(found)
    assert len(found) == 2
