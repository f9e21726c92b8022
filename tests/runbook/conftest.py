"""Runbooks executed in the test's own process, by an application, approved by a parameter."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from o365lib import runbook
from o365lib.places import Places
from o365lib.runbook.run import Run
from tests.demo_project import ROOT, DemoProject

NAMES = {"create": "create_service_account", "remove": "remove_service_account"}
STEPS = {
    "create": (
        "sign_in look plan confirm create_user hand_over assign_role verify close".split()  # noqa: SIM905 -- it reads as a list
    ),
    "remove": (
        "sign_in look plan confirm remove_roles revoke_sessions delete_user verify close".split()  # noqa: SIM905 -- as above
    ),
}


class Opened:
    """A run and the way through it."""

    def __init__(self, word: str, run: Run) -> None:
        self.word = word
        self.run = run

    def to(self, last: str = "close", *, after: str = "", approved_by: str = "Kim") -> str:
        """Carry the steps out, after one and up to another; return what the last one shows."""
        names = STEPS[self.word]
        first = names.index(after) + 1 if after else 0
        shown = ""
        for name in names[first : names.index(last) + 1]:
            given = (approved_by,) if name == "confirm" else ()
            shown = repr(getattr(self.run, name)(*given))
        return shown


@pytest.fixture
def open_run(
    demo_project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Opened]]:
    """Open a runbook for a client of the demonstration, as the first cell does."""
    monkeypatch.chdir(demo_project.folder / "notebooks")

    opened: list[Opened] = []

    def open_it(word: str, client: str, **parameters: str | bool) -> Opened:
        opened.append(Opened(word, runbook.open(NAMES[word], client, **parameters)))
        return opened[-1]

    yield open_it
    for each in opened:
        each.run._abandon()


@pytest.fixture
def summary_places(tmp_path: Path) -> Places:
    """A project without any client, whose archive batches can be put into."""
    (tmp_path / "parameters").mkdir()
    return Places(
        parameters=tmp_path / "parameters",
        evidence=tmp_path / "evidence",
        sandbox_file=tmp_path / "sandbox.json",
        notebooks=ROOT / "notebooks",
        keys=tmp_path / "keys",
    )
