"""A batch from its beginning to its end, interruptions and tampering included."""

import errno
import os
import shutil
import stat
import subprocess
import sys

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches import folder as module
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.folder import (
    BatchFolder,
    batch_ids,
    cut_off_on_clusters,
    outcome_of,
)
from o365lib.evidence.batches.signing import believed_keys
from o365lib.evidence.fetching import fetch
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.pending import open_runs, under_way
from o365lib.evidence.publishing import publish
from o365lib.evidence.sealing import OpenBatch, finish_left_behind
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from tests.evidence import sealed_archive
from tests.evidence.batches.batches_made import batch_file, begun, drive, inputs, ran, result

DRIVE_AND_DIE = """
import os, sys
from pathlib import Path
from tests.evidence.batches.batches_made import begun, ran
evidence, folder = begun(Path(sys.argv[1]))
assert folder.take_driver_lock()
ran(evidence, folder, "cedar", "cedar-1", "done")
folder.claim("alpine", 1, "alpine-1")
evidence.begin_run("alpine", "alpine-1", "create_service_account")
print(folder.batch_id, flush=True)
os._exit(9)
"""


@pytest.fixture
def root(tmp_path):
    return tmp_path / "evidence"


def newest_unfinished(root):
    """The newest one of whoever has the keys beside the archive."""
    keys = believed_keys(root, KeyStore(root.parent / "keys"))
    return module.newest_unfinished(root, keys)


def problems(root):
    """What a verification tells of an archive, as kinds and files."""
    report = verify(FolderStore(root), under_way=lambda: under_way(root))
    return [(each.kind.value, each.file) for each in report.problems]


def test_a_batch_that_was_begun_is_there_with_its_signed_inputs(tmp_path, root):
    evidence, folder = begun(tmp_path)
    assert sorted(each.name for each in folder.path.iterdir()) == [
        "claims",
        "inputs.json",
        "inputs.statement.json",
    ]
    assert batch_ids(root) == [folder.batch_id]
    assert BatchFolder.open(root, folder.batch_id).inputs() == folder.inputs()
    assert problems(root) == []  # in no digest yet, since it is under way
    evidence.close()
    assert problems(root) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_all_is_the_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        evidence, folder = begun(tmp_path)
        folder.claim("cedar", 1, "cedar-1")
        folder.write_batch(batch_file(folder.inputs(), result("cedar")))
        folder.take_driver_lock()
    finally:
        os.umask(before)
    for each in (folder.path.parent, folder.path, *folder.path.rglob("*")):
        assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600), each
    folder.release_driver_lock()
    evidence.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_where_a_group_shares_the_archive_the_batch_is_the_groups_too(tmp_path, root):
    root.mkdir()
    root.chmod(0o2770)
    evidence, folder = begun(tmp_path)
    folder.claim("cedar", 1, "cedar-1")
    for each in (folder.path, *folder.path.rglob("*")):
        mode = stat.S_IMODE(each.stat().st_mode)
        assert mode == (0o2770 if each.is_dir() else 0o660), each
    evidence.close()


def test_a_batch_is_begun_as_a_whole_or_not_at_all(tmp_path, root, monkeypatch):
    evidence = sealed_archive.open_batch(tmp_path)
    real, calls = module.create_atomically, []

    def create(path, content):
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, content)

    monkeypatch.setattr(module, "create_atomically", create)
    with pytest.raises(EvidenceError, match="No space left") as caught:
        BatchFolder.begin(evidence, inputs())
    assert caught.value.state == "Nothing was begun."
    assert list((root / "_batches").iterdir()) == []
    evidence.close()
    assert problems(root) == []


def test_what_a_cut_off_beginning_left_is_no_batch_and_no_problem(tmp_path, root):
    evidence, folder = begun(tmp_path)
    evidence.close()
    shutil.copytree(folder.path, folder.path.with_name(f".{folder.batch_id}.0a1b2c3d.part"))
    assert batch_ids(root) == [folder.batch_id]
    assert problems(root) == []


def test_a_batch_is_begun_once(tmp_path):
    evidence, folder = begun(tmp_path)
    other = sealed_archive.open_batch(tmp_path)
    folder.claim("cedar", 1, "cedar-1")
    with pytest.raises(EvidenceError, match="cannot be written"):
        BatchFolder.begin(other, folder.inputs())
    assert [each.name for each in folder.path.parent.iterdir()] == [folder.batch_id]
    assert folder.claim_of("cedar", 1)
    for each in (evidence, other):
        each.close()


