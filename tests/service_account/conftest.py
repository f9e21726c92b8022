"""One sandbox for a file's tests, and a tenant of its own for each test."""

import itertools

import pytest

from o365lib import clock
from o365lib.clouds import Cloud
from o365lib.evidence.archive import Archive
from o365lib.sandbox import Sandbox
from o365lib.sandbox.sandbox import Settings
from tests.service_account.job import Job, SandboxTime

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shared_sandbox():
    """A sandbox that is served as long as a file's tests last."""
    sandbox = Sandbox(seed="service-account")
    with sandbox.serve():
        yield sandbox
    sandbox.close()


@pytest.fixture
def make_job(shared_sandbox, tmp_path, monkeypatch):
    """Make a new tenant and begin a run in it; keywords are `Sandbox.add_tenant`'s."""
    sandbox, jobs = shared_sandbox, []
    served = sandbox.served
    cloud = Cloud("sandbox", served.login_base_url, served.graph_base_url, served.ca_file)

    def make(*, client=None, around=None, begin=True, **recipe):
        name = f"contoso-{next(_numbers)}"
        tenant = sandbox.add_tenant(name, **recipe)
        monkeypatch.setenv("CONTOSO_SECRET", tenant.application.client_secret)
        job = Job(
            sandbox=sandbox,
            tenant=tenant,
            archive=Archive(tmp_path / "evidence"),
            cloud=cloud,
            time=ours,
            client_changes=client or {},
            around=around,
        )
        jobs.append(job)
        return job.begin() if begin else job

    ours = SandboxTime(sandbox)
    with clock.use(ours):
        yield make
    for transport in [transport for job in jobs for transport in job.transports]:
        transport.close()
    sandbox.faults.clear()
    for name, value in vars(Settings()).items():
        setattr(sandbox, name, value)


@pytest.fixture
def job(make_job):
    """A run that is signed in as the application of an ordinary tenant without the account."""
    return make_job()
