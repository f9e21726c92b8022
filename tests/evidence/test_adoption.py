"""Runs from before there were seals get one, once, that says what it is worth."""

import json

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain
from o365lib.evidence.adoption import adopt, unsealed
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, PENDING, SEALS
from o365lib.evidence.record import Outcome
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.seal import seal_of
from o365lib.evidence.sealing import Sealed, finish_left_behind
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import Kind, verify
from tests.evidence import small_records
from tests.evidence.sealed_archive import make_run, open_batch, seal_runs


def put_old(folder, client, run_id, **fields):
    """A run as it was archived before there were seals."""
    run = Archive(folder / "evidence").new_run(client, run_id)
    ended = {"outcome": Outcome.DONE, "ended": small_records.NOW}
    record = small_records.make(run_id, **{**ended, **fields})
    record.client = client
    run.write_record(record)
    return run


def adopt_all(folder, *clients):
    """Adopt what can be adopted; return what was sealed, and why other runs were not."""
    found = unsealed(Archive(folder / "evidence"), clients)
    batch = open_batch(folder)
    told = [*adopt(batch, [run for run, _ in found.runs])]
    batch.close()
    sealed = [each for each in told if isinstance(each, Sealed)]
    return sealed, [*found.left_out, *(each for each in told if isinstance(each, str))]


def verified(folder):
    return verify(FolderStore(folder / "evidence"))


def names(found):
    return [(run.client, run.run_id) for run, _ in found.runs]


def test_old_runs_are_sealed_once_and_the_archive_is_sound_from_then_on(tmp_path):
    olds = [put_old(tmp_path, *each) for each in (("alpine-books", "a1"), ("bayside-legal", "b1"))]
    seal_runs(tmp_path, ("alpine-books", "new"))
    told = verified(tmp_path).problems
    assert [(each.kind, "`o365 evidence adopt`" in each.sentence) for each in told] == [
        (Kind.UNSIGNED, True)
    ] * 2
    sealed, problems = adopt_all(tmp_path)
    assert [each.run.path for each in sealed] == [each.path for each in olds]
    assert problems == []
    report = verified(tmp_path)
    assert report.is_sound
    assert adopt_all(tmp_path) == ([], [])
    assert chain.numbers(tmp_path / "evidence" / "alpine-books" / SEALS) == [1, 2]
    assert chain.numbers(tmp_path / "evidence" / DIGESTS) == [1, 2]


