import hashlib

import pytest

from o365lib.errors import NameTaken
from o365lib.evidence.sending import File, Sender
from o365lib.evidence.stores import FolderStore


@pytest.fixture
def root(tmp_path):
    (tmp_path / "evidence" / "contoso").mkdir(parents=True)
    return tmp_path / "evidence"


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def file(root, name, content, *, is_listed=False, signed=None):
    (root / name).write_bytes(content)
    return File(name, hashlib.sha256(signed or content).hexdigest(), is_listed)


def test_a_file_is_sent_once_and_found_there_then(root, store):
    sender = Sender(root, store, retention_required=False)
    one = file(root, "contoso/a", b"one")
    assert [sender.send(one).is_new, sender.send(one).is_new] == [True, False]
    assert sender.send(one).size == 3
    assert b"".join(store.read("contoso/a")) == b"one"
    assert one.client == "contoso"


def test_what_is_not_as_it_was_signed_is_not_sent(root, store):
    sender = Sender(root, store, retention_required=False)
    sent = sender.send(file(root, "contoso/a", b"edited", signed=b"one"))
    assert "contoso/a" in str(sent.fault)
    assert list(store.entries()) == []


def test_a_name_with_other_content_is_told_whether_it_was_listed_or_not(root, store):
    sender = Sender(root, store, retention_required=False)
    sender.send(file(root, "contoso/a", b"one"))
    for is_listed in (True, False):
        other = file(root, "contoso/a", b"two", is_listed=is_listed)
        assert isinstance(sender.send(other).fault, NameTaken)


def test_after_a_fault_nothing_more_is_sent(root, store):
    sender = Sender(root, store, retention_required=False)
    files = [
        file(root, "contoso/a", b"one"),
        file(root, "contoso/b", b"edited", signed=b"two"),
        file(root, "contoso/c", b"three"),
    ]
    assert [bool(each.fault) for each in sender.send_in_order(files)] == [False, True]
    assert [each.name for each in store.entries()] == ["contoso/a"]
