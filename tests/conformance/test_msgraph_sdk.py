"""Microsoft's own SDK does the whole job against the sandbox, without a line of o365lib's client.

What the vendor's article asks for is done with `msgraph-sdk` and `azure-identity`, and what they
report is compared with the sandbox's state.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from o365lib.sandbox import Fault, Served, Tenant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = [
    # The SDK's models still derive from classes that the SDK itself has deprecated.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:kiota_abstractions\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:msgraph\..*"),
]

EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
PASSWORD = "Kestrel-41-Lantern-Moss"


@pytest.fixture(scope="module")
def ms() -> Any:
    """Microsoft's clients, imported when the first test needs them."""
    return importlib.import_module("tests.conformance.microsoft_clients")


@pytest.fixture
def run(ms: Any, served: Served, tenant: Tenant) -> Callable[..., Any]:
    """Run a coroutine function with a client that is signed in with the tenant's secret."""

    def run(scenario: Callable[[Any], Awaitable[Any]], credential: Any = None) -> Any:
        async def main() -> Any:
            signed_in = credential or ms.with_secret(served, tenant)
            async with ms.graph_client(served, signed_in) as graph:
                return await scenario(graph)

        return asyncio.run(main())

    return run


def service_account(ms: Any, tenant: Tenant) -> Any:
    """The user of the vendor's article, as the SDK's model."""
    return ms.User(
        account_enabled=True,
        display_name="Practice Protect",
        given_name="Practice",
        surname="Protect",
        mail_nickname="practiceprotect",
        user_principal_name=f"practiceprotect@{tenant.initial_domain}",
        usage_location="AU",
        password_profile=ms.PasswordProfile(
            password=PASSWORD, force_change_password_next_sign_in=True
        ),
    )


def error_of(ms: Any, run: Callable[..., Any], scenario: Callable[[Any], Awaitable[Any]]) -> Any:
    """The SDK's error that a scenario must end in."""
    with pytest.raises(ms.ODataError) as caught:
        run(scenario)
    return caught.value


def test_it_reads_the_organization_and_its_domains(run, tenant):
    async def read(graph):
        organizations = (await graph.organization.get()).value
        domains = (await graph.domains.get()).value
        initial = await graph.domains.by_domain_id(tenant.initial_domain).get()
        return organizations, domains, initial

    [organization], domains, initial = run(read)
    assert organization.id == tenant.id
    assert organization.display_name == tenant.display_name
    assert [d.name for d in organization.verified_domains if d.is_initial] == [
        tenant.initial_domain
    ]
    assert {domain.id for domain in domains} == set(tenant.domains)
    assert (initial.id, initial.is_initial, initial.authentication_type) == (
        tenant.initial_domain,
        True,
        "Managed",
    )


def test_it_reads_a_federated_domains_configuration(ms, run, sandbox, served):
    federated = sandbox.add_tenant("sdk-federated", federation="practice-protect")
    [(domain, configuration)] = federated.federation_configurations.items()

    async def read(graph):
        builder = graph.domains.by_domain_id(domain).federation_configuration
        return (await builder.get()).value

    [found] = run(read, ms.with_secret(served, federated))
    assert found.issuer_uri == configuration["issuerUri"]
    assert found.preferred_authentication_protocol.value == "wsFed"
    assert found.odata_type in {None, "#microsoft.graph.internalDomainFederation"}


def test_it_creates_the_service_account_and_reads_it_by_id_and_by_name(ms, run, tenant):
    new = service_account(ms, tenant)

    async def create(graph):
        created = await graph.users.post(new)
        by_id = await graph.users.by_user_id(created.id).get(
            ms.user_query(select=["id", "accountEnabled", "usageLocation", "assignedLicenses"])
        )
        by_name = await graph.users.by_user_id(new.user_principal_name).get()
        return created, by_id, by_name

    created, by_id, by_name = run(create)
    state = tenant.users[created.id]
    assert state["userPrincipalName"] == created.user_principal_name == new.user_principal_name
    assert (created.given_name, created.surname, created.mail) == ("Practice", "Protect", None)
    assert by_name.id == by_id.id == created.id
    assert (by_id.account_enabled, by_id.usage_location, by_id.assigned_licenses) == (
        True,
        "AU",
        [],
    )
    assert by_id.display_name is None, "only what was selected is answered"
    assert by_name.account_enabled is None, "not in the default property set"
    assert tenant.password_of(created.id) == PASSWORD


def test_it_follows_the_pages_of_a_selected_list_to_the_end(ms, run, tenant):
    async def read(graph):
        first = await graph.users.get(ms.users_query(select=["id", "userPrincipalName"], top=2))
        names = []
        pages = ms.PageIterator(first, graph.request_adapter)
        await pages.iterate(lambda user: names.append(user.user_principal_name) or True)
        second = await graph.users.with_url(first.odata_next_link).get()
        return first, second, names

    first, second, names = run(read)
    assert len(first.value) == len(second.value) == 2
    assert {user.id for user in first.value}.isdisjoint(user.id for user in second.value)
    assert first.value[0].display_name is None
    assert len(names) == len(tenant.users) > 4
    assert set(names) == {user["userPrincipalName"] for user in tenant.users.values()}


