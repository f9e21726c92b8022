import os
import stat

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.batches import working_copy
from o365lib.evidence.batches.working_copy import materialize, sweep
from o365lib.parameters import loading

TEXTS = {"alpine": "\ufeffname: a\r\n", "bayside": "name: ü\n"}


def test_the_texts_come_out_byte_for_byte(tmp_path):
    copy = materialize(
        tmp_path / "own", defaults="a: 1\r\n", clients=TEXTS, runbook="create", notebook="{}\r\n"
    )
    assert copy.parameters == tmp_path / "own" / "parameters"
    assert (copy.parameters / "defaults.yaml").read_bytes() == b"a: 1\r\n"
    for client, text in TEXTS.items():
        assert (copy.parameters / "clients" / f"{client}.yaml").read_bytes() == text.encode()
    assert (copy.notebook.name, copy.notebook.read_bytes()) == ("create.ipynb", b"{}\r\n")


def test_what_was_not_given_is_not_written(tmp_path):
    copy = materialize(tmp_path, defaults="", clients={})
    assert copy.notebook is None
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_all_is_the_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        materialize(tmp_path / "own", defaults="a", clients=TEXTS, runbook="create", notebook="{}")
    finally:
        os.umask(before)
    for each in (tmp_path / "own", *(tmp_path / "own").rglob("*")):
        assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600), each


def test_one_folder_serves_many_runs(tmp_path):
    copy = materialize(tmp_path, defaults="a", clients={"alpine": "1"})
    before = (copy.parameters / "defaults.yaml").stat()
    materialize(tmp_path, defaults="a", clients={"bayside": "2"})
    materialize(tmp_path, defaults="a", clients={"alpine": "3"})
    clients = copy.parameters / "clients"
    assert {each.name: each.read_text() for each in clients.iterdir()} == {
        "alpine.yaml": "3",
        "bayside.yaml": "2",
    }
    after = (copy.parameters / "defaults.yaml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    "names", [{"clients": {"../x": ""}}, {"clients": {"A": ""}}, {"runbook": "../x"}]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, names):
    with pytest.raises(EvidenceError, match="is not a"):
        materialize(tmp_path / "own", defaults="", **{"clients": {}, **names})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "parameters").write_text("in the way")
    with pytest.raises(EvidenceError, match="cannot be written") as caught:
        materialize(tmp_path, defaults="", clients={})
    assert caught.value.state == "The run was not begun."


def test_the_names_are_those_of_the_parameters():
    assert working_copy.DEFAULTS_FILE == loading.DEFAULTS_FILE
    assert working_copy.CLIENTS_FOLDER == loading.CLIENTS_FOLDER


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    old, young, other = (tmp_path / name for name in ("o365-run-a", "o365-run-b", "else"))
    for folder in (old, young, other):
        materialize(folder, defaults="x", clients={})
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "o365-run-link"
    link.symlink_to(target)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    os.utime(link, (0, 0), follow_symlinks=False)
    assert sweep(tmp_path, "o365-run-", older_than_seconds=60) == [old]
    assert not old.exists()
    assert young.exists()
    assert other.exists()
    assert target.exists()
    assert link.is_symlink()
