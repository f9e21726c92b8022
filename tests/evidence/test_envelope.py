"""DSSE envelopes: what is signed, and how strictly one is read."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope

from o365lib.errors import EvidenceError
from o365lib.evidence.envelope import (
    PAYLOAD_TYPE,
    Envelope,
    pre_authentication_encoding,
    sign,
    verified_by,
)
from tests.evidence.signers import ed25519, es256


@pytest.mark.parametrize("make", [ed25519, es256])
def test_an_envelope_is_verified_by_the_key_that_signed_it(make):
    signer = make()
    key = signer.key
    envelope = Envelope.from_json(sign(b'{"a": 1}', signer).to_json())
    assert (envelope.payload, envelope.payload_type) == (b'{"a": 1}', PAYLOAD_TYPE)
    assert verified_by(envelope, {key.key_id: key}) == key
    assert verified_by(envelope, {}) is None
    stranger = make().key
    assert verified_by(envelope, {stranger.key_id: stranger}) is None
    # A stranger's key under the signer's name.
    assert verified_by(envelope, {key.key_id: stranger}) is None


def test_payload_and_type_are_both_signed():
    signer = ed25519()
    keys = {signer.key.key_id: signer.key}
    good = sign(b"payload", signer)
    assert verified_by(Envelope(b"Payload", PAYLOAD_TYPE, good.signatures), keys) is None
    assert verified_by(Envelope(b"payload", "text/plain", good.signatures), keys) is None


@given(kind=st.text(), payload=st.binary())
def test_the_encoding_is_that_of_another_implementation(kind, payload):
    theirs = TheirEnvelope(payload, kind, {})
    assert pre_authentication_encoding(kind, payload) == theirs.pae()


def test_another_implementation_reads_our_envelope():
    envelope = sign(b"payload", ed25519())
    theirs = TheirEnvelope.from_dict(json.loads(envelope.to_json()))
    assert theirs.payload == b"payload"
    assert [*theirs.signatures] == [envelope.signatures[0].key_id]


def parts():
    return json.loads(sign(b"payload!", ed25519()).to_json())


def without(name):
    kept = parts()
    del kept[name]
    return json.dumps(kept).encode()


def with_other(**changes):
    return json.dumps(parts() | changes).encode()


BAD = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no UTF-8": b"\xff" + json.dumps(parts()).encode(),
    "no payload": without("payload"),
    "no type": without("payloadType"),
    "no signatures": without("signatures"),
    "an empty list of signatures": with_other(signatures=[]),
    "signatures that are no list": with_other(signatures={"keyid": "a", "sig": ""}),
    "a signature with another part": with_other(signatures=[{"keyid": "a", "sig": "", "x": 1}]),
    "a signature that is no object": with_other(signatures=["a"]),
    "a key id that is no text": with_other(signatures=[{"keyid": 1, "sig": ""}]),
    "another part": with_other(more=1),
    "a payload that is no text": with_other(payload=1),
    "no base64": with_other(payload="!!!!"),
    "base64 with a line end": with_other(payload=parts()["payload"] + "\n"),
    "base64 with other last bits": with_other(payload=base64.b64encode(b"a").decode()[:1] + "R=="),
    "URL-safe base64": with_other(payload="--__"),
    "deep JSON": b"[" * 100_000,
    "a name twice": json.dumps(parts()).encode().replace(b"{", b'{"payload": "AAAA", ', 1),
    "NaN": b'{"payload": NaN}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_exactly_an_envelope_is_refused(name):
    with pytest.raises(EvidenceError, match="no signed envelope"):
        Envelope.from_json(BAD[name])


@given(st.binary(max_size=200))
def test_bytes_are_refused_and_nothing_else_is_raised(raw):
    with pytest.raises(EvidenceError):
        Envelope.from_json(raw)