def test_the_seal_says_since_when_it_vouches_and_verifying_tells_it(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1")
    seal_runs(tmp_path, ("alpine-books", "new"))
    adopt_all(tmp_path)
    said = seal_of(run).predicate
    assert said["adopted"] <= said["sealed"]
    assert said["outcome"] == "done"
    assert said["search"]["known_secrets"] == "not searched"
    [note] = [each for each in verified(tmp_path).notes if "adopted" in each]
    assert note == (
        f"1 run was adopted on {said['adopted'][:10]}: what it says is vouched for from then on"
        " only."
    )


def test_only_the_clients_that_were_named_are_looked_through(tmp_path):
    put_old(tmp_path, "alpine-books", "a1")
    put_old(tmp_path, "bayside-legal", "b1")
    found = unsealed(Archive(tmp_path / "evidence"), ["bayside-legal"])
    assert names(found) == [("bayside-legal", "b1")]


def test_a_record_that_nobody_closed_is_closed_first(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1", outcome=Outcome.UNFINISHED, ended=None)
    adopt_all(tmp_path)
    assert run.read_record().outcome is Outcome.FAILED
    assert seal_of(run).predicate["outcome"] == "failed"


def test_a_run_without_a_record_that_can_be_read_is_adopted_as_it_is(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1")
    run.record_file.unlink()
    run.write_notebook('{"cells": []}')
    adopt_all(tmp_path)
    assert seal_of(run).predicate["outcome"] == "unreadable"
    assert not run.record_file.exists()
    assert verified(tmp_path).is_sound


@pytest.mark.parametrize("spoilt", ["removed", "edited", "with its digest"])
def test_where_a_seal_was_taken_away_nothing_is_adopted(tmp_path, spoilt):
    run, _ = seal_runs(tmp_path, ("alpine-books", "one"), ("bayside-legal", "two"))
    seal_runs(tmp_path, ("bayside-legal", "three"))
    put_old(tmp_path, "alpine-books", "a1")
    seal = chain.path_of(run.path.parent / SEALS, 1)
    if spoilt == "edited":
        seal.write_text("{}")
    else:
        seal.unlink()
    if spoilt == "with its digest":
        chain.path_of(tmp_path / "evidence" / DIGESTS, 1).unlink()
    run.record_file.write_text(run.record_file.read_text().replace("done", "failed"))
    with pytest.raises(EvidenceError, match="Nothing of alpine-books can be adopted"):
        unsealed(Archive(tmp_path / "evidence"), [])


def test_a_run_that_a_process_has_begun_is_left_to_it_or_to_finishing(tmp_path):
    batch = open_batch(tmp_path)
    make_run(batch, "alpine-books", "one")
    found = unsealed(Archive(tmp_path / "evidence"), [])
    assert names(found) == []
    batch._pending.let_go()  # as the end of its process does
    found = unsealed(Archive(tmp_path / "evidence"), [])
    assert names(found) == []
    assert found.left_out == ("one of alpine-books: `o365 evidence seal` finishes it.",)


def test_a_run_of_another_name_or_with_a_link_in_it_is_left_out(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1")
    run.path.rename(run.path.with_name("a2"))
    linked = put_old(tmp_path, "alpine-books", "a3")
    (linked.path / "link").symlink_to(linked.record_file)
    sealed, left_out = adopt_all(tmp_path)
    assert sealed == []
    assert left_out[0] == "a2 of alpine-books: its record is of the run a1 of alpine-books."
    assert "a3 of alpine-books: alpine-books/a3/link: It is a symbolic link" in left_out[1]


def test_a_run_that_a_process_is_at_is_passed_by(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1")
    lock = RunLock(run)
    assert lock.take()
    sealed, problems = adopt_all(tmp_path)
    lock.remove()
    assert (sealed, problems) == ([], ["a1 of alpine-books: a process is at it."])


def test_two_that_adopt_the_same_run_seal_it_once(tmp_path):
    put_old(tmp_path, "alpine-books", "a1")
    found = unsealed(Archive(tmp_path / "evidence"), [])
    adopt_all(tmp_path)
    batch = open_batch(tmp_path)
    assert [*adopt(batch, [run for run, _ in found.runs])] == []
    assert batch.close() is None


def test_an_adoption_that_broke_off_is_finished_as_one(tmp_path, monkeypatch):
    run = put_old(tmp_path, "alpine-books", "a1", outcome=Outcome.UNFINISHED, ended=None)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "create_atomically", full)
        _, problems = adopt_all(tmp_path)
    assert "No space left" in problems[0]
    [finished] = finish_left_behind(
        Archive(tmp_path / "evidence"), KeyStore(tmp_path / "keys").signer()
    )
    assert [each.run.run_id for each in finished.sealed] == ["a1"]
    assert "adopted" in seal_of(run).predicate
    assert "finished" not in seal_of(run).predicate
    assert verified(tmp_path).is_sound
    assert [*(tmp_path / "evidence" / PENDING).iterdir()] == []


def test_a_secret_in_an_old_run_is_put_into_quarantine_first(tmp_path):
    run = put_old(tmp_path, "alpine-books", "a1")
    token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
    run.write_notebook(json.dumps({"cells": [token]}))
    [sealed], _ = adopt_all(tmp_path)
    assert sealed.record.outcome is Outcome.FAILED
    assert not run.notebook_file.exists() or token not in run.notebook_file.read_text()
    assert verified(tmp_path).is_sound
