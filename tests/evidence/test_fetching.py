import errno
import os
import shutil
from dataclasses import dataclass

import pytest
from filelock import FileLock, Timeout

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence.fetching import fetch
from o365lib.evidence.publishing import publish
from o365lib.evidence.stores import Entry, FolderStore, open_store
from tests.evidence import eventful_archive


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A store with an archive in which all has happened that is evidence; not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    made = eventful_archive.small(folder)
    (folder / "store").mkdir()
    publish(made.root, FolderStore(folder / "store"), say=lambda _: None)
    return FolderStore(folder / "store")


@pytest.fixture
def store(published, tmp_path):
    shutil.copytree(published.root, tmp_path / "store")
    return FolderStore(tmp_path / "store")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "project" / "evidence"


def quietly(store, root, clients=None):
    return fetch(store, root, clients, say=lambda _: None)


def content_of(store):
    return {
        entry.name: b"".join(store.read(entry.name))
        for entry in store.entries()
        if not entry.name.startswith(".") and not entry.is_link
    }


def test_an_empty_folder_becomes_the_same_archive(store, root):
    from o365lib.evidence.verification import verify

    done = quietly(store, root)
    assert content_of(FolderStore(root)) == content_of(store)
    assert done.files == len(content_of(store))
    assert done.bytes_received == sum(map(len, content_of(store).values()))
    assert verify(FolderStore(root)).is_sound


def test_what_is_brought_is_the_owners_alone(store, root):
    quietly(store, root)
    for path in [root, *root.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_of_some_clients_and_what_belongs_to_all(store, root):
    quietly(store, root, ["bayside-legal"])
    wanted = ("bayside-legal/", "_keys/", "_digests/", "_approvals/")
    assert content_of(FolderStore(root)) == {
        name: content for name, content in content_of(store).items() if name.startswith(wanted)
    }


def test_a_client_whose_name_begins_with_anothers_is_another(store, root):
    shutil.copytree(store.root / "cedar-dental", store.root / "cedar-dental-2")
    quietly(store, root, ["cedar-dental"])
    assert not (root / "cedar-dental-2").exists()


def test_what_is_there_is_not_brought_again(store, root):
    quietly(store, root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.json")}
    assert quietly(store, root).files == 0
    (root / ".published").unlink()
    assert quietly(store, root).files == 0
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.json")} == before


def test_what_was_lost_here_is_brought_again(store, root):
    quietly(store, root)
    lost = next(root.glob("cedar-dental/*/record.json"))
    lost.unlink()
    assert quietly(store, root).files == 1
    assert lost.is_file()


def test_what_was_fetched_is_not_published_again(store, root):
    quietly(store, root)
    done = publish(root, store, say=lambda _: None)
    assert (done.files, done.already) == (0, 0)


def test_other_content_under_a_name_is_told_and_both_are_left(store, root):
    name = "bayside-legal/_seals/00000001.json"
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text("sealed here")
    with pytest.raises(NameTaken) as caught:
        quietly(store, root)
    assert caught.value.name == name
    assert (root / name).read_text() == "sealed here"
    there, here = content_of(store), content_of(FolderStore(root))
    assert here == {**there, name: b"sealed here"}


def test_names_that_are_no_archives_are_left_there(store, root):
    foreign = [
        "readme.txt",
        "cedar-dental/readme.txt",
        "cedar-dental/run/deep/file",
        "cedar-dental/_other/file",
        "Upper/run/file",
        "_other/file",
        "_digests/deep/file",
        "_keys/a/b/c",
        "cedar-dental/run/a b",
        "_batches/batch-1/notes.json",
    ]
    left = ["_batches/batch-1/claims/alpine.1.json", "_batches/batch-1/batch.json"]
    hidden = [".pending/x", "cedar-dental/.lock", "cedar-dental/run/.hidden", ".index.sqlite"]
    for name in (*foreign, *hidden, *left):
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).write_text("x")
    (store.root / "cedar-dental" / "run2").symlink_to("/etc")
    said = []
    done = fetch(store, root, None, say=said.append)
    assert [name for name in (*foreign, *hidden, *left) if (root / name).exists()] == []
    assert not (root / "cedar-dental" / "run2").exists()
    assert done.foreign == len(foreign) + 1
    assert len(said) == 1


@dataclass(frozen=True)
class Malicious:
    """A store whose names lead outside."""

    names: tuple[str, ...]
    url: str = "s3://evil"

    def entries(self, prefix=""):
        yield from (Entry(name, 4) for name in self.names if name.startswith(prefix))

    def read(self, name):
        yield b"evil"


def test_no_name_of_a_store_leads_outside_of_the_folder(root, tmp_path):
    names = (
        "../outside",
        "cedar-dental/../../outside",
        "/etc/outside",
        "cedar-dental/run/..",
        "cedar-dental/run/../../../outside",
        "_keys/../../outside",
        "_keys/..",
        "cedar-dental\\..\\..\\outside",
        "cedar-dental//outside",
        "_digests/..\\outside",
    )
    for clients in (None, ["cedar-dental"]):
        quietly(Malicious(names), root, clients)
        made = {path for path in tmp_path.rglob("*") if path.is_file()}
        assert made == {root / ".published", root / ".signing.lock"}


def test_nothing_is_written_through_a_link(store, root, tmp_path):
    (tmp_path / "outside").mkdir()
    root.mkdir(parents=True)
    (root / "cedar-dental").symlink_to(tmp_path / "outside")
    with pytest.raises(EvidenceError, match="a link or a file in place of a folder"):
        quietly(store, root)
    assert list((tmp_path / "outside").iterdir()) == []


@dataclass(frozen=True)
class Breaking:
    """A store, and what happens while the nth file is read."""

    inner: FolderStore
    count: list
    error: BaseException

    @property
    def url(self):
        return self.inner.url

    def entries(self, prefix=""):
        return self.inner.entries(prefix)

    def read(self, name):
        self.count[0] -= 1
        for piece in self.inner.read(name):
            yield piece[:10]
            if self.count[0] < 0:
                raise self.error
            yield piece[10:]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()]
)
def test_whatever_breaks_at_any_moment_leaves_whole_files_and_the_next_one_brings_the_rest(
    store, tmp_path, error
):
    wanted = content_of(store)
    for number in range(isinstance(error, OSError), len(wanted), 2):
        root = tmp_path / f"root-{number}"
        with pytest.raises((EvidenceError, KeyboardInterrupt)) as caught:
            quietly(Breaking(store, [number], error), root)
        if isinstance(error, OSError):
            assert "No space left on device" in str(caught.value)
        here = content_of(FolderStore(root))
        assert here.items() <= wanted.items()
        assert list(root.rglob("*.part")) == []
        seals = [name for name in here if "/_seals/" in name]
        if seals:
            assert {name for name in wanted if name.endswith("record.json")} <= here.keys()
        quietly(store, root)
        assert content_of(FolderStore(root)) == wanted


