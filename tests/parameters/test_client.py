import copy
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import TypeAdapter, ValidationError

from o365lib import parameters
from o365lib.parameters import Client, digest
from o365lib.parameters.client import COMMAND_LINE_TOOLS

GUID = "0a1b2c3d-0000-4000-8000-1234567890ab"
SMALLEST = {
    "client": "alpine",
    "tenant": "alpine.onmicrosoft.com",
    "purpose": "federation",
    "sign_in": {"method": "device-code"},
    "hand_over": {"method": "screen"},
}


def client(**changes):
    return Client.model_validate(SMALLEST | changes)


def refusal(**changes):
    with pytest.raises(ValidationError) as caught:
        client(**changes)
    return "\n".join(error["msg"] for error in caught.value.errors())


def test_what_is_left_out_has_a_careful_default():
    made = client()
    assert made.cloud == "global"
    assert made.onboarding == "in-progress"
    assert made.dry_run_only is False
    assert made.display_name == ""
    assert made.usage_location is None
    assert made.federation_override is None


@pytest.mark.parametrize("method", ["device-code", "browser"])
def test_a_person_signs_in_with_microsofts_public_client_unless_told_otherwise(method):
    assert client(sign_in={"method": method}).sign_in.application_id == COMMAND_LINE_TOOLS
    own = client(
        sign_in={
            "method": method,
            "application_id": GUID,
            "user_principal_name": "Admin@Alpine.onmicrosoft.com",
        }
    )
    assert own.sign_in.application_id == GUID
    assert own.sign_in.user_principal_name == "admin@alpine.onmicrosoft.com"


@pytest.mark.parametrize(
    "sign_in",
    [
        {"method": "client-secret", "secret": {"environment": "SECRET"}},
        {"method": "certificate", "certificate": "a.pem"},
    ],
)
def test_an_application_must_be_named(sign_in):
    assert "Field required" in refusal(sign_in=sign_in)


def test_a_secret_has_exactly_one_source():
    for source in (
        {},
        {"environment": "A", "file": "b"},
        {"file": "b", "keyring": {"service": "s", "user_name": "u"}},
    ):
        sign_in = {"method": "client-secret", "application_id": GUID, "secret": source}
        assert "exactly one of" in refusal(sign_in=sign_in)


def test_a_secret_cannot_stand_in_the_file():
    sign_in = {"method": "client-secret", "application_id": GUID, "secret": "hunter22"}
    assert "hunter22" not in refusal(sign_in=sign_in)


def test_a_passphrase_is_a_source_too():
    made = client(
        sign_in={
            "method": "certificate",
            "application_id": GUID,
            "certificate": "a.pfx",
            "passphrase": {"environment": "WORD"},
        }
    )
    assert made.sign_in.passphrase.environment == "WORD"


def test_an_application_that_hands_over_by_mail_needs_a_mailbox_to_send_from():
    by_application = {
        "method": "client-secret",
        "application_id": GUID,
        "secret": {"environment": "SECRET"},
    }
    mail = {"method": "mail", "recipient": "a@b.com"}
    assert "needs `sender`" in refusal(sign_in=by_application, hand_over=mail)
    sent = client(sign_in=by_application, hand_over=mail | {"sender": "x@alpine.onmicrosoft.com"})
    assert sent.hand_over.sender == "x@alpine.onmicrosoft.com"
    assert client(hand_over=mail).hand_over.sender is None


def test_the_wrong_sign_in_does_not_hide_what_else_is_wrong():
    sentences = refusal(sign_in={"method": "no"}, tenant="no", cloud="no")
    assert len(sentences.splitlines()) == 3


@pytest.mark.parametrize("cloud", ["global", "us-government-l4", "us-government-l5", "china"])
def test_the_national_clouds_are_known(cloud):
    sign_in = {"method": "device-code", "application_id": GUID}
    assert client(cloud=cloud, sign_in=sign_in).cloud == cloud


@pytest.mark.parametrize("method", ["device-code", "browser"])
@pytest.mark.parametrize("named", [{}, {"application_id": COMMAND_LINE_TOOLS.upper()}])
def test_china_does_not_know_microsofts_public_client(method, named):
    sign_in = {"method": method, **named}
    assert "does not exist in the China cloud" in refusal(cloud="china", sign_in=sign_in)
    for cloud in ("us-government-l4", "us-government-l5", "sandbox"):
        made = client(cloud=cloud, sign_in=sign_in)
        assert made.sign_in.application_id == COMMAND_LINE_TOOLS


def test_an_unknown_cloud_is_answered_with_the_known_ones():
    assert "us-government-l4" in refusal(cloud="germany")


