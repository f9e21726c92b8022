"""Fixtures for every test: a sandbox with the demonstration's tenants, and the same one served."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from o365lib import secret
from o365lib.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from o365lib.sandbox import Served
    from tests.demo_project import DemoProject


# No test asserts a duration, and hypothesis must not either: the machine may be busy. The examples
# that failed are kept in the output, not in a folder.
settings.register_profile("unhurried", deadline=None, database=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, and thousands of them would wait for the disk to have written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(autouse=True)
def secrets_of_this_test_only() -> Iterator[None]:
    """Forget a test's secrets after it.

    A kernel knows a handful. Thousands, of all tests before, would be looked for in every file that
    is sealed, and a weak one among them would put another test's run into quarantine.
    """
    before = set(secret._known)
    yield
    secret._known.intersection_update(before)


@pytest.fixture(autouse=True, scope="session")
def keys_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests away from the signing key of whoever runs them."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("O365_KEYS", str(folder))
        yield folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox with the demonstration's tenants; nothing listens yet."""
    fresh = Sandbox(seed="demo")
    fresh.add_demo_tenants()
    yield fresh
    fresh.close()


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[Served]:
    """The sandbox, listening on two free loopback ports; the environment is left alone."""
    with sandbox.serve() as serving:
        yield serving


@pytest.fixture
def demo_project(served: Served, tmp_path: Path) -> DemoProject:
    """The committed parameters and notebooks in a folder of their own, beside a served sandbox."""
    from tests.demo_project import DemoProject

    return DemoProject(tmp_path, served)
