"""The command as a whole; each of its commands has its tests in tests/cli/."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import o365lib
from o365lib.cli import main


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


def test_help_waits_for_no_heavy_library():
    heavy = ["pydantic", "papermill", "msal", "requests", "pandas", "rich", "starlette", "nbformat"]
    code = (
        "import sys; from o365lib.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"imported: {done.stderr}"
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("command", commands(main), ids=" ".join)
def test_every_command_explains_itself_and_its_options(command):
    told = CliRunner().invoke(main, [*command, "--help"])
    assert told.exit_code == 0
    assert len(told.output.splitlines()[2].strip()) > 20


@pytest.mark.parametrize(
    "command",
    [
        each
        for each in commands(main)
        if each[-1] in {"check", "run", "demo", "list", "show", "serve"}
    ],
    ids=" ".join,
)
def test_every_command_that_reports_can_report_to_machines(command):
    assert "--json" in CliRunner().invoke(main, [*command, "--help"]).output


def test_the_version_is_the_packages_own():
    told = CliRunner().invoke(main, ["--version"])
    assert re.fullmatch(rf"o365, version {re.escape(o365lib.__version__)}\n", told.output)


def test_what_is_no_command_is_wrong_usage():
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2
    assert CliRunner().invoke(main, ["run", "create", "--dance"]).exit_code == 2