def test_an_override_needs_a_reason_in_words():
    assert "too short" in refusal(federation_override={"reason": "because"})
    made = client(federation_override={"reason": "Checked with the vendor by telephone"})
    assert made.federation_override.reason.startswith("Checked")


def test_lost_records_are_answered_for_run_by_run_and_in_words():
    reason = "The vendor signed in with it on 2 May"
    assert "too short" in refusal(records_override={"run_ids": ["run-1"], "reason": "because"})
    assert "at least 1 item" in refusal(records_override={"run_ids": [], "reason": reason})
    assert "Field required" in refusal(records_override={"reason": reason})
    made = client(records_override={"run_ids": ["run-1"], "reason": reason})
    assert made.records_override.run_ids == ("run-1",)
    assert client().records_override is None


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, None])
def test_only_true_and_false_are_true_and_false(value):
    assert refusal(dry_run_only=value)


def test_a_client_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        client().purpose = "mail-redirection"


def test_a_client_survives_copy_and_pickle():
    made = client()
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 -- our own bytes


def test_every_field_says_what_is_allowed():
    def models(schema):
        return [schema, *schema.get("$defs", {}).values()]

    for schema in models(TypeAdapter(Client).json_schema()):
        for name, field in schema["properties"].items():
            assert name == "method" or field.get("description"), name


class TestDigest:
    def test_it_is_the_same_wherever_the_project_lies(self, folder, tmp_path_factory):
        other = tmp_path_factory.mktemp("elsewhere") / "moved"
        first = parameters.load(folder.path)
        folder.project.rename(other)
        second = parameters.load(other / "parameters")
        assert first.clients["alpine"].sign_in != second.clients["alpine"].sign_in
        assert digest(first.clients["alpine"], first.defaults) == digest(
            second.clients["alpine"], second.defaults
        )

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("purpose: mail-redirection", "purpose: federation"),
            ("secrets/alpine.secret", "other/alpine.secret"),
            ("display_name: Alpine Books", "display_name: Alpine"),
            ("onboarding: completed", "dry_run_only: true"),
        ],
    )
    def test_it_changes_with_the_client_file(self, folder, old, new):
        before = parameters.load(folder.path)
        folder.change(old, new)
        after = parameters.load(folder.path)
        assert digest(before.clients["alpine"], before.defaults) != digest(
            after.clients["alpine"], after.defaults
        )

    def test_it_changes_with_the_defaults(self, folder):
        before = parameters.load(folder.path)
        folder.change_defaults("[contoso.com]", "[]")
        after = parameters.load(folder.path)
        assert digest(before.clients["alpine"], before.defaults) != digest(
            after.clients["alpine"], after.defaults
        )

    def test_it_does_not_change_with_comments_order_and_capitals(self, folder):
        before = parameters.load(folder.path)
        folder.change("tenant: alpine.onmicrosoft.com\n", "")
        file = folder.clients / "alpine.yaml"
        file.write_text(file.read_text() + "# a comment\ntenant: ALPINE.onmicrosoft.com\n")
        after = parameters.load(folder.path)
        assert digest(before.clients["alpine"], before.defaults) == digest(
            after.clients["alpine"], after.defaults
        )

    def test_it_does_not_change_with_the_order_of_names_in_the_defaults(self, folder):
        before = parameters.load(folder.path)
        line = "  Global Administrator: 62e90394-69f5-4237-9190-012177145e10\n"
        folder.change_defaults(line, "")
        folder.change_defaults("roles:\n", f"roles:\n{line}")
        after = parameters.load(folder.path)
        assert list(before.defaults.roles) != list(after.defaults.roles)
        assert digest(before.clients["alpine"], before.defaults) == digest(
            after.clients["alpine"], after.defaults
        )

    def test_it_changes_with_the_key_in_the_file_and_not_with_the_files_form(
        self, folder, public_key_pem
    ):
        other = rsa.generate_private_key(65537, 2048).public_key()
        other_pem = other.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        file = folder.clients / "alpine.yaml"
        text = file.read_text()
        start = text.index("hand_over:")
        file.write_text(f"{text[:start]}hand_over: {{method: file, public_key: keys/vendor.pem}}\n")
        key = folder.path.parent / "keys" / "vendor.pem"
        key.parent.mkdir()
        digests = []
        for content in (public_key_pem, b"a comment\n" + public_key_pem, other_pem):
            key.write_bytes(content)
            after = parameters.load(folder.path)
            digests.append(digest(after.clients["alpine"], after.defaults))
        assert digests[0] == digests[1] != digests[2]

    def test_it_is_a_sha_256_and_works_for_a_client_made_in_code(self, folder):
        made = client(hand_over={"method": "file", "public_key": Path("keys/a.pem")})
        text = made.digest(parameters.load_defaults(folder.path))
        assert len(bytes.fromhex(text)) == 32
