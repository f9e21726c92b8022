"""Two machines, one store: whoever comes second signs again, after what is there."""

import shutil
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, giving_way
from o365lib.evidence.archive import Archive
from o365lib.evidence.envelope import Envelope, sign
from o365lib.evidence.giving_way import give_way
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, SEALS
from o365lib.evidence.publishing import publish
from o365lib.evidence.seal import seal_of
from o365lib.evidence.sealing import finish_left_behind
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs
from tests.evidence.signers import ed25519


def ignore(_text):
    pass


@pytest.fixture
def machines(tmp_path):
    """Two machines that began with the same archive, and a store that has what the first did."""
    seal_runs(tmp_path / "first", ("alpine-books", "start"))
    store = tmp_path / "store"
    store.mkdir()
    publish(tmp_path / "first" / "evidence", FolderStore(store), say=ignore)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    seal_runs(tmp_path / "first", ("alpine-books", "of-the-first"))
    publish(tmp_path / "first" / "evidence", FolderStore(store), say=ignore)
    seal_runs(
        tmp_path / "second", ("alpine-books", "of-the-second"), ("bayside-legal", "of-the-second")
    )
    return tmp_path / "second", FolderStore(store)


def yielded(folder, store):
    return give_way(
        Archive(folder / "evidence"), store, KeyStore(folder / "keys").signer(), say=ignore
    )


def test_what_is_only_here_is_signed_again_after_what_is_there(machines):
    folder, store = machines
    kept = (folder / "evidence" / "bayside-legal" / SEALS / "00000001.json").read_bytes()
    link = yielded(folder, store)
    assert link.number == 3
    root = folder / "evidence"
    assert [
        seal_of(Archive(root).run("alpine-books", run)).link.number
        for run in ("start", "of-the-first", "of-the-second")
    ] == [1, 2, 3]
    # Nobody else has sealed a run of this client: its seal stays as it is.
    assert (root / "bayside-legal" / SEALS / "00000001.json").read_bytes() == kept
    publish(root, store, say=ignore)
    for place in (store, FolderStore(root)):
        report = verify(place)
        assert [*report.problems] == []
        assert report.counts["runs"] == 4


def test_what_was_said_of_the_search_for_secrets_is_said_again(machines):
    folder, store = machines
    run = Archive(folder / "evidence").run("alpine-books", "of-the-second")
    before = seal_of(run).predicate["search"]
    yielded(folder, store)
    assert seal_of(run).predicate["search"] == before


def test_a_store_that_has_everything_needs_nothing(machines):
    folder, store = machines
    yielded(folder, store)
    publish(folder / "evidence", store, say=ignore)
    assert yielded(folder, store) is None
    assert chain.numbers(folder / "evidence" / DIGESTS) == [1, 2, 3]


def test_a_command_at_work_is_not_disturbed(machines):
    folder, store = machines
    batch = open_batch(folder)
    run, _ = make_run(batch, "cedar-dental", "under-way")
    with pytest.raises(EvidenceError, match="Another command"):
        yielded(folder, store)
    assert chain.numbers(folder / "evidence" / DIGESTS) == [1, 2]
    batch.seal(run)
    batch.close()
    assert yielded(folder, store).number == 3


@pytest.mark.parametrize("broken", ["fetch", "_seal_again", "digest"])
def test_a_process_that_ends_in_mid_way_leaves_nothing_unsealed(machines, monkeypatch, broken):
    folder, store = machines

    def end(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if broken == "digest":
            patch.setattr(giving_way.digest, "write_digest", end)
        else:
            patch.setattr(giving_way, broken, end)
        with pytest.raises(KeyboardInterrupt):
            yielded(folder, store)
    archive = Archive(folder / "evidence")
    [*finish_left_behind(archive, KeyStore(folder / "keys").signer())]
    yielded(folder, store)
    publish(archive.root, store, say=ignore)
    report = verify(store)
    assert [*report.problems] == []
    assert report.counts["runs"] == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.record_file.write_text(
            run.record_file.read_text().replace("kim", "mallory")
        ),
        lambda run: run.notebook_file.unlink(),
        lambda run: (run.path / "planted.json").write_text("{}"),
    ],
    ids=["edited", "removed", "added"],
)
def test_a_run_that_is_not_as_it_was_sealed_is_not_sealed_again(machines, change):
    folder, store = machines
    root = folder / "evidence"
    change(Archive(root).run("alpine-books", "of-the-second"))
    before = {path: path.read_bytes() for path in root.rglob("_*/*.json")}
    with pytest.raises(EvidenceError, match=r"of-the-second/.* is not what was signed"):
        yielded(folder, store)
    assert {path: path.read_bytes() for path in root.rglob("_*/*.json")} == before


def test_what_was_not_signed_by_a_key_of_the_archive_is_not_signed_again(machines):
    folder, store = machines
    file = folder / "evidence" / "_digests" / "00000002.json"
    signed = Envelope.from_json(file.read_bytes())
    file.write_bytes(sign(signed.payload, ed25519()).to_json())
    with pytest.raises(EvidenceError, match="is not what was signed"):
        yielded(folder, store)
    assert file.exists()


def test_a_new_seal_names_the_old_one_which_is_kept(machines):
    folder, store = machines
    root = folder / "evidence"
    run = Archive(root).run("alpine-books", "of-the-second")
    old = seal_of(run)
    stamp = root / DIGESTS / "00000002.tsr"
    stamp.write_text("a time stamp")
    content = old.link.path.read_bytes()
    yielded(folder, store)
    assert seal_of(run).predicate["replaces"] == {"number": 2, "sha256": old.link.sha256}
    [kept] = root.glob(f".superseded/*/{old.name}")
    assert kept.read_bytes() == content
    assert not stamp.exists() or stamp.read_text() != "a time stamp"
    [kept] = root.glob(".superseded/*/_digests/00000002.tsr")
    assert kept.read_text() == "a time stamp"
    assert [*verify(FolderStore(root)).problems] == []


@pytest.mark.parametrize("moment", ["_to_seal_again", "fetch", "_seal_again"])
def test_whoever_seals_meanwhile_waits_and_comes_after(machines, monkeypatch, moment):
    folder, store = machines
    mid_way, started = getattr(giving_way, moment), []

    with ThreadPoolExecutor(1) as pool:

        def seal_meanwhile(*args, **options):
            if not started:
                started.append(pool.submit(seal_runs, folder, ("alpine-books", "meanwhile")))
                wait(started, timeout=0.3)
                assert not started[0].done()
            return mid_way(*args, **options)

        monkeypatch.setattr(giving_way, moment, seal_meanwhile)
        yielded(folder, store)
        started[0].result()
    root = folder / "evidence"
    assert seal_of(Archive(root).run("alpine-books", "meanwhile")).link.number == 4
    publish(root, store, say=ignore)
    for place in (store, FolderStore(root)):
        report = verify(place)
        assert [*report.problems] == []
        assert report.counts["runs"] == 5


def test_a_run_that_waits_for_its_seal_is_not_run_over(machines):
    folder, store = machines
    batch = open_batch(folder)
    make_run(batch, "alpine-books", "left-behind")
    batch.close()  # as a process does that could not seal
    with pytest.raises(EvidenceError, match="o365 evidence seal"):
        yielded(folder, store)
    archive = Archive(folder / "evidence")
    [*finish_left_behind(archive, KeyStore(folder / "keys").signer())]
    assert yielded(folder, store).number == 3
