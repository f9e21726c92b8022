import pytest

from o365lib.evidence.verification.inventory import Place, What, place_of

KEY = "ab" * 32


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("alpine-books/run-1/record.json", Place(What.RUN_FILE, "alpine-books", "run-1")),
        ("alpine-books/run-1/any name.txt", Place(What.RUN_FILE, "alpine-books", "run-1")),
        (
            "alpine-books/_seals/00000012.json",
            Place(What.SEAL, "alpine-books", "00000012", 12),
        ),
        (
            "alpine-books/_reconciliations/r-1.json",
            Place(What.RECONCILIATION, "alpine-books", "r-1"),
        ),
        (
            "alpine-books/run-1/.record.json.0a1b2c3d.part",
            Place(What.LEFTOVER, "alpine-books", "run-1"),
        ),
        ("_digests/00000003.json", Place(What.DIGEST, "", "00000003", 3)),
        ("_digests/00000003.tsr", Place(What.TIME_STAMP, "", "00000003", 3)),
        ("_approvals/a-1.json", Place(What.APPROVAL, "", "a-1")),
        ("_batches/b-1/inputs.json", Place(What.BATCH_INPUTS, "", "b-1")),
        ("_batches/b-1/inputs.statement.json", Place(What.BATCH, "", "b-1")),
        ("_batches/b-1/00000002.json", Place(What.BATCH_RESULT, "", "b-1", 2)),
        (f"_keys/{KEY}.pem", Place(What.KEY, "", KEY)),
        (f"_keys/{KEY}.json", Place(What.ENDORSEMENT, "", KEY)),
        (f"_keys/time-stamp/{KEY}.pem", Place(What.STAMP_ROOT, "", KEY)),
    ],
)
def test_a_name_of_evidence_says_what_it_is_and_whose(name, place):
    assert place_of(name) == place


@pytest.mark.parametrize(
    "name",
    [
        ".pending/batch-1/.lock",
        ".index.sqlite",
        ".index.sqlite-wal",
        ".published",
        "alpine-books/.lock",
        "alpine-books/.lock.json",
        "alpine-books/.20261123T100000000Z-create-aaaaaa.lock",
        "_batches/b-1/batch.json",
        "_batches/b-1/.driver.lock",
        "_batches/b-1/.driver.json",
        "_batches/b-1/.batch.json.0a1b2c3d.part",
        "_batches/b-1/claims/alpine-books.12.json",
        "_batches/b-1/claims/.alpine-books.12.json.0a1b2c3d.part",
        "_batches/.b-1.0a1b2c3d.part/inputs.json",
        "_digests/.00000001.json.0a1b2c3d.part",
        "alpine-books/_seals/.00000001.json.0a1b2c3d.part",
    ],
)
def test_locks_marks_and_what_a_broken_off_write_left_are_no_evidence(name):
    assert place_of(name) == Place(What.NO_EVIDENCE)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "readme.txt",
        "alpine-books",
        "alpine-books/note.txt",
        "alpine-books/.hidden",
        "alpine-books/run-1",
        "alpine-books/run-1/",
        "alpine-books/run-1/more/record.json",
        "alpine-books/_seals/1.json",
        "alpine-books/_seals/00000000.json",
        "alpine-books/_seals/00000001.json.bak",
        "alpine-books/_reconciliations/r 1.json",
        "alpine-books/_other/x.json",
        "Alpine/run-1/record.json",
        "_digests/00000001.txt",
        "_digests/more/00000001.json",
        "_approvals/../x.json",
        "_batches",
        "_batches/inputs.json",
        "_batches/b 1/inputs.json",
        "_batches/b-1/notes.txt",
        "_batches/b-1/00000000.json",
        "_batches/b-1/claims",
        "_batches/b-1/claims/alpine-books.0.json",
        "_batches/b-1/claims/alpine-books.json",
        "_batches/b-1/claims/more/alpine-books.1.json",
        "_batches/b-1/more/inputs.json",
        "_batches/b-1/.hidden",
        "_keys/short.pem",
        f"_keys/{KEY.upper()}.pem",
        "_keys/time-stamp/short.pem",
        "_other/x.json",
        "/alpine-books/run-1/record.json",
        "../evidence/run-1/record.json",
        ".hidden/alpine-books/record.json",
        ".pendings/x",
        ".index.sqlite.txt",
    ],
)
def test_any_other_name_stands_for_nothing(name):
    place = place_of(name)
    assert place is None or (place.what is What.NO_EVIDENCE and name == "alpine-books/run-1/")
