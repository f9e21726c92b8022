"""A kernel at sockets that listened before it was there."""

import os
import socket

import pytest
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


@pytest.mark.parametrize("driven", [True, False])
def test_only_a_driven_kernel_is_without_what_its_client_does_not_use(start, shared_folder, driven):
    kernel = start(shared_folder, driven=driven)
    threads = "print([each.name for each in __import__('threading').enumerate()])"
    assert ("Shell channel" not in kernel.ask(threads)) is driven
    kernel.client.kernel_info()
    features = kernel.client.get_shell_msg(timeout=60)["content"]["supported_features"]
    assert ("kernel subshells" not in features) is driven
    assert kernel.ask("print(get_ipython().kernel.parent.heartbeat is None)") == str(driven)


def test_a_driven_kernel_is_interrupted_and_shut_down(start, shared_folder):
    kernel = start(shared_folder, driven=True)
    assert kernel.ask("import time; print(1)") == "1"
    asked = kernel.client.execute("print(0); time.sleep(60)")
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == asked
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.ask("print(2)") == "2"
    kernel.manager.shutdown_kernel()
    assert not kernel.manager.is_alive()


def test_no_record_is_made_that_no_handler_writes(kernel):
    log = "(log := get_ipython().kernel.log)"
    assert kernel.ask(f"{log}; print(log.isEnabledFor(10), log.isEnabledFor(30))") == "False True"


def test_no_port_is_free_between_a_kernel_and_the_next(kernel):
    kernel.ask("1")
    kernel.manager.shutdown_kernel(now=True, restart=True)
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", kernel.manager.shell_port)) == 0


def test_a_stream_waits_for_the_output_thread_only_with_something_to_send(kernel):
    kernel.ask(
        "import sys\n"
        "asked, schedule = [], sys.stdout.pub_thread.schedule\n"
        "sys.stdout.pub_thread.schedule = lambda call: (asked.append(call), schedule(call))\n"
        "sys.stdout.flush(); without = len(asked)\n"
        "print('text', end=' '); sys.stdout.flush(); held = len(sys.stdout._buffers)\n"
        "with_text = len(asked)\n"
        "sys.stdout.pub_thread.schedule = schedule"
    )
    assert kernel.ask("print(without, with_text > 0, held)") == "0 True 0"


@pytest.mark.parametrize(
    "write", ["__import__('subprocess').run(['echo', 'other'])", "os.write(1, b'other\\n')"]
)
def test_what_others_write_to_the_open_file_arrives_with_the_cell(start, shared_folder, write):
    # ipykernel watches no file of a test that runs under pytest.
    environment = {key: each for key, each in os.environ.items() if "PYTEST" not in key}
    kernel = start(shared_folder, env=environment)
    assert kernel.ask(f"import os; {write}; print('own')").count("other") == 1
