"""The state file: a SQLite database with one JSON document for each tenant.

- It holds the tenants' secrets and passwords, so that it is made with mode 0600.
- Tokens, codes, faults, the journal and the clock are not kept: they end with the process.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from .application import Application
from .clock import parse_date_time
from .replication import Replication
from .tenant import SignInState, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FORMAT = "o365 sandbox 1"
_NOT_PLAIN = frozenset({"activated_roles", "applications", "mailboxes", "replication", "sign_in"})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tenants (id TEXT PRIMARY KEY, document TEXT NOT NULL);
"""


class Store:
    """An open state file."""

    def __init__(self, path: Path, seed: str) -> None:
        """Open or make the file.

        Raises:
            ValueError: the file is no state file, or one of another seed; it is unchanged.
        """
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(path, check_same_thread=False)
        try:
            self._connection.executescript(_SCHEMA)
            rows = dict(self._connection.execute("SELECT name, value FROM about"))
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(f"{path} is no state file of the sandbox.") from error
        if rows and (rows.get("format"), rows.get("seed")) != (_FORMAT, seed):
            self._connection.close()
            raise ValueError(f"{path} was written for another seed or by another version.")
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO about VALUES (?, ?)", [("format", _FORMAT), ("seed", seed)]
            )

    def all(self) -> Iterator[Tenant]:
        """Return every tenant in the file."""
        for (document,) in self._connection.execute("SELECT document FROM tenants ORDER BY rowid"):
            yield tenant_from_json(json.loads(document))

    def load(self, tenant_id: str) -> Tenant | None:
        """Return the tenant with this id, or None."""
        row = self._connection.execute(
            "SELECT document FROM tenants WHERE id = ?", (tenant_id,)
        ).fetchone()
        return tenant_from_json(json.loads(row[0])) if row else None

    def save(self, tenants: Iterable[Tenant]) -> None:
        """Write tenants in one transaction."""
        with self._connection:
            self._connection.executemany(
                "INSERT INTO tenants VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET document = excluded.document",
                [(tenant.id, json.dumps(tenant_to_json(tenant))) for tenant in tenants],
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def tenant_to_json(tenant: Tenant) -> dict[str, Any]:
    """Return all of a tenant as JSON, secrets included."""
    plain = {
        item.name: getattr(tenant, item.name)
        for item in fields(tenant)
        if item.name not in _NOT_PLAIN
    }
    return {
        **plain,
        "activated_roles": sorted(tenant.activated_roles),
        "mailboxes": sorted(tenant.mailboxes),
        "sign_in": {
            user_id: {
                **asdict(state),
                "locked_until": state.locked_until and state.locked_until.isoformat(),
                "valid_from": state.valid_from.isoformat(),
            }
            for user_id, state in tenant.sign_in.items()
        },
        "applications": [item.to_json() for item in tenant.applications.values()],
    }


def tenant_from_json(data: dict[str, Any]) -> Tenant:
    """Return the tenant that `tenant_to_json` wrote; nothing of it lags."""
    applications = [Application.from_json(item) for item in data["applications"]]
    return Tenant(
        **{
            **data,
            "activated_roles": set(data["activated_roles"]),
            "mailboxes": set(data["mailboxes"]),
            "sign_in": {
                user_id: SignInState(
                    **{
                        **state,
                        "locked_until": state["locked_until"]
                        and parse_date_time(state["locked_until"]),
                        "valid_from": parse_date_time(state["valid_from"]),
                    }
                )
                for user_id, state in data["sign_in"].items()
            },
            "applications": {item.app_id: item for item in applications},
            "replication": Replication(),
        }
    )
