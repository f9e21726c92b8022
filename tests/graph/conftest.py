"""Graph through our own wire: one sandbox for a file's tests, a fresh tenant for each test."""

import itertools
from dataclasses import dataclass

import pytest

from o365lib import clock
from o365lib.clouds import Cloud
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.sandbox import Sandbox, Served, Tenant
from o365lib.secret import Secret
from o365lib.transport import Transport
from tests.scripted_server import serving
from tests.standing_clock import StandingClock

_names = itertools.count(1)


class ApplicationTokens:
    """Tokens by client secret, asked for directly; counts how often it was asked to renew."""

    def __init__(self, transport: Transport, tenant: Tenant) -> None:
        self._transport = transport
        self._tenant = tenant
        self._token: Secret | None = None
        self.renewals = 0

    def token(self) -> Secret:
        if self._token is None:
            cloud = self._transport.cloud
            answer = self._transport.send_form(
                "POST",
                f"{cloud.login_base_url}/{self._tenant.id}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._tenant.application.app_id,
                    "client_secret": self._tenant.application.client_secret,
                    "scope": cloud.application_scope,
                },
            )
            self._token = Secret(answer.body["access_token"])
        return self._token

    def renew(self) -> Secret:
        self.renewals += 1
        self._token = None
        return self.token()


class FixedToken:
    """The same token for ever; counts how often it was asked to renew."""

    def __init__(self) -> None:
        self.renewals = 0

    def token(self) -> Secret:
        return Secret(f"token-number-{self.renewals}")

    def renew(self) -> Secret:
        self.renewals += 1
        return self.token()


@dataclass
class Wire:
    """A session in a tenant of its own, and what it has sent."""

    sandbox: Sandbox
    tenant: Tenant
    transport: Transport
    tokens: ApplicationTokens | FixedToken
    session: GraphSession

    @property
    def requests(self):
        """What was sent to Graph: `METHOD path status`."""
        return [
            f"{entry.method} {entry.path.partition('?')[0]} {entry.status}"
            for entry in self.transport.ledger.records()
            if entry.service == "graph"
        ]


@pytest.fixture(scope="module")
def sandbox():
    """One sandbox for all tests of a file; each test works in a tenant of its own."""
    fresh = Sandbox(seed="wire")
    yield fresh
    fresh.close()


@pytest.fixture(scope="module")
def served(sandbox: Sandbox):
    with sandbox.serve() as serving_now:
        yield serving_now


@pytest.fixture
def wire(sandbox: Sandbox, served: Served):
    """Our own session, as the application of a tenant that no other test touches."""
    tenant = sandbox.add_tenant(f"firm-{next(_names)}", employees=3)
    cloud = Cloud("sandbox", served.login_base_url, served.graph_base_url, served.ca_file)
    transport = Transport(cloud, ledger=Ledger())
    tokens = ApplicationTokens(transport, tenant)
    yield Wire(sandbox, tenant, transport, tokens, GraphSession(transport, tokens))
    sandbox.faults.clear()
    transport.close()


@pytest.fixture
def server(tmp_path):
    """A server that answers as the test says."""
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def standing():
    """A clock that moves only when somebody sleeps."""
    standing = StandingClock()
    with clock.use(standing):
        yield standing


@pytest.fixture
def scripted(server, standing):
    """Our own session on the scripted server, with a standing clock."""
    transport = Transport(server.cloud, ledger=Ledger())
    tokens = FixedToken()
    yield Wire(None, None, transport, tokens, GraphSession(transport, tokens))
    transport.close()
