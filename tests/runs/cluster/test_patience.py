from o365lib.runs.cluster.patience import Patience


def told_at(patience, seconds, *, joined=()):
    """Look each second; return when something was told."""
    return [now for now in range(seconds) if patience.look(float(now), is_alone=now not in joined)]


def test_that_there_is_no_worker_is_told_after_a_minute_and_every_ten_after_it():
    patience = Patience(None)

    assert told_at(patience, 1300) == [60, 660, 1260]
    assert patience.lost == ""


def test_a_worker_that_joins_begins_the_wait_anew():
    assert told_at(Patience(None), 200, joined=(50, 110)) == [171]


def test_the_sentence_says_how_long_and_what_to_do():
    patience = Patience(None)
    patience.look(0, is_alone=True)

    told = patience.look(125, is_alone=True)

    assert "no worker for 2 min" in told
    assert "Ctrl-C" in told


def test_a_patience_that_ends_is_a_sentence_and_not_before():
    patience = Patience(90)
    patience.look(0, is_alone=True)
    patience.look(89, is_alone=True)
    assert patience.lost == ""

    assert patience.look(90, is_alone=True) == ""
    assert patience.lost == "The cluster has had no worker for 90 seconds."


def test_a_cluster_with_workers_is_never_given_up():
    patience = Patience(1)
    assert not told_at(patience, 100, joined=range(100))
    assert patience.lost == ""
