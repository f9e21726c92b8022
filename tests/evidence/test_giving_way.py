"""Two machines, one store: whoever comes second signs again, after what is there."""

import shutil

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, giving_way
from o365lib.evidence.archive import Archive
from o365lib.evidence.giving_way import give_way
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, SEALS
from o365lib.evidence.publishing import publish
from o365lib.evidence.seal import seal_of
from o365lib.evidence.sealing import finish_left_behind
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs


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
