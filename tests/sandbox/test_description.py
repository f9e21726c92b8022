import json

from o365lib.sandbox.description import describe, without_secrets


def test_a_machine_finds_all_that_it_needs_to_sign_in(served, sandbox, tenant):
    description = describe(served, {"alpine-books": "certificates/alpine-books.pem"})
    assert json.loads(json.dumps(description)) == description
    assert set(description) == {
        "login_base_url",
        "graph_base_url",
        "ca_file",
        "control_key",
        "tenants",
    }
    assert len(description["tenants"]) == len(sandbox.tenants)
    first = description["tenants"][0]
    assert first == {
        "name": "alpine-books",
        "tenant_id": tenant.id,
        "display_name": "Alpine Books",
        "initial_domain": "alpinebooks.onmicrosoft.com",
        "domains": ["alpinebooks.example", "alpinebooks.onmicrosoft.com"],
        "application": {
            "app_id": tenant.application.app_id,
            "client_secret": tenant.application.client_secret,
            "certificate_file": "certificates/alpine-books.pem",
            "thumbprint": None,
        },
        "public_client": {"app_id": tenant.public_client.app_id},
        "administrator": {
            "user_principal_name": "admin@alpinebooks.onmicrosoft.com",
            "password": tenant.password_of(tenant.administrator["id"]),
        },
    }


def test_a_registered_certificate_is_named_by_its_thumbprint(served, tenant):
    tenant.application.create_certificate()
    described = describe(served)["tenants"][0]["application"]
    assert described["thumbprint"] == tenant.application.certificates[0].thumbprint


def test_without_secrets_there_is_no_secret_at_all(served, sandbox):
    text = json.dumps(without_secrets(served.description()))
    assert "alpine-books" in text
    assert [secret for secret in sandbox.secrets() if secret in text] == []
