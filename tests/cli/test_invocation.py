import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from o365lib.cli.invocation import as_typed, evidence_line
from o365lib.cli.options import Options


@pytest.fixture
def called(monkeypatch, tmp_path):
    """Pretend to have been called by this name."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return lambda name: monkeypatch.setattr(sys, "argv", [str(name)])


def test_a_program_on_the_search_path_is_called_by_its_name(called, tmp_path):
    program = tmp_path / "bin" / ("o365.exe" if os.name == "nt" else "o365")
    program.parent.mkdir()
    program.touch(mode=0o755)
    called(program.with_suffix(""))
    assert evidence_line(Options(), "show", "1") == "o365 evidence show 1"


@pytest.mark.parametrize("ending", ["", ".exe"])
def test_a_windows_launcher_is_known_whatever_it_leaves_of_its_name(
    called, monkeypatch, tmp_path, ending
):
    program = tmp_path / "Scripts" / "o365"
    monkeypatch.setattr(shutil, "which", lambda name: f"{program.parent / name}.EXE")
    called(f"{program}{ending}")
    assert evidence_line(Options(), "list") == "o365 evidence list"
    called(tmp_path / "elsewhere" / f"o365{ending}")
    assert evidence_line(Options(), "list") != "o365 evidence list"


def test_a_program_elsewhere_is_called_as_it_was(called):
    called(Path(".venv/bin/o365"))
    assert evidence_line(Options(), "list") == f"{Path('.venv/bin/o365')} evidence list"
    called("/somewhere/pytest")
    assert evidence_line(Options(), "list") == "o365 evidence list"


def test_an_archive_that_was_named_is_named_in_the_line(called, tmp_path):
    called("o365")
    line = evidence_line(Options(evidence=str(tmp_path / "my evidence")), "list")
    assert str(tmp_path / "my evidence") in line
    if os.name != "nt":
        words = ["o365", "--evidence", str(tmp_path / "my evidence"), "evidence", "list"]
        assert shlex.split(line) == words
    line = evidence_line(Options(parameters=tmp_path / "p"), "list")
    assert str(tmp_path / "evidence") in line


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell types the line")
def test_the_line_of_a_module_that_was_run_works_as_it_stands(project):
    failing = ["run", "create", "alpine-books", "--dry-run"]
    (project / "notebooks" / "create_service_account.ipynb").write_text(
        (project / "notebooks" / "create_service_account.ipynb")
        .read_text("utf-8")
        .replace("Outcome.DONE", "Outcome.FAILED"),
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "o365lib", *failing],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
    )
    [line] = [line for line in done.stdout.splitlines() if " evidence show " in line]
    shown = subprocess.run(
        ["sh", "-c", line], cwd=project, check=True, capture_output=True, text=True
    )
    assert "alpine-books" in shown.stdout


def test_powershell_calls_a_quoted_program_instead_of_saying_its_name():
    program = r"C:\Program Files\o365"
    assert as_typed([program, "list"], windows=True) == rf'& "{program}" list'
    plain = ["o365", "--evidence", r"C:\my evidence", "list"]
    assert as_typed(plain, windows=True) == r'o365 --evidence "C:\my evidence" list'
    assert as_typed(["/my programs/o365", "list"], windows=False) == "'/my programs/o365' list"
