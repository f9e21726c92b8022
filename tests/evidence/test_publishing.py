import hashlib
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence import trust
from o365lib.evidence.envelope import Envelope, sign
from o365lib.evidence.publishing import publish
from o365lib.evidence.statement import Statement, Subject, signer_of
from o365lib.evidence.stores import FolderStore, Retention, open_store
from o365lib.evidence.verification import verify
from tests.evidence import eventful_archive
from tests.evidence.signers import ed25519
from tests.store_servers import Line

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def root(tmp_path):
    """An archive in which all has happened that is evidence."""
    return eventful_archive.small(tmp_path).root


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def quietly(root, store, **options):
    return publish(root, store, say=lambda _: None, **options)


def evidence_in(root):
    """All that is evidence in a folder: names and contents."""
    store = FolderStore(root)
    return {
        entry.name: b"".join(store.read(entry.name))
        for entry in store.entries()
        if not any(part.startswith(".") for part in entry.name.split("/"))
    }


def content_of(store):
    """All that stands in a store, but for what a killed process had begun to write."""
    return {
        entry.name: b"".join(store.read(entry.name))
        for entry in store.entries()
        if not entry.name.endswith(".part")
    }


@dataclass
class Counted:
    """A folder that tells what was created in which order, and can fail before or after."""

    root: Path
    created: list = field(default_factory=list)
    fail_at: int = -1
    is_late: bool = False
    error: BaseException = field(default_factory=KeyboardInterrupt)
    retention: Retention | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        self._folder = FolderStore(self.root)
        self.url = self._folder.url
        self.entries, self.read = self._folder.entries, self._folder.read
        self.protection = self._folder.protection

    def create(self, name, source, *, sha256):
        with self._lock:
            number = len(self.created)
            self.created.append(name)
            if number == self.fail_at and not self.is_late:
                raise self.error
            result = self._folder.create(name, source, sha256=sha256)
            if number >= self.fail_at >= 0:
                raise self.error
            return result


def test_everything_that_is_evidence_is_sent_and_nothing_else(root, store):
    (root / ".pending").mkdir(exist_ok=True)
    (root / ".pending" / "x").write_text("under way")
    (root / "alpine-books" / ".lock").write_text("")
    done = quietly(root, store)
    assert content_of(store) == evidence_in(root)
    assert (done.runs, done.already, done.problems) == (5, 0, [])
    assert done.files == len(content_of(store))
    assert done.bytes_sent == sum(map(len, content_of(store).values()))


def test_what_was_published_is_sound(root, store):
    quietly(root, store)
    assert verify(store).is_sound


@pytest.mark.parametrize("name", [".published", ".published-journal"])
def test_what_is_remembered_is_no_evidence(root, store, name):
    quietly(root, store)
    (root / name).touch()
    assert verify(FolderStore(root)).is_sound
    assert name not in content_of(store)


def test_a_second_time_nothing_is_sent_or_asked(root, store):
    quietly(root, store)
    again = Counted(store.root)
    assert quietly(root, again).files == 0
    assert again.created == []


def test_a_run_without_a_seal_is_not_sent(tmp_path, store):
    made = eventful_archive.EventfulArchive(tmp_path)
    made.sealed_run("alpine-books")
    unsealed = made.run("alpine-books")
    quietly(made.root, store)
    assert [name for name in content_of(store) if unsealed.run_id in name] == []
    made.seal(unsealed)
    made.close()
    assert quietly(made.root, store).runs == 1
    assert content_of(store) == evidence_in(made.root)


def test_what_lies_in_a_runs_folder_and_is_in_no_seal_is_not_sent(root, store):
    run = next(path.parent for path in sorted(root.glob("alpine-books/*/record.json")))
    (run / "added.json").write_text("{}")
    quietly(root, store)
    assert not any(name.endswith("added.json") for name in content_of(store))


def test_a_run_is_there_before_its_seal_and_digests_come_last(root, tmp_path):
    (tmp_path / "store").mkdir()
    store = Counted(tmp_path / "store")
    quietly(root, store)
    order = {name: number for number, name in enumerate(store.created)}
    seals = [name for name in order if "/_seals/" in name]
    digests = [name for name in order if name.startswith("_digests/")]
    assert len(seals) == 5
    assert len(digests) == 4
    runs_files = [name for name in order if "/_" not in name and not name.startswith("_")]
    assert max(order[name] for name in runs_files) < min(order[name] for name in seals)
    assert max(order[name] for name in seals) < min(order[name] for name in digests)
    assert digests == sorted(digests)
    for client in ("alpine-books", "bayside-legal"):
        own = [name for name in seals if name.startswith(client)]
        assert own == sorted(own)
    keys = [name for name in order if name.startswith("_keys/")]
    assert sorted(order[name] for name in keys) == list(range(len(keys)))


