import json

from o365lib.evidence.envelope import Envelope, sign


def resigned(file, signer, **fields) -> None:
    """Let whoever has the key say something else in a seal or digest."""
    said = json.loads(Envelope.from_json(file.read_bytes()).payload)
    said["predicate"].update(fields)
    file.write_bytes(sign(json.dumps(said).encode(), signer).to_json())


def test_a_seal_that_is_gone_leaves_a_gap_and_an_unsigned_run(archive):
    (archive.root / "alpine-books" / "_seals" / "00000001.json").unlink()
    run = archive.runs("alpine-books")[0].name
    assert archive.told() == [
        ("missing", "alpine-books/_seals/00000001.json"),
        ("unsigned", f"alpine-books/{run}"),
    ]


def test_a_gap_of_many_is_one_problem(archive):
    folder = archive.root / "alpine-books" / "_seals"
    (folder / "00000002.json").rename(folder / "00099999.json")
    problems = archive.verified().problems
    assert ["Numbers 2 to 99998 are missing" in each.sentence for each in problems].count(True) == 1
    assert ("broken chain", "alpine-books/_seals/00099999.json") in archive.told()


def test_seals_in_each_others_place_are_told(archive):
    one = archive.root / "alpine-books" / "_seals" / "00000001.json"
    other = archive.root / "bayside-legal" / "_seals" / "00000001.json"
    theirs = other.read_bytes()
    other.write_bytes(one.read_bytes())
    one.write_bytes(theirs)
    told = archive.told()
    assert ("swapped", "alpine-books/_seals/00000001.json") in told
    assert ("swapped", "bayside-legal/_seals/00000001.json") in told


def test_a_seal_signed_anew_by_its_own_signer_breaks_the_chain_after_it(archive, sound_archive):
    made = sound_archive[0]
    resigned(archive.root / "alpine-books/_seals/00000001.json", made.first_signer, ticket="T-9")
    assert archive.told() == [
        ("edited", "alpine-books/_seals/00000001.json"),
        ("broken chain", "alpine-books/_seals/00000002.json"),
    ]


def test_a_seal_that_follows_another_than_the_one_before_breaks_the_chain(archive, sound_archive):
    made = sound_archive[0]
    file = archive.root / "alpine-books" / "_seals" / "00000002.json"
    resigned(file, made.signer, previous={"number": 1, "sha256": "ab" * 32})
    assert ("broken chain", "alpine-books/_seals/00000002.json") in archive.told()


def test_a_digest_that_is_gone_is_missed_by_the_next_and_by_what_it_named(archive):
    (archive.root / "_digests" / "00000002.json").unlink()
    assert (
        archive.told()
        == [
            ("missing", "_digests/00000002.json"),
            ("missing", "alpine-books/_seals/00000001.json"),
            ("missing", "bayside-legal/_seals/00000001.json"),
        ]
        or ("missing", "_digests/00000002.json") in archive.told()
    )


def test_a_digest_signed_anew_by_its_own_signer_breaks_the_chain_after_it(archive, sound_archive):
    made = sound_archive[0]
    resigned(archive.root / "_digests" / "00000001.json", made.first_signer, batch_id="another")
    assert archive.told() == [("broken chain", "_digests/00000002.json")]


def test_the_number_of_a_seal_is_in_it_and_not_its_name_alone(archive):
    folder = archive.root / "alpine-books" / "_seals"
    (folder / "00000003.json").write_bytes((folder / "00000002.json").read_bytes())
    assert ("broken chain", "alpine-books/_seals/00000003.json") in archive.told()