@pytest.mark.parametrize("part", [slice(None), slice(-6, None), slice(0, 20)])
def test_a_batch_is_found_by_its_id_or_a_part_of_it(tmp_path, root, part):
    evidence, folder = begun(tmp_path)
    evidence.close()
    assert BatchFolder.open(root, folder.batch_id[part]).batch_id == folder.batch_id


def test_a_batch_that_is_not_there_is_told_with_those_that_are_near(tmp_path, root):
    with pytest.raises(UsageError, match="There is no batch 'x'") as caught:
        BatchFolder.open(root, "x")
    assert "begins one" in caught.value.remedy
    evidence, folder = begun(tmp_path)
    evidence.close()
    wrong = f"{folder.batch_id[:-1]}g"
    with pytest.raises(UsageError) as caught:
        BatchFolder.open(root, wrong)
    assert caught.value.remedy == f"Did you mean {folder.batch_id}?"
    for text in ("", "x"):
        with pytest.raises(UsageError) as caught:
            BatchFolder.open(root, text)
        assert folder.batch_id in caught.value.remedy


def test_of_several_that_fit_none_is_taken(tmp_path, root):
    for _ in range(2):
        evidence, _folder = begun(tmp_path)
        evidence.close()
    with pytest.raises(UsageError, match="2 batches fit"):
        BatchFolder.open(root, batch_ids(root)[0][:4])


def test_edited_inputs_are_not_taken_up_and_verifying_tells(tmp_path, root):
    evidence, folder = begun(tmp_path)
    evidence.close()
    path = folder.path / "inputs.json"
    path.write_bytes(path.read_bytes().replace(b"T-1", b"T-2"))
    with pytest.raises(EvidenceError, match="was edited"):
        BatchFolder.open(root, folder.batch_id).standings()
    assert problems(root) == [("edited", f"_batches/{folder.batch_id}/inputs.json")]


@pytest.mark.parametrize("name", ["inputs.json", "inputs.statement.json", "00000001.json"])
def test_evidence_of_a_batch_that_is_gone_is_missing(tmp_path, root, name):
    evidence, folder = begun(tmp_path)
    folder.sign_batch(evidence, batch_file(folder.inputs(), result("cedar")))
    evidence.close()
    (folder.path / name).unlink()
    assert ("missing", f"_batches/{folder.batch_id}/{name}") in problems(root)


@pytest.mark.parametrize(
    "name", ["notes.txt", "claims/notes.txt", "more/inputs.json", "claim.json"]
)
def test_what_does_not_belong_to_a_batch_is_told(tmp_path, root, name):
    evidence, folder = begun(tmp_path)
    evidence.close()
    (folder.path / name).parent.mkdir(exist_ok=True)
    (folder.path / name).write_text("x")
    assert problems(root) == [("inserted", f"_batches/{folder.batch_id}/{name}")]


def test_inputs_that_nobody_signed_are_told(tmp_path, root):
    evidence, folder = begun(tmp_path)
    evidence.close()
    (root / "_batches" / "planted").mkdir()
    shutil.copy(folder.path / "inputs.json", root / "_batches" / "planted")
    assert problems(root) == [("unsigned", "_batches/planted/inputs.json")]


def test_claims_locks_and_batch_json_are_no_evidence(tmp_path, root):
    evidence, folder = begun(tmp_path)
    folder.claim("cedar", 1, "cedar-1")
    folder.write_batch(batch_file(folder.inputs(), result("cedar")))
    evidence.close()
    assert folder.take_driver_lock()
    assert problems(root) == []
    folder.release_driver_lock()