def test_a_folder_that_cannot_be_made_is_told(store, tmp_path):
    (tmp_path / "evidence").write_text("a file in place of the folder")
    with pytest.raises(EvidenceError, match="cannot be made"):
        quietly(store, tmp_path / "evidence" / "below")


@pytest.mark.parametrize("client", ["../x", "", "Upper", "con"])
def test_what_is_no_clients_name_is_refused(store, root, client):
    with pytest.raises(EvidenceError, match="is not a client's name"):
        quietly(store, root, [client])
    assert not root.exists()


def test_an_archive_goes_through_a_bucket_unchanged(published, bucket, root, tmp_path):
    quietly(published, tmp_path / "working")
    publish(tmp_path / "working", open_store(bucket), say=lambda _: None)
    quietly(open_store(bucket), root)
    assert content_of(FolderStore(root)) == content_of(published)


def test_an_archive_goes_through_a_container_unchanged(published, container, root, tmp_path):
    quietly(published, tmp_path / "working")
    publish(tmp_path / "working", open_store(container), say=lambda _: None)
    quietly(open_store(container), root)
    assert content_of(FolderStore(root)) == content_of(published)


def test_whoever_signs_meanwhile_finds_no_gap(store, root):
    held = []

    class Asked(FolderStore):
        def read(self, name):
            if "/_seals/" in name or (name.startswith("_digests/") and name.endswith("json")):
                held.append(is_held(FileLock(root / ".signing.lock")))
            return super().read(name)

    quietly(Asked(store.root), root)
    assert held
    assert all(held)


def is_held(lock):
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False
