"""Chains of signed files: a line, whoever appends at the same time."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import chain
from o365lib.evidence.envelope import sign
from tests.evidence.signers import ed25519

SIGNER = ed25519()


def make(number, before):
    return sign(json.dumps({"number": number, "before": before and before.sha256}).encode(), SIGNER)


def test_each_file_names_the_one_before_by_its_exact_bytes(tmp_path):
    folder = tmp_path / "_seals"
    links = [chain.append(folder, make) for _ in range(3)]
    assert [link.number for link in links] == [1, 2, 3]
    for link in links:
        assert link.sha256 == hashlib.sha256(link.path.read_bytes()).hexdigest()
    assert chain.last(folder) == links[-1]
    assert chain.link(folder, 2) == links[1]
    assert links[0].as_previous() == {"number": 1, "sha256": links[0].sha256}


def test_what_is_appended_at_once_makes_one_line(tmp_path):
    seen = {}

    def note(number, before):
        seen[number] = before and before.sha256
        return make(number, before)

    with ThreadPoolExecutor(8) as pool:
        links = [*pool.map(lambda _: chain.append(tmp_path / "_seals", note), range(24))]
    by_number = {link.number: link.sha256 for link in links}
    assert sorted(by_number) == [*range(1, 25)]
    assert seen == {number: by_number.get(number - 1) for number in by_number}


def test_a_chain_without_folder_or_files_has_no_last(tmp_path):
    assert chain.last(tmp_path / "none") is None
    assert chain.last(tmp_path) is None
    (tmp_path / "README.txt").write_text("no link")
    assert chain.numbers(tmp_path) == []


def test_a_signer_that_fails_leaves_the_chain_as_it_was(tmp_path):
    chain.append(tmp_path, make)

    def fail(_number, _before):
        raise EvidenceError("The key cannot be used.")

    with pytest.raises(EvidenceError, match="key"):
        chain.append(tmp_path, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.json"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "_seals").write_text("a file")
    with pytest.raises(EvidenceError, match="cannot be"):
        chain.append(tmp_path / "_seals", make)


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(EvidenceError, match="cannot be read"):
        chain.link(tmp_path, 1)


def test_a_huge_file_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "_LARGEST_FILE", 10)
    (tmp_path / "00000001.json").write_bytes(b"x" * 11)
    with pytest.raises(EvidenceError, match="larger than any"):
        chain.last(tmp_path)
