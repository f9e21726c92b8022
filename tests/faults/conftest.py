"""The project of every test here is searched for secrets when the test has ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from o365lib.sandbox import Served
from tests.faults.project import OWN_STORE, FaultProject
from tests.faults.search import Written


@pytest.fixture
def project_of(tmp_path: Path) -> Iterator[Callable[[Served], FaultProject]]:
    """Make the project of a served sandbox; none of its files may hold a secret at the end."""
    made: list[FaultProject] = []

    def make(served: Served) -> FaultProject:
        folder = tmp_path / "project"
        folder.mkdir()
        made.append(FaultProject(folder, served))
        return made[-1]

    yield make
    for each in made:
        written = Written()
        written.add_folder(each.folder, but=OWN_STORE)
        assert written.leaks(each.secrets()) == []


@pytest.fixture
def project(served: Served, project_of: Callable[[Served], FaultProject]) -> FaultProject:
    """A project with the demonstration's clients; none of its files may hold a secret."""
    return project_of(served)
