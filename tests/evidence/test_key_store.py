import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import files, trust
from o365lib.evidence.key_store import KeyStore, default_name, passphrase_here, passphrase_in
from o365lib.secret import Secret
from tests.evidence.signers import ed25519

ROOT = Path(__file__).parent.parent.parent
WORDS = "correct horse battery"
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no mode here")


@pytest.fixture
def store(tmp_path):
    return KeyStore(tmp_path / "config" / "keys")


def ask():
    return Secret(WORDS)


def private_parts(folder):
    raws = re.findall(r'"(?:raw|ciphertext)": "(.{40,}?)"', "".join(map(Path.read_text, folder)))
    assert raws
    return raws


class TestFirstUse:
    def test_the_key_is_made_when_it_is_first_needed_and_stays(self, store):
        assert store.public_key() is None
        assert store.describe() is None
        assert not store.folder.exists()
        signer = store.signer()
        assert store.signer().key == signer.key == store.public_key()
        assert signer.key.verify(b"message", store.signer().sign(b"message"))
        assert store.name == signer.name == default_name()

    @posix
    def test_it_is_the_owners_alone(self, store):
        before = os.umask(0)
        try:
            store.signer()
        finally:
            os.umask(before)
        assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in store.folder.iterdir()} == {0o600}

    @posix
    def test_it_is_no_groups_even_in_a_groups_folder(self, store):
        store.folder.parent.mkdir()
        store.folder.parent.chmod(0o2770)
        store.signer()
        assert stat.S_IMODE(store.folder.stat().st_mode) & 0o777 == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in store.folder.iterdir()} == {0o600}

    def test_two_that_make_it_at_once_end_with_one(self, store):
        with ThreadPoolExecutor(8) as pool:
            signers = [*pool.map(lambda _: KeyStore(store.folder).signer(), range(8))]
        assert {each.key for each in signers} == {store.public_key()}

    def test_two_processes_that_make_it_at_once_end_with_one(self, store):
        code = (
            "import sys; from pathlib import Path; from o365lib.evidence.key_store import KeyStore;"
            "sys.stdin.read(1); print(KeyStore(Path(sys.argv[1])).signer().key.key_id)"
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(store.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for _ in range(3)
        ]
        told = set()
        for each in processes:
            each.stdin.write("x")
            each.stdin.flush()
        for each in processes:
            told.add(each.communicate()[0].strip())
            assert each.returncode == 0
        assert told == {store.public_key().key_id}

    def test_a_full_disk_makes_no_key_and_says_so(self, store, monkeypatch):
        def refuse(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(files.os, "fsync", refuse)
        with pytest.raises(EvidenceError, match="No space left") as caught:
            store.signer()
        assert caught.value.state == "Nothing was signed."
        monkeypatch.undo()
        assert not store.file.exists()
        assert store.signer()

    def test_a_file_in_place_of_the_folder_is_told(self, store):
        store.folder.parent.mkdir()
        store.folder.write_text("")
        with pytest.raises(EvidenceError, match="cannot be used"):
            store.signer()


class TestOthers:
    @posix
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
    def test_a_key_that_others_can_open_signs_nothing(self, store, mode):
        store.signer()
        store.file.chmod(mode)
        for call in (store.signer, store.public_key, store.describe, store.new):
            with pytest.raises(EvidenceError, match="can be opened by other users") as caught:
                call()
        assert f"chmod 600 {store.file}" in str(caught.value)
        store.file.chmod(0o600)
        assert store.signer()

    @posix
    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
    def test_a_folder_that_others_can_write_to_signs_nothing(self, store, mode):
        store.signer()
        store.folder.chmod(mode)
        with pytest.raises(EvidenceError, match="Other users") as caught:
            store.signer()
        assert f"chmod 700 {store.folder}" in str(caught.value)

    @posix
    def test_no_key_is_made_where_others_can_write(self, store):
        store.folder.mkdir(parents=True)
        store.folder.chmod(0o777)
        with pytest.raises(EvidenceError, match="Other users"):
            store.signer()
        assert not store.file.exists()

    def test_a_folder_in_place_of_the_key_is_told(self, store):
        store.file.mkdir(parents=True)
        with pytest.raises(EvidenceError, match="is not a regular file"):
            store.signer()

    def test_a_link_that_leads_nowhere_is_not_taken_for_no_key(self, store):
        store.folder.mkdir(parents=True, mode=0o700)
        store.file.symlink_to(store.folder / "gone")
        with pytest.raises(EvidenceError, match="cannot be opened"):
            store.signer()
        assert store.file.is_symlink()


class TestPassphrase:
    def test_what_is_public_needs_none(self, store):
        signer = store.new(name="Ada", passphrase=Secret(WORDS))
        described = store.describe()
        assert (described.name, described.key) == ("Ada", signer.key)
        assert described.protection == "passphrase"
        assert described.file == store.file
        assert store.name == "Ada"
        assert store.public_key() == signer.key

    def test_signing_needs_it(self, store):
        key = store.new(passphrase=Secret(WORDS)).key
        assert store.signer(ask).key == key
        with pytest.raises(EvidenceError, match="nobody can be asked"):
            store.signer()
        with pytest.raises(EvidenceError, match="does not open"):
            store.signer(lambda: Secret("wrong horse battery"))

    def test_a_file_holds_it_for_machines(self, store, tmp_path):
        file = tmp_path / "passphrase"
        file.write_text(f"{WORDS}\n")
        file.chmod(0o600)
        key = store.new(passphrase=Secret(WORDS)).key
        assert store.signer(passphrase_in(file)).key == key
        assert store.signer(passphrase_here({"O365_PASSPHRASE_FILE": str(file)})).key == key
        assert passphrase_here({}) is None

    @posix
    def test_a_file_that_others_can_read_holds_none(self, tmp_path):
        file = tmp_path / "passphrase"
        file.write_text(WORDS)
        file.chmod(0o644)
        with pytest.raises(EvidenceError, match="can be opened by other users") as caught:
            passphrase_in(file)()
        assert WORDS not in str(caught.value)
        with pytest.raises(EvidenceError, match="cannot be opened"):
            passphrase_in(tmp_path / "none")()


class TestRotation:
    def test_a_new_key_takes_the_place_and_the_one_before_is_kept(self, store):
        old = store.signer()
        before = store.file.read_bytes()
        new = store.new(endorser=old)
        assert store.signer().key == new.key != old.key
        kept = store.folder / f"old-{old.key.key_id}.json"
        assert kept.read_bytes() == before
        assert new.name == old.name

    def test_the_one_before_vouches_for_it_in_every_archive(self, store, tmp_path):
        first = store.signer()
        second = store.new(endorser=first)
        third = store.new(endorser=second)
        for root in (tmp_path / "one", tmp_path / "two"):
            store.publish(root)
            store.publish(root)
            keys = {first.key, second.key, third.key}
            assert set(trust.trusted_keys(root, [first.key]).values()) == keys
            assert set(trust.trusted_keys(root, [third.key]).values()) == {third.key}

    def test_a_lost_key_is_kept_but_vouches_for_nothing(self, store, tmp_path):
        lost = store.new(passphrase=Secret(WORDS))
        new = store.new()
        store.publish(tmp_path / "evidence")
        assert (store.folder / f"old-{lost.key.key_id}.json").exists()
        assert set(trust.trusted_keys(tmp_path / "evidence", [lost.key])) == {lost.key.key_id}
        assert set(trust.trusted_keys(tmp_path / "evidence")) == {new.key.key_id}

    def test_a_damaged_key_is_put_aside_and_not_thrown_away(self, store):
        store.signer()
        store.file.write_bytes(b"{ half a file")
        with pytest.raises(EvidenceError, match="damaged") as caught:
            store.signer()
        assert "o365 key new --lost" in caught.value.remedy
        key = store.new().key
        assert store.signer().key == key
        [aside] = store.folder.glob("damaged-*.json")
        assert aside.read_bytes() == b"{ half a file"

    def test_only_the_key_in_use_vouches_for_the_next(self, store):
        old = store.signer()
        key = store.new(endorser=old).key
        for endorser in (old, ed25519()):
            with pytest.raises(EvidenceError, match="replaced meanwhile"):
                store.new(endorser=endorser)
        assert store.public_key() == key

    def test_what_is_unfit_leaves_the_key_as_it_was(self, store):
        old = store.signer()
        for unfit in ({"passphrase": Secret("short")}, {"name": "two\nlines"}):
            with pytest.raises(EvidenceError):
                store.new(endorser=old, **unfit)
        assert store.public_key() == old.key
        assert [each.name for each in store.folder.glob("*.json")] == ["signing.json"]

    @pytest.mark.parametrize("written", [0, 1, 2])
    def test_a_crash_leaves_the_earlier_key_in_use_or_the_later_one(
        self, store, monkeypatch, written
    ):
        """The three files are: the key before, what it says of the new one, the new one."""
        old = store.signer()
        done = []
        write = files.os.fdopen

        def crash(descriptor, mode):
            if len(done) == written:
                os.close(descriptor)
                raise KeyboardInterrupt
            done.append(1)
            return write(descriptor, mode)

        monkeypatch.setattr(files.os, "fdopen", crash)
        with pytest.raises(KeyboardInterrupt):
            store.new(endorser=old)
        monkeypatch.undo()
        assert store.signer().key == old.key
        new = store.new(endorser=old)
        assert store.signer().key == new.key

    def test_publishing_without_a_key_says_what_to_do(self, store, tmp_path):
        with pytest.raises(EvidenceError, match="no signing key") as caught:
            store.publish(tmp_path)
        assert "o365 key new" in caught.value.remedy

    def test_the_chain_ends_where_an_old_key_is_gone(self, store, tmp_path):
        old = store.signer()
        new = store.new(endorser=old)
        (store.folder / f"old-{old.key.key_id}.json").unlink()
        store.publish(tmp_path)
        assert set(trust.trusted_keys(tmp_path)) == {new.key.key_id}
        assert set(trust.trusted_keys(tmp_path, [old.key])) == {old.key.key_id, new.key.key_id}


def test_the_archive_gets_no_private_part(store, tmp_path):
    store.new(endorser=store.signer())
    store.publish(tmp_path / "evidence")
    secrets = private_parts(store.folder.glob("*.json"))
    published = [each for each in (tmp_path / "evidence").rglob("*") if each.is_file()]
    assert len(published) == 3
    for file in published:
        assert not any(each in file.read_text() for each in secrets)


def test_a_key_of_a_later_version_is_never_replaced_by_accident(store):
    store.signer()
    content = {**json.loads(store.file.read_text()), "schema_version": 2}
    store.file.write_text(json.dumps(content))
    with pytest.raises(EvidenceError, match="later version"):
        store.signer()
    assert json.loads(store.file.read_text()) == content


def test_the_day_a_key_was_made_is_told(store):
    store.signer()
    assert store.describe().created.tzinfo is not None
    assert store.describe().created <= datetime.now(UTC)


class TestKeysOfOnePerson:
    """Of the four eyes two must be another person's."""

    def test_those_before_are_hers_too_endorsed_or_lost(self, store, tmp_path):
        assert store.persons_key_ids(tmp_path) == frozenset()
        first = store.signer()
        second = store.new(endorser=first)
        third = store.new()
        every = {each.key.key_id for each in (first, second, third)}
        assert store.persons_key_ids(tmp_path) == every

    def test_a_copy_of_the_folder_from_before_is_joined_by_the_archive(self, store, tmp_path):
        before = KeyStore(tmp_path / "before")
        first = store.signer()
        shutil.copytree(store.folder, before.folder)
        second = store.new(endorser=first)
        assert before.persons_key_ids(tmp_path) == {first.key.key_id}
        store.publish(tmp_path)
        assert before.persons_key_ids(tmp_path) == {first.key.key_id, second.key.key_id}

    def test_a_strangers_key_in_the_archive_is_not_hers(self, store, tmp_path):
        trust.publish(tmp_path, ed25519().key)
        own = store.signer().key.key_id
        assert store.persons_key_ids(tmp_path) == {own}
