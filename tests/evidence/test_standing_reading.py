import pytest

from o365lib import clock
from o365lib.evidence.archive import Archive
from o365lib.evidence.layout import STANDING
from o365lib.evidence.standing_reading import read_standing
from tests.reports.examples import creation, folder_of, removal, sealed
from tests.standing_clock import LateClock


@pytest.fixture
def archive(tmp_path):
    return sealed(tmp_path, creation())


# By then an instant of a file tells whether it was written again.
LATER = LateClock(hours=1)


def test_an_account_stands_since_it_was_created_and_the_last_run_is_known(archive):
    (found,) = read_standing(archive).values()
    (account,) = found.accounts
    assert account.since is not None
    assert account.run_id == found.last_run.run_id
    assert found.unreadable == 0


def test_what_was_read_before_is_not_read_again_until_a_record_changes(archive):
    reads = []
    with clock.use(LATER):
        first = read_standing(archive, on_client=lambda: reads.append(1))
        second = read_standing(archive, on_client=lambda: reads.append(1))
    assert first == second
    assert len(reads) == 1
    run = folder_of(archive, creation())
    run.write_record(run.read_record().model_copy(update={"reason": "another"}))
    with clock.use(LATER):
        read_standing(archive, on_client=lambda: reads.append(1))
    assert len(reads) == 2


def test_after_its_removal_it_stands_no_more(tmp_path):
    archive = sealed(tmp_path, creation(), removal(30))
    (found,) = read_standing(archive).values()
    assert found.accounts == ()
    assert found.last_run.runbook == "remove_service_account"


@pytest.mark.parametrize("spoilt", ["not json", '{"a": {"stamp": 1}}', "[]"])
def test_what_is_kept_may_be_spoilt_or_thrown_away_at_any_time(archive, spoilt):
    first = read_standing(archive)
    (archive.root / STANDING).write_text(spoilt)
    assert read_standing(archive) == first
    (archive.root / STANDING).unlink()
    assert read_standing(archive) == first


def test_where_there_is_no_archive_nothing_stands(tmp_path):
    assert read_standing(Archive(tmp_path / "none")) == {}


def test_a_run_that_cannot_be_read_is_counted(archive):
    folder_of(archive, creation()).record_file.write_text("{")
    (found,) = read_standing(archive).values()
    assert (found.unreadable, found.accounts) == (1, ())
