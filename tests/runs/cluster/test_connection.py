import socket
from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.runs.cluster.connection import TlsFiles, checked_address, connect

FILES = TlsFiles(authority=Path("ca.pem"), certificate=Path("cert.pem"), key=Path("key.pem"))


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:8786"]
)
def test_a_scheduler_on_this_machine_needs_no_certificates(address):
    assert checked_address(address, security=None, insecure=False) == address


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://scheduler:8786"])
def test_a_scheduler_elsewhere_needs_certificates_or_the_persons_word(address):
    with pytest.raises(UsageError, match="can be read and altered on the way") as caught:
        checked_address(address, security=None, insecure=False)

    assert "--insecure-scheduler" in caught.value.remedy
    assert checked_address(address, security=None, insecure=True) == address


def test_certificates_are_not_left_out_unnoticed():
    with pytest.raises(UsageError, match="spoken to without any"):
        checked_address("tcp://127.0.0.1:8786", security=FILES, insecure=False)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8786", "tls://host", "https://host:8786", "tls://host:x", "tls://[:"]
)
def test_what_is_no_address_is_told(address):
    with pytest.raises(UsageError, match="not the address of a scheduler"):
        checked_address(address, security=None, insecure=True)


def test_certificates_must_be_named_somewhere():
    with pytest.raises(UsageError, match="No certificates were given"):
        connect("tls://127.0.0.1:8786", security=None, insecure=False, timeout_seconds=1)


def test_a_certificate_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"There is no file ca\.pem"):
        connect("tls://127.0.0.1:8786", security=FILES, insecure=False, timeout_seconds=1)


def test_no_scheduler_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(UsageError, match="cannot be reached"):
            connect(address, security=None, insecure=False, timeout_seconds=0.3)
