import threading

from o365lib.runs.events import Event, ignore
from o365lib.runs.local.thread_workers import ThreadWorkers


def test_tasks_are_executed_so_many_at_once_and_told_of():
    heard = []
    both = threading.Barrier(2)

    def work(task, tell, stop):
        both.wait(30)
        tell(Event(kind="step", client=task))
        return task.upper()

    workers = ThreadWorkers(2, hear=heard.append, function=work)
    futures = [workers.submit(task) for task in ("one", "two")]
    assert [future.result(30) for future in futures] == ["ONE", "TWO"]
    assert {event.client for event in heard} == {"one", "two"}
    assert workers.slots == 2
    workers.close()


def test_an_interruption_reaches_what_is_under_way():
    workers = ThreadWorkers(1, hear=ignore, function=lambda task, tell, stop: stop.wait(30))
    future = workers.submit("one")
    workers.interrupt()
    assert future.result(30) is True
    workers.close()
