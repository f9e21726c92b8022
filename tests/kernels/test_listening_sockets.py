"""Ports that are not let go of."""

import socket
from types import SimpleNamespace

import pytest

from o365lib.kernels.listening_sockets import NAMES, ListeningSockets, listen


@pytest.fixture
def sockets():
    sockets = ListeningSockets()
    yield sockets
    sockets.close()


def manager(**given):
    return SimpleNamespace(transport="tcp", ip="127.0.0.1", **{**dict.fromkeys(NAMES, 0), **given})


def test_each_port_is_open_before_there_is_a_kernel(sockets):
    asking = manager()
    sockets.open_for(asking)
    ports = [getattr(asking, name) for name in NAMES]
    assert len(set(ports)) == len(NAMES)
    assert list(sockets.files(asking)) == ports
    for port in ports:
        socket.create_connection(("127.0.0.1", port)).close()


def test_the_next_kernel_has_the_same_ports(sockets):
    asking = manager()
    sockets.open_for(asking)
    before = sockets.files(asking)
    sockets.open_for(asking)
    assert sockets.files(asking) == before


def test_a_port_that_somebody_chose_is_left_to_the_kernel(sockets):
    asking = manager(hb_port=7)
    sockets.open_for(asking)
    assert asking.hb_port == 7
    assert len(sockets.files(asking)) == len(NAMES) - 1


def test_a_port_that_is_chosen_anew_is_opened_anew(sockets):
    asking = manager()
    sockets.open_for(asking)
    before = asking.hb_port
    asking.hb_port = 0
    sockets.open_for(asking)
    assert asking.hb_port not in {0, before}
    assert len(sockets.files(asking)) == len(NAMES)


def test_an_address_that_is_not_ours_leaves_nothing_open(sockets):
    asking = manager()
    asking.ip = "192.0.2.1"
    with pytest.raises(OSError, match="assign"):
        sockets.open_for(asking)
    assert sockets.files(asking) == {}
    assert asking.shell_port == 0


def test_what_is_closed_can_be_opened_by_others(sockets):
    asking = manager()
    sockets.open_for(asking)
    sockets.close()
    with socket.socket() as other:
        other.bind(("127.0.0.1", asking.shell_port))


def test_it_never_waits():
    with listen("127.0.0.1") as listener, pytest.raises(BlockingIOError):
        listener.accept()