def test_it_filters_lists(ms, run, tenant):
    name = f"admin@{tenant.initial_domain}"

    async def read(graph):
        answers = {}
        for text in (
            f"userPrincipalName eq '{name}'",
            "startswith(userPrincipalName,'admin@')",
            "accountEnabled eq true and startswith(displayName,'Zzz')",
        ):
            page = await graph.users.get(ms.users_query(filter=text, select=["userPrincipalName"]))
            answers[text] = [user.user_principal_name for user in page.value]
        return list(answers.values())

    assert run(read) == [[name], [name], []]


def test_it_counts_with_the_consistency_level(ms, run, tenant):
    async def read(graph):
        page = await graph.users.get(ms.users_query(advanced=True, count=True, top=1))
        plain = await graph.users.count.get(ms.count_query())
        ending = await graph.users.get(
            ms.users_query(
                advanced=True,
                count=True,
                filter=f"endswith(userPrincipalName,'@{tenant.initial_domain}')",
            )
        )
        return page, plain, ending

    page, plain, ending = run(read)
    assert page.odata_count == plain == len(tenant.users)
    assert len(page.value) == 1
    assert (
        ending.odata_count
        == len(ending.value)
        == sum(
            user["userPrincipalName"].endswith(f"@{tenant.initial_domain}")
            for user in tenant.users.values()
        )
    )


def test_an_advanced_query_without_the_consistency_level_is_refused(ms, run, tenant):
    error = error_of(
        ms,
        run,
        lambda graph: graph.users.get(
            ms.users_query(filter=f"endswith(userPrincipalName,'@{tenant.initial_domain}')")
        ),
    )
    assert error.response_status_code == 400
    assert error.error.code == "Request_UnsupportedQuery"


def test_it_assigns_a_role_and_takes_it_away(ms, run, tenant):
    async def assign(graph):
        [definition] = (
            await graph.role_management.directory.role_definitions.get(
                ms.role_definitions_query(filter="displayName eq 'Exchange Administrator'")
            )
        ).value
        user = await graph.users.post(service_account(ms, tenant))
        assignments = graph.role_management.directory.role_assignments
        made = await assignments.post(
            ms.UnifiedRoleAssignment(
                principal_id=user.id, role_definition_id=definition.id, directory_scope_id="/"
            )
        )
        of_user = ms.role_assignments_query(
            filter=f"principalId eq '{user.id}'", expand=["roleDefinition"]
        )
        with_role = (await assignments.get(of_user)).value
        roles = (await graph.users.by_user_id(user.id).member_of.graph_directory_role.get()).value
        read_back = await assignments.by_unified_role_assignment_id(made.id).get()
        assert made.id in tenant.role_assignments
        await assignments.by_unified_role_assignment_id(made.id).delete()
        without_role = (await assignments.get(of_user)).value
        return definition, user, made, with_role, roles, read_back, without_role

    definition, user, made, with_role, roles, read_back, without_role = run(assign)
    assert definition.template_id == definition.id == EXCHANGE_ADMINISTRATOR
    assert definition.role_permissions[0].allowed_resource_actions
    assert [(a.id, a.principal_id) for a in with_role] == [(made.id, user.id)]
    assert with_role[0].role_definition.display_name == "Exchange Administrator"
    assert [role.role_template_id for role in roles] == [EXCHANGE_ADMINISTRATOR]
    assert (read_back.id, read_back.directory_scope_id) == (made.id, "/")
    assert without_role == []
    assert made.id not in tenant.role_assignments


def test_it_uses_the_older_directory_roles_too(ms, run, served, tenant):
    async def assign(graph):
        user = await graph.users.post(service_account(ms, tenant))
        role = graph.directory_roles_with_role_template_id(EXCHANGE_ADMINISTRATOR)
        activated = await role.get()
        members = graph.directory_roles.by_directory_role_id(activated.id).members
        await members.ref.post(
            ms.ReferenceCreate(odata_id=f"{served.graph_base_url}/v1.0/directoryObjects/{user.id}")
        )
        joined = (await members.get()).value
        await members.by_directory_object_id(user.id).ref.delete()
        left = (await members.get()).value
        return user, activated, joined, left

    tenant_role = "Exchange Administrator"
    tenant.add_user(
        user_principal_name=f"other@{tenant.initial_domain}",
        display_name="Other",
        roles=[tenant_role],
    )
    user, activated, joined, left = run(assign)
    assert activated.display_name == tenant_role
    assert {type(member).__name__ for member in joined} == {"User"}
    assert user.id in {member.id for member in joined}
    assert user.id not in {member.id for member in left}


