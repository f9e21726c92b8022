import asyncio
import hmac
import json
from datetime import UTC, datetime
from queue import Empty

import pytest
import zmq
from jupyter_client.session import Session

from o365lib.runs.kernel.channel import KernelChannel, KernelSession

KEY = b"a connection's key"


@pytest.fixture
def ends():
    """The driver's channel, and the socket at which a kernel would be."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as ours, context.socket(zmq.PAIR) as it:
        it.bind("inproc://kernel")
        ours.connect("inproc://kernel")
        yield KernelChannel(ours, KernelSession(key=KEY)), it


def said(kind="status", key=KEY, **content):
    """Return a message's parts as a kernel sends them."""
    session = Session(key=key)
    message = session.msg(kind, content, parent=session.msg("execute_request", {"code": "1"}))
    return session.serialize(message)


def read(channel, **options):
    return asyncio.run(channel.get_msg(**options))


def test_a_message_is_what_jupyter_client_makes_of_it(ends):
    channel, kernel = ends
    parts = said(execution_state="idle", text="ä\u2028", date="2026-01-02T03:04:05Z")
    kernel.send_multipart([b"topic", *parts, b"buffer"])
    told = read(channel)
    expected = Session(key=KEY).deserialize([*parts[1:], b"buffer"])
    assert told["header"] == expected["header"]
    assert told["header"]["date"].tzinfo
    assert datetime.now(UTC) >= told["header"]["date"]
    for name in ("msg_id", "msg_type", "metadata", "content"):
        assert told[name] == expected[name]
    assert told["parent_header"]["msg_id"] == expected["parent_header"]["msg_id"]
    assert [bytes(each) for each in told["buffers"]] == [b"buffer"]


def test_what_came_before_it_was_asked_for_is_there(ends):
    channel, kernel = ends
    for number in range(3):
        kernel.send_multipart(said(number=number))
    assert [channel.next()["content"]["number"] for _ in range(3)] == [0, 1, 2]
    assert channel.next() is None


def test_what_comes_while_it_is_waited_for_is_read(ends):
    channel, kernel = ends

    async def use():
        loop, numbers = asyncio.get_running_loop(), []
        for number in range(5):
            # Two at once: of the second nothing tells any more.
            loop.call_later(0.02, kernel.send_multipart, said(number=number))
            loop.call_later(0.02, kernel.send_multipart, said(number=-number))
            numbers += [(await channel.get_msg(timeout=60))["content"]["number"] for _ in "ab"]
        return numbers

    assert asyncio.run(use()) == [0, 0, 1, -1, 2, -2, 3, -3, 4, -4]


def test_where_nothing_comes_it_says_so(ends):
    channel, _ = ends
    with pytest.raises(Empty):
        read(channel, timeout=0.01)
    with pytest.raises(Empty):
        read(channel, timeout=0)


def test_who_is_waiting_can_be_told_to_stop_and_leaves_nothing_behind(ends):
    channel, _ = ends

    async def use():
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(channel.get_msg())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return loop.remove_reader(channel.socket.FD)

    assert asyncio.run(use()) is False


def test_an_event_loop_that_cannot_wait_for_files_looks_again_and_again(ends):
    channel, kernel = ends

    class Blind(asyncio.SelectorEventLoop):
        def add_reader(self, *_):
            raise NotImplementedError

    async def use():
        asyncio.get_running_loop().call_later(0.05, kernel.send_multipart, said(number=7))
        return (await channel.get_msg(timeout=60))["content"]["number"]

    with asyncio.Runner(loop_factory=Blind) as runner:
        # The loop's own way to be woken is a file, too, which it is not asked for here.
        assert runner.run(use()) == 7


@pytest.mark.parametrize("part", range(1, 6))
def test_a_message_that_was_changed_is_refused(ends, part):
    channel, kernel = ends
    parts = said(text="as it was")
    parts[part] = parts[part].replace(b"a", b"b") if part > 1 else b"0" * 64
    parts[part] += b" "
    kernel.send_multipart(parts)
    with pytest.raises(ValueError, match="not signed"):
        channel.next()


@pytest.mark.parametrize("key", [b"another", b""])
def test_a_message_of_somebody_else_is_refused(ends, key):
    channel, kernel = ends
    kernel.send_multipart(said(key=key))
    with pytest.raises(ValueError, match="not signed"):
        channel.next()


def test_a_message_that_was_there_before_is_refused(ends):
    channel, kernel = ends
    parts = said()
    kernel.send_multipart(parts)
    kernel.send_multipart(parts)
    channel.next()
    with pytest.raises(ValueError, match="before"):
        channel.next()


def test_a_message_that_is_too_short_is_refused(ends):
    channel, kernel = ends
    kernel.send_multipart([b"<IDS|MSG>", hmac.new(KEY, b"", "sha256").hexdigest().encode()])
    with pytest.raises(TypeError, match="1 parts"):
        channel.next()


def test_what_is_to_be_read_later_or_is_not_signed_is_jupyter_clients_to_read():
    parts = said(text="x")[1:]
    assert KernelSession(key=KEY).deserialize(parts, content=False)["content"] == parts[4]
    unsigned = said(key=b"", text="x")[1:]
    assert KernelSession(key=b"").deserialize(unsigned)["content"] == json.loads(unsigned[4])
