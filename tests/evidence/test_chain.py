"""Chains of signed files: a line, whoever appends at the same time."""

import errno
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, files, trust
from o365lib.evidence.envelope import sign
from o365lib.evidence.statement import SEAL, Statement
from tests.evidence.signers import ed25519

SIGNER = ed25519()


def make(number, before, signer=SIGNER):
    said = {"number": number, "previous": before and before.as_previous()}
    return sign(Statement((), SEAL, said).to_bytes(), signer)


@pytest.fixture
def folder(tmp_path):
    trust.publish(tmp_path, SIGNER.key)
    return tmp_path / "_seals"


def append(folder, make=make):
    return chain.append(folder, make, root=folder.parent)


def test_each_file_names_the_one_before_by_its_exact_bytes(folder):
    links = [append(folder) for _ in range(3)]
    assert [link.number for link in links] == [1, 2, 3]
    for link in links:
        assert link.sha256 == hashlib.sha256(link.path.read_bytes()).hexdigest()
    assert chain.last(folder) == links[-1]
    assert chain.link(folder, 2) == links[1]
    assert links[0].as_previous() == {"number": 1, "sha256": links[0].sha256}


def test_what_is_appended_at_once_makes_one_line(folder):
    seen = {}

    def note(number, before):
        seen[number] = before and before.sha256
        return make(number, before)

    with ThreadPoolExecutor(8) as pool:
        links = [*pool.map(lambda _: append(folder, note), range(24))]
    by_number = {link.number: link.sha256 for link in links}
    assert sorted(by_number) == [*range(1, 25)]
    assert seen == {number: by_number.get(number - 1) for number in by_number}


def test_a_chain_without_folder_or_files_has_no_last(tmp_path):
    assert chain.last(tmp_path / "none") is None
    assert chain.last(tmp_path) is None
    (tmp_path / "README.txt").write_text("no link")
    assert chain.numbers(tmp_path) == []


def test_a_signer_that_fails_leaves_the_chain_as_it_was(folder):
    append(folder)

    def fail(_number, _before):
        raise EvidenceError("The key cannot be used.")

    with pytest.raises(EvidenceError, match="key"):
        append(folder, fail)
    assert [path.name for path in folder.iterdir()] == ["00000001.json"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "_seals").write_text("a file")
    with pytest.raises(EvidenceError, match="cannot be"):
        append(tmp_path / "_seals")


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(EvidenceError, match="cannot be read"):
        chain.link(tmp_path, 1)


def test_a_huge_file_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "_LARGEST_FILE", 10)
    (tmp_path / "00000001.json").write_bytes(b"x" * 11)
    with pytest.raises(EvidenceError, match="larger than any"):
        chain.last(tmp_path)


def test_who_holds_the_lock_may_append_and_another_waits(folder):
    with ThreadPoolExecutor(1) as pool, chain.signing(folder.parent):
        waiting = pool.submit(append, folder)
        first = append(folder)
        assert not waiting.done()
    assert (first.number, waiting.result().number) == (1, 2)


def test_another_process_waits_for_the_lock(folder):
    script = """
import sys
from pathlib import Path
from o365lib.evidence import chain
with chain.signing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
    (Path(sys.argv[1]) / "done").touch()
"""
    seen = []

    def look(number, before):
        seen.append((folder.parent / "done").exists())
        return make(number, before)

    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent.parent,
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(append, folder, look)
            other.stdin.close()
            waiting.result()
    assert seen == [True]


def test_after_a_gap_nothing_is_signed(folder):
    for _ in range(3):
        append(folder)
    (folder / "00000002.json").unlink()
    with pytest.raises(EvidenceError, match=r"00000002\.json: it is missing"):
        append(folder)
    assert chain.numbers(folder) == [1, 3]


def test_a_file_with_the_last_number_of_all_does_not_make_it_loop(folder):
    append(folder)
    (folder / "99999999.json").write_text("x")
    with pytest.raises(EvidenceError, match="missing"):
        append(folder)


def test_no_number_is_given_that_is_none(folder, monkeypatch):
    monkeypatch.setattr(
        chain, "_sound_end", lambda *_: chain.Link(99_999_999, "0" * 64, folder / "x")
    )
    with pytest.raises(EvidenceError, match="no more numbers"):
        append(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="There are no pipes in folders here.")
def test_a_pipe_or_a_link_in_a_files_place_is_told_and_not_read(folder):
    link = append(folder)
    os.mkfifo(folder / "00000002.json")
    with pytest.raises(EvidenceError, match="is not a file of the archive"):
        append(folder)
    (folder / "00000002.json").unlink()
    link.path.rename(folder / "elsewhere")
    link.path.symlink_to(folder / "elsewhere")
    with pytest.raises(EvidenceError, match="is not a file of the archive"):
        append(folder)


def test_nothing_is_signed_after_what_nobody_of_the_archive_signed(folder):
    append(folder)
    append(folder, lambda *link: make(*link, signer=ed25519()))
    with pytest.raises(EvidenceError, match="no key that is published"):
        append(folder)


def test_nothing_is_signed_after_a_copy_of_another_file_of_the_chain(folder):
    first = append(folder)
    (folder / "00000002.json").write_bytes(first.path.read_bytes())
    with pytest.raises(EvidenceError, match="does not follow"):
        append(folder)


def test_nothing_is_signed_after_what_cannot_be_read(folder):
    append(folder).path.write_text("spoilt")
    with pytest.raises(EvidenceError, match=r"Nothing can be signed after .*00000001\.json"):
        append(folder)


def test_a_number_that_was_claimed_and_never_used_is_free(folder):
    append(folder)
    (folder / "00000002.json").touch()
    assert append(folder).number == 2
    assert chain.link(folder, 2).number == 2


def test_on_a_drive_without_hard_links_nobody_sees_an_empty_file(folder, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no hard links")

    seen = []
    replace = Path.replace

    def look(self, target):
        seen.append(target.exists())
        return replace(self, target)

    monkeypatch.setattr(files.os, "link", refuse)
    monkeypatch.setattr(Path, "replace", look)
    assert [append(folder).number for _ in range(3)] == [1, 2, 3]
    assert seen == [False] * 3
    with pytest.raises(FileExistsError):
        files.create_atomically(folder / "00000003.json", b"another")