def test_a_second_account_of_the_same_name_is_a_conflict(ms, run, tenant):
    async def twice(graph):
        await graph.users.post(service_account(ms, tenant))
        await graph.users.post(service_account(ms, tenant))

    error = error_of(ms, run, twice)
    assert error.response_status_code == 400
    assert error.error.code == "Request_BadRequest"
    assert [(d.code, d.target) for d in error.error.details] == [
        ("ObjectConflict", "userPrincipalName")
    ]
    assert "already exists" in error.error.message
    assert error.error.inner_error.request_id
    assert error.error.inner_error.client_request_id
    assert error.error.inner_error.date


def test_a_missing_permission_is_refused_by_name_of_the_error(ms, run, tenant):
    tenant.application.roles.discard("User.ReadWrite.All")
    before = len(tenant.users)
    error = error_of(ms, run, lambda graph: graph.users.post(service_account(ms, tenant)))
    assert error.response_status_code == 403
    assert error.error.code == "Authorization_RequestDenied"
    assert len(tenant.users) == before


def test_what_does_not_exist_is_not_found(ms, run, tenant):
    nobody = f"nobody@{tenant.initial_domain}"
    error = error_of(ms, run, lambda graph: graph.users.by_user_id(nobody).get())
    assert error.response_status_code == 404
    assert error.error.code == "Request_ResourceNotFound"
    assert nobody in error.error.message


def test_it_changes_the_password_and_disables_the_account(ms, run, tenant):
    async def change(graph):
        user = await graph.users.post(service_account(ms, tenant))
        await graph.users.by_user_id(user.id).patch(
            ms.User(
                account_enabled=False,
                password_profile=ms.PasswordProfile(password="Harbour-77-Violet-Drum"),
            )
        )
        return user, await graph.users.by_user_id(user.id).get(
            ms.user_query(select=["accountEnabled", "lastPasswordChangeDateTime"])
        )

    user, read_back = run(change)
    assert read_back.account_enabled is False
    assert read_back.last_password_change_date_time is not None
    assert tenant.password_of(user.id) == "Harbour-77-Violet-Drum"


def test_it_revokes_sessions_deletes_restores_and_deletes_for_good(ms, run, tenant):
    async def remove(graph):
        user = await graph.users.post(service_account(ms, tenant))
        item = graph.users.by_user_id(user.id)
        bin_ = graph.directory.deleted_items
        seen = {"revoked": (await item.revoke_sign_in_sessions.post()).value}
        await item.delete()
        seen["deleted"] = [u.id for u in (await bin_.graph_user.get()).value]
        deleted = await bin_.by_directory_object_id(user.id).get()
        seen["name in the bin"] = deleted.user_principal_name
        seen["restored"] = (await bin_.by_directory_object_id(user.id).restore.post()).id
        seen["back"] = (await item.get()).user_principal_name
        await item.delete()
        await bin_.by_directory_object_id(user.id).delete()
        seen["in the end"] = (await bin_.graph_user.get()).value
        return user, seen

    user, seen = run(remove)
    assert seen == {
        "revoked": True,
        "deleted": [user.id],
        "name in the bin": user.id.replace("-", "") + user.user_principal_name,
        "restored": user.id,
        "back": user.user_principal_name,
        "in the end": [],
    }
    assert user.id not in tenant.users
    assert user.id not in tenant.deleted_users


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


def test_mail_from_someone_without_a_mailbox_is_refused(ms, run, tenant):
    without = tenant.add_user(
        user_principal_name=f"nomail@{tenant.initial_domain}", display_name="No Mail"
    )
    mail = ms.SendMailPostRequestBody(message=ms.Message(subject="x", to_recipients=[]))
    error = error_of(
        ms, run, lambda graph: graph.users.by_user_id(without["id"]).send_mail.post(mail)
    )
    assert error.response_status_code == 404
    assert error.error.code == "MailboxNotEnabledForRESTAPI"
    assert tenant.outbox == []


def test_it_finds_its_own_changes_in_the_audit_log(ms, run, tenant):
    async def change(graph):
        user = await graph.users.post(service_account(ms, tenant))
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
            "new": graph.users.to_post_request_information(service_account(ms, tenant)),
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
        user = await graph.users.post(service_account(ms, tenant))
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
            lambda graph: graph.users.post(service_account(ms, tenant)),
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


def test_what_the_sdk_sent_was_understood_not_ignored(ms, run, tenant):
    """An unknown property is refused, so accepted ones were really read."""
    unknown = service_account(ms, tenant)
    unknown.additional_data["favouriteColour"] = "green"
    error = error_of(ms, run, lambda graph: graph.users.post(unknown))
    assert error.response_status_code == 400
    assert json.dumps(list(tenant.users.values())).find("green") == -1