def test_a_drivers_death_leaves_all_that_the_next_one_needs(tmp_path, root):
    command = [sys.executable, "-c", DRIVE_AND_DIE, str(tmp_path)]
    died = subprocess.run(command, check=False, capture_output=True, text=True)
    assert died.returncode == 9, died.stderr
    batch_id = died.stdout.strip()
    assert newest_unfinished(root) == batch_id
    folder = BatchFolder.open(root, batch_id)
    assert folder.take_driver_lock()
    assert [(each.client, each.standing, each.next_attempt) for each in folder.standings()] == [
        ("cedar", "finished", 2),
        ("alpine", "interrupted", 2),
        ("bayside", "not begun", 1),
    ]
    # What was left behind is finished first, as every driver does.
    signer = KeyStore(tmp_path / "keys").signer()
    [finished] = finish_left_behind(Archive(root), signer)
    assert not finished.problem
    assert [(each.client, each.standing) for each in folder.left_to_do()] == [
        ("alpine", "failed"),
        ("bayside", "not begun"),
    ]
    evidence = sealed_archive.open_batch(tmp_path)
    for each in folder.left_to_do():
        run_id = f"{each.client}-{each.next_attempt}"
        ran(evidence, folder, each.client, run_id, "done", attempt=each.next_attempt)
    results = [
        result("cedar", "done"),
        result("alpine", "failed", "done"),
        result("bayside", "done"),
    ]
    batch = batch_file(folder.inputs(), *results)
    assert (
        batch.adds_up(
            inputs=folder.inputs(),
            claims=folder.claims(),
            has_record=lambda client, run_id: bool(outcome_of(root, client, run_id)),
        )
        == []
    )
    folder.write_batch(batch)
    folder.sign_batch(evidence, batch)
    evidence.close()
    folder.release_driver_lock()
    assert newest_unfinished(root) is None
    assert open_runs(root) == {}
    assert problems(root) == []


def test_the_newest_unfinished_batch_is_found_whatever_is_wrong_with_others(tmp_path, root):
    assert newest_unfinished(root) is None
    folders = []
    for number, outcomes in enumerate([("failed",), ("done",), (), ("nothing to do",)]):
        evidence, folder = begun(tmp_path, "cedar")
        for outcome in outcomes:
            ran(evidence, folder, "cedar", f"run-{number}", outcome)
        evidence.close()
        folders.append(folder)
    assert newest_unfinished(root) == folders[2].batch_id
    (folders[2].path / "inputs.json").write_text("{}")
    assert newest_unfinished(root) == folders[0].batch_id
    # One that says that it is finished is believed without asking its claims.
    shutil.rmtree(folders[3].path / "claims")
    folders[3].write_batch(batch_file(folders[3].inputs(), result("cedar", "nothing to do")))
    assert newest_unfinished(root) == folders[0].batch_id


def test_the_newest_batch_is_sought_among_ones_own(tmp_path, root):
    evidence, own = begun(tmp_path, "cedar")
    evidence.close()
    stranger = OpenBatch.begin(Archive(root), KeyStore(tmp_path / "stranger"))
    BatchFolder.begin(stranger, inputs("cedar"))
    stranger.close()
    assert newest_unfinished(root) == own.batch_id


def test_a_batch_that_says_it_is_finished_and_lacks_clients_is_asked(tmp_path, root):
    evidence, folder = begun(tmp_path)
    evidence.close()
    folder.write_batch(batch_file(folder.inputs(), result("cedar", "done")))
    assert newest_unfinished(root) == folder.batch_id


def test_batch_json_is_replaced_as_a_whole_and_each_drives_end_is_signed(tmp_path, root):
    evidence, folder = begun(tmp_path, "cedar")
    assert folder.read_batch() is None
    first = batch_file(folder.inputs(), result("cedar", "failed"))
    second = batch_file(folder.inputs(), result("cedar", "failed", "done"))
    names = []
    for each in (first, second):
        folder.write_batch(each)
        assert folder.read_batch() == each
        names.append(folder.sign_batch(evidence, each))
    assert names == [f"_batches/{folder.batch_id}/0000000{number}.json" for number in (1, 2)]
    evidence.close()
    assert problems(root) == []
    (folder.path / "batch.json").write_text("{")
    with pytest.raises(EvidenceError):
        folder.read_batch()


