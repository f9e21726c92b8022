"""An archive that two accounts of one group share, as docs/four-eyes.md sets it up."""

import os
import stat

import pytest

from o365lib.evidence.client_lock import ClientLock
from o365lib.evidence.index import Index
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.stores import FolderStore
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="files have no mode here")

CLIENT = "alpine-books"


@pytest.fixture
def narrow():
    """A umask that leaves a group nothing: what is shared must not depend on it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def fill(folder):
    """Make all that a run makes in an archive, while it is still under way too."""
    archive = folder / "evidence"
    batch = open_batch(folder)
    run, _ = make_run(batch, CLIENT, "one")
    RunLock(run).take()
    assert ClientLock(run).take()
    with Index(batch.archive) as index:
        index.refresh()
    source = run.notebook_file
    store = FolderStore(archive)
    store.create_from("copies/of/it", iter([source.read_bytes()]))
    seal_runs(folder, (CLIENT, "two"))
    return [archive, *archive.rglob("*")]


def modes(paths, *, of_folders):
    return {stat.S_IMODE(each.stat().st_mode) for each in paths if each.is_dir() == of_folders}


def test_everything_is_the_groups_whose_folder_it_is(tmp_path, narrow):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence").chmod(0o2770)
    paths = fill(tmp_path)
    assert modes(paths, of_folders=True) == {0o2770}
    assert modes(paths, of_folders=False) == {0o660}


def test_without_that_everything_is_the_owners(tmp_path):
    before = os.umask(0)
    try:
        paths = fill(tmp_path)
    finally:
        os.umask(before)
    assert modes(paths, of_folders=True) == {0o700}
    assert modes(paths, of_folders=False) == {0o600}
