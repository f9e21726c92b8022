"""Microsoft's own SDK against the sandbox: mail, logs, batches, throttling and ways to sign in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from o365lib.sandbox import Fault

pytestmark = [
    # The SDK's models still derive from classes that the SDK itself has deprecated.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:kiota_abstractions\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:msgraph\..*"),
]

EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"


def test_it_sends_mail_from_a_mailbox(ms, run, tenant):
    sender = tenant.administrator["userPrincipalName"]
    mail = ms.SendMailPostRequestBody(
        message=ms.Message(
            subject="The account is ready",
            body=ms.ItemBody(content_type=ms.BodyType.Text, content="Call the office."),
            to_recipients=[
                ms.Recipient(email_address=ms.EmailAddress(address="support@vendor.example"))
            ],
        ),
        save_to_sent_items=False,
    )

    async def send(graph):
        assert await graph.users.by_user_id(sender).send_mail.post(mail) is None

    run(send)
    [sent] = tenant.outbox
    assert sent["message"]["subject"] == "The account is ready"
    assert sent["message"]["toRecipients"][0]["emailAddress"]["address"] == "support@vendor.example"
    assert sent["saveToSentItems"] is False


def test_mail_from_someone_without_a_mailbox_is_refused(ms, refused, tenant):
    without = tenant.add_user(
        user_principal_name=f"nomail@{tenant.initial_domain}", display_name="No Mail"
    )
    mail = ms.SendMailPostRequestBody(message=ms.Message(subject="x", to_recipients=[]))
    error = refused(lambda graph: graph.users.by_user_id(without["id"]).send_mail.post(mail))
    assert error.response_status_code == 404
    assert error.error.code == "MailboxNotEnabledForRESTAPI"
    assert tenant.outbox == []


def test_it_finds_its_own_changes_in_the_audit_log(ms, run, tenant):
    async def change(graph):
        user = await graph.users.post(ms.service_account(tenant))
        query = ms.directory_audits_query(
            filter=f"targetResources/any(t: t/id eq '{user.id}')", top=10
        )
        return user, (await graph.audit_logs.directory_audits.get(query)).value

    user, audits = run(change)
    assert [audit.activity_display_name for audit in audits] == ["Add user"]
    assert audits[0].result.value == "success"
    assert audits[0].initiated_by.app.display_name == tenant.application.display_name
    assert audits[0].initiated_by.user is None
    assert user.id in {target.id for target in audits[0].target_resources}


def test_it_reads_licences_and_the_security_defaults(run, tenant):
    async def read(graph):
        skus = (await graph.subscribed_skus.get()).value
        admin = tenant.administrator["id"]
        details = (await graph.users.by_user_id(admin).license_details.get()).value
        policy = await graph.policies.identity_security_defaults_enforcement_policy.get()
        return skus, details, policy

    skus, details, policy = run(read)
    assert {str(sku.sku_id) for sku in skus} == set(tenant.subscribed_skus)
    assert {detail.sku_id for detail in details} <= {sku.sku_id for sku in skus}
    assert details
    assert details[0].service_plans
    assert policy.is_enabled is False


def test_it_asks_for_several_things_in_one_batch(ms, run, sandbox, tenant):
    sandbox.journal.clear()

    async def ask(graph):
        requests = {
            "users": graph.users.to_get_request_information(ms.users_query(top=2)),
            "roles": graph.role_management.directory.role_definitions.to_get_request_information(),
            "nobody": graph.users.by_user_id("nobody@x.example").to_get_request_information(),
            "new": graph.users.to_post_request_information(ms.service_account(tenant)),
        }
        content = ms.BatchRequestContent()
        for name, request in requests.items():
            content.add_request(name, ms.BatchRequestItem(request, id=name))
        return await graph.batch.post(content)

    answer = run(ask)
    assert answer.get_response_status_codes() == {
        "users": 200,
        "roles": 200,
        "nobody": 404,
        "new": 201,
    }
    assert tenant.find_user(f"practiceprotect@{tenant.initial_domain}") is not None
    asked = [(seen.method, seen.in_batch) for seen in sandbox.journal if seen.host == "graph"]
    assert asked.count(("POST", False)) == 1, "one round trip"
    assert sum(in_batch for _, in_batch in asked) == 4


def test_the_answers_in_a_batch_are_those_of_single_requests(ms, run, tenant):
    """The SDK's own reader loses JSON bodies (msgraph-core 1.5), so the raw answer is read."""

    async def ask(graph):
        query = ms.users_query(top=2, select=["id", "displayName"])
        single = graph.users.to_get_request_information(query)
        content = ms.BatchRequestContent()
        content.add_request("1", ms.BatchRequestItem(single, id="1"))
        together = await graph.batch.to_post_request_information(content)
        return [
            json.loads(await graph.request_adapter.send_primitive_async(request, "bytes", {}))
            for request in (together, single)
        ]

    batch, alone = run(ask)
    [item] = batch["responses"]
    assert item["status"] == 200
    assert item["body"]["value"] == alone["value"]
    assert len(alone["value"]) == 2


