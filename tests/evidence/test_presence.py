from o365lib.evidence.archive import Archive
from o365lib.evidence.client_lock import ClientLock
from o365lib.evidence.presence import Presence


def test_one_at_a_time_is_at_work_and_the_lock_for_changes_is_another(tmp_path):
    archive = Archive(tmp_path)
    first, second = (archive.new_run("contoso", name) for name in ("r1", "r2"))
    presence = Presence(first)
    assert presence.take()
    assert not Presence(second).take()
    assert Presence(second).holder().run_id == "r1"
    assert ClientLock(second).take()
    presence.release()
    assert Presence(second).take()
