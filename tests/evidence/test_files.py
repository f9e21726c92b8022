"""Files that are written as a whole or not at all."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from o365lib.evidence.files import (
    claim_folder,
    create_atomically,
    create_from_pieces,
    make_folder,
    make_root,
    mode_for,
    sha256_of,
    write_atomically,
)


def test_a_reader_never_sees_half_of_a_file(tmp_path, monkeypatch):
    """At the moment of the exchange the old file is whole, and the new one is already on disk."""
    path = tmp_path / "record.json"
    write_atomically(path, "old" * 1000)
    seen = []
    exchange = Path.replace

    def look_first(part, target):
        seen.append((path.read_text(), part.read_text(), part.parent))
        return exchange(part, target)

    monkeypatch.setattr(Path, "replace", look_first)
    write_atomically(path, "new" * 2000)
    assert seen == [("old" * 1000, "new" * 2000, tmp_path)]
    assert path.read_text() == "new" * 2000


def test_a_name_that_is_taken_is_left_to_who_has_it(tmp_path):
    path = tmp_path / "00000001.json"
    create_atomically(path, b"first")
    with pytest.raises(FileExistsError):
        create_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_of_many_who_claim_a_name_at_once_one_has_it(tmp_path):
    path = tmp_path / "00000001.json"

    def claim(number: int) -> bool:
        try:
            create_atomically(path, b"%d" % number * 1000)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [*pool.map(claim, range(40))]
    assert won.count(True) == 1
    assert path.read_bytes() == b"%d" % won.index(True) * 1000


def test_a_drive_without_hard_links_claims_names_too(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "00000001.json"
    create_atomically(path, b"first")
    with pytest.raises(FileExistsError):
        create_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_is_the_owners_alone(tmp_path):
    create_atomically(tmp_path / "a", b"")
    make_folder(tmp_path / "folder")
    make_folder(tmp_path / "folder")
    if os.name != "nt":
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "folder").write_text("")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "folder")


def test_a_digest_is_that_of_the_exact_bytes(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="the system cannot refuse links")
def test_a_symbolic_link_is_not_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"outside")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="symbolic"):
        sha256_of(tmp_path / "link")


def test_a_file_made_of_pieces_is_there_when_the_last_one_is_or_not_at_all(tmp_path):
    path = tmp_path / "runbook.ipynb"

    def pieces(*, breaks):
        yield b"one"
        assert not path.exists()
        yield b"two"
        if breaks:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_from_pieces(path, pieces(breaks=True))
    assert list(tmp_path.iterdir()) == []
    create_from_pieces(path, pieces(breaks=False))
    assert path.read_bytes() == b"onetwo"
    with pytest.raises(FileExistsError):
        create_from_pieces(path, [b"three"])
    assert path.read_bytes() == b"onetwo"


@pytest.mark.skipif(os.name == "nt", reason="files have no mode here")
class TestSharedFolders:
    """What is made is the group's too where somebody has opened the folder to it."""

    @pytest.mark.parametrize(
        ("mode", "file_mode", "folder_mode"),
        [
            (0o2770, 0o660, 0o2770),
            (0o2775, 0o660, 0o2770),
            (0o770, 0o600, 0o700),  # as somebody's umask makes folders
            (0o2750, 0o600, 0o2700),
        ],
    )
    def test_new_things_have_the_mode_of_their_folder(self, tmp_path, mode, file_mode, folder_mode):
        tmp_path.chmod(mode)
        before = os.umask(0o077)
        try:
            make_root(tmp_path / "root")
            make_folder(tmp_path / "root" / "folder")
            write_atomically(tmp_path / "root" / "folder" / "a", "")
            create_atomically(tmp_path / "b", b"")
        finally:
            os.umask(before)
        made = [tmp_path / "root", tmp_path / "root" / "folder"]
        assert [stat.S_IMODE(each.stat().st_mode) for each in made] == [folder_mode] * 2
        made = [tmp_path / "root" / "folder" / "a", tmp_path / "b"]
        assert [stat.S_IMODE(each.stat().st_mode) for each in made] == [file_mode] * 2
        assert mode_for(tmp_path) == file_mode

    def test_of_a_folder_one_process_is_the_maker(self, tmp_path):
        claim_folder(tmp_path / "run")
        with pytest.raises(FileExistsError):
            claim_folder(tmp_path / "run")
