"""Whether there is an archive at a place at all."""

import shutil

import pytest

from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification.presence import is_archive
from tests.evidence.sealed_archive import seal_runs

RUN = ("alpine-books", "20261123T104500123Z-create-7f3a9c")


def test_an_archive_is_one_whatever_was_taken_out_of_it(tmp_path):
    seal_runs(tmp_path, RUN)
    root = tmp_path / "evidence"
    assert is_archive(FolderStore(root))
    for name in ("_digests", "_keys", "alpine-books/_seals"):
        shutil.rmtree(root / name)
        assert is_archive(FolderStore(root))


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("README.md", ".git/objects/aa/bb", "notebooks/a.ipynb", "o365lib/cli/run.py"),
        (f"evidence/{RUN[0]}/{RUN[1]}/record.json",),
    ],
    ids=["an empty folder", "a project", "the folder above an archive"],
)
def test_another_place_is_none(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert not is_archive(FolderStore(tmp_path))
