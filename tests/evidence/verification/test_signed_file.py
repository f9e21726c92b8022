import base64
import json
import tracemalloc

import pytest

from o365lib.evidence import statement
from o365lib.evidence.envelope import PAYLOAD_TYPE, Envelope, Signature, sign
from o365lib.evidence.statement import SCHEMA_VERSION, Statement, Subject, signer_of
from o365lib.evidence.verification.findings import Kind
from o365lib.evidence.verification.inventory import Place, What
from o365lib.evidence.verification.signed_file import examine
from tests.evidence.signers import ed25519, es256

KIM, VAULT, MALLORY = ed25519("Kim"), es256("Vault"), ed25519("Mallory")
KEYS = {each.key.key_id: each.key for each in (KIM, VAULT)}
SHA = "ab" * 32
SEAL = Place(What.SEAL, "alpine-books", "00000002", 2)
RECORD = Subject("alpine-books/run-1/record.json", SHA)


def said(by, **fields):
    return {
        "schema_version": SCHEMA_VERSION,
        "number": 2,
        "client": "alpine-books",
        "run_id": "run-1",
        "previous": {"number": 1, "sha256": SHA},
        "signer": signer_of(by),
        **fields,
    }


def sealed(*, by=KIM, subjects=(RECORD,), kind=statement.SEAL, **fields) -> bytes:
    return sign(Statement(subjects, kind, said(by, **fields)).to_bytes(), by).to_json()


def kinds(content, place=SEAL) -> list[Kind]:
    return [fault.kind for fault in examine(content, place, KEYS).faults]


@pytest.mark.parametrize("signer", [KIM, VAULT], ids=["Ed25519", "ES256"])
def test_a_seal_in_its_place_is_sound_whichever_algorithm_signed_it(signer):
    examined = examine(sealed(by=signer), SEAL, KEYS)
    assert examined.faults == []
    assert examined.key == signer.key
    assert examined.statement.predicate["run_id"] == "run-1"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"number": 3}, Kind.BROKEN_CHAIN),
        ({"number": True}, Kind.BROKEN_CHAIN),
        ({"number": "2"}, Kind.BROKEN_CHAIN),
        ({"number": 10**30}, Kind.BROKEN_CHAIN),
        ({"previous": None}, Kind.BROKEN_CHAIN),
        ({"previous": {"number": 5, "sha256": SHA}}, Kind.BROKEN_CHAIN),
        ({"previous": {"number": 1, "sha256": 7}}, Kind.BROKEN_CHAIN),
        ({"client": "bayside-legal"}, Kind.SWAPPED),
        ({"run_id": "run-2"}, Kind.SWAPPED),
        ({"run_id": None}, Kind.EDITED),
        ({"schema_version": None}, Kind.EDITED),
        ({"schema_version": 0}, Kind.EDITED),
        ({"signer": None}, Kind.EDITED),
        ({"signer": {"name": 7}}, Kind.EDITED),
        ({"signer": signer_of(MALLORY)}, Kind.WRONG_KEY),
        ({"signer": {**signer_of(KIM), "algorithm": "ES256"}}, Kind.WRONG_KEY),
        ({"kind": statement.DIGEST}, Kind.SWAPPED),
        ({"kind": "https://elsewhere.example/seal"}, Kind.SWAPPED),
        ({"schema_version": 2}, Kind.NEWER),
        ({"kind": "urn:o365-runbooks:seal:2"}, Kind.NEWER),
        ({"subjects": (RECORD, RECORD)}, Kind.EDITED),
        ({"subjects": (RECORD, Subject("alpine-books/run-2/x", SHA))}, Kind.SWAPPED),
        ({"subjects": (Subject("alpine-books/run-1/../../x", SHA),)}, Kind.SWAPPED),
        ({"subjects": (Subject("alpine-books/run-1/a\nb", SHA),)}, Kind.EDITED),
    ],
)
def test_a_trusted_signature_does_not_help_what_is_in_anothers_place(fields, kind):
    assert kind in kinds(sealed(**fields))


def test_the_first_of_a_chain_names_none_before_it():
    first = Place(What.SEAL, "alpine-books", "00000001", 1)
    assert kinds(sealed(number=1, previous=None), first) == []
    assert kinds(sealed(number=1), first) == [Kind.BROKEN_CHAIN]


def test_a_seal_that_agrees_with_itself_is_told_in_another_clients_folder():
    theirs = Subject("bayside-legal/run-1/record.json", SHA)
    assert kinds(sealed(client="bayside-legal", subjects=(theirs,))) == [Kind.SWAPPED]


def test_a_signature_by_a_stranger_is_by_the_wrong_key():
    assert kinds(sealed(by=MALLORY)) == [Kind.WRONG_KEY]


@pytest.mark.parametrize(
    ("keys_given", "way_out"),
    [(True, "with --public-key"), (False, "its public key is missing from the archive")],
)
def test_a_stranger_is_told_by_its_own_words_and_with_the_way_out(keys_given, way_out):
    [fault] = examine(sealed(by=MALLORY), SEAL, KEYS, keys_given=keys_given).faults
    assert MALLORY.key.fingerprint in fault.sentence
    assert f"it says it is {MALLORY.name}" in fault.sentence
    assert way_out in fault.sentence


def test_a_strangers_signature_under_a_trusted_name_is_no_signature_of_that_key():
    by_mallory = Envelope.from_json(sealed(by=MALLORY))
    borrowed = (Signature(KIM.key.key_id, by_mallory.signatures[0].signature),)
    forged = Envelope(by_mallory.payload, by_mallory.payload_type, borrowed).to_json()
    assert Kind.EDITED in kinds(forged)