def test_its_retry_middleware_obeys_the_throttling(run, sandbox, tenant):
    throttled = sandbox.faults.add(
        Fault(effect="429", method="GET", path="/v1.0/organization", retry_after="1", times=2)
    )
    sandbox.journal.clear()
    organizations = run(lambda graph: graph.organization.get())
    assert organizations.value[0].id == tenant.id
    assert throttled.struck == 2
    assert [seen.status for seen in sandbox.journal if seen.host == "graph"] == [429, 429, 200]


def test_it_repeats_what_the_service_could_not_answer(run, sandbox, tenant):
    sandbox.faults.add(Fault(effect="503", method="GET", path="/v1.0/domains", retry_after="1"))
    assert {domain.id for domain in run(lambda graph: graph.domains.get()).value} == set(
        tenant.domains
    )


def test_a_certificate_signs_in_and_carries_the_applications_roles(ms, run, served, tenant):
    credential = ms.with_certificate(served, tenant, tenant.application.create_certificate())
    organizations = run(lambda graph: graph.organization.get(), credential)
    assert organizations.value[0].id == tenant.id


def test_a_person_signs_in_with_a_device_code_and_acts_as_herself(ms, run, sandbox, served, tenant):
    name = tenant.administrator["userPrincipalName"]
    shown = []

    def prompt(verification_uri: str, user_code: str, expires_on: Any) -> None:
        shown.append(verification_uri)
        sandbox.approve_device_code(user_code, name)

    mail = ms.SendMailPostRequestBody(
        message=ms.Message(
            subject="Hello",
            to_recipients=[ms.Recipient(email_address=ms.EmailAddress(address="a@b.example"))],
        )
    )

    async def act(graph):
        me = await graph.me.get()
        await graph.me.send_mail.post(mail)
        user = await graph.users.post(ms.service_account(tenant))
        return me, user

    me, user = run(act, ms.with_device_code(served, tenant, prompt))
    assert me.id == tenant.administrator["id"]
    assert me.user_principal_name == name
    assert shown
    assert [mail["message"]["subject"] for mail in tenant.outbox] == ["Hello"]
    assert user.id in tenant.users


def test_a_person_without_a_role_may_not_create_users(ms, run, sandbox, served, tenant):
    tenant.add_user(user_principal_name=f"guestlike@{tenant.initial_domain}", display_name="G")

    def prompt(verification_uri: str, user_code: str, expires_on: Any) -> None:
        sandbox.approve_device_code(user_code, f"guestlike@{tenant.initial_domain}")

    with pytest.raises(ms.ODataError) as caught:
        run(
            lambda graph: graph.users.post(ms.service_account(tenant)),
            ms.with_device_code(served, tenant, prompt),
        )
    assert caught.value.response_status_code == 403
    assert caught.value.error.code == "Authorization_RequestDenied"


def test_a_wrong_secret_is_told_apart(ms, run, served, tenant):
    credential = ms.with_secret(served, tenant, secret="not-the-secret")
    with pytest.raises(ms.ClientAuthenticationError) as caught:
        run(lambda graph: graph.organization.get(), credential)
    assert "AADSTS7000215" in str(caught.value)


def test_a_certificate_that_is_not_registered_is_told_apart(ms, run, sandbox, served, tenant):
    other = sandbox.add_tenant("sdk-other-certificate").application.create_certificate()
    credential = ms.with_certificate(served, tenant, other)
    with pytest.raises(ms.ClientAuthenticationError) as caught:
        run(lambda graph: graph.organization.get(), credential)
    assert "AADSTS700027" in str(caught.value)


def test_what_the_sdk_sent_was_understood_not_ignored(ms, refused, tenant):
    """An unknown property is refused, so accepted ones were really read."""
    unknown = ms.service_account(tenant)
    unknown.additional_data["favouriteColour"] = "green"
    error = refused(lambda graph: graph.users.post(unknown))
    assert error.response_status_code == 400
    assert json.dumps(list(tenant.users.values())).find("green") == -1
