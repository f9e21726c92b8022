"""Of many that claim at once, one gets it: threads, processes that are killed, and stores."""

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import files
from o365lib.evidence.batches import claims as module
from o365lib.evidence.batches.claims import Claim, FolderClaims, StoreClaims, claim_in_store
from o365lib.evidence.stores import FolderStore, open_store

CLAIM_ALL = """
import sys
from pathlib import Path
from o365lib.evidence.batches.claims import FolderClaims
claims = FolderClaims(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(200):
    if claims.claim(f"client-{number}", 1, f"run-{sys.argv[2]}-{number}"):
        print(number, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "claims").mkdir(mode=0o700)
    return FolderClaims(tmp_path / "claims")


def test_the_first_has_it_and_everybody_can_read_who_that_is(folder):
    assert folder.claim_of("contoso", 1) is None
    assert folder.claim("contoso", 1, "run-1")
    assert not folder.claim("contoso", 1, "run-2")
    assert not folder.claim("contoso", 1, "run-1")
    claim = folder.claim_of("contoso", 1)
    assert (claim.client, claim.attempt, claim.run_id) == ("contoso", 1, "run-1")
    assert (claim.process_id, bool(claim.host_name)) == (os.getpid(), True)
    assert not claim.is_torn
    assert folder.claim("contoso", 2, "run-2")
    assert folder.claim("fabrikam", 1, "run-1")


def test_of_several_processes_one_has_each(folder):
    claiming = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL, str(folder.folder), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for each in claiming:
        each.stdin.write("\n")
        each.stdin.flush()
    won = [[int(line) for line in each.communicate()[0].split()] for each in claiming]
    assert sorted(number for each in won for number in each) == list(range(200))
    said = {client: each[0].run_id for client, each in folder.claims().items()}
    assert said == {
        f"client-{number}": f"run-{process}-{number}"
        for process, each in enumerate(won)
        for number in each
    }


def test_of_several_threads_one_has_it(folder):
    results, start = [], threading.Barrier(8)

    def claim(number):
        start.wait()
        results.append(folder.claim("contoso", 1, f"run-{number}"))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]


def test_a_claim_is_flushed_to_the_disk_with_its_name_before_it_is_told(folder, monkeypatch):
    flushed = []
    real = os.fsync

    def fsync(descriptor):
        mode = os.fstat(descriptor).st_mode
        is_there = (folder.folder / "contoso.1.json").exists()
        flushed.append(("folder" if stat.S_ISDIR(mode) else "file", is_there))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert folder.claim("contoso", 1, "run-1")
    # The content before it has its name, the folder after.
    assert flushed == [("file", False), ("folder", True)]


def test_a_torn_claim_is_one(folder):
    for number, content in enumerate([b"", b"{", b"[]", b'{"client": "contoso"}', b"\xff" * 9000]):
        (folder.folder / f"contoso.{number + 1}.json").write_bytes(content)
        assert not folder.claim("contoso", number + 1, "run-1")
        assert folder.claim_of("contoso", number + 1).is_torn
    assert [each.attempt for each in folder.claims()["contoso"]] == [1, 2, 3, 4, 5]
    assert all(each.is_torn for each in folder.claims()["contoso"])


def test_a_claim_of_another_attempt_in_its_place_is_torn(folder):
    folder.claim("contoso", 1, "run-1")
    (folder.folder / "contoso.1.json").rename(folder.folder / "contoso.2.json")
    assert folder.claim_of("contoso", 2).is_torn


def test_what_cannot_be_read_is_a_torn_claim_and_a_link_is_not_followed(folder):
    (folder.folder / "contoso.1.json").mkdir()
    (folder.folder / "contoso.2.json").symlink_to("/etc/hostname")
    assert [each.is_torn for each in folder.claims()["contoso"]] == [True, True]
    assert not folder.claim("contoso", 2, "run-2")


def test_all_are_listed_by_client_in_the_order_of_the_attempts(folder):
    for attempt in (10, 2, 1):
        folder.claim("contoso", attempt, f"run-{attempt}")
    folder.claim("alpine", 1, "run")
    for name in (".contoso.3.json.0a1b2c3d.part", "readme.txt", "Contoso.1.json", "a.0.json"):
        (folder.folder / name).write_text("x")
    found = folder.claims()
    assert list(found) == ["alpine", "contoso"]
    assert [each.attempt for each in found["contoso"]] == [1, 2, 10]


@pytest.mark.parametrize(
    ("client", "attempt"), [("../x", 1), ("A", 1), ("", 1), ("a", 0), ("a", -1), ("a", 10**6)]
)
def test_a_name_or_number_that_is_none_is_refused(folder, client, attempt):
    for ask in (
        lambda: folder.claim(client, attempt, "r"),
        lambda: folder.claim_of(client, attempt),
    ):
        with pytest.raises(EvidenceError, match="no client"):
            ask()
    assert list(folder.folder.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_claimed(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, "_write_part", full)
        with pytest.raises(EvidenceError, match="No space left") as caught:
            folder.claim("contoso", 1, "run-1")
    assert caught.value.state == "It was not begun."
    assert folder.claim("contoso", 1, "run-1")


def test_a_folder_that_is_gone_is_told(tmp_path):
    gone = FolderClaims(tmp_path / "no")
    for ask in (gone.claims, lambda: gone.claim("contoso", 1, "run-1")):
        with pytest.raises(EvidenceError, match="No such file"):
            ask()


def test_who_made_the_claim_knows_it_again_where_the_drive_lost_the_answer(folder, monkeypatch):
    """A network drive repeats the request, and finds the name taken: by itself."""
    real = os.link

    def link(source, target):
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", link)
        assert folder.claim("contoso", 1, "run-1")
        assert not folder.claim("contoso", 1, "run-1")


def test_a_drive_without_hard_links_keeps_claims_apart_too(folder, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert folder.claim("contoso", 1, "run-1")
    assert not folder.claim("contoso", 1, "run-2")
    assert folder.claim_of("contoso", 1).run_id == "run-1"


class StoreBehaviour:
    """Inherit, and give a fixture `store`."""

    @pytest.fixture
    def claims(self, store):
        return StoreClaims(store, "batch-1")

    def test_the_first_has_it(self, claims, store):
        assert claims.claim_of("contoso", 1) is None
        assert claims.claim("contoso", 1, "run-1")
        assert not claims.claim("contoso", 1, "run-1")
        assert claims.claim("contoso", 2, "run-2")
        assert claims.claim("contoso-a", 1, "run-3")
        assert claims.claim_of("contoso", 1).run_id == "run-1"
        assert [each.run_id for each in claims.claims()["contoso"]] == ["run-1", "run-2"]
        assert [each.name for each in store.entries()] == [
            "_batches/batch-1/claims/contoso-a.1.json",
            "_batches/batch-1/claims/contoso.1.json",
            "_batches/batch-1/claims/contoso.2.json",
        ]

    def test_of_several_at_once_one_has_it(self, claims):
        results, start = [], threading.Barrier(4)

        def claim(number):
            start.wait()
            results.append((claims.claim("contoso", 1, f"run-{number}"), f"run-{number}"))

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [run_id for won, run_id in results if won] == [claims.claim_of("contoso", 1).run_id]

    def test_a_claim_whose_answer_was_lost_is_known_again(self, store):
        """The store's own client repeats the request: the same bytes are there."""
        content = Claim.now("contoso", 1, "run-1").to_bytes()
        for _ in range(2):
            assert claim_in_store(store, "_batches/batch-1/claims/contoso.1.json", content)
        other = Claim.now("contoso", 1, "run-1").to_bytes()
        assert not claim_in_store(store, "_batches/batch-1/claims/contoso.1.json", other)

    def test_what_is_no_claim_there_is_torn_and_taken(self, claims, store, tmp_path):
        for attempt, content in enumerate([b"", b"x" * 100_000], start=1):
            name = f"_batches/batch-1/claims/contoso.{attempt}.json"
            claim_in_store(store, name, content)
            assert not claims.claim("contoso", attempt, "run-1")
            assert claims.claim_of("contoso", attempt).is_torn
        claim_in_store(store, "_batches/batch-1/claims/notes.txt", b"")
        assert [each.attempt for each in claims.claims()["contoso"]] == [1, 2]


class TestFolderStore(StoreBehaviour):
    @pytest.fixture
    def store(self, tmp_path):
        (tmp_path / "store").mkdir()
        return FolderStore(tmp_path / "store")


class TestS3(StoreBehaviour):
    @pytest.fixture
    def store(self, bucket):
        return open_store(f"{bucket}/archive")


class TestAzure(StoreBehaviour):
    @pytest.fixture
    def store(self, container):
        return open_store(f"{container}/archive")


def test_a_store_that_cannot_be_reached_is_told_and_not_taken_for_a_claim(tmp_path):
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    (tmp_path / "store").rmdir()
    with pytest.raises(EvidenceError):
        StoreClaims(store, "batch-1").claim("contoso", 1, "run-1")


def test_a_worker_that_claims_loads_no_store_and_no_cryptography():
    code = f"import sys, {module.__name__}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(told.stdout.split())
    assert loaded.isdisjoint({"cryptography", "pydantic", "boto3", "o365lib.evidence.stores"})