@pytest.mark.parametrize("is_late", [False, True])
def test_whatever_breaks_at_any_moment_the_next_command_sends_the_rest(root, tmp_path, is_late):
    for fail_at in range(is_late, len(evidence_in(root)), 2):
        (root / ".published").unlink(missing_ok=True)
        place = tmp_path / f"store-{fail_at}"
        place.mkdir()
        with pytest.raises(KeyboardInterrupt):
            quietly(root, Counted(place, fail_at=fail_at, is_late=is_late))
        there = content_of(FolderStore(place))
        assert there.items() <= evidence_in(root).items()
        if fail_at % 4 < 2:
            (root / ".published").unlink(missing_ok=True)
        done = quietly(root, FolderStore(place))
        assert content_of(FolderStore(place)) == evidence_in(root)
        assert done.files == len(evidence_in(root)) - len(there)


def test_a_process_that_is_killed_leaves_what_the_next_one_finishes(root, store):
    script = """
import os, sys
from pathlib import Path
from o365lib.evidence.publishing import publish
from o365lib.evidence.stores import FolderStore

class Dying(FolderStore):
    left = [7]
    def create(self, name, source, *, sha256):
        self.left[0] -= 1
        if self.left[0] < 0:
            os._exit(9)
        return super().create(name, source, sha256=sha256)

publish(Path(sys.argv[1]), Dying(Path(sys.argv[2])), say=print)
"""
    killed = subprocess.run(
        [sys.executable, "-c", script, str(root), str(store.root)], check=False, cwd=ROOT
    )
    assert killed.returncode == 9
    assert 0 < len(content_of(store)) < len(evidence_in(root))
    quietly(root, store)
    assert content_of(store) == evidence_in(root)


def test_what_is_remembered_may_be_deleted_and_nothing_is_sent_twice(root, store):
    quietly(root, store)
    (root / ".published").unlink()
    again = Counted(store.root)
    done = quietly(root, again)
    assert again.created == []
    assert (done.files, done.already) == (0, len(evidence_in(root)))


def test_on_demand_the_store_is_asked_for_everything_again(root, store):
    quietly(root, store)
    lost = [name for name in content_of(store) if name.endswith(("record.json", "00000001.json"))]
    for name in lost:
        (store.root / name).unlink()
    assert quietly(root, store).files == 0
    done = quietly(root, store, again=True)
    assert (done.files, done.already) == (len(lost), len(evidence_in(root)) - len(lost))
    assert content_of(store) == evidence_in(root)


def test_a_number_that_another_machine_took_is_told_by_name_and_no_digest_is_sent(root, store):
    other = store.root / "bayside-legal" / "_seals" / "00000002.json"
    other.parent.mkdir(parents=True)
    other.write_text("another machine's")
    with pytest.raises(NameTaken) as caught:
        quietly(root, store)
    assert caught.value.name == "bayside-legal/_seals/00000002.json"
    there = content_of(store)
    assert there["bayside-legal/_seals/00000002.json"] == b"another machine's"
    assert "bayside-legal/_seals/00000001.json" in there
    assert "cedar-dental/_seals/00000001.json" in there
    assert not any(name.startswith("_digests/") for name in there)


@pytest.mark.parametrize("name", ["_digests/00000002.json", "_keys/"])
def test_other_content_under_any_name_is_told(root, store, name):
    name = next(each for each in evidence_in(root) if each.startswith(name))
    (store.root / name).parent.mkdir(parents=True)
    (store.root / name).write_text("another")
    with pytest.raises(NameTaken) as caught:
        quietly(root, store)
    assert caught.value.name == name
    assert (store.root / name).read_text() == "another"
    if name.startswith("_digests"):
        assert "_digests/00000001.json" in content_of(store)
        assert "_digests/00000003.json" not in content_of(store)


@pytest.mark.parametrize("damage", ["edited", "removed", "link"])
def test_a_client_whose_files_are_not_as_sealed_stops_and_the_others_go_on(
    root, store, tmp_path, damage
):
    record = min(root.glob("bayside-legal/*/record.json"))
    if damage == "link":
        record.rename(tmp_path / "moved")
        record.symlink_to(tmp_path / "moved")
    elif damage == "removed":
        record.unlink()
    else:
        record.write_text(record.read_text().replace("kim", "kay"))
    done = quietly(root, store)
    there = content_of(store)
    assert not any("bayside-legal/_seals" in name for name in there)
    assert {name for name in there if "/_seals/" in name} == {
        "alpine-books/_seals/00000001.json",
        "alpine-books/_seals/00000002.json",
        "cedar-dental/_seals/00000001.json",
    }
    assert [each for each in done.problems if "record.json" in each]
    assert [each for each in done.problems if "_digests/00000002.json is not sent" in each]
    assert [name for name in there if name.startswith("_digests")] == ["_digests/00000001.json"]


@pytest.mark.parametrize("content", ["", "{}", "[]", "\0"])
def test_a_seal_that_cannot_be_read_stops_its_client(root, store, content):
    (root / "cedar-dental" / "_seals" / "00000001.json").write_text(content)
    done = quietly(root, store)
    assert done.problems
    assert not any(name.startswith("cedar-dental/_seals") for name in content_of(store))
    assert done.runs == 4


