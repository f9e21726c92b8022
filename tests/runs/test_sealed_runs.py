"""Every run that a driver executes ends in a seal over its final files."""

import hashlib
import json
import os
import shutil

import pytest

from o365lib.evidence import chain
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, PENDING
from o365lib.evidence.sealing import finish_left_behind
from o365lib.evidence.statement import Statement
from o365lib.runs.notebook import run_notebook


def statement_of(result) -> Statement:
    return Statement.from_bytes(Envelope.from_json(result.seal_file.read_bytes()).payload)


CELLS = {
    "done": ("{open}", "{close}"),
    "failed": ("{open}", "1/0"),
    "unverified": ("{open}", "{change}", "1/0"),
    "killed": ("{open}", "os._exit(1)"),
    "never begun": ("import os\nos._exit(1)",),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_run_is_sealed_however_it_ended(make_request, archive, tiny, name):
    cells = [cell.format(**tiny) for cell in CELLS[name]]
    result = run_notebook(make_request(*cells), archive=archive)
    said = statement_of(result)
    folder = result.record_file.parent
    assert {subject.name: subject.sha256 for subject in said.subjects} == {
        f"alpine-books/{result.run_id}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
    }
    assert said.predicate["outcome"] == result.outcome == RunFolder(folder).read_record().outcome
    assert result.problem == ""
    assert [path.name for path in folder.parent.iterdir() if path.is_file()] == []
    assert [*(archive.root / PENDING).iterdir()] == []
    assert chain.numbers(archive.root / DIGESTS) == [1]


def test_the_seal_names_the_committed_notebook_that_was_run(make_request, archive):
    request = make_request("import os\nos._exit(1)")
    result = run_notebook(request, archive=archive)
    committed = hashlib.sha256(request.runbook.read_bytes()).hexdigest()
    assert statement_of(result).predicate["runbook_digest"] == committed


def test_runs_of_one_batch_have_one_digest(make_request, archive, evidence, tiny):
    request = make_request(tiny["open"], tiny["close"])
    for _ in range(2):
        run_notebook(request, archive=archive, batch=evidence)
    assert chain.numbers(archive.root / DIGESTS) == []
    assert evidence.close().number == 1


def test_a_run_that_cannot_be_sealed_says_so_and_the_next_command_seals_it(
    make_request, archive, evidence, tiny
):
    """Something that is no folder stands where the client's seals should go."""
    block = "(folder.path.parent / '_seals').write_text('')"
    request = make_request(tiny["open"], block, tiny["close"])
    result = run_notebook(request, archive=archive, batch=evidence)
    assert result.outcome == "done"
    assert result.seal_file is None
    assert "not sealed" in result.problem
    assert not result.is_good
    assert "o365 evidence seal" in result.remedy
    assert evidence.close() is None
    (result.record_file.parent.parent / "_seals").unlink()
    signer = KeyStore(request.places.keys).signer()
    [finished] = finish_left_behind(archive, signer)
    assert [each.run.run_id for each in finished.sealed] == [result.run_id]


def test_a_key_that_cannot_be_used_starts_no_run(make_request, archive, tiny):
    request = make_request(tiny["open"], tiny["close"])
    KeyStore(request.places.keys).signer()
    KeyStore(request.places.keys).file.write_text("spoilt")
    result = run_notebook(request, archive=archive)
    assert result.outcome == "failed"
    assert "key" in result.reason
    assert archive.runs() == []


def test_an_archive_that_is_gone_at_the_end_is_a_problem_and_no_crash(make_request, archive, tiny):
    request = make_request(tiny["open"], tiny["close"])
    gone = make_request(
        tiny["open"],
        tiny["close"],
        f"import shutil\nshutil.rmtree({str(archive.root)!r})",
        name="create_gone",
    )
    assert run_notebook(request, archive=archive).seal_file is not None
    result = run_notebook(gone, archive=archive)
    assert not result.is_good
    shutil.rmtree(archive.root, ignore_errors=True)


def test_the_result_names_the_seal_for_machines(make_request, archive, tiny):
    result = run_notebook(make_request(tiny["open"], tiny["close"]), archive=archive)
    told = json.loads(json.dumps(result.to_json()))
    assert told["seal_file"] == os.fspath(result.seal_file)
