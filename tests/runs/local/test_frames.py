import io

import pytest

from o365lib.runs.local import frames
from o365lib.runs.local.frames import Frame, Kind


def test_frames_are_read_as_they_were_written():
    stream, sent = io.BytesIO(), [Frame(Kind.TASK, 7, b"\x00\n"), Frame(Kind.READY)]
    for frame in sent:
        frames.write(stream, frame)
    stream.seek(0)
    assert [frames.read(stream), frames.read(stream), frames.read(stream)] == [*sent, None]


@pytest.mark.parametrize("length", [1, 17, 20])
def test_a_frame_of_which_only_a_part_came_is_none(length):
    stream = io.BytesIO()
    frames.write(stream, Frame(Kind.RESULT, 1, b"result"))
    assert frames.read(io.BytesIO(stream.getvalue()[:length])) is None
