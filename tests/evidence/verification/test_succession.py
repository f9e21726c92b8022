import shutil

from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import verify
from o365lib.evidence.verification.succession import persons
from tests.evidence.sealed_archive import seal_runs


def test_all_keys_that_are_joined_are_one_persons_and_no_others():
    found = persons({"b": "a", "c": "b", "y": "x", "d": "c", "a": "d"})
    assert {found[each] for each in "abcd"} == {"a"}
    assert found["x"] == found["y"] == "x"
    assert "other" not in found


def test_a_key_that_goes_on_signing_after_its_successor_is_noted_and_no_problem(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "r-1"))
    shutil.copytree(tmp_path / "keys", tmp_path / "kept")
    keys = KeyStore(tmp_path / "keys")
    old = keys.signer().key
    keys.new(endorser=keys.signer())
    seal_runs(tmp_path, ("alpine-books", "r-2"))

    def notes() -> list[str]:
        report = verify(FolderStore(tmp_path / "evidence"), keys=[old])
        assert report.problems == ()
        return [note for note in report.notes if "took its place" in note]

    assert notes() == []
    shutil.rmtree(tmp_path / "keys")
    (tmp_path / "kept").rename(tmp_path / "keys")
    seal_runs(tmp_path, ("alpine-books", "r-3"), ("bayside-legal", "r-4"))
    [note] = notes()
    assert note.startswith(f"The key {old.fingerprint} has signed 3 seals and digests after digest")
