from datetime import UTC, datetime

from tests.time_stamp_authority import TimeStampAuthority


def test_how_far_the_time_stamps_reach_is_told(archive):
    report = archive.verified()
    assert report.counts["time stamps"] == 2
    assert (report.stamped_digest, report.authorities_given) == (4, True)
    assert report.stamped_until <= datetime.now(UTC)
    assert "2 of 4 digests have no valid time stamp." in report.notes


def test_without_a_given_authority_the_archives_own_is_believed_and_said_to_be(archive):
    report = archive.verified(time_stamp_roots=[])
    assert (report.problems, report.authorities_given) == ((), False)
    assert report.stamped_digest == 4


def test_a_stamp_of_another_digest_garbage_and_a_stamp_of_nothing_are_told(archive):
    folder = archive.root / "_digests"
    third, fourth = folder / "00000003.tsr", folder / "00000004.tsr"
    good = fourth.read_bytes()
    fourth.write_bytes(third.read_bytes())
    assert archive.told() == [("time stamp invalid", "_digests/00000004.tsr")]
    for content in (b"", b"garbage", good[:-1], good + b"\0", b"\0" * 200_000):
        fourth.write_bytes(content)
        assert archive.told() == [("time stamp invalid", "_digests/00000004.tsr")]
    fourth.write_bytes(good)
    (folder / "00000009.tsr").write_bytes(good)
    assert archive.told() == [("inserted", "_digests/00000009.tsr")]


def test_a_stamp_of_an_authority_that_is_not_trusted_is_invalid(archive, tmp_path):
    with TimeStampAuthority(tmp_path / "another") as other:
        told = archive.told(time_stamp_roots=[other.root_pem])
    assert told == [
        ("time stamp invalid", "_digests/00000003.tsr"),
        ("time stamp invalid", "_digests/00000004.tsr"),
    ]


def test_an_authoritys_certificate_is_called_by_its_content(archive):
    root = next((archive.root / "_keys" / "time-stamp").iterdir())
    root.write_bytes(root.read_bytes() + b"\n")
    assert archive.told() == [("edited", f"_keys/time-stamp/{root.name}")]
    # And it is not believed any more.
    assert ("time stamp invalid", "_digests/00000004.tsr") in archive.told(time_stamp_roots=[])


def test_an_archive_without_time_stamps_is_sound_and_that_is_said(archive):
    for each in (archive.root / "_digests").glob("*.tsr"):
        each.unlink()
    report = archive.verified()
    assert (report.problems, report.stamped_until, report.stamped_digest) == ((), None, 0)
    assert any(note.startswith("No digest has a valid time stamp") for note in report.notes)
