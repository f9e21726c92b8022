import json

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from o365lib.evidence import trust
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import Statement
from tests.shelf import Shelf

WORDS = "correct horse battery"


@pytest.fixture
def keys(tmp_path, monkeypatch):
    folder = tmp_path / "my keys"
    monkeypatch.setenv("O365_KEYS", str(folder))
    monkeypatch.delenv("O365_PASSPHRASE_FILE", raising=False)
    return KeyStore(folder)


@pytest.fixture
def words_in(tmp_path):
    def write(name, words=WORDS):
        file = tmp_path / name
        file.write_text(words)
        file.chmod(0o600)
        return str(file)

    return write


@pytest.fixture
def use_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_who_has_no_key_yet_is_told_how_one_is_made(o365, keys):
    result = o365("key", "show")
    assert result.exit_code == 1
    assert "no signing key yet" in result.stderr
    assert "o365 key new" in result.stderr
    assert not keys.folder.exists()


def test_the_key_is_shown_for_people_machines_and_those_who_check(o365, keys):
    key = keys.new(name="Ada Lovelace").key
    shown = o365("key", "show").stdout
    for part in ("Ada Lovelace", key.key_id, key.fingerprint, str(keys.file), "Ed25519"):
        assert part in shown
    told = json.loads(o365("key", "show", "--json").stdout)
    assert told["key_id"] == key.key_id
    assert told["protection"] == "none"
    assert set(told) == {
        "name",
        "algorithm",
        "key_id",
        "fingerprint",
        "created",
        "protection",
        "file",
    }
    pem = o365("key", "show", "--pem").stdout
    assert PublicKey.from_pem(pem.encode()) == key


def test_a_key_needs_no_project(o365, keys, tmp_path, monkeypatch):
    monkeypatch.chdir(keys.folder.parent.parent)
    assert o365("key", "new", "--name", "Ada").exit_code == 0
    assert o365("key", "show").exit_code == 0


def test_a_new_key_is_endorsed_by_the_one_before(o365, keys, project):
    assert o365("key", "new", "--name", "Ada").exit_code == 0
    first = keys.public_key()
    result = o365("key", "new", "--json")
    told = json.loads(result.stdout)
    second = keys.public_key()
    assert told["key_id"] == second.key_id != first.key_id
    assert told["name"] == "Ada"
    assert f"{first.fingerprint}, vouches for this one" in result.stderr
    keys.publish(project / "evidence")
    trusted = trust.trusted_keys(project / "evidence", [first])
    assert set(trusted) == {first.key_id, second.key_id}


def test_keys_are_published_with_what_is_said_of_them_and_that_is_in_a_digest(o365, keys, project):
    o365("key", "new")
    first = keys.public_key()
    o365("key", "new")
    missing = o365("key", "publish")
    assert missing.exit_code == 2, missing.output
    assert "no archive" in missing.stderr
    root = project / "evidence"
    root.mkdir()
    result = o365("key", "publish")
    assert result.exit_code == 0
    second = keys.public_key()
    assert second.key_id in result.stdout
    assert set(trust.trusted_keys(root, [first])) == {first.key_id, second.key_id}
    raw = (root / "_digests" / "00000001.json").read_bytes()
    said = Statement.from_bytes(Envelope.from_json(raw).payload)
    assert [each.name for each in said.subjects] == [trust.endorsement_name(second.key_id)]
    assert o365("key", "publish").exit_code == 0
    assert not (root / "_digests" / "00000002.json").exists()


def test_a_lost_key_is_replaced_and_the_consequence_is_told(o365, keys):
    keys.new(name="Ada")
    keys.file.write_text("damaged")
    result = o365("key", "new")
    assert result.exit_code == 1
    assert "o365 key new --lost" in result.stderr
    result = o365("key", "new", "--lost", "--name", "Ada")
    assert result.exit_code == 0
    assert "No earlier key vouches for this one" in result.stderr
    assert keys.public_key()


class TestPassphrase:
    def test_a_file_gives_it_to_machines(self, o365, keys, words_in):
        result = o365("key", "new", "--new-passphrase-file", words_in("new"))
        assert result.exit_code == 0
        assert keys.describe().protection == "passphrase"
        assert WORDS not in result.output
        first = keys.public_key()
        lines = o365("key", "new", "--passphrase-file", words_in("new"), "--no-passphrase")
        assert f"{first.fingerprint}, vouches" in lines.stderr
        assert keys.describe().protection == "none"

    def test_the_environment_names_the_file_too(self, o365, keys, words_in, monkeypatch):
        o365("key", "new", "--new-passphrase-file", words_in("old"))
        monkeypatch.setenv("O365_PASSPHRASE_FILE", words_in("old"))
        arguments = ("key", "new", "--new-passphrase-file", words_in("new", "another " + WORDS))
        assert o365(*arguments).exit_code == 0
        assert keys.describe().protection == "passphrase"

    def test_a_protected_key_is_not_replaced_by_an_open_one_unasked(self, o365, keys, words_in):
        o365("key", "new", "--new-passphrase-file", words_in("new"))
        result = o365("key", "new", "--passphrase-file", words_in("new"))
        assert result.exit_code == 2
        assert "--no-passphrase" in result.stderr
        assert keys.describe().protection == "passphrase"

    def test_where_nobody_can_be_asked_the_file_is_asked_for(self, o365, keys, words_in):
        result = o365("key", "new", "--passphrase")
        assert result.exit_code == 2
        assert "--new-passphrase-file" in result.stderr
        assert keys.public_key() is None
        o365("key", "new", "--new-passphrase-file", words_in("new"))
        result = o365("key", "new", "--no-passphrase")
        assert result.exit_code == 1
        assert "nobody can be asked" in result.stderr
        assert "--passphrase-file" in result.stderr

    @pytest.mark.parametrize(
        "ways", [("--passphrase", "--keyring"), ("--keyring", "--no-passphrase")]
    )
    def test_a_key_is_kept_in_one_way(self, o365, keys, ways):
        result = o365("key", "new", *ways)
        assert result.exit_code == 2
        assert "one way" in result.stderr
        assert keys.public_key() is None


def test_the_keyring_keeps_it_where_there_is_one(o365, keys, use_keyring):
    use_keyring(NoKeyring())
    result = o365("key", "new", "--keyring")
    assert result.exit_code == 1
    assert "no keyring" in result.stderr
    assert keys.public_key() is None
    use_keyring(Shelf())
    assert o365("key", "new", "--keyring").exit_code == 0
    assert json.loads(o365("key", "show", "--json").stdout)["protection"] == "keyring"
    assert keys.signer()


def test_a_name_from_a_file_is_shown_as_text(o365, keys):
    keys.new(name="[red]Ada[/red]")
    assert "[red]Ada[/red]" in o365("key", "show").stdout
