import json
import stat
import sys
from datetime import UTC, datetime

import pytest
import requests

from o365lib.sandbox import Sandbox
from o365lib.sandbox.store import Store, tenant_from_json, tenant_to_json


def test_a_tenant_survives_being_written_and_read(sandbox, tenant):
    user = tenant.add_user(
        user_principal_name="ann@alpinebooks.example",
        display_name="Ann",
        roles=["Exchange Administrator"],
        mailbox=True,
    )
    tenant.other_recipients["Group_1"] = ["smtp:info@alpinebooks.example"]
    state = tenant.sign_in[user["id"]]
    state.locked_until, state.forced_error = datetime(2026, 1, 1, tzinfo=UTC), 50076
    tenant.remove_user(user["id"], sandbox.clock.now())
    tenant.application.create_certificate()
    read = tenant_from_json(json.loads(json.dumps(tenant_to_json(tenant))))
    assert read.snapshot() == tenant.snapshot()
    assert read.applications == tenant.applications


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_for_its_owner_only(tmp_path):
    Store(tmp_path / "s", "seed").close()
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_file_of_another_seed_is_refused(tmp_path):
    Store(tmp_path / "s", "one").close()
    with pytest.raises(ValueError, match="another seed"):
        Store(tmp_path / "s", "two")


def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("a letter to my aunt, long enough to be no database header")
    with pytest.raises(ValueError, match="no state file"):
        Store(path, "seed")
    assert path.read_text().startswith("a letter")


def test_a_tenant_is_loaded_by_its_id(tmp_path, tenant):
    store = Store(tmp_path / "s", "demo")
    store.save([tenant])
    store.save([tenant])
    assert store.load(tenant.id).name == tenant.name
    assert store.load("unknown") is None
    assert [one.id for one in store.all()] == [tenant.id]
    store.close()


def test_a_write_over_graph_is_in_the_file_before_the_answer(tmp_path):
    sandbox = Sandbox("demo", tmp_path / "s")
    sandbox.add_demo_tenants()
    tenant = sandbox.tenant("alpine-books")
    user_id = next(iter(tenant.users))
    token = sandbox.sign_ins.tokens.application_token(
        tenant, tenant.application, "https://graph.microsoft.com"
    )
    with sandbox.serve() as served, requests.Session() as session:
        session.trust_env = False
        url = f"{served.graph_base_url}/v1.0/users/{user_id}"
        answer = session.patch(
            url,
            json={"jobTitle": "Gardener"},
            headers={"Authorization": f"Bearer {token}"},
            verify=served.ca_file,
            timeout=10,
        )
        assert answer.status_code == 204
        other = Store(tmp_path / "s", "demo")
        assert other.load(tenant.id).users[user_id]["jobTitle"] == "Gardener"
        other.close()
    sandbox.close()


def test_what_happens_at_signing_in_is_in_the_file_too(tmp_path):
    sandbox = Sandbox("demo", tmp_path / "s")
    sandbox.saves_at_end = False
    sandbox.add_demo_tenants()
    tenant = sandbox.tenant("alpine-books")
    with sandbox.serve() as served, requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{served.login_base_url}/{tenant.id}/oauth2/v2.0/token",
            data={
                "grant_type": "password",
                "client_id": tenant.public_client.app_id,
                "username": tenant.administrator["userPrincipalName"],
                "password": "a wrong guess",
                "scope": "User.Read",
            },
            verify=served.ca_file,
            timeout=10,
        )
        assert answer.json()["error_codes"] == [50126]
    sandbox.close()
    store = Store(tmp_path / "s", "demo")
    assert store.load(tenant.id).sign_in[tenant.administrator["id"]].bad_attempts == 1
    assert [one.id for one in store.all()] == [tenant.id]
    store.close()
