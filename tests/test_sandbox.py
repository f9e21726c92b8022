"""The sandbox as a package: what it offers, and that it knows nothing of the rest."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import o365lib.sandbox

FOLDER = Path(o365lib.sandbox.__file__).parent


@pytest.mark.parametrize("name", o365lib.sandbox.__all__)
def test_every_public_name_is_what_it_says(name):
    assert getattr(o365lib.sandbox, name).__name__ == name


def test_other_names_do_not_exist():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = o365lib.sandbox.Nothing


def test_importing_it_loads_no_web_server():
    program = "import sys, o365lib.sandbox; print({'uvicorn', 'jwt', 'trustme'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_it_imports_nothing_of_the_rest_of_the_package(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, "relative imports stay in their folder"
            names = [node.module or ""] if node.level == 0 else []
        for name in names:
            assert not name.startswith("o365lib") or name.startswith("o365lib.sandbox"), name