def test_an_envelope_without_signatures_is_unsigned_and_one_with_two_is_edited():
    whole = json.loads(sealed())
    bare = json.dumps({**whole, "signatures": []}, indent=1).encode()
    assert kinds(bare) == [Kind.UNSIGNED]
    twice = json.dumps({**whole, "signatures": whole["signatures"] * 2}, indent=1).encode() + b"\n"
    assert kinds(twice) == [Kind.EDITED]


def test_a_payload_signed_as_another_type_is_not_taken_for_a_statement():
    payload = Envelope.from_json(sealed()).payload
    kind = "text/plain"
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    other = Envelope(payload, kind, (Signature(KIM.key.key_id, KIM.sign(message)),))
    assert kinds(other.to_json()) == [Kind.EDITED]


def in_other_words():
    whole = json.loads(sealed())
    payload = whole["payload"]
    yield "without line breaks", json.dumps(whole).encode()
    yield "more white space", sealed() + b" "
    yield "carriage returns", sealed().replace(b"\n", b"\r\n")
    yield "a byte order mark", b"\xef\xbb\xbf" + sealed()
    yield "another order", json.dumps(dict(reversed(whole.items())), indent=1).encode() + b"\n"
    for name, text in (
        ("white space in base64", payload[:8] + "\n" + payload[8:]),
        ("base64 for URLs", base64.urlsafe_b64encode(b"\xfb\xff\xfe" * 5).decode()),
        ("base64 without its end", payload.rstrip("=")[:-1]),
        ("no base64", "%%%"),
        ("an empty payload", ""),
    ):
        yield name, json.dumps({**whole, "payload": text}, indent=1).encode() + b"\n"
    yield "a name twice", sealed().replace(b"{", b'{"payload": "",', 1)
    yield "another field", json.dumps({**whole, "more": 1}, indent=1).encode() + b"\n"
    yield "nothing", b""
    yield "no JSON", b"\x00\xff"
    yield "not UTF-8", sealed().replace(b'"payload"', b'"payl\xffad"')
    yield "UTF-16", sealed().decode().encode("utf-16")
    yield "deep JSON", b"[" * 200_000
    yield "a huge number", b"9" * 200_000
    yield "a list", b"[]"
    yield "far too large", None


@pytest.mark.parametrize(
    ("how", "content"), list(in_other_words()), ids=lambda each: str(each)[:20]
)
def test_a_signed_file_has_one_form_and_no_other(how, content):
    assert Kind.EDITED in kinds(content), how


def test_what_is_long_is_not_taken_apart_unless_it_has_the_form_of_a_signed_file():
    """A list takes twenty times the memory that its three letters take in a file."""
    empty_lists = b"[" + b"[]," * 1_000_000 + b"[]]"
    digest = Place(What.DIGEST, "", "00000002", 2)
    by_stranger = sign(empty_lists, MALLORY).to_json()
    stolen = Envelope(empty_lists, PAYLOAD_TYPE, (Signature(KIM.key.key_id, b"0" * 64),)).to_json()
    for content, kind in (
        (b'{"payloadType":' + empty_lists + b"}", Kind.EDITED),
        (by_stranger, Kind.WRONG_KEY),
        (stolen, Kind.EDITED),
    ):
        tracemalloc.start()
        try:
            assert kinds(content, digest) == [kind]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 40_000_000


def test_a_long_digest_that_is_signed_is_sound():
    many = tuple(Subject(f"client-{n}/_seals/00000001.json", SHA) for n in range(8000))
    content = sealed(subjects=many, kind=statement.DIGEST)
    assert len(content) > 1024 * 1024
    assert kinds(content, Place(What.DIGEST, "", "00000002", 2)) == []


def test_fields_that_this_version_does_not_know_are_accepted_in_a_seal():
    more = {"finished": {"user_name": "kim", "host_name": "desk"}, "replaces": SHA}
    assert kinds(sealed(**more)) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"_type": NaN}',
        b"\xff",
        b'{"_type": "https://in-toto.io/Statement/v1", "_type": "x"}',
        json.dumps(
            {
                "_type": statement.TYPE,
                "subject": [{"name": "\ud800", "digest": {"sha256": SHA}}],
                "predicateType": statement.SEAL,
                "predicate": {},
            }
        ).encode(),
    ],
)
def test_what_a_trusted_key_signed_may_be_garbage_and_is_said_to_be(payload):
    assert Kind.EDITED in kinds(sign(payload, KIM).to_json())


@pytest.mark.parametrize(
    ("place", "kind", "fields", "subjects"),
    [
        (Place(What.APPROVAL, "", "a-1"), statement.APPROVAL, {"approval_id": "a-2"}, ()),
        (
            Place(What.RECONCILIATION, "alpine-books", "r-1"),
            statement.RECONCILIATION,
            {"reconciliation_id": "r-2"},
            (),
        ),
        (
            Place(What.RECONCILIATION, "alpine-books", "r-1"),
            statement.RECONCILIATION,
            {"reconciliation_id": "r-1", "client": "bayside-legal"},
            (),
        ),
        (
            Place(What.ENDORSEMENT, "", SHA),
            statement.KEY_ENDORSEMENT,
            {"endorsed_key_id": SHA},
            (Subject(f"_keys/{'cd' * 32}.pem", SHA),),
        ),
    ],
)
def test_what_is_named_otherwise_than_its_file_is_swapped(place, kind, fields, subjects):
    assert kinds(sealed(kind=kind, subjects=subjects, **fields), place) == [Kind.SWAPPED]
