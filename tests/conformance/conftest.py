"""One sandbox for the tests of a file, a fresh tenant for each test, and clients for both."""

from __future__ import annotations

import asyncio
import importlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
import msal
import pytest
import requests

from o365lib.sandbox import Sandbox, Served, Tenant
from tests.conformance.msal_flows import discovery, published
from tests.conformance.person import Person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

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


@pytest.fixture
def http(served: Served) -> Iterator[requests.Session]:
    """The HTTP client that MSAL is given: trusts the sandbox's CA and nothing else."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.ca_file)
        yield session


@pytest.fixture
def person(served: Served) -> Iterator[Person]:
    person = Person(served.ca_file)
    yield person
    person.close()


@pytest.fixture
def public(served: Served, tenant: Tenant, http: requests.Session) -> Callable[..., Any]:
    """Make public client applications; each has a cache of its own."""

    def make(app_id: str = "", authority: str = "") -> msal.PublicClientApplication:
        return msal.PublicClientApplication(
            app_id or tenant.public_client.app_id,
            authority=f"{served.login_base_url}/{authority or tenant.id}",
            instance_discovery=False,
            http_client=http,
        )

    return make


@pytest.fixture
def confidential(served: Served, tenant: Tenant, http: requests.Session) -> Callable[..., Any]:
    """Make confidential client applications with a given credential."""

    def make(
        credential: Any, app_id: str = "", authority: str = ""
    ) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            app_id or tenant.application.app_id,
            client_credential=credential,
            authority=f"{served.login_base_url}/{authority or tenant.id}",
            instance_discovery=False,
            http_client=http,
        )

    return make


@pytest.fixture
def verified(served: Served, tenant: Tenant) -> Callable[..., dict[str, Any]]:
    """Check a token's signature with the keys that the discovery document names; its claims."""
    keys = jwt.PyJWKSet.from_dict(published(served, discovery(served, tenant.id)["jwks_uri"]))

    def claims(token: str, audience: str | list[str]) -> dict[str, Any]:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, leeway=5)

    return claims


@pytest.fixture(scope="module")
def ms() -> Any:
    """Microsoft's clients, imported when the first test needs them."""
    return importlib.import_module("tests.conformance.microsoft_clients")


@pytest.fixture
def run(ms: Any, served: Served, tenant: Tenant) -> Callable[..., Any]:
    """Run a coroutine function with a client that is signed in with the tenant's secret."""

    def run(scenario: Callable[[Any], Awaitable[Any]], credential: Any = None) -> Any:
        async def main() -> Any:
            signed_in = credential or ms.with_secret(served, tenant)
            async with ms.graph_client(served, signed_in) as graph:
                return await scenario(graph)

        return asyncio.run(main())

    return run


@pytest.fixture
def refused(ms: Any, run: Callable[..., Any]) -> Callable[[Callable[[Any], Awaitable[Any]]], Any]:
    """The SDK's error that a scenario must end in."""

    def refused(scenario: Callable[[Any], Awaitable[Any]]) -> Any:
        with pytest.raises(ms.ODataError) as caught:
            run(scenario)
        return caught.value

    return refused
