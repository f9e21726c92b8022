"""What is said of a spoiled archive: the right kind, at the right file, and little besides."""

import hashlib
import json
import shutil

from o365lib.evidence.envelope import Envelope, sign


def test_a_sound_archive_has_no_problem(archive):
    assert archive.told() == []


def test_an_edited_file_is_told_with_its_client_and_run(archive):
    run = archive.runs("alpine-books")[0]
    (run / "record.json").write_text("{}")
    [problem] = archive.verified().problems
    assert (problem.kind, problem.client, problem.run_id) == ("edited", "alpine-books", run.name)
    assert problem.file == f"alpine-books/{run.name}/record.json"
    assert "alpine-books/_seals/00000001.json" in problem.sentence


def test_a_missing_file_and_a_missing_folder_are_told_once_each(archive):
    one, other = archive.runs("alpine-books")
    (one / "runbook.ipynb").unlink()
    shutil.rmtree(other)
    assert archive.told() == [
        ("missing", f"alpine-books/{one.name}/runbook.ipynb"),
        ("missing", f"alpine-books/{other.name}"),
    ]


def test_a_file_more_in_a_runs_folder_is_inserted(archive):
    run = archive.runs("alpine-books")[0]
    (run / "note.txt").write_text("All was well.")
    assert archive.told() == [("inserted", f"alpine-books/{run.name}/note.txt")]


def test_a_run_without_a_seal_is_unsigned_and_the_way_out_is_told(archive):
    run = archive.root / "alpine-books" / "20261124T000000000Z-create-ffffff"
    run.mkdir()
    (run / "record.json").write_text("{}")
    [problem] = archive.verified().problems
    assert (problem.kind, problem.file) == ("unsigned", f"alpine-books/{run.name}")
    assert "o365 evidence seal" in problem.sentence


def test_a_run_copied_to_another_client_is_inserted_and_a_moved_one_swapped(archive):
    run = archive.runs("alpine-books")[0]
    copy = archive.root / "bayside-legal" / run.name
    shutil.copytree(run, copy)
    [problem] = archive.verified().problems
    assert (problem.kind, problem.file) == ("inserted", f"bayside-legal/{run.name}")
    assert f"copy of alpine-books/{run.name}" in problem.sentence
    shutil.rmtree(run)
    problems = archive.verified().problems
    assert [(each.kind, each.file) for each in problems] == [
        ("swapped", f"alpine-books/{run.name}"),
        ("swapped", f"bayside-legal/{run.name}"),
    ]
    assert f"at bayside-legal/{run.name}" in problems[0].sentence


def test_the_files_of_two_runs_in_each_others_place_are_swapped(archive):
    one, other = archive.runs("alpine-books")[0], archive.runs("bayside-legal")[0]
    first, second = (each / "record.json" for each in (one, other))
    theirs = second.read_bytes()
    second.write_bytes(first.read_bytes())
    first.write_bytes(theirs)
    problems = archive.verified().problems
    assert {each.kind for each in problems} == {"swapped"}
    assert len(problems) == 2
    assert f"bayside-legal/{other.name}/record.json" in problems[0].sentence


def test_what_no_digest_speaks_of_is_told_unless_it_is_under_way(archive):
    (archive.root / "_digests" / "00000004.json").unlink()
    (archive.root / "_digests" / "00000004.tsr").unlink()
    seal = "cedar-dental/_seals/00000001.json"
    reconciliation = next((archive.root / "bayside-legal" / "_reconciliations").iterdir())
    name = reconciliation.relative_to(archive.root).as_posix()
    assert archive.told() == [("missing", name), ("missing", seal)]
    run = f"cedar-dental/{archive.runs('cedar-dental')[0].name}"
    report = archive.verified(under_way=lambda: {run, name})
    assert report.problems == ()
    assert any("batch is under way" in note and seal in note for note in report.notes)


def test_a_run_under_way_is_a_note(archive):
    run = archive.root / "new-client" / "20261124T000000000Z-create-ffffff"
    run.mkdir(parents=True)
    (run / "record.json").write_text("{}")
    report = archive.verified(under_way=lambda: [f"new-client/{run.name}"])
    assert report.problems == ()
    assert f"Not sealed yet, since under way: new-client/{run.name}." in report.notes


def test_what_is_said_to_be_under_way_excuses_nothing_in_a_run_that_has_its_seal(archive):
    run = archive.runs("alpine-books")[0]
    (run / "more.json").write_text("{}")
    told = archive.told(under_way=lambda: [f"alpine-books/{run.name}"])
    assert told == [("inserted", f"alpine-books/{run.name}/more.json")]


def test_a_broken_off_write_is_inserted_in_a_run_that_has_its_seal_and_passed_by_before(archive):
    part = ".record.json.0a1b2c3d.part"
    begun = archive.root / "alpine-books" / "20261124T000000000Z-create-ffffff"
    begun.mkdir()
    (begun / part).write_text("{}")
    assert archive.told() == []
    run = archive.runs("alpine-books")[0]
    (run / part).write_text("{}")
    [problem] = archive.verified().problems
    assert (problem.kind, problem.run_id) == ("inserted", run.name)
    assert problem.file == f"alpine-books/{run.name}/{part}"


def test_two_digests_that_say_the_same_of_a_file_are_a_note_and_others_break_the_chain(
    archive, sound_archive
):
    made = sound_archive[0]
    folder = archive.root / "_digests"
    last = (folder / "00000004.json").read_bytes()
    again = json.loads(Envelope.from_json(last).payload)
    again["predicate"]["number"] = 5
    again["predicate"]["previous"] = {"number": 4, "sha256": hashlib.sha256(last).hexdigest()}
    (folder / "00000005.json").write_bytes(sign(json.dumps(again).encode(), made.signer).to_json())
    report = archive.verified()
    assert report.problems == ()
    seal = "cedar-dental/_seals/00000001.json"
    assert any("In two digests" in note and seal in note for note in report.notes)
    for subject in again["subject"]:
        subject["digest"]["sha256"] = "ab" * 32
    (folder / "00000005.json").write_bytes(sign(json.dumps(again).encode(), made.signer).to_json())
    assert ("broken chain", "_digests/00000005.json") in archive.told()


def test_signed_files_that_are_gone_are_missed_by_the_digest(archive):
    approval = next((archive.root / "_approvals").iterdir())
    endorsement = next((archive.root / "_keys").glob("*.json"))
    approval.unlink()
    assert archive.told() == [("missing", f"_approvals/{approval.name}")]
    endorsement.unlink()
    assert ("missing", f"_keys/{endorsement.name}") in archive.told()


def test_two_seals_of_one_run_break_the_chain(archive, sound_archive):
    """Only whoever has the key can do it, and it shows all the same."""
    made = sound_archive[0]
    folder = archive.root / "bayside-legal" / "_seals"
    second = json.loads(Envelope.from_json((folder / "00000002.json").read_bytes()).payload)
    before = (folder / "00000002.json").read_bytes()
    second["predicate"]["number"] = 3
    second["predicate"]["previous"] = {
        "number": 2,
        "sha256": hashlib.sha256(before).hexdigest(),
    }
    again = sign(json.dumps(second).encode(), made.signer).to_json()
    (folder / "00000003.json").write_bytes(again)
    told = archive.told()
    assert ("broken chain", "bayside-legal/_seals/00000003.json") in told
    assert ("missing", "bayside-legal/_seals/00000003.json") in told  # its digest is
