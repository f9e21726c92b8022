"""The store to which the archive is published."""

from dataclasses import replace

import pytest

from o365lib.cli.remote_archive import RemoteArchive, store_of
from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.parameters import ArchiveRules
from tests.evidence.sealed_archive import seal_runs


@pytest.fixture
def remote(tmp_path):
    seal_runs(tmp_path, ("alpine-books", "one"))
    (tmp_path / "store").mkdir()
    rules = ArchiveRules(url=str(tmp_path / "store"))
    return RemoteArchive(
        Archive(tmp_path / "evidence"),
        store_of(rules, rules.url),
        rules,
        KeyStore(tmp_path / "keys").signer,
    )


def test_what_was_left_unpublished_is_published_and_told(remote, tmp_path, capsys):
    remote.bring_up_to_date([])
    assert (tmp_path / "store" / "alpine-books" / "one" / "record.json").exists()
    assert "1 run, sealed earlier, is published to" in capsys.readouterr().err
    remote.bring_up_to_date([])
    assert capsys.readouterr().err == ""


def test_what_was_sent_before_giving_way_is_counted_too(remote, tmp_path):
    other_place = tmp_path / "other"
    seal_runs(other_place, ("bayside-legal", "two"))
    other = replace(
        remote,
        archive=Archive(other_place / "evidence"),
        signer=KeyStore(other_place / "keys").signer,
    )
    done, link = remote.publish()
    assert link is None
    before = {path for path in (tmp_path / "store").rglob("*") if path.is_file()}
    done, link = other.publish()
    assert link is not None
    after = {path for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert (done.files, done.runs) == (len(after - before), 1)
    assert done.bytes_sent == sum(path.stat().st_size for path in after - before)


def test_a_run_that_somebody_edited_in_the_store_is_no_matter_of_numbers(remote, tmp_path):
    remote.publish()
    (tmp_path / "store" / "alpine-books" / "one" / "record.json").write_text("edited")
    with pytest.raises(NameTaken, match=r"record\.json"):
        remote.publish(again=True)


def test_a_folder_that_is_asked_to_protect_says_that_it_cannot(tmp_path, capsys):
    rules = ArchiveRules(url=str(tmp_path), mode="compliance", retention_days=30)
    store_of(rules, rules.url)
    assert "protects nothing" in capsys.readouterr().err


def test_a_store_that_must_protect_and_cannot_gets_nothing(tmp_path, remote):
    remote.rules = ArchiveRules(
        url=str(tmp_path), mode="compliance", retention_days=30, retention_required=True
    )
    with pytest.raises(EvidenceError, match="cannot protect"):
        remote.publish()
