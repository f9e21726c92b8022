"""The project of every test here is searched for secrets when the test has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from o365lib.sandbox import Served
from tests.faults.project import OWN_STORE, FaultProject
from tests.faults.search import Written


@pytest.fixture
def project(served: Served, tmp_path: Path) -> Iterator[FaultProject]:
    """A project with the demonstration's clients; none of its files may hold a secret."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = FaultProject(folder, served)
    yield made
    written = Written()
    written.add_folder(folder, but=OWN_STORE)
    assert written.leaks(made.secrets()) == []
