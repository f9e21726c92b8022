"""A key that was made by itself is told, and more loudly where there was another one before."""

import shutil

from o365lib.cli.made_key import tell_if_made
from o365lib.evidence.key_store import KeyStore
from tests.evidence.sealed_archive import seal_runs


def told(folder, capsys):
    keys = KeyStore(folder / "keys")
    signer = keys.signer()
    tell_if_made(keys, signer, folder / "evidence")
    out, err = capsys.readouterr()
    assert out == ""
    return signer, err.splitlines()


def test_the_first_use_tells_which_key_was_made_and_where(tmp_path, capsys):
    signer, [line] = told(tmp_path, capsys)
    assert signer.key.fingerprint in line
    assert signer.name in line
    assert str(tmp_path / "keys" / "signing.json") in line
    assert told(tmp_path, capsys)[1] == []


def test_where_the_folder_of_keys_was_lost_the_key_before_is_named(tmp_path, capsys):
    seal_runs(tmp_path, ("alpine-books", "one"))
    before = KeyStore(tmp_path / "keys").signer()
    shutil.rmtree(tmp_path / "keys")
    (tmp_path / "evidence" / "_digests" / "00000002.json").write_text("no digest")
    signer, [_, line] = told(tmp_path, capsys)
    assert before.key.fingerprint in line
    assert signer.key.fingerprint not in line
    assert "o365 key show --pem" in line


def test_what_others_sealed_before_is_no_matter(tmp_path, capsys):
    KeyStore(tmp_path / "keys").new(name="somebody else")
    seal_runs(tmp_path, ("alpine-books", "one"))
    shutil.rmtree(tmp_path / "keys")
    assert len(told(tmp_path, capsys)[1]) == 1
