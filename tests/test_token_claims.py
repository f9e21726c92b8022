"""Claims are read where they can be read, and nothing fails where not."""

import base64
import json

import pytest

from o365lib.token_claims import read_claims


def encoded(payload):
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")


def test_the_claims_of_a_token_are_read_without_its_signature():
    claims = {"tid": "t", "scp": "User.Read", "name": "Zoë"}
    token = f"{encoded(b'{}')}.{encoded(json.dumps(claims).encode())}.not-a-signature"
    assert read_claims(token) == claims


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.!!!.c", f"a.{encoded(b'[1]')}.c", f"a.{encoded(bytes([255]))}.c"],
)
def test_a_token_that_cannot_be_read_has_no_claims(token):
    assert read_claims(token) == {}
