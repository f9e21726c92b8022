import pytest

from o365lib.runs.cluster.news import News
from o365lib.runs.events import Event, ignore
from tests.runs.cluster.dask_cluster import until


def fail(*_):
    raise ValueError("wrong")


@pytest.fixture
def make():
    """Return news whose thread runs; it is ended after the test."""
    made = []

    def start(hear=ignore, *, idle=lambda: None):
        made.append(News(hear, idle=idle))
        made[-1].thread.start()
        return made[-1]

    yield start
    for news in made:
        news.end()


def test_news_is_dealt_with_in_order_and_whole_before_the_end(make):
    done, news = [], make()
    for number in range(100):
        news.put(lambda number=number: done.append(number))

    news.end()

    assert done == list(range(100))


def test_news_that_fails_is_logged_and_ends_nothing(make, caplog):
    done, news = [], make()

    news.put(fail)
    news.put(lambda: done.append("after it"))
    news.end()

    assert done == ["after it"]
    assert "could not be dealt with" in caplog.text


def test_who_hears_badly_harms_nobody(make):
    make(fail).tell(Event(kind="told", text="x"))


def test_something_is_looked_after_while_there_is_no_news(make, monkeypatch):
    monkeypatch.setattr("o365lib.runs.cluster.news._IDLE_SECONDS", 0.01)
    looked = []

    make(idle=lambda: looked.append(1))

    until(lambda: len(looked) > 2)
