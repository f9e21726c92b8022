import json

import pytest

from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import DIGESTS, SEALS
from o365lib.evidence.public_keys import PublicKey
from o365lib.reports.reading import archived_run
from o365lib.reports.seals import Seals
from tests.evidence.sealed_archive import open_batch
from tests.reports.examples import creation, folder_of, refusal, removal, sealed, write

MADE, REMOVED = creation(), removal()


@pytest.fixture
def archive(tmp_path):
    return sealed(tmp_path, MADE, REMOVED)


def status(archive, record=MADE, **asked):
    return archived_run(folder_of(archive, record), Seals(archive, **asked)).seal


def key_of(folder) -> PublicKey:
    return KeyStore(folder / "keys").public_key()


def test_a_sealed_run_is_told_with_its_number_its_key_and_who_signed(archive, tmp_path):
    seal, key = status(archive, REMOVED), key_of(tmp_path)
    assert (seal.state, seal.number, seal.problems) == ("sealed", 2, ())
    assert (seal.key_id, seal.fingerprint) == (key.key_id, key.fingerprint)
    assert seal.signer_name == KeyStore(tmp_path / "keys").name


def test_an_edited_record_and_an_edited_notebook_show(archive):
    folder_of(archive, MADE).record_file.write_text(MADE.to_json().replace("T-1", "T-2"))
    folder_of(archive, REMOVED).notebook_file.write_text("{}")
    for record, file in ((MADE, "record.json"), (REMOVED, "runbook.ipynb")):
        seal = status(archive, record)
        assert seal.state == "invalid"
        assert file in " ".join(seal.problems)


def test_what_is_edited_after_the_verifier_looked_shows_too(archive):
    seals = Seals(archive)
    folder_of(archive, MADE).record_file.write_text(MADE.to_json().replace("T-1", "T-2"))
    seal = archived_run(folder_of(archive, MADE), seals).seal
    assert (seal.state, seal.problems) == (
        "invalid",
        ("The files are not those that were sealed.",),
    )


@pytest.mark.parametrize("change", ["put in", "taken out"])
def test_a_file_put_in_or_taken_out_shows(archive, change):
    folder = folder_of(archive, MADE)
    if change == "put in":
        (folder.path / "more.txt").write_text("more")
    else:
        folder.notebook_file.unlink()
    assert status(archive).state == "invalid"
    assert status(archive, REMOVED).state == "sealed"


def test_a_run_without_a_seal_is_not_sealed(tmp_path):
    archive = write(tmp_path, MADE)
    seal = status(archive)
    assert (seal.state, seal.number, seal.fingerprint) == ("not sealed", None, "")


def test_a_seal_that_was_taken_away_is_not_there_and_is_missed(archive):
    (archive.root / MADE.client / SEALS / "00000001.json").unlink()
    assert status(archive).state == "not sealed"
    assert Seals(archive).problems > 0


def test_a_seal_whose_text_was_edited_is_not_valid(archive):
    path = archive.root / MADE.client / SEALS / "00000001.json"
    envelope = json.loads(path.read_text())
    sign = envelope["signatures"][0]["sig"]
    envelope["signatures"][0]["sig"] = ("A" if sign[0] != "A" else "B") + sign[1:]
    path.write_text(json.dumps(envelope))
    seal = status(archive)
    assert seal.state == "invalid"
    assert "The seal is not signed by a key that is trusted here." in seal.problems
    assert seal.fingerprint == ""


def test_a_key_from_outside_is_the_only_one_believed(archive, tmp_path):
    key = key_of(tmp_path)
    assert status(archive, keys=[key]).state == "sealed"
    assert Seals(archive, keys=[key]).of_archive().is_key_given
    stranger = KeyStore(tmp_path / "others").signer().key
    assert status(archive, keys=[stranger]).state == "invalid"
    assert not Seals(archive).of_archive().is_key_given


def test_a_digest_that_is_gone_is_a_problem_of_the_archive_not_of_a_run(archive):
    sealed(archive.root.parent, refusal())
    (archive.root / DIGESTS / "00000001.json").unlink()
    whole = Seals(archive).of_archive()
    assert whole.problems
    assert all(DIGESTS in each or SEALS in each for each in whole.problems)


def test_one_clients_runs_can_be_asked_for_alone(archive):
    other = creation(5).model_copy(update={"client": "bayside-legal"})
    sealed(archive.root.parent, other)
    folder_of(archive, other).record_file.write_text("{}")
    assert status(archive, client=MADE.client).state == "sealed"
    assert Seals(archive, client=MADE.client).problems == 0
    assert Seals(archive).problems > 0


def test_each_client_has_seals_of_its_own(archive):
    other = MADE.model_copy(update={"client": "bayside-legal"})
    sealed(archive.root.parent, other)
    seals = Seals(archive)
    for record, number in ((MADE, 1), (other, 1), (REMOVED, 2)):
        seal = archived_run(folder_of(archive, record), seals).seal
        assert (seal.state, seal.number) == ("sealed", number)


def test_a_run_of_a_living_batch_is_under_way(tmp_path):
    batch = open_batch(tmp_path)
    run = batch.begin_run(MADE.client, MADE.run_id, MADE.runbook)
    run.write_record(MADE)
    assert status(batch.archive).state == "under way"
    batch.seal(run)
    batch.close()
    assert status(batch.archive).state == "sealed"


def test_the_verifiers_progress_is_passed_on(archive):
    told = []
    Seals(archive, on_progress=told.append)
    assert told[-1].runs == 2
