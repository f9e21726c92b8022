"""Pins, ranges, environment.yml and what the build server runs stay in step."""

import os
import re
import runpy
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import o365lib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = [
    Requirement(text)
    for text in [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "exact pins only"
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_direct_requirement_is_pinned_within_its_range(requirement):
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_every_pin_installs_on_the_oldest_python_that_is_promised():
    # Debian 12 carries 3.11.2; a pin that asks for a later 3.11 leaves its users without any.
    (oldest,) = re.findall(r">=([\d.]+)", PROJECT["requires-python"])
    asked = {
        installed.name: installed.metadata.get("Requires-Python") or ""
        for installed in metadata.distributions()
        if canonicalize_name(installed.name) in pins()
    }
    assert len(asked) > 100
    assert [
        name for name, range_ in asked.items() if f"{oldest}.0" not in SpecifierSet(range_)
    ] == []


def test_pins_name_no_path_no_host_and_not_the_project_itself():
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pinned = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert not re.search(r"[@/]|^-", pinned, re.MULTILINE)
    assert PROJECT["name"] not in pins()


def test_environment_yml_is_in_step_with_pyproject():
    done = subprocess.run(
        [sys.executable, "tools/write_environment.py", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_environment_yml_names_what_people_look_for_with_its_range():
    text = (ROOT / "environment.yml").read_text("utf-8")
    for name in ("jupyterlab", "papermill", "msal", "requests", "pandas", "ipywidgets"):
        assert re.search(rf'- "{name}>=[\d.]+,<\d+"', text), name
    assert "-c constraints.txt" in text
    assert f"-e .[{','.join(PROJECT['optional-dependencies'])}]" in text


def test_the_check_of_environment_yml_tells_a_difference(tmp_path, capsys):
    writer = runpy.run_path(str(ROOT / "tools" / "write_environment.py"))
    other = tmp_path / "environment.yml"
    other.write_text(writer["environment"]().replace("papermill", "papermil"))
    writer["main"].__globals__["FILE"] = other
    assert writer["main"](["--check"]) == 1
    assert "out of step" in capsys.readouterr().err
    assert writer["main"]([]) == 0
    assert writer["main"](["--check"]) == 0


def test_the_python_of_environment_yml_is_one_that_the_project_takes():
    spec = runpy.run_path(str(ROOT / "tools" / "write_environment.py"))["PYTHON"]
    lowest = re.search(r">=(\d+\.\d+)", spec)[1]
    assert lowest in SpecifierSet(PROJECT["requires-python"])
    assert f"python {spec}" in (ROOT / "environment.yml").read_text("utf-8")


def test_the_build_server_runs_make_test_and_that_runs_everything():
    commands = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert commands[-1] == "make test"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^test: check\n\t\$\(BIN\)/pytest", makefile, re.MULTILINE)
    for tool in ("ruff check", "ruff format --check", "mypy", "write_environment.py --check"):
        assert tool in makefile


def without_make():
    """The environment without what a `make` that runs these tests tells the ones it starts."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


@pytest.mark.skipif(
    sys.platform == "win32", reason="make is for POSIX; Windows has environment.yml"
)
def test_make_demo_makes_the_environment_and_runs_the_demonstration(tmp_path):
    """What would be done in a fresh clone, without doing it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    told = subprocess.run(
        ["make", "-n", "demo"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env=without_make(),
    ).stdout
    assert "-m venv .venv" in told
    assert "pip install -q --disable-pip-version-check -c constraints.txt -e" in told
    assert told.rstrip().endswith(".venv/bin/o365 demo")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".o365-installed").touch()
    again = subprocess.run(
        ["make", "-n", "demo"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env=without_make(),
    ).stdout
    assert again.strip() == ".venv/bin/o365 demo"


@pytest.mark.skipif(sys.platform == "win32", reason="make is for POSIX")
def test_an_old_python_is_told_what_is_needed(tmp_path):
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "demo", f"PYTHON={old}"],
        cwd=tmp_path,
        env=without_make(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "Python 3.11 or later is needed" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_installed_version_is_the_packages_own():
    from importlib.metadata import version

    assert version(PROJECT["name"]) == o365lib.__version__
