"""One sandbox for the tests of a file, a fresh tenant for each test, and a plain HTTP caller."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from o365lib.sandbox import Sandbox, Served, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SCOPE = "https://graph.microsoft.com/.default"
_names = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """One sandbox for all tests of a file; each test works in a tenant of its own."""
    return Sandbox(seed="conformance")


@pytest.fixture(scope="module")
def served(sandbox: Sandbox) -> Iterator[Served]:
    with sandbox.serve() as served:
        yield served


@pytest.fixture
def tenant(sandbox: Sandbox) -> Tenant:
    """A tenant that no other test touches."""
    return sandbox.add_tenant(f"firm-{next(_names)}", employees=5)


@pytest.fixture(autouse=True)
def _right_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the clock right again and forget the faults after a test that moved or added some."""
    yield
    if "sandbox" in request.fixturenames:
        sandbox = request.getfixturevalue("sandbox")
        sandbox.clock.set(datetime.now(UTC))
        sandbox.faults.clear()


@dataclass
class Caller:
    """Plain HTTPS with a bearer token: what anyone with curl has."""

    served: Served
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def as_application(cls, served: Served, tenant: Tenant) -> Caller:
        """Sign in with the tenant's client secret."""
        caller = cls(served, "")
        caller.session.trust_env = False
        answer = caller.session.post(
            f"{served.login_base_url}/{tenant.id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": tenant.application.app_id,
                "client_secret": tenant.application.client_secret,
                "scope": _SCOPE,
            },
            verify=served.ca_file,
            timeout=10,
        )
        caller.token = answer.json()["access_token"]
        return caller

    def ask(
        self, method: str, path: str, body: Any = None, *, advanced: bool = False
    ) -> requests.Response:
        """Send one request to Graph v1.0; `path` begins with a slash and may carry a query."""
        url = path if path.startswith("https://") else f"{self.served.graph_base_url}/v1.0{path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        if advanced:
            headers["ConsistencyLevel"] = "eventual"
        return self.session.request(
            method, url, json=body, headers=headers, verify=self.served.ca_file, timeout=10
        )

    def get(self, path: str, *, advanced: bool = False) -> Any:
        """Read; the answer must be 200."""
        answer = self.ask("GET", path, advanced=advanced)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()


@pytest.fixture
def call() -> Iterator[Callable[[Served, Tenant], Caller]]:
    """Make callers that are closed after the test."""
    callers: list[Caller] = []

    def as_application(served: Served, tenant: Tenant) -> Caller:
        callers.append(Caller.as_application(served, tenant))
        return callers[-1]

    yield as_application
    for caller in callers:
        caller.session.close()
