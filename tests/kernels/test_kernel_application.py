"""A kernel at sockets that listened before it was there."""

import socket

import zmq

from o365lib.kernels.kernel_application import use
from o365lib.kernels.listening_sockets import listen


def test_who_connects_early_is_answered():
    with listen("127.0.0.1") as listener, zmq.Context() as context:
        port = listener.getsockname()[1]
        with context.socket(zmq.REQ) as asking, context.socket(zmq.REP) as answering:
            asking.connect(f"tcp://127.0.0.1:{port}")
            asking.send(b"early")
            use(answering, listener.detach())
            answering.bind(f"tcp://127.0.0.1:{port}")
            assert answering.recv() == b"early"


def test_a_kernel_listens_where_it_was_told(kernel):
    ports = {getattr(kernel.manager, f"{name}_port") for name in ("shell", "iopub", "hb")}
    assert kernel.ask("print(1)") == "1"
    assert kernel.client.is_alive()
    assert 0 not in ports
    assert len(ports) == 3


def test_no_port_is_free_between_a_kernel_and_the_next(kernel):
    kernel.ask("1")
    kernel.manager.shutdown_kernel(now=True, restart=True)
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", kernel.manager.shell_port)) == 0
