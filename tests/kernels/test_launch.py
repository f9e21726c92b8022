"""What passes between template and owner."""

import os
import socket

import pytest

from o365lib.kernels import launch
from o365lib.kernels.launch import LaunchRequest

REQUEST = LaunchRequest(
    arguments=["-f", "file"],
    environment={"A": "ü"},
    folder="/",
    umask=0o22,
    limits={7: (10, 20)},
    ports=[1, 2],
)


def test_a_request_is_read_as_it_was_written():
    assert LaunchRequest.read(REQUEST.in_memory()) == REQUEST


def test_a_request_is_in_no_folder():
    file = REQUEST.in_memory()
    assert os.fstat(file).st_nlink == 0
    os.close(file)


def test_open_files_come_in_the_order_in_which_they_were_sent():
    ours, theirs = socket.socketpair()
    files = [os.memfd_create(str(number)) for number in range(3)]
    with ours, theirs:
        launch.ask_launch(ours, files)
        data, received, _, _ = socket.recv_fds(theirs, launch.FRAME_BYTES, launch.MOST_FILES)
    assert launch.unpack(data) == (launch.LAUNCH, 3)
    assert [os.fstat(file).st_ino for file in received] == [os.fstat(file).st_ino for file in files]
    for file in [*files, *received]:
        os.close(file)


def test_what_is_no_frame_is_refused():
    assert launch.unpack(launch.frame(launch.ENDED, -9)) == (launch.ENDED, -9)
    with pytest.raises(ValueError, match="frame"):
        launch.unpack(b"P")


def test_who_is_at_the_other_end_is_known():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert launch.uid_of_peer(ours) == os.getuid()
