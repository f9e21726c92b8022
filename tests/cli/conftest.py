"""A project with real parameters and tiny runbooks, and the command run in it."""

import json
import logging
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from o365lib.cli import main
from o365lib.cli.logs import EchoHandler
from tests.tiny_runbooks import CLOSE, OPEN, notebook

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def project(tmp_path):
    """The project's folder; its two runbooks do nothing and say that they are done."""
    shutil.copytree(ROOT / "parameters", tmp_path / "parameters")
    (tmp_path / "notebooks").mkdir()
    put_runbook(tmp_path, "create_service_account", OPEN, CLOSE)
    put_runbook(tmp_path, "remove_service_account", OPEN, CLOSE)
    return tmp_path


def put_runbook(project: Path, name: str, *cells: str) -> None:
    file = project / "notebooks" / f"{name}.ipynb"
    file.write_text(json.dumps(notebook(*cells)), "utf-8")


@pytest.fixture
def put(project):
    """Put a runbook made of these cells into the project."""
    return lambda name, *cells: put_runbook(project, name, *cells)


@pytest.fixture
def o365(project, monkeypatch):
    """Run the command in the project; the result has exit_code, stdout and stderr."""
    for name in ("O365_PARAMETERS", "O365_EVIDENCE", "O365_SANDBOX", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(project)

    def run(*arguments, **options):
        return CliRunner().invoke(main, list(arguments), prog_name="o365", **options)

    yield run
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, EchoHandler)]:
        root.removeHandler(handler)
    logging.getLogger("o365lib").setLevel(logging.NOTSET)


@pytest.fixture
def error_line(o365):
    """Return exit status and last line of standard error of a command."""

    def run(*arguments):
        result = o365(*arguments)
        return result.exit_code, result.stderr.splitlines()[-1]

    return run
