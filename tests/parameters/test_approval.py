"""`approval` in the defaults: its keys, and what is wrong told with line and column."""

import hashlib
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from o365lib import parameters

ROOT = Path(__file__).parents[2]
ONE = hashlib.sha256(b"one").hexdigest()
FINGERPRINT = "SHA256:" + " ".join(ONE[at : at + 4] for at in range(0, 32, 4))


def public_half(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def id_of(private):
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def with_approval(folder):
    """Add a section to the defaults, which have 23 lines without it."""

    def add(text):
        folder.defaults.write_text(folder.defaults.read_text() + text)
        return folder

    return add


def rules(folder):
    return parameters.load_defaults(folder.path).approval


def test_without_the_section_no_approval_is_required(folder):
    assert (rules(folder).required, rules(folder).within_hours) == ("never", 24)
    assert rules(folder).approvers == {}


@pytest.mark.parametrize("key", [ONE, ONE.upper(), FINGERPRINT, FINGERPRINT.replace(" ", "")])
def test_an_approver_is_known_by_the_id_of_the_key_or_its_fingerprint(with_approval, key):
    found = rules(with_approval(f"approval: {{required: always, approvers: {{Kim: '{key}'}}}}\n"))
    assert found.approver_with(ONE) == "Kim"
    assert found.approver_with(hashlib.sha256(b"two").hexdigest()) == ""


@pytest.mark.parametrize(
    "private",
    [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())],
    ids=["Ed25519", "P-256"],
)
def test_an_approver_may_be_named_by_a_file_and_counts_by_the_key_in_it(with_approval, private):
    folder = with_approval("approval: {required: always, approvers: {Kim: keys/kim.pem}}\n")
    file = folder.project / "keys" / "kim.pem"
    file.parent.mkdir()
    file.write_bytes(public_half(private))
    assert rules(folder).approver_with(id_of(private)) == "Kim"
    before = parameters.digest(
        parameters.load_client(folder.path, "alpine"), parameters.load_defaults(folder.path)
    )
    file.write_bytes(public_half(ed25519.Ed25519PrivateKey.generate()))
    assert rules(folder).approver_with(id_of(private)) == ""
    after = parameters.digest(
        parameters.load_client(folder.path, "alpine"), parameters.load_defaults(folder.path)
    )
    assert before != after


def test_a_private_key_is_not_taken_for_an_approvers(with_approval):
    folder = with_approval("approval: {approvers: {Kim: kim.pem}}\n")
    (folder.project / "kim.pem").write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    assert "holds a private key" in folder.problem().message


def test_a_key_that_cannot_sign_approvals_is_refused(with_approval, public_key_pem):
    folder = with_approval("approval: {approvers: {Kim: kim.pem}}\n")
    (folder.project / "kim.pem").write_bytes(public_key_pem)
    assert "neither Ed25519 nor one on the curve P-256" in folder.problem().message


@pytest.mark.parametrize("required", ["always", "global-administrator"])
@pytest.mark.parametrize("rest", ["", "  approvers: {}\n"])
def test_what_nobody_may_approve_cannot_be_required(with_approval, required, rest):
    problem = with_approval(f"approval:\n  required: {required}\n{rest}").problem()
    assert (problem.file, problem.line, problem.column) == ("parameters/defaults.yaml", 25, 3)
    assert problem.field == "approval"
    assert f"`required: {required}`" in problem.message
    assert "names nobody" in problem.message


@pytest.mark.parametrize(
    ("text", "field", "place", "said"),
    [
        ("approval: {required: sometimes}", "approval.required", (24, 22), "`always`"),
        ("approval: {within_hours: 0}", "approval.within_hours", (24, 26), "1 to 720"),
        ("approval: {within_hours: 721}", "approval.within_hours", (24, 26), "1 to 720"),
        ("approval: {within_hours: 1.5}", "approval.within_hours", (24, 26), "a whole number"),
        ("approval: {approvers: [Kim]}", "approval.approvers", (24, 23), "names, each with"),
        ("approval: {approvers: {Kim: 3}}", "approval.approvers.Kim", (24, 29), "and not text"),
        (
            "approval: {approvers: {Kim: 'SHA256:12'}}",
            "approval.approvers.Kim",
            (24, 29),
            "is not a fingerprint",
        ),
        ("approval: {approvers: {Kim: no.pem}}", "approval.approvers.Kim", (24, 29), "no such"),
        ("approval: {approver: {}}", "approval.approver", (24, 12), "did you mean `approvers`"),
        (
            f"approval: {{approvers: {{Kim: {ONE}, Ana: '{FINGERPRINT}'}}}}",
            "approval.approvers",
            (24, 23),
            "`Kim` and `Ana` have the same key",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(with_approval, text, field, place, said):
    problem = with_approval(text + "\n").problem()
    assert (problem.field, (problem.line, problem.column)) == (field, place)
    assert said in problem.message


@pytest.mark.parametrize("page", ["client-files.md", "four-eyes.md"])
def test_the_example_of_the_documentation_is_right(with_approval, page):
    text = (ROOT / "docs" / page).read_text("utf-8")
    [example] = re.findall(r"^```\n(approval:\n.+?)^```", text, re.DOTALL | re.MULTILINE)
    folder = with_approval(example)
    (folder.project / "keys").mkdir()
    for name in ("ana", "kim"):
        private = ed25519.Ed25519PrivateKey.generate()
        (folder.project / "keys" / f"{name}.pem").write_bytes(public_half(private))
    assert set(rules(folder).approvers) == {"Ana Ruiz", "Kim Doe"}
