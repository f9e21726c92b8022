"""Where a template is found."""

import asyncio
import os
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from o365lib.kernels import launch, meeting_point
from o365lib.kernels.meeting_point import _NotForked

from .conftest import templates_in


def find(folder, linger_seconds=30.0, **environment):
    return meeting_point.find(
        interpreter=[sys.executable],
        environment={"PATH": os.environ["PATH"], **environment},
        folder=folder,
        linger_seconds=linger_seconds,
    )


def connect(point):
    connection = asyncio.run(meeting_point.connect(point))
    connection.close()
    return connection


def test_a_template_gets_nothing_of_the_operators(tmp_path):
    tmp_path.chmod(0o700)
    point = find(tmp_path, AZURE_CLIENT_SECRET="x", PYTHON_TOKEN="x", O365_DRIVER="1", LANG="C")
    assert not {"AZURE_CLIENT_SECRET", "PYTHON_TOKEN", "O365_DRIVER"} & set(point.environment)
    assert point.environment["LANG"] == "C"
    assert point.environment["PATH"] == os.environ["PATH"]


def test_kernels_share_a_template_when_nothing_else_is_read_at_start(tmp_path):
    tmp_path.chmod(0o700)
    name = find(tmp_path).name
    assert find(tmp_path, O365_CLIENT="other", TZ="Asia/Tokyo").name == name
    assert find(tmp_path, PYTHONPATH="/other").name != name
    assert find(tmp_path, LC_ALL="C").name != name


def test_a_folder_that_others_may_enter_is_not_used(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(_NotForked, match="alone"):
        find(tmp_path)
    (tmp_path / "link").symlink_to(tempfile.mkdtemp(dir=tmp_path))
    with pytest.raises(_NotForked, match="alone"):
        find(tmp_path / "link")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(_NotForked):
        find(tmp_path / "file" / "folder")


def test_a_sockets_path_is_short_enough_whatever_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / ("long" * 40)))
    with socket.socket(socket.AF_UNIX) as listener:
        point = find(None)
        listener.bind(str(point.socket_file.with_suffix(".new")))
    point.socket_file.with_suffix(".new").unlink()


def test_many_who_want_a_template_at_once_start_one(own_folder):
    point = find(own_folder)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(connect, [point] * 8))
    assert len(templates_in(own_folder)) == 1
    assert oct(point.socket_file.stat().st_mode & 0o777) == "0o600"


def test_what_a_template_left_behind_does_not_stop_the_next(own_folder):
    point = find(own_folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(point.socket_file))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(point.socket_file.with_suffix(".new")))
    connect(point)


def test_a_template_that_does_not_start_is_not_tried_again_and_again(own_folder, tmp_path):
    package = tmp_path / "o365lib"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('not today')")
    point = find(own_folder, PYTHONPATH=str(tmp_path))
    with pytest.raises(_NotForked, match="did not start; see"):
        connect(point)
    assert "not today" in point.log_file.read_text()
    point.log_file.unlink()
    with pytest.raises(_NotForked, match="a moment ago"):
        connect(point)
    assert not Path(point.log_file).exists()


def test_what_templates_said_is_for_this_person_and_not_kept_for_ever(own_folder):
    point = find(own_folder)
    old, recent = own_folder / "old.log", own_folder / "recent.failed"
    for file in (old, recent):
        file.touch()
    os.utime(old, (0, 0))
    connect(point)
    assert not old.exists()
    assert recent.exists()
    assert oct(point.log_file.stat().st_mode & 0o777) == "0o600"
    assert point.environment["PYDEVD_DISABLE_FILE_VALIDATION"] == "1"


def test_a_template_that_did_not_answer_is_not_used_again(own_folder, monkeypatch):
    monkeypatch.setattr(meeting_point, "_avoided", set())
    point = find(own_folder)
    connect(point)
    (silent,) = templates_in(own_folder)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(point.socket_file))
        meeting_point.avoid(connection)
    again = asyncio.run(meeting_point.connect(point))
    with again:
        assert launch.pid_of_peer(again) != silent.pid
