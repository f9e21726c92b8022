"""Plain HTTPS callers: what anybody with curl and a token has. Nothing of the product is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from o365lib.sandbox import Sandbox, Served, Tenant

GRAPH = "https://graph.microsoft.com"


@dataclass
class Web:
    """A session that trusts the sandbox only, whatever the environment says."""

    served: Served
    session: requests.Session

    def login(self, method: str, path: str, **words: Any) -> requests.Response:
        url = f"{self.served.login_base_url}{path}"
        return self.session.request(method, url, timeout=10, allow_redirects=False, **words)

    def token(self, tenant: Tenant | str, **form: str) -> requests.Response:
        name = tenant if isinstance(tenant, str) else tenant.id
        return self.login("POST", f"/{name}/oauth2/v2.0/token", data=form)

    def graph(self, method: str, path: str, token: str | None = None, **words: Any):
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        headers |= words.pop("headers", {})
        url = f"{self.served.graph_base_url}/v1.0{path}"
        return self.session.request(
            method, url, headers=headers, timeout=10, allow_redirects=False, **words
        )


@dataclass
class Graph:
    """Graph with one token."""

    web: Web
    token: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.web.graph(method, path, self.token, json=body, headers=named)

    def get(self, path: str, *, advanced: bool = False) -> Any:
        headers = {"ConsistencyLevel": "eventual"} if advanced else {}
        answer = self("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def values(self, path: str, *, advanced: bool = False) -> list[Any]:
        return self.get(path, advanced=advanced)["value"]


@pytest.fixture
def tenant(sandbox: Sandbox) -> Tenant:
    return sandbox.tenant("alpine-books")


@pytest.fixture
def web(served: Served) -> Iterator[Web]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.ca_file)
        yield Web(served, session)


@pytest.fixture
def as_application(web: Web, tenant: Tenant) -> Callable[..., Graph]:
    """Graph as the tenant's application; `roles` replaces the permissions that it is granted."""

    def make(roles: set[str] | None = None, *, of: Tenant = tenant) -> Graph:
        if roles is not None:
            of.application.roles = set(roles)
        answer = web.token(
            of,
            grant_type="client_credentials",
            client_id=of.application.app_id,
            client_secret=of.application.client_secret,
            scope=f"{GRAPH}/.default",
        )
        return Graph(web, answer.json()["access_token"])

    return make


@pytest.fixture
def as_person(web: Web, tenant: Tenant) -> Callable[..., Graph]:
    """Graph as a person, named by the local part of the user principal name."""

    def make(nickname: str, *, scopes: set[str] | None = None) -> Graph:
        name = f"{nickname}@{tenant.initial_domain}"
        if scopes is not None:
            tenant.public_client.scopes = set(scopes)
        answer = web.token(
            tenant,
            grant_type="password",
            client_id=tenant.public_client.app_id,
            username=name,
            password=tenant.password_of(name),
            scope=f"{GRAPH}/.default",
        )
        assert answer.status_code == 200, answer.text
        return Graph(web, answer.json()["access_token"])

    return make


@pytest.fixture
def graph(as_application: Callable[..., Graph]) -> Graph:
    """Graph as the tenant's application with all that it is granted at first."""
    return as_application()


@pytest.fixture
def new_user(tenant: Tenant) -> Callable[..., dict[str, Any]]:
    """The body of a request that creates the vendor's account; words change it."""

    def make(**changes: Any) -> dict[str, Any]:
        body = {
            "accountEnabled": True,
            "displayName": "Practice Protect",
            "givenName": "Practice",
            "surname": "Protect",
            "mailNickname": "practiceprotect",
            "userPrincipalName": f"practiceprotect@{tenant.initial_domain}",
            "passwordProfile": {
                "forceChangePasswordNextSignIn": True,
                "password": "Zx4!harbourTulip92",
            },
        }
        return {name: value for name, value in {**body, **changes}.items() if value is not ...}

    return make
