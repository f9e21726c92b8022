"""The folder of a person's signing keys."""

import os

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import key_folder
from o365lib.evidence.key_folder import KeyFolder

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX modes")


@posix
def test_it_is_made_for_its_owner_alone(tmp_path):
    folder = KeyFolder(tmp_path / "deep" / "keys")
    with folder.lock():
        assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.check()


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_to_is_refused(tmp_path, mode):
    folder = KeyFolder(tmp_path / "keys")
    folder.path.mkdir()
    folder.path.chmod(mode)
    with pytest.raises(EvidenceError, match="Other users") as caught:
        folder.check()
    assert "chmod 700" in caught.value.remedy


def test_one_process_makes_a_key_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(key_folder, "_PATIENCE_SECONDS", 0)
    folder = KeyFolder(tmp_path / "keys")
    with folder.lock(), pytest.raises(EvidenceError, match="Another process"), folder.lock():
        pytest.fail("it was locked twice")
    with folder.lock():
        pass


def test_what_the_disk_refuses_is_told_with_a_way_out(tmp_path):
    (tmp_path / "keys").write_text("a file")
    with (
        pytest.raises(EvidenceError, match="cannot be used") as caught,
        KeyFolder(tmp_path / "keys").lock(),
    ):
        pytest.fail("it was locked")
    assert "O365_KEYS" in caught.value.remedy
