import subprocess
import sys
from dataclasses import replace

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.runs import batch
from o365lib.runs.local.engine import FEW, on_this_machine
from o365lib.runs.stop import Stop

TWO = ("alpine-books", "bayside-legal")
FAILS_ONCE = """
from pathlib import Path
mark = Path(os.environ["O365_EVIDENCE"]) / f".{client}-was-here"
if client == "bayside-legal" and not mark.exists():
    mark.touch()
    raise RuntimeError("the first time only")
"""


def drive(begun, evidence, **given):
    given.setdefault("stop_after", 0)
    return batch.run_batch(begun, evidence=evidence, new_workers=on_this_machine(FEW), **given)


def test_an_unknown_parameter_stops_the_batch_before_anything_is_begun(
    make_request, places, evidence, tiny
):
    request = make_request(tiny["open"], tiny["close"])
    with pytest.raises(UsageError, match="tickte"):
        batch.begin(
            request.runbook, TWO, places=places, evidence=evidence, parameters={"tickte": "T"}
        )
    assert evidence.archive.runs() == []
    assert not (places.evidence / "_batches").exists()


def test_a_batch_leaves_a_file_whose_numbers_add_up(run_tiny, places, tiny):
    done = run_tiny(tiny["open"], tiny["close"], clients=TWO)
    folder = BatchFolder.open(places.evidence, done.batch_file.batch_id)
    file = folder.read_batch()
    assert file == done.batch_file
    assert file.counts == {"done": 2}
    assert file.adds_up(inputs=folder.inputs(), claims=folder.claims()) == []
    assert [each.attempts[0].run_id for each in file.clients] == [
        each.run_id for each in done.results
    ]


def test_a_later_drive_runs_what_is_left_and_touches_no_finished_client(
    run_tiny, places, evidence, tiny
):
    first = run_tiny(tiny["open"], FAILS_ONCE, tiny["close"], clients=TWO)
    assert [each.outcome for each in first.results] == ["done", "failed"]

    taken_up = batch.take_up(first.batch_file.batch_id, places=places, evidence=evidence)
    second = drive(taken_up, evidence)
    assert [(each.client, each.outcome) for each in second.results] == [("bayside-legal", "done")]
    assert second.batch_file.counts == {"done": 2}
    assert [len(each.attempts) for each in second.batch_file.clients] == [1, 2]
    assert len(second.batch_file.drives) == 2
    folder = taken_up.folder
    assert second.batch_file.adds_up(inputs=folder.inputs(), claims=folder.claims()) == []
    assert len(evidence.archive.runs("alpine-books")) == 1

    third = drive(batch.take_up(taken_up.batch_id, places=places, evidence=evidence), evidence)
    assert third.results == []
    assert third.batch_file.counts == {"done": 2}


def test_a_batch_uses_what_it_started_with_and_says_what_was_edited(
    run_tiny, places, evidence, tiny
):
    reads = (
        'text = Path(os.environ["O365_PARAMETERS"], "clients", f"{client}.yaml").read_text()\n'
        'record.ticket = text + os.environ["O365_PROJECT"]\n'
    )
    stop = Stop()
    stop.press()
    begun = run_tiny(tiny["open"], reads, tiny["close"], clients=TWO, stop=stop)
    (places.parameters / "clients" / "alpine-books.yaml").write_text("edited: yes\n")
    (places.notebooks / "create_tiny.ipynb").write_text("{}")

    taken_up = batch.take_up(begun.batch_file.batch_id, places=places, evidence=evidence)
    done = drive(taken_up, evidence)
    assert [each.outcome for each in done.results] == ["done", "done"]
    [record] = evidence.archive.records("alpine-books")
    assert record.ticket == f"client: alpine-books\n{places.project}"
    assert done.batch_file.changed_files == ("clients/alpine-books.yaml",)


def test_edited_inputs_are_not_taken_up(run_tiny, places, evidence, tiny):
    stop = Stop()
    stop.press()
    begun = run_tiny(tiny["open"], tiny["close"], clients=TWO, stop=stop).batch_file
    file = places.evidence / "_batches" / begun.batch_id / "inputs.json"
    file.chmod(0o600)
    file.write_text(file.read_text().replace("client: bayside-legal", "client: bayside-legat"))
    with pytest.raises(EvidenceError):
        batch.take_up(begun.batch_id, places=places, evidence=evidence)


def test_what_somebody_else_signed_is_not_taken_up_unless_her_key_is_named(
    run_tiny, places, evidence, tiny, tmp_path
):
    stop = Stop()
    stop.press()
    left = run_tiny(tiny["open"], tiny["close"], clients=TWO, stop=stop).batch_file
    signer = evidence.signer.key.fingerprint
    others = replace(places, keys=tmp_path / "another person's keys")
    with pytest.raises(EvidenceError, match="not signed with a key of yours"):
        batch.take_up(left.batch_id, places=others, evidence=evidence)
    taken_up = batch.take_up(left.batch_id, places=others, evidence=evidence, signed_by=signer)
    assert [each.client for each in taken_up.left] == list(TWO)
    taken_up.folder.release_driver_lock()


def test_a_second_driver_of_one_batch_is_told_who_the_first_is(
    make_request, places, evidence, tiny, run_tiny
):
    stop = Stop()
    stop.press()
    left = run_tiny(tiny["open"], tiny["close"], clients=TWO, stop=stop).batch_file
    held = batch.take_up(left.batch_id, places=places, evidence=evidence)
    second = (
        "import sys\nfrom pathlib import Path\n"
        "from o365lib.evidence.batches.folder import BatchFolder\n"
        "folder = BatchFolder.open(Path(sys.argv[1]), sys.argv[2])\n"
        "print(folder.take_driver_lock(), folder.driver())\n"
    )
    arguments = [sys.executable, "-c", second, str(places.evidence), left.batch_id]
    told = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert told.startswith("False")
    assert "process" in told
    held.folder.release_driver_lock()
    with pytest.raises(UsageError, match="no batch 'nonsense'"):
        batch.take_up("nonsense", places=places, evidence=evidence)
