"""Whether what was imported is still so."""

import os
import sysconfig
import time
from pathlib import Path
from types import ModuleType

import pytest

from o365lib import clock
from o365lib.kernels.imported_files import ImportedFiles


@pytest.fixture
def module(tmp_path):
    file = tmp_path / "tool.py"
    file.write_text("a = 1")
    os.utime(file, (1_000_000, 1_000_000))
    module = ModuleType("tool")
    module.__file__ = str(file)
    return module


@pytest.fixture
def later(monkeypatch):
    """Let time pass."""
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    def later(seconds):
        now[0] += seconds

    return later


def change(module):
    with Path(module.__file__).open("a") as file:
        file.write("\nb = 2")


def test_files_that_stay_have_not_changed(module):
    files = ImportedFiles(time.time(), {"tool": module, "frozen": ModuleType("frozen")})
    assert not files.have_changed()
    assert not files.have_changed()


def test_a_persons_own_file_is_looked_at_each_time(module, later):
    files = ImportedFiles(time.time(), {"tool": module})
    assert not files.have_changed()
    change(module)
    assert files.have_changed()


def test_a_change_that_is_taken_back_is_one(module, later):
    files = ImportedFiles(time.time(), {"tool": module})
    Path(module.__file__).unlink()
    assert files.have_changed()
    Path(module.__file__).write_text("a = 1")
    os.utime(module.__file__, (1_000_000, 1_000_000))
    assert files.have_changed()


def test_an_installed_file_is_looked_at_once_a_second(module, later, tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    files = ImportedFiles(time.time(), {"tool": module})
    change(module)
    assert not files.have_changed()
    later(1.5)
    assert files.have_changed()


def test_a_file_that_was_written_while_it_was_imported_has_changed(module):
    began = time.time() - 5
    os.utime(module.__file__)
    assert ImportedFiles(began, {"tool": module}).have_changed()


def test_a_file_of_the_future_has_not_changed(module):
    os.utime(module.__file__, (time.time() + 10_000,) * 2)
    assert not ImportedFiles(time.time(), {"tool": module}).have_changed()
