"""A secret leaves the archive, nothing else is lost, and whoever is asked again goes on."""

import errno
import hashlib
import json
import os
import shutil
import stat

import pytest

from o365lib import secret
from o365lib.errors import EvidenceError, SecretFound
from o365lib.evidence import files, gate, quarantine
from o365lib.evidence.archive import Archive
from o365lib.evidence.gate import KNOWN_SECRET
from o365lib.evidence.index import Index
from o365lib.evidence.layout import INDEX
from o365lib.evidence.record import ErrorRecord, Outcome
from o365lib.secret import MASK, Secret
from tests.evidence import planted
from tests.evidence.small_records import change, handed_over, make

VALUE = "Zk7#m-2v_Tx9wQ"
NOTEBOOK = f'{{"cells": ["{VALUE}"]}}'


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    """The tests know one secret; what they call one is none to the tests after them."""
    monkeypatch.setattr(secret, "_known", set())
    Secret(VALUE)


@pytest.fixture
def run(tmp_path):
    """A run whose notebook has a secret, and whose record has none."""
    run = Archive(tmp_path / "evidence").new_run("alpine-books", "run-1")
    run.write_notebook(NOTEBOOK)
    run.write_record(record())
    return run


def record(**fields):
    given = {"outcome": Outcome.DONE, "reason": "As planned.", "closed_by": "runbook"}
    return make(run_id="run-1", ended=make().started, changes=[change()], **given | fields)


def put_away(run, found=None):
    findings = found or gate.search(run, known=secret.find)
    return quarantine.quarantine(run, run.read_record(), findings)


def in_archive(run):
    return {name: file.read_text("utf-8") for name, file in gate.files_of(run.path)}


def in_quarantine(run):
    folder = quarantine.folder_of(run)
    there = gate.files_of(folder) if folder.exists() else ()
    return {name: file.read_text("utf-8") for name, file in there}


def test_the_files_are_beside_the_archive_and_a_record_says_so(run, tmp_path):
    before = in_archive(run)
    assert not quarantine.is_begun(run)
    left = put_away(run)
    assert quarantine.is_begun(run)
    folder = tmp_path / "evidence.quarantine" / "alpine-books" / "run-1"
    assert quarantine.folder_of(run) == folder
    assert in_quarantine(run) == before
    assert list(in_archive(run)) == ["record.json"]
    assert run.read_record() == left
    assert VALUE not in run.record_file.read_text("utf-8")
    assert gate.search(run, known=secret.find).found == ()
    assert (left.outcome, left.closed_by, left.changes) == ("failed", "runbook", [change()])
    assert "The run itself had come to: done, As planned." in left.reason
    assert KNOWN_SECRET in left.error.message
    assert left.error.type == "SecretFound"
    assert ".quarantine" in left.error.remedy
    assert [(each.name, each.kinds) for each in left.quarantined] == [
        ("record.json", []),
        ("runbook.ipynb", [KNOWN_SECRET]),
    ]
    digests = [each.sha256 for each in left.quarantined]
    assert digests == [hashlib.sha256(text.encode()).hexdigest() for text in before.values()]


def test_the_index_forgets_what_it_read_while_the_run_was_under_way(run, monkeypatch):
    monkeypatch.setattr(secret, "_known", set())  # whoever lists runs knows no secret of theirs
    run.write_record(record(reason=f"Set to {VALUE}."))
    with Index(Archive(run.path.parent.parent)) as index:
        index.refresh()
    file = run.path.parent.parent / INDEX
    assert VALUE.encode() in file.read_bytes()
    Secret(VALUE)
    put_away(run)
    assert not file.exists()
    with Index(Archive(run.path.parent.parent)) as index:
        assert index.size().runs == 1
    assert VALUE.encode() not in file.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_quarantine_is_the_owners_alone(run):
    run.notebook_file.chmod(0o644)
    folder = quarantine.folder_of(run)
    folder.mkdir(parents=True)
    for each in (folder.parent.parent, folder.parent, folder):
        each.chmod(0o755)
    put_away(run)
    for each in (folder.parent.parent, folder.parent, folder):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="files have no mode here")
