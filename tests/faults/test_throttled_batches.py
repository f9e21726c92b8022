"""Many tenants that share one application, and its limit in all of them together."""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import pytest

from o365lib.clouds import Cloud
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.graph.organization import get_organization
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.runs import batch
from o365lib.runs.admission import Admission
from o365lib.runs.execution import load_papermill
from o365lib.runs.local.thread_workers import ThreadWorkers
from o365lib.runs.task import execute_task
from o365lib.transport import Transport
from tests.faults.project import MADE
from tests.graph.conftest import ApplicationTokens

SHARED = "Runbooks of the vendor"


def test_a_batch_of_tenants_that_meet_one_limit_ends_done(project):
    clients = [f"vet-{number:02}" for number in range(12)]
    for client in clients:
        project.add_client(client, application=SHARED)
    project.patient()
    sandbox, places = project.sandbox, project.places
    sandbox.throttle = True
    sandbox.throttle_application_units, sandbox.throttle_application_seconds = 40, 4
    evidence, told = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys)), []
    begun = batch.begin(
        places.runbook("create"),
        clients,
        places=places,
        evidence=evidence,
        parameters={"approved_by": "Kim"},
    )
    load_papermill()
    done = batch.run_batch(
        begun,
        evidence=evidence,
        new_workers=lambda hear: ThreadWorkers(6, hear=hear, function=execute_task),
        tell=told.append,
    )
    evidence.close()
    assert [each.reason for each in done.results if each.outcome != "done"] == []
    assert {project.state(client) for client in clients} == {MADE}
    assert done.batch_file.throttled > 0
    assert any(each.throttled for each in told if each.kind == "traffic")
    said = [each.text for each in told if each.kind == "told"]
    assert "were asked by Microsoft to wait" in said[0]


class Runs:
    """Runs without notebooks: each signs in to its tenant and reads eight times."""

    def __init__(self, served, tenants, admission):
        self.served, self.waiting, self.admission = served, deque(tenants), admission
        self.news: SimpleQueue = SimpleQueue()
        self.requests = self.throttled = 0

    def carry_out(self, tenant):
        ledger = Ledger(lambda _: self.news.put((tenant.name, *ledger.traffic())))
        served = self.served
        cloud = Cloud("sandbox", served.login_base_url, served.graph_base_url, served.ca_file)
        transport = Transport(cloud, ledger=ledger)
        try:
            session = GraphSession(transport, ApplicationTokens(transport, tenant))
            for _ in range(8):
                session.fetch(get_organization())
                self.news.put((tenant.name, *ledger.traffic()))
        finally:
            transport.close()
            self.news.put((tenant.name, None, ledger.traffic()))

    def drive(self):
        under_way, slots = set(), self.admission.slots
        with ThreadPoolExecutor(slots) as pool:
            while self.waiting or under_way:
                while self.waiting and len(under_way) < self.admission.allowance(time.monotonic()):
                    tenant = self.waiting.popleft()
                    under_way.add(tenant.name)
                    self.admission.began(tenant.name, time.monotonic())
                    pool.submit(self.carry_out, tenant)
                try:
                    name, requests, rest = self.news.get(timeout=0.1)
                except Empty:
                    continue
                if requests is None:
                    under_way.remove(name)
                    self.admission.ended(name, time.monotonic())
                    self.requests, self.throttled = (
                        self.requests + rest[0],
                        self.throttled + rest[1],
                    )
                else:
                    self.admission.heard(name, requests, rest, time.monotonic())
        return self


class Heedless(Admission):
    """Admits as many as there are slots, whatever it hears."""

    def heard(self, client, requests, throttled, now):
        pass


@pytest.fixture
def tenants(sandbox):
    sandbox.add_fleet(48, application=SHARED)
    sandbox.throttle = True
    sandbox.throttle_application_units, sandbox.throttle_application_seconds = 40, 2
    return [each for each in sandbox.tenants.values() if each.application.display_name == SHARED]


def test_with_admission_fewer_are_asked_to_wait_than_without(served, sandbox, tenants):
    without = Runs(served, tenants, Heedless(16)).drive()
    sandbox.clock.advance(seconds=60)
    admission = Admission(16, reaction_seconds=2.0)
    with_it = Runs(served, tenants, admission).drive()
    done = [runs.requests - runs.throttled for runs in (without, with_it)]
    assert done == [48 * 9] * 2
    assert 0 < with_it.throttled < without.throttled * 0.75
    assert admission.sentence()