def test_a_full_disk_leaves_batch_json_as_it_was(tmp_path, monkeypatch):
    evidence, folder = begun(tmp_path, "cedar")
    before = batch_file(folder.inputs(), result("cedar"))
    folder.write_batch(before)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name, ask in (
        ("write_atomically", lambda: folder.write_batch(before)),
        ("create_atomically", lambda: folder.sign_batch(evidence, before)),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            with pytest.raises(EvidenceError, match="No space left"):
                ask()
    assert folder.read_batch() == before
    evidence.close()


def test_a_published_and_fetched_batch_is_whole_and_is_not_taken_up_there(tmp_path, root):
    evidence, folder = begun(tmp_path)
    ran(evidence, folder, "cedar", "cedar-1", "done")
    batch = batch_file(
        folder.inputs(), result("cedar", "done"), result("alpine"), result("bayside")
    )
    folder.write_batch(batch)
    folder.sign_batch(evidence, batch)
    evidence.close()
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    publish(root, store, say=lambda _: None)
    names = {each.name for each in store.entries("_batches/")}
    assert names == {
        f"_batches/{folder.batch_id}/{each}"
        for each in ("inputs.json", "inputs.statement.json", "00000001.json")
    }
    assert not verify(store).problems
    fetch(store, tmp_path / "elsewhere", None, say=lambda _: None)
    assert problems(tmp_path / "elsewhere") == []
    there = BatchFolder.open(tmp_path / "elsewhere", folder.batch_id)
    assert there.inputs() == folder.inputs()
    for ask in (there.claims, there.standings, there.left_to_do):
        with pytest.raises(EvidenceError, match="claims are not in this archive"):
            ask()
    keys = believed_keys(root, KeyStore(tmp_path / "keys"))
    assert module.newest_unfinished(tmp_path / "elsewhere", keys) is None


def test_an_edited_batch_is_not_published(tmp_path, root):
    evidence, folder = begun(tmp_path)
    evidence.close()
    (folder.path / "inputs.json").write_text("{}")
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    done = publish(root, store, say=lambda _: None)
    assert any("inputs.json" in each for each in done.problems)
    assert list(store.entries("_batches/")) == []
    assert list(store.entries("_digests/")) == []


def test_one_clients_part_of_an_archive_has_no_other_clients_files(tmp_path, root):
    evidence, folder = begun(tmp_path)
    ran(evidence, folder, "cedar", "cedar-1", "done")
    evidence.close()
    fetch(FolderStore(root), tmp_path / "part", ["cedar"], say=lambda _: None)
    assert not (tmp_path / "part" / "_batches").exists()
    report = verify(FolderStore(tmp_path / "part"), clients=["cedar"])
    assert report.problems == ()


def test_batches_whose_cluster_may_have_gone_on_alone_are_known(tmp_path, root):
    evidence, killed = begun(tmp_path, "cedar")
    _, ended = begun(tmp_path, "alpine")
    _, local = begun(tmp_path, "bayside")
    for folder, fields in (
        (killed, {"scheduler": "tls://host:8786", "ended": None}),
        (ended, {"scheduler": "tls://host:8786"}),
        (local, {"ended": None}),
    ):
        [client] = folder.inputs().clients
        file = BatchFile.of(folder.inputs(), drives=[drive(**fields)], clients=[result(client)])
        folder.write_batch(file)
    assert cut_off_on_clusters(root) == [killed.batch_id]
    assert killed.take_driver_lock()
    assert cut_off_on_clusters(root) == []
    killed.release_driver_lock()
    evidence.close()


def test_two_drivers_are_kept_apart(tmp_path, root):
    evidence, folder = begun(tmp_path)
    assert folder.take_driver_lock()
    other = BatchFolder.open(root, folder.batch_id)
    assert not other.take_driver_lock()
    assert other.driver().process_id == os.getpid()
    folder.release_driver_lock()
    assert other.take_driver_lock()
    other.release_driver_lock()
    evidence.close()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"outcome": 1}', "null"])
def test_a_record_that_cannot_be_read_has_no_outcome(root, content):
    (root / "cedar" / "run-1").mkdir(parents=True)
    assert outcome_of(root, "cedar", "run-1") == ""
    (root / "cedar" / "run-1" / "record.json").write_text(content)
    assert outcome_of(root, "cedar", "run-1") == ""


def test_a_drive_that_never_ended_counts_no_seconds(tmp_path):
    evidence, folder = begun(tmp_path)
    batch = batch_file(folder.inputs(), result("cedar"))
    open_ended = batch.model_copy(update={"drives": (drive(ended=None),)})
    folder.write_batch(open_ended)
    assert folder.read_batch().drives[0].ended is None
    evidence.close()
