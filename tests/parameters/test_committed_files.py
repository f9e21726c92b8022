"""The committed parameters, and the examples in the documentation, are right."""

import re
from pathlib import Path

import pytest

from o365lib import parameters
from o365lib.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def loaded():
    return parameters.load(ROOT / "parameters")


@pytest.fixture(scope="module")
def sandbox():
    made = Sandbox(seed="demo")
    made.add_demo_tenants()
    yield made
    made.close()


def test_each_demonstration_tenant_has_its_client_file(loaded, sandbox):
    assert {tenant.name for tenant in sandbox.tenants.values()} == set(loaded.clients)


def test_client_files_name_the_tenants_of_the_sandbox(loaded, sandbox):
    for name, client in loaded.clients.items():
        tenant = sandbox.tenant(name)
        assert client.cloud == "sandbox"
        assert client.tenant == tenant.initial_domain
        assert client.display_name == tenant.display_name
        assert client.sign_in.application_id == tenant.application.app_id
        assert client.hand_over.sender == tenant.administrator["userPrincipalName"]


def test_secrets_lie_where_the_sandbox_leaves_them(loaded):
    for name, client in loaded.clients.items():
        if client.sign_in.method == "certificate":
            assert client.sign_in.certificate == ROOT / f".sandbox/certificates/{name}.pem"
        else:
            assert client.sign_in.secret.file == ROOT / f".sandbox/secrets/{name}.secret"


def test_the_demonstration_shows_each_situation(loaded):
    clients = loaded.clients
    assert [name for name, client in clients.items() if client.dry_run_only] == ["dunes-surveying"]
    assert [n for n, client in clients.items() if client.onboarding == "completed"] == [
        "alpine-books",
        "bayside-legal",
        "gumtree-vets",
    ]
    assert clients["bayside-legal"].purpose == "federation"
    assert {client.sign_in.method for client in clients.values()} == {
        "client-secret",
        "certificate",
    }


def test_the_recipients_of_the_demonstration_are_permitted(loaded):
    for client in loaded.clients.values():
        assert loaded.defaults.permits_recipient(client.hand_over.recipient)


def test_each_purpose_gets_the_role_of_the_vendors_article(loaded):
    roles = {name: purpose.role for name, purpose in loaded.defaults.purposes.items()}
    assert roles == {
        "mail-redirection": "Exchange Administrator",
        "federation": "Global Administrator",
    }


def test_the_account_is_named_as_in_the_vendors_article(loaded):
    account = loaded.defaults.account
    assert (account.user_name, account.given_name, account.surname) == (
        "practiceprotect",
        "Practice",
        "Protect",
    )


def test_every_committed_file_is_commented():
    for file in (ROOT / "parameters").rglob("*.yaml"):
        assert file.read_text("utf-8").startswith("# "), file


PAGE = (ROOT / "docs" / "client-files.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_there_are_examples_of_every_way():
    for method in ("device-code", "browser", "client-secret", "certificate"):
        assert any(f"method: {method}\n" in example for example in EXAMPLES)
    for method in ("mail", "file", "screen"):
        assert any(f"method: {method}\n" in example for example in EXAMPLES)
    for source in ("environment: ", "file: ", "keyring:\n"):
        assert any(source in example for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_documentation_loads(folder, example, public_key_pem):
    # The page shows either a whole file or the lines that differ from the first example.
    whole = example if example.startswith("client: ") else _merge(EXAMPLES[0], example)
    name = re.search(r"^client: (\S+)", whole)[1]
    (folder.clients / "alpine.yaml").unlink()
    (folder.project / "keys").mkdir()
    (folder.project / "keys" / "vendor.pem").write_bytes(public_key_pem)
    folder.defaults.write_text((ROOT / "parameters" / "defaults.yaml").read_text("utf-8"))
    folder.add(name, whole)
    assert parameters.load(folder.path).clients[name].display_name


def _merge(base: str, change: str) -> str:
    """The base without the keys that the change has, and the change."""
    keys = re.findall(r"^(\w+):", change, re.MULTILINE)
    for key in keys:
        base = re.sub(rf"^{key}:.*\n(?: .*\n)*", "", base, flags=re.MULTILINE)
    return base + change


def test_every_key_is_documented():
    for model in (
        parameters.Client,
        parameters.DeviceCodeSignIn,
        parameters.ClientSecretSignIn,
        parameters.CertificateSignIn,
        parameters.SecretSource,
        parameters.KeyringEntry,
        parameters.MailHandOver,
        parameters.FileHandOver,
        parameters.FederationOverride,
        parameters.RecordsOverride,
        parameters.Defaults,
        parameters.Account,
        parameters.Purpose,
        parameters.Vendor,
        parameters.Patience,
        parameters.ApprovalRules,
        parameters.ArchiveRules,
    ):
        for key in model.model_fields:
            assert f"`{key}`" in PAGE, f"{model.__name__}.{key}"