@pytest.mark.parametrize("name", ["cedar-dental/_seals/00000001.json", "_digests/00000003.json"])
def test_what_a_stranger_signed_is_told_and_not_sent(root, store, name):
    signed = Envelope.from_json((root / name).read_bytes())
    (root / name).write_bytes(sign(signed.payload, ed25519()).to_json())
    done = quietly(root, store)
    assert [each for each in done.problems if f"{name} is not sound" in each]
    assert name not in content_of(store)
    assert "_digests/00000004.json" not in content_of(store)


def test_a_copy_of_a_seal_under_the_next_number_is_not_sent(root, store):
    seals = root / "cedar-dental" / "_seals"
    shutil.copy(seals / "00000001.json", seals / "00000002.json")
    done = quietly(root, store)
    assert [each for each in done.problems if "00000002.json is not sound" in each]
    assert "cedar-dental/_seals/00000002.json" not in content_of(store)


def test_a_seal_cannot_make_other_files_leave_the_archive(root, store, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("not of this archive")
    signer = ed25519()
    trust.publish(root, signer.key)  # even one whose key is the archive's
    file = root / "cedar-dental" / "_seals" / "00000001.json"
    envelope = Envelope.from_json(file.read_bytes())
    said = Statement.from_bytes(envelope.payload)
    sha256 = hashlib.sha256(outside.read_bytes()).hexdigest()
    for name in ("../outside", "cedar-dental/../../outside", "cedar-dental/run/.hidden", "a/b/c"):
        predicate = {**said.predicate, "signer": signer_of(signer)}
        changed = Statement((Subject(name, sha256),), said.predicate_type, predicate)
        file.write_bytes(sign(changed.to_bytes(), signer).to_json())
        done = quietly(root, store)
        assert any("00000001.json is not sound" in each for each in done.problems)
    assert b"not of this archive" not in content_of(store).values()


def test_links_are_not_sent_as_keys(root, store, tmp_path):
    (tmp_path / "secret").write_text("a secret")
    (root / "_keys" / "planted.pem").symlink_to(tmp_path / "secret")
    quietly(root, store)
    assert b"a secret" not in content_of(store).values()


def test_a_store_that_does_not_protect_is_told_once(root, bucket):
    said = []
    store = open_store(bucket, retention=Retention(7, "governance"))
    done = publish(root, store, say=said.append)
    assert done.unprotected == done.files == len(evidence_in(root))
    assert len(said) == 1
    assert "does not protect" in said[0]


def test_a_store_that_protects_is_not_talked_about(root, locked_bucket):
    said = []
    store = open_store(locked_bucket, retention=Retention(7, "governance"))
    done = publish(root, store, say=said.append, retention_required=True)
    assert (done.unprotected, said) == (0, [])
    assert content_of(store) == evidence_in(root)


def test_where_protection_is_required_a_store_without_it_is_an_error(root, bucket, store):
    with pytest.raises(EvidenceError, match="is not protected, and must be"):
        quietly(
            root,
            open_store(bucket, retention=Retention(7, "governance")),
            retention_required=True,
        )
    with pytest.raises(EvidenceError, match="cannot protect"):
        quietly(root, store, retention_required=True)
    assert content_of(store) == {}


def test_a_bucket_is_an_archive(root, bucket):
    store = open_store(f"{bucket}/of/ours")
    quietly(root, store)
    assert content_of(store) == evidence_in(root)
    assert verify(store).is_sound
    (root / ".published").unlink()
    assert quietly(root, store).files == 0


def test_a_container_is_an_archive(root, container):
    store = open_store(f"{container}/of/ours")
    quietly(root, store)
    assert content_of(store) == evidence_in(root)
    assert verify(store).is_sound
    (root / ".published").unlink()
    assert quietly(root, store).files == 0


def test_a_server_that_dies_in_between_loses_nothing(monkeypatch, root, bucket, moto_port):
    line = Line(moto_port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{line.port}")
    store = open_store(bucket)
    line.cut_after(40_000)
    with pytest.raises(EvidenceError, match="cannot be written"):
        quietly(root, store)
    line.mend()
    assert content_of(store).items() <= evidence_in(root).items()
    quietly(root, store)
    assert content_of(store) == evidence_in(root)
    line.close()


def test_two_processes_that_publish_at_once_end_with_one_archive(root, store, tmp_path):
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns(".*"))
    results = []
    threads = [
        threading.Thread(target=lambda own=own: results.append(quietly(own, store)))
        for own in (root, tmp_path / "copy")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content_of(store) == evidence_in(root)
    assert sum(each.files for each in results) == len(evidence_in(root))


def test_an_archive_that_is_not_there_is_told(tmp_path, store):
    with pytest.raises(EvidenceError, match="cannot be listed"):
        quietly(tmp_path / "no", store)


def test_a_store_that_is_not_there_is_told(root, tmp_path):
    with pytest.raises(EvidenceError, match="There is no folder"):
        quietly(root, FolderStore(tmp_path / "no"))
