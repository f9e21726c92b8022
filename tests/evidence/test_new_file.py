import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from o365lib.evidence.new_file import create, make_folder

posix = pytest.mark.skipif(os.name == "nt", reason="files have no mode here")


@pytest.fixture(params=["with hard links", "without hard links"])
def file_system(request, monkeypatch):
    """Both kinds of file system: those that know hard links, and those that do not."""
    if request.param == "without hard links":

        def link(*_paths, **_options):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("file_system")
class TestEveryFileSystem:
    def test_a_file_is_made_with_the_folders_that_it_needs(self, tmp_path):
        file = tmp_path / "archive" / "_keys" / "a.pem"
        create(file, b"content\r\n")
        assert file.read_bytes() == b"content\r\n"
        assert [each.name for each in file.parent.iterdir()] == ["a.pem"]

    def test_what_is_there_is_never_written_over(self, tmp_path):
        file = tmp_path / "a"
        create(file, b"first")
        with pytest.raises(FileExistsError):
            create(file, b"second")
        assert file.read_bytes() == b"first"
        assert [each.name for each in tmp_path.iterdir()] == ["a"]

    def test_a_link_that_leads_nowhere_is_something_too(self, tmp_path):
        (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):
            create(tmp_path / "a", b"content")
        assert not (tmp_path / "elsewhere").exists()

    def test_of_many_writers_of_one_name_one_succeeds(self, tmp_path):
        def attempt(number):
            try:
                create(tmp_path / "a", b"%d" % number * 10_000)
            except FileExistsError:
                return None
            return number

        with ThreadPoolExecutor(8) as pool:
            won = [each for each in pool.map(attempt, range(32)) if each is not None]
        assert len(won) == 1
        assert (tmp_path / "a").read_bytes() == b"%d" % won[0] * 10_000

    @posix
    def test_files_and_folders_are_their_owners_alone(self, tmp_path):
        before = os.umask(0)
        try:
            create(tmp_path / "f" / "a", b"")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "f" / "a").stat().st_mode) == 0o600


@pytest.mark.usefixtures("file_system")
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def fsync(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        create(tmp_path / "a", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError, match=r"Not a directory|exists"):
        make_folder(tmp_path / "a" / "b")