def test_a_group_that_shares_the_archive_may_put_away_too_but_not_look(run):
    root = run.path.parent.parent
    root.chmod(0o2770)
    put_away(run)
    folder = quarantine.folder_of(run)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent.parent, folder.parent)]
    assert modes == [0o2770] * 2
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_files_in_folders_go_too_and_the_folders_with_them(run):
    (run.path / "more" / "deep").mkdir(parents=True)
    (run.path / "more" / "deep" / "file").write_text("x", "utf-8")
    put_away(run)
    assert [path.name for path in run.path.rglob("*")] == ["record.json"]
    assert in_quarantine(run)["more/deep/file"] == "x"


def test_a_name_that_holds_the_secret_is_masked(run):
    (run.path / f"file-{VALUE}").write_text("x", "utf-8")
    left = put_away(run)
    assert [each.name for each in left.quarantined] == [MASK, "record.json", "runbook.ipynb"]
    assert VALUE not in left.to_json()


def test_an_error_of_the_run_is_what_it_had_come_to(run):
    failed = ErrorRecord(
        type="NotVerified", message="Not there.", state="It was written.", step="verify"
    )
    run.write_record(record(outcome=Outcome.UNVERIFIED, reason="Not there.", error=failed))
    left = put_away(run)
    assert left.outcome == "failed"
    assert "come to: unverified, Not there." in left.reason
    assert (left.error.state, left.error.step) == ("It was written.", "verify")


def test_the_error_can_be_shown(run):
    assert quarantine.error_of(run.read_record()) is None
    error = quarantine.error_of(put_away(run))
    assert isinstance(error, SecretFound)
    assert "Make the secret worthless first" in str(error)


