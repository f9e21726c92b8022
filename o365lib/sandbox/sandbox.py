"""The sandbox itself: tenants, settings, journal and faults, before anything listens.

Usage:

    sandbox = Sandbox(seed="demo")
    sandbox.add_demo_tenants()
    with sandbox.serve() as served:
        ...  # talk to served.login_base_url and served.graph_base_url over TLS
    assert sandbox.tenant("alpine-books").outbox
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import SandboxClock
from .demo import DEMO_TENANTS, furnish
from .faults import Faults
from .fleet import Fleet, fleet_recipes
from .secrets_seen import SecretsSeen
from .sign_in.records import SignInRecords
from .store import Store
from .tenant_making import TenantRecipe
from .throttling import Throttling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from .journal import RequestSeen
    from .server import Served
    from .tenant import Tenant


_MOST_REQUESTS_KEPT = 200_000


@dataclass
class Settings:
    """What can be changed about all tenants at any time; seconds unless the name says otherwise.

    Attributes:
        latency_seconds: wait before each answer; a batch waits once.
        replication_lag_seconds: a new or restored user is unknown to reads, filters and role
            assignments for so long.
        filter_lag_seconds: a new user is missing from lists and filters, though not from a read by
            its id or name, for so long.
        deletion_lag_seconds: a deleted user is still seen for so long.
        deleted_items_lag_seconds: a deleted user is not in the recycle bin before.
        role_assignments_lag_seconds: a new assignment is not seen, a removed one is still seen.
        audit_lag_seconds: an entry of the audit log is not seen before.
        audit_throttle: allow 5 requests to the audit log in 10 s per application and tenant.
        throttle: apply Graph's limits of resource units and writes, see `throttling`.
        throttle_application_units: what an application may ask in all tenants together, in
        throttle_application_seconds: so many.
        throttle_tenant_units: what an application may ask in one tenant; 0 is what Microsoft
            documents for a tenant of its size. In
        throttle_tenant_seconds: so many.
        throttle_sign_ins: how many tokens an application may fetch in all tenants together, in
        throttle_sign_in_seconds: so many; 0 is no limit.
        throttle_sign_in_wait_seconds: what an application that fetches more is told to wait.
        restore_brings_roles_back: a restored user has the roles again.
        device_code_polling_enforced: answer `slow_down` to who polls faster than the interval.
    """

    latency_seconds: float = 0.0
    replication_lag_seconds: float = 0.0
    filter_lag_seconds: float = 0.0
    deletion_lag_seconds: float = 0.0
    deleted_items_lag_seconds: float = 0.0
    role_assignments_lag_seconds: float = 0.0
    audit_lag_seconds: float = 0.0
    audit_throttle: bool = False
    throttle: bool = False
    throttle_application_units: int = 150_000
    throttle_application_seconds: float = 20.0
    throttle_tenant_units: int = 0
    throttle_tenant_seconds: float = 10.0
    throttle_sign_ins: int = 0
    throttle_sign_in_seconds: float = 10.0
    throttle_sign_in_wait_seconds: float = 60.0
    restore_brings_roles_back: bool = True
    access_token_lifetime_seconds: int = 3599
    refresh_token_lifetime_days: int = 90
    device_code_lifetime_seconds: int = 900
    device_code_interval_seconds: int = 5
    device_code_polling_enforced: bool = False


class Sandbox(Settings):
    """An embedded Microsoft 365: some tenants, a sign-in authority and Graph.

    Attributes:
        lock: held while a request is carried out; hold it for edits of several steps.
        journal: what was asked, oldest first; may be cleared. Of a sandbox that runs for long only
            the latest are kept, see `note`.
        saves_at_end: whether the end of serving and `close` save all tenants once more; edits
            from Python need it, what comes over HTTP is saved before it is answered.
    """

    def __init__(self, seed: str = "demo", state_file: Path | None = None) -> None:
        """Start without tenants, or with those that the state file holds.

        Args:
            seed: ids of tenants, applications and first users follow from it.
            state_file: a SQLite file (made with mode 0600) that keeps the tenants' state, secrets
                and passwords included, over restarts.

        Raises:
            ValueError: the file belongs to another seed or is no state file.
        """
        super().__init__()
        self.seed = seed
        self.clock = SandboxClock()
        self.faults = Faults()
        self.journal: list[RequestSeen] = []
        self.lock = threading.RLock()
        self.secrets_seen = SecretsSeen()
        self.sign_ins = SignInRecords(self)
        self.audit_requests: dict[tuple[str, str], list[datetime]] = {}
        self.throttling = Throttling(self)
        self.control_key = secrets.token_urlsafe(30)
        self.secrets_seen.add(self.control_key)
        self.served: Served | None = None
        self.saves_at_end = True
        self._store = Store(state_file, seed) if state_file is not None else None
        self._fleet = Fleet(seed, self._load)
        if self._store is not None:
            for tenant in self._store.all():
                self._fleet.adopt(tenant)

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """All tenants by id; one that was not used yet is made when it is looked up."""
        return self._fleet

    def tenant(self, key: str) -> Tenant:
        """Return a tenant by its name, its id or any of its verified domains.

        Raises:
            KeyError: there is none.
        """
        found = self.find_tenant(key)
        if found is None:
            raise KeyError(f"This sandbox has no tenant {key!r}.")
        return found

    def find_tenant(self, key: str) -> Tenant | None:
        """Return a tenant by its name, its id or any of its verified domains, or None."""
        return self._fleet.find(key)

    def add_tenant(
        self,
        name: str,
        *,
        display_name: str | None = None,
        domains: tuple[str, ...] | None = None,
        onmicrosoft: str | None = None,
        federation: str | None = None,
        premium: str | None = None,
        security_defaults: bool = False,
        employees: int = 3,
        country: str = "AU",
        application: str | None = None,
    ) -> Tenant:
        """Add a tenant and return it; see `TenantRecipe` for what the words mean.

        Without `domains` it has `<name without hyphens>.example`.

        Raises:
            ValueError: name or a domain belongs to another tenant; nothing is added.
        """
        label = name.replace("-", "").lower()
        recipe = TenantRecipe(
            name=name,
            display_name=display_name or name.replace("-", " ").title(),
            domains=(f"{label}.example",) if domains is None else domains,
            onmicrosoft=onmicrosoft or label,
            federation=federation,
            premium=premium,
            security_defaults=security_defaults,
            employees=employees,
            country=country,
            application=application,
        )
        return self._fleet[self._fleet.announce(recipe)]

    def add_demo_tenants(self) -> None:
        """Add the tenants of the demonstration."""
        for recipe in DEMO_TENANTS:
            furnish(self._fleet[self._fleet.announce(recipe)])

    def add_fleet(self, count: int, *, application: str | None = None) -> None:
        """Add so many ordinary tenants; each is made when it is first used.

        Args:
            count: how many.
            application: the name of the multitenant application that they share, as a vendor's
                clients do; without it each has one of its own.
        """
        for recipe in fleet_recipes(count, application=application):
            self._fleet.announce(recipe)

    def secrets(self) -> set[str]:
        """Return every secret that was issued or received: passwords, codes, tokens, keys.

        Wrong passwords that were tried are among them.
        """
        found = self.secrets_seen.all()
        for tenant in self._fleet.made():
            found.update(state.password for state in tenant.sign_in.values())
            for application in tenant.applications.values():
                found.update(secret.value for secret in application.client_secrets)
        return found

    def approve_device_code(self, user_code: str, user_principal_name: str) -> None:
        """Do what a person does on the device page: enter the code and sign in.

        What hinders the person from signing in (disabled, multi-factor, consent …) becomes the
        answer to the client's next poll.

        Raises:
            KeyError: no such code is waiting, or there is no such user.
        """
        with self.lock:
            self.sign_ins.approve_device_code(user_code, user_principal_name)

    def decline_device_code(self, user_code: str) -> None:
        """Do what a person does who does not want this sign-in.

        Raises:
            KeyError: no such code is waiting.
        """
        with self.lock:
            self.sign_ins.decline_device_code(user_code)

    def change_password(self, tenant: str, user: str, password: str) -> None:
        """Do what a person does at the first sign-in: set the own password, which the log tells.

        Args:
            tenant: its name, id or domain.
            user: id or user principal name.
            password: the new one; the password rules are not checked.

        Raises:
            KeyError: there is no such tenant or user.
        """
        from .graph import audit  # which knows us

        with self.lock:
            found, now = self.tenant(tenant), self.clock.now()
            found.change_password(user, password, now=now)
            self.secrets_seen.add(password)
            holder = found.find_user(user)
            if holder is not None:
                own = audit.person(holder)
                audit.record_entry(
                    found, "Change user password", user=holder, now=now, initiated_by=own
                )

    @contextlib.contextmanager
    def serve(self, login_port: int = 0, graph_port: int = 0) -> Iterator[Served]:
        """Serve the sandbox on two loopback ports until the block ends; 0 takes a free port.

        Raises:
            OSError: a port is taken; nothing is served.
            RuntimeError: this sandbox is being served already.
        """
        from .server import serving  # the web server is only loaded to serve

        with serving(self, login_port=login_port, graph_port=graph_port) as served:
            try:
                yield served
            finally:
                self._save_at_end()

    def note(self, seen: RequestSeen) -> None:
        """Add a request to the journal; from 200,000 on the older half is forgotten."""
        self.journal.append(seen)
        if len(self.journal) >= _MOST_REQUESTS_KEPT:
            del self.journal[: _MOST_REQUESTS_KEPT // 2]

    def save(self, tenant: Tenant | None = None) -> None:
        """Write one tenant, or all that were used, to the state file, if there is one."""
        if self._store is not None:
            with self.lock:
                self._store.save([tenant] if tenant is not None else self._fleet.made())

    def close(self) -> None:
        """Write the state file for the last time and close it."""
        if self._store is not None:
            self._save_at_end()
            self._store.close()
            self._store = None

    def _save_at_end(self) -> None:
        if self.saves_at_end:
            self.save()

    def _load(self, tenant_id: str) -> Tenant | None:
        return self._store.load(tenant_id) if self._store is not None else None