class Fault:
    """Stop at the n-th call that reaches the disk."""

    def __init__(self, monkeypatch, stops_at):
        self.left = stops_at
        for place, name in (
            (os, "link"),
            (files.os, "fsync"),
            (type(files.Path()), "unlink"),
            (type(files.Path()), "replace"),
            (type(files.Path()), "mkdir"),
            (type(files.Path()), "chmod"),
        ):
            monkeypatch.setattr(place, name, self.counting(getattr(place, name)))

    def counting(self, call):
        def counted(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
            return call(*arguments, **options)

        return counted


def test_killed_at_any_moment_it_loses_nothing_and_is_finished_later(tmp_path):
    stops, finished = 0, False
    while not finished:
        stops += 1
        run = Archive(tmp_path / str(stops) / "evidence").new_run("alpine-books", "run-1")
        run.write_notebook(NOTEBOOK)
        run.write_record(record(ticket=VALUE.lower()))
        before = in_archive(run)
        with pytest.MonkeyPatch.context() as patch:
            Fault(patch, stops)
            try:
                put_away(run)
                finished = True
            except KeyboardInterrupt:
                pass
        there = {*in_quarantine(run).values(), *in_archive(run).values()}
        assert there >= set(before.values())
        findings = gate.search(run, known=secret.find)
        assert findings or quarantine.is_begun(run)
        left = put_away(run, findings)
        assert list(in_archive(run)) == ["record.json"]
        assert in_quarantine(run) == before
        assert gate.search(run, known=secret.find).found == ()
        assert [(each.name, each.kinds) for each in left.quarantined] == [
            ("record.json", []),
            ("runbook.ipynb", [KNOWN_SECRET]),
        ]
        assert left.reason.count("come to") == 1
    assert stops > 10


def test_done_again_it_changes_nothing(run):
    left = put_away(run)
    written, kept = run.record_file.stat(), in_quarantine(run)
    assert put_away(run, gate.search(run, known=None)) == left
    assert run.record_file.stat().st_mtime_ns == written.st_mtime_ns
    assert in_quarantine(run) == kept


def test_what_was_put_there_before_is_not_overwritten(run):
    folder = quarantine.folder_of(run)
    folder.mkdir(parents=True)
    (folder / "runbook.ipynb").write_text("another", "utf-8")
    left = put_away(run)
    kept = in_quarantine(run)
    assert (kept["runbook.ipynb"], kept["runbook.ipynb.2"]) == ("another", NOTEBOOK)
    assert len(left.quarantined) == 3


def test_on_another_drive_the_files_are_copied(run, monkeypatch):
    def cannot(*_, **__):
        raise OSError(errno.EXDEV, "another drive")

    before = in_archive(run)
    monkeypatch.setattr(os, "link", cannot)
    put_away(run)
    assert in_quarantine(run) == before


def test_where_nothing_can_be_kept_nothing_is_removed(run):
    quarantine.folder_of(run).parent.parent.write_text("in the way", "utf-8")
    before = in_archive(run)
    with pytest.raises(EvidenceError, match="cannot be put") as caught:
        put_away(run)
    assert "in the archive, with the secret" in caught.value.state
    assert in_archive(run) == before


def test_on_a_full_disk_the_notebook_leaves_and_the_next_command_does_the_rest(run, monkeypatch):
    before = in_archive(run)

    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("o365lib.evidence.archive.write_atomically", full)
        with pytest.raises(EvidenceError, match="No space left") as caught:
            put_away(run)
    assert "the record alone" in caught.value.state
    assert in_archive(run) == {"record.json": before["record.json"]}
    assert in_quarantine(run) == before
    assert gate.search(run, known=secret.find).found == ()
    assert quarantine.is_begun(run)
    left = put_away(run, gate.search(run, known=secret.find))
    assert left.quarantined[1].kinds == [KNOWN_SECRET]


def test_a_file_that_cannot_be_removed_is_told(run, monkeypatch):
    def busy(self, **_):
        raise PermissionError(errno.EACCES, "used by another process")

    with monkeypatch.context() as patch:
        patch.setattr(type(run.path), "unlink", busy)
        with pytest.raises(EvidenceError, match="used by another process"):
            put_away(run)
    put_away(run)
    assert list(in_archive(run)) == ["record.json"]


def test_a_record_that_cannot_be_read_stays_one_that_cannot(run):
    run.record_file.write_text(f'{{"run_id": "{VALUE}"', "utf-8")
    before = in_archive(run)
    for _ in range(2):
        findings = gate.search(run, known=secret.find)
        assert quarantine.quarantine(run, None, findings) is None
        assert in_quarantine(run) == before
        assert VALUE not in run.record_file.read_text("utf-8")
        note = json.loads(run.record_file.read_text("utf-8"))
        assert [each["name"] for each in note["quarantined"]] == ["record.json", "runbook.ipynb"]
    archive = Archive(run.path.parent.parent)
    assert archive.read("alpine-books") == ([], [run])


def test_a_run_without_a_record_gets_none(run):
    run.record_file.unlink()
    assert quarantine.quarantine(run, None, gate.search(run, known=secret.find)) is None
    assert in_archive(run) == {}


def test_what_was_deleted_from_quarantine_is_still_told(run):
    left = put_away(run)
    shutil.rmtree(quarantine.folder_of(run))
    assert not quarantine.is_begun(run)
    assert put_away(run, gate.search(run, known=None)).quarantined == left.quarantined


def test_later_runs_learn_from_the_record_what_they_learnt_before(run):
    told = record(hand_over=handed_over(), parameters={"client": "alpine-books", "ticket": VALUE})
    run.record_file.write_text(json.dumps(told.model_dump(mode="json"), indent=2), "utf-8")
    left = put_away(run)
    assert (left.changes, left.hand_over) == (told.changes, told.hand_over)
    assert left.parameters == {"client": "alpine-books", "ticket": MASK}
    assert left.quarantined[0].kinds == [KNOWN_SECRET]


def test_every_kind_of_secret_is_put_away(run):
    secrets = (planted.json_web_token(), planted.private_key(), planted.refresh_token())
    for number, value in enumerate(secrets, 2):
        other = Archive(run.path.parent.parent).new_run("alpine-books", f"run-{number}")
        other.write_notebook(json.dumps({"cells": [value]}))
        other.write_record(make(run_id=other.run_id, outcome=Outcome.DONE))
        left = put_away(other)
        assert value not in json.dumps(in_archive(other))
        assert len(left.quarantined[1].kinds) == 1
